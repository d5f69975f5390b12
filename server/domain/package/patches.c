/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/package/patches.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"
#include "base/spawn.h"

enum {
	FOLDER_MODE = 0700,
	QUEUE_MAX = 64,
	FAILED_MAX = 256,
	LOOK_MS = 200, /* at the child, and whether to stop */
	USELESS = 3,   /* what "musterd make-patch" ends with */
	NAME_SIZE = 2 * SHA256_HEX_SIZE,
};

#define CHILD_MAX (10 * USEC_PER_MINUTE)
#define CACHE_BYTES (INT64_C(2) << 30)

struct patches {
	const char *data_dir;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool stopping;
	char queue[QUEUE_MAX][NAME_SIZE]; /* "<base>-<target>"; the first is being made */
	size_t count;
	char failed[FAILED_MAX][NAME_SIZE]; /* not tried again before the next start */
	size_t failed_count;
};

static const char *folder_of(const char *data_dir, struct arena *arena)
{
	return arena_printf(arena, "%s/patches", data_dir);
}

const char *patches_path(const char *data_dir, const char *base, const char *target,
			 struct arena *arena)
{
	return arena_printf(arena, "%s/patches/%s-%s", data_dir, base, target);
}

/* --- the folder --- */

static bool has_ending(const char *name, const char *ending)
{
	size_t length = strlen(name), size = strlen(ending);

	return length >= size && strcmp(name + length - size, ending) == 0;
}

/* Calls back for every file; true: remove it. */
static void sweep(const char *path, bool (*unwanted)(int folder, const char *name, const void *arg),
		  const void *arg)
{
	DIR *folder = opendir(path);
	struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (entry->d_name[0] != '.' && unwanted(dirfd(folder), entry->d_name, arg))
			(void)unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
}

static bool is_unfinished(int folder, const char *name, const void *arg)
{
	(void)folder;
	(void)arg;
	return has_ending(name, ".tmp");
}

static bool is_about(int folder, const char *name, const void *arg)
{
	(void)folder;
	return strstr(name, arg) != NULL;
}

void patches_forget(const char *data_dir, const char *sha256)
{
	struct arena *arena = arena_new();

	sweep(folder_of(data_dir, arena), is_about, sha256);
	arena_free(arena);
}

struct oldest {
	char name[NAME_SIZE];
	struct timespec at;
	int64_t all_bytes;
};

static bool find_oldest(int folder, const char *name, const void *arg)
{
	struct oldest *oldest = *(struct oldest *const *)arg;
	struct stat status;

	if (strlen(name) >= sizeof(oldest->name) || fstatat(folder, name, &status, 0) != 0)
		return false;
	oldest->all_bytes += status.st_size;
	if (!oldest->name[0] || status.st_mtim.tv_sec < oldest->at.tv_sec) {
		snprintf(oldest->name, sizeof(oldest->name), "%s", name);
		oldest->at = status.st_mtim;
	}
	return false;
}

static void trim(const char *path, struct arena *arena)
{
	struct oldest oldest = {.name = ""}, *found = &oldest;

	sweep(path, find_oldest, &found);
	while (oldest.all_bytes > CACHE_BYTES && oldest.name[0]) {
		(void)unlink(arena_printf(arena, "%s/%s", path, oldest.name));
		oldest = (struct oldest){.name = ""};
		sweep(path, find_oldest, &found);
	}
}

/* --- making one --- */

static bool is_stopping(struct patches *patches)
{
	pthread_mutex_lock(&patches->mutex);
	bool stopping = patches->stopping;
	pthread_mutex_unlock(&patches->mutex);
	return stopping;
}

static bool start_child(const char *old_archive, const char *new_archive, const char *path,
			struct child *child, struct arena *arena, struct error *err)
{
	char *const arguments[] = {
		arena_strdup(arena, "musterd"),	  arena_strdup(arena, "make-patch"),
		arena_strdup(arena, old_archive), arena_strdup(arena, new_archive),
		arena_strdup(arena, path),	  NULL,
	};
	const struct spawn_fd fds[] = {{2, 2}};
	const struct spawn_options options = {
		.program = "/proc/self/exe",
		.argv = arguments,
		.fds = fds,
		.fd_count = ARRAY_SIZE(fds),
		.flags = SPAWN_NO_NEW_PRIVS | SPAWN_DIE_WITH_PARENT,
	};

	return spawn(&options, child, err);
}

