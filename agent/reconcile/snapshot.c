/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/spawn.h"

enum { MAX_TEXT = 400, STOP_GRACE_MS = 1000 };

static const char *item_path(struct arena *arena, const char *folder, size_t index,
			     const char *suffix)
{
	return arena_printf(arena, "%s/%zu%s", folder, index, suffix);
}

/* A path that does not exist yet must not exist after a restore: an empty mark says so. */
static bool take_item(struct arena *arena, const char *folder, size_t index, const char *path,
		      struct error *err)
{
	if (file_exists(path))
		return file_copy_tree(path, item_path(arena, folder, index, ""), err);
	return file_write_atomic(item_path(arena, folder, index, ".absent"), "", 0, 0600, err);
}

static bool take(struct arena *arena, const char *folder, char *const *paths, size_t count,
		 struct error *err)
{
	const char *temporary = arena_printf(arena, "%s.tmp", folder);

	if (file_exists(folder))
		return file_sync_parent(folder, err);
	if (!file_remove_tree(temporary, err) || !file_make_folders(temporary, 0700, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!take_item(arena, temporary, i, paths[i], err))
			return false;
	if (!file_sync_folder(temporary, err))
		return false;
	if (rename(temporary, folder) != 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not rename %s",
				       temporary);
	return file_sync_parent(folder, err);
}

bool snapshot_take(const char *folder, char *const *paths, size_t count, struct error *err)
{
	struct arena *arena = arena_new();
	bool ok = take(arena, folder, paths, count, err);

	arena_free(arena);
	return ok;
}

static bool is_folder(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* The copy is made beside the target first, so that little time is spent without it. */
static bool restore_item(struct arena *arena, const char *folder, size_t index, const char *path,
			 struct error *err)
{
	const char *copy = arena_printf(arena, "%s.muster-restore", path);

	if (file_exists(item_path(arena, folder, index, ".absent")))
		return file_remove_tree(path, err);
	if (!file_remove_tree(copy, err) ||
	    !file_copy_tree(item_path(arena, folder, index, ""), copy, err))
		return false;
	/* A file makes way in one step; a folder cannot. */
	if ((is_folder(path) || is_folder(copy)) && !file_remove_tree(path, err))
		return false;
	if (rename(copy, path) != 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not rename %s", copy);
	return file_sync_parent(path, err);
}

bool snapshot_restore(const char *folder, char *const *paths, size_t count, struct error *err)
{
	struct arena *arena = arena_new();
	bool ok = true;

	for (size_t i = 0; i < count && ok; i++)
		ok = restore_item(arena, folder, i, paths[i], err);
	arena_free(arena);
	return ok;
}

int snapshot_main(bool restore, int argc, char **argv)
{
	struct error err = {0};

	if (argc < 2) {
		fprintf(stderr, "muster-agent: folder and paths expected\n");
		return 2;
	}
	bool ok = restore ? snapshot_restore(argv[0], argv + 1, (size_t)argc - 1, &err)
			  : snapshot_take(argv[0], argv + 1, (size_t)argc - 1, &err);
	if (!ok)
		printf("%s", err.text);
	return ok ? 0 : 1;
}

struct copy_job {
	struct loop *loop;
	struct child child;
	int out;
	size_t length;
	char text[MAX_TEXT];
	void (*done)(const char *failure, void *arg);
	void *arg;
};

static void output_ready(int fd, short revents, void *arg)
{
	struct copy_job *job = arg;
	ssize_t count = read(fd, job->text + job->length, sizeof(job->text) - 1 - job->length);

	(void)revents;
	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (count > 0) {
		job->length += (size_t)count;
		return;
	}
	loop_remove_fd(job->loop, fd);
	close(fd);
	int status = child_wait(&job->child);
	job->text[job->length] = '\0';
	if (job->length == 0)
		snprintf(job->text, sizeof(job->text), "the child process %s",
			 wait_status_text(status));
	job->done(status == 0 ? NULL : job->text, job->arg);
	free(job);
}

static bool spawn_job(struct copy_job *job, char *const *arguments, struct error *err)
{
	int out[2];

	if (pipe2(out, O_CLOEXEC) != 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not make a pipe");
	const struct spawn_fd fds[] = {{out[1], 1}, {2, 2}};
	const struct spawn_options options = {
		.program = "/proc/self/exe",
		.argv = arguments,
		.fds = fds,
		.fd_count = ARRAY_SIZE(fds),
		.flags = SPAWN_NO_NEW_PRIVS | SPAWN_DIE_WITH_PARENT,
	};
	bool ok = spawn(&options, &job->child, err);
	close(out[1]);
	if (!ok) {
		close(out[0]);
		return false;
	}
	job->out = out[0];
	loop_add_fd(job->loop, job->out, POLLIN, output_ready, job);
	return true;
}

bool copy_job_run(struct loop *loop, const char *const *arguments,
		  void (*done)(const char *failure, void *arg), void *arg, struct copy_job **out,
		  struct error *err)
{
	struct copy_job *job = xcalloc(1, sizeof(*job));
	struct arena *arena = arena_new();
	size_t count = 0;

	while (arguments[count])
		count++;
	char **argv = arena_array(arena, count + 2, sizeof(*argv));
	argv[0] = arena_strdup(arena, "muster-agent");
	for (size_t i = 0; i < count; i++)
		argv[i + 1] = arena_strdup(arena, arguments[i]);
	job->loop = loop;
	job->done = done;
	job->arg = arg;
	bool ok = spawn_job(job, argv, err);
	arena_free(arena);
	if (ok)
		*out = job;
	else
		free(job);
	return ok;
}

bool copy_job_start(struct loop *loop, bool restore, const char *folder, const char *const *paths,
		    size_t count, void (*done)(const char *failure, void *arg), void *arg,
		    struct copy_job **out, struct error *err)
{
	struct arena *arena = arena_new();
	const char **arguments = arena_array(arena, count + 3, sizeof(*arguments));

	arguments[0] = restore ? "restore" : "snapshot";
	arguments[1] = folder;
	for (size_t i = 0; i < count; i++)
		arguments[2 + i] = paths[i];
	bool ok = copy_job_run(loop, arguments, done, arg, out, err);
	arena_free(arena);
	return ok;
}

void copy_job_cancel(struct copy_job *job)
{
	if (!job)
		return;
	loop_remove_fd(job->loop, job->out);
	close(job->out);
	child_stop(&job->child, false, STOP_GRACE_MS);
	free(job);
}