/* -1: stopped. Else the exit status; what did not exit counts as 1. */
static int wait_for(struct patches *patches, struct child *child)
{
	const usec_t until = clock_monotonic() + CHILD_MAX;
	int status;

	while (!child_wait_timeout(child, LOOK_MS, &status)) {
		const bool stopping = is_stopping(patches);

		if (!stopping && clock_monotonic() < until)
			continue;
		child_stop(child, false, 0);
		return stopping ? -1 : 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static bool keep(const char *from, const char *to)
{
	struct error err;

	if (rename(from, to) == 0 && file_sync_parent(to, &err))
		return true;
	log_warn("could not keep the patch %s: %s", to, strerror(errno));
	return false;
}

/* False: it did not work, and would not the next time. */
static bool make(struct patches *patches, const char *name, struct arena *arena)
{
	const char *folder = folder_of(patches->data_dir, arena);
	const char *path = arena_printf(arena, "%s/%s", folder, name);
	const char *temporary = arena_printf(arena, "%s.%d.tmp", path, (int)getpid());
	const char *none = arena_printf(arena, "%s.none", path);
	const char *archives = arena_printf(arena, "%s/packages", patches->data_dir);
	struct error err = {0};
	struct child child;

	(void)unlink(temporary);
	if (!file_make_folders(folder, FOLDER_MODE, &err) ||
	    !start_child(arena_printf(arena, "%s/%.64s", archives, name),
			 arena_printf(arena, "%s/%s", archives, name + SHA256_HEX_SIZE), temporary,
			 &child, arena, &err)) {
		log_warn("could not make a patch: %s", err.text);
		return false;
	}
	const int status = wait_for(patches, &child);
	bool ok = status == -1 || status == USELESS || status == 0;
	if (status == 0) {
		ok = keep(temporary, path);
		log_info("made a patch name=%.12s-%.12s", name, name + SHA256_HEX_SIZE);
		trim(folder, arena);
	} else if (status == USELESS) {
		ok = file_write_atomic(none, "", 0, 0600, &err);
	}
	(void)unlink(temporary);
	return ok;
}

static void take_off(struct patches *patches, bool good)
{
	pthread_mutex_lock(&patches->mutex);
	if (!good && patches->failed_count < FAILED_MAX)
		memcpy(patches->failed[patches->failed_count++], patches->queue[0], NAME_SIZE);
	patches->count--;
	memmove(patches->queue[0], patches->queue[1], patches->count * NAME_SIZE);
	pthread_mutex_unlock(&patches->mutex);
}

static void *run(void *arg)
{
	struct patches *patches = arg;

	for (;;) {
		char name[NAME_SIZE];

		pthread_mutex_lock(&patches->mutex);
		while (!patches->stopping && patches->count == 0)
			pthread_cond_wait(&patches->wake, &patches->mutex);
		const bool stopping = patches->stopping;
		memcpy(name, patches->queue[0], NAME_SIZE);
		pthread_mutex_unlock(&patches->mutex);
		if (stopping)
			return NULL;
		struct arena *arena = arena_new();
		take_off(patches, make(patches, name, arena));
		arena_free(arena);
	}
}

/* --- from outside --- */

bool patches_start(const char *data_dir, struct patches **out, struct error *err)
{
	struct patches *patches = xcalloc(1, sizeof(*patches));
	struct arena *arena = arena_new();

	patches->data_dir = data_dir;
	pthread_mutex_init(&patches->mutex, NULL);
	pthread_cond_init(&patches->wake, NULL);
	sweep(folder_of(data_dir, arena), is_unfinished, NULL);
	arena_free(arena);
	const int rc = pthread_create(&patches->thread, NULL, run, patches);
	if (rc != 0) {
		free(patches);
		return error_set_errno(err, ERR_INTERNAL, rc, "could not start a thread");
	}
	*out = patches;
	return true;
}

void patches_stop(struct patches *patches)
{
	if (!patches)
		return;
	pthread_mutex_lock(&patches->mutex);
	patches->stopping = true;
	pthread_cond_signal(&patches->wake);
	pthread_mutex_unlock(&patches->mutex);
	pthread_join(patches->thread, NULL);
	pthread_cond_destroy(&patches->wake);
	pthread_mutex_destroy(&patches->mutex);
	free(patches);
}

static bool is_listed(char (*list)[NAME_SIZE], size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static enum patch_state order(struct patches *patches, const char *name)
{
	enum patch_state state = PATCH_WAITS;

	pthread_mutex_lock(&patches->mutex);
	if (is_listed(patches->failed, patches->failed_count, name)) {
		state = PATCH_NONE;
	} else if (!is_listed(patches->queue, patches->count, name)) {
		if (patches->count == QUEUE_MAX)
			state = PATCH_NONE;
		else
			snprintf(patches->queue[patches->count++], NAME_SIZE, "%s", name);
		pthread_cond_signal(&patches->wake);
	}
	pthread_mutex_unlock(&patches->mutex);
	return state;
}

enum patch_state patches_ask(struct patches *patches, const char *base, const char *target)
{
	struct arena *arena = arena_new();
	const char *path = patches_path(patches->data_dir, base, target, arena);
	enum patch_state state = PATCH_READY;

	/* Asked for just now: the last that trim takes. */
	if (utimensat(AT_FDCWD, path, NULL, 0) != 0)
		state = file_exists(arena_printf(arena, "%s.none", path))
				? PATCH_NONE
				: order(patches, strrchr(path, '/') + 1);
	arena_free(arena);
	return state;
}
