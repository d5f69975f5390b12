/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "protocol/limits.h"
#include "reconcile/in_place.h"

enum { MAX_PATH = 1024, MAX_GENERATIONS = 256 };

static bool path_of(char out[MAX_PATH], const char *name, const char *rest)
{
	int length = snprintf(out, MAX_PATH, "services/%s/%s", name, rest);

	return length > 0 && length < MAX_PATH;
}

const char *tree_snapshot_path(struct arena *arena, const char *name, int64_t generation)
{
	return arena_printf(arena, "services/%s/%lld/snapshot", name, (long long)generation);
}

const char *tree_replaced_path(struct arena *arena, const char *name, int64_t generation)
{
	return arena_printf(arena, "services/%s/%lld/replaced", name, (long long)generation);
}

/* Whose the files are: the service's user when it has one and we may give them away. */
static bool find_owner(const struct content_service *service, uid_t *uid, gid_t *gid)
{
	const struct passwd *user;

	if (!service->spec.user || geteuid() != 0)
		return false;
	user = getpwnam(service->spec.user);
	if (!user)
		return false;
	*uid = user->pw_uid;
	*gid = user->pw_gid;
	return true;
}

bool tree_write_file(const char *path, const struct content_service *service, mode_t mode,
		     const void *data, size_t size, struct error *err)
{
	CLEANUP(fd_cleanup)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	uid_t uid;
	gid_t gid;

	if (fd < 0 || !fd_write_all(fd, data, size) || fchmod(fd, mode) != 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not write %s", path);
	if (find_owner(service, &uid, &gid) && fchown(fd, uid, gid) != 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not give away %s", path);
	return fsync(fd) == 0 ||
	       error_set_errno(err, ERR_UNAVAILABLE, errno, "could not sync %s", path);
}

static bool write_files(const struct content_service *service, const struct content_place *place,
			const char *folder, struct arena *arena, struct error *err)
{
	struct spec_input input = content_spec_input(service, place);

	for (size_t i = 0; i < service->config->file_count; i++) {
		const struct content_file *file = &service->config->files[i];
		char *path = arena_printf(arena, "%s/%s", folder, file->path);
		char *slash = strrchr(path, '/');
		size_t size;

		*slash = '\0';
		if (!file_make_folders(path, 0755, err))
			return false;
		*slash = '/';
		const char *data = spec_expand_file(arena, &input, file->data, file->size, &size);
		if (!tree_write_file(path, service, file->mode, data, size, err))
			return false;
	}
	return true;
}

static bool sync_file_system(const char *path, struct error *err)
{
	CLEANUP(fd_cleanup) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || syncfs(fd) != 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not sync %s", path);
	return true;
}

static bool write_folder(const struct content_service *service, const struct content_place *place,
			 const char *folder, struct arena *arena, struct error *err)
{
	const char *temporary = arena_printf(arena, "%s.tmp", folder);
	const char *config = arena_printf(arena, "%s/config", temporary);

	if (!file_remove_tree(temporary, err) || !file_make_folders(config, 0755, err))
		return false;
	if (service->config && !write_files(service, place, config, arena, err))
		return false;
	if (!sync_file_system(temporary, err))
		return false;
	if (rename(temporary, folder) != 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not rename %s",
				       temporary);
	return file_sync_parent(folder, err);
}

bool tree_write(const struct content_service *service, const struct content_place *place,
		int64_t generation, struct error *err)
{
	struct arena *arena = arena_new();
	const char *folder =
		arena_printf(arena, "services/%s/%lld", service->name, (long long)generation);
	/* One that is there may have got its name just before we were killed. */
	bool ok = file_exists(folder) ? file_sync_parent(folder, err)
				      : write_folder(service, place, folder, arena, err);

	arena_free(arena);
	return ok || error_prefix(err, "service %s", service->name);
}

/* Where a symlink of the service points; empty when there is none. */
static void read_target(const char *name, const char *which, char out[MAX_PATH])
{
	char path[MAX_PATH];
	ssize_t length = path_of(path, name, which) ? readlink(path, out, MAX_PATH - 1) : -1;

	out[length > 0 ? length : 0] = '\0';
}

static void generation_text(char out[MAX_PATH], int64_t generation)
{
	snprintf(out, MAX_PATH, "%lld", (long long)generation);
}

bool tree_is_on(const char *name, int64_t generation)
{
	char target[MAX_PATH], wanted[MAX_PATH];

	read_target(name, "current", target);
	generation_text(wanted, generation);
	return strcmp(target, wanted) == 0;
}

bool tree_switch(const char *name, int64_t generation, struct error *err)
{
	char target[MAX_PATH], wanted[MAX_PATH], path[MAX_PATH];

	if (!path_of(path, name, "previous"))
		return error_set(err, ERR_INTERNAL, "path is too long");
	if (tree_is_on(name, generation))
		return file_sync_parent(path, err);
	read_target(name, "current", target);
	if (target[0] && !file_symlink_atomic(target, path, err))
		return false;
	generation_text(wanted, generation);
	return path_of(path, name, "current") && file_symlink_atomic(wanted, path, err);
}

bool tree_switch_back(const char *name, int64_t generation, bool added, struct error *err)
{
	char target[MAX_PATH], path[MAX_PATH];

	if (!path_of(path, name, "current"))
		return error_set(err, ERR_INTERNAL, "path is too long");
	if (!tree_is_on(name, generation))
		return !file_exists(path) || file_sync_parent(path, err);
	read_target(name, "previous", target);
	if (!added && target[0])
		return file_symlink_atomic(target, path, err);
	if (unlink(path) != 0 && errno != ENOENT)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not remove %s", path);
	return file_sync_parent(path, err);
}

static int compare_numbers(const void *a, const void *b)
{
	const int64_t *left = a, *right = b;

	return (*left < *right) - (*left > *right);
}

static size_t list_generations(const char *name, int64_t out[MAX_GENERATIONS])
{
	char path[MAX_PATH];
	DIR *folder = path_of(path, name, ".") ? opendir(path) : NULL;
	const struct dirent *entry;
	size_t count = 0;

	while (folder && count < MAX_GENERATIONS && (entry = readdir(folder))) {
		char *end;
		long long number = strtoll(entry->d_name, &end, 10);

		if (number > 0 && *end == '\0')
			out[count++] = number;
	}
	if (folder)
		closedir(folder);
	qsort(out, count, sizeof(*out), compare_numbers);
	return count;
}

static void remove_or_log(const char *path)
{
	struct error err = {0};

	if (!file_remove_tree(path, &err))
		log_warn("could not clean up: %s", err.text);
}

/* What was being made when the power failed. */
static void drop_unfinished(const char *name)
{
	char folder[MAX_PATH], path[MAX_PATH];
	DIR *entries = path_of(folder, name, ".") ? opendir(folder) : NULL;
	const struct dirent *entry;

	while (entries && (entry = readdir(entries))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot && strcmp(dot, ".tmp") == 0 && path_of(path, name, entry->d_name))
			remove_or_log(path);
	}
	if (entries)
		closedir(entries);
}

void tree_prune(const char *name, int keep)
{
	int64_t generations[MAX_GENERATIONS];
	char current[MAX_PATH], previous[MAX_PATH], number[MAX_PATH], path[MAX_PATH];
	size_t count = list_generations(name, generations);

	read_target(name, "current", current);
	read_target(name, "previous", previous);
	for (size_t i = (size_t)keep; i < count; i++) {
		generation_text(number, generations[i]);
		if (strcmp(number, current) != 0 && strcmp(number, previous) != 0 &&
		    path_of(path, name, number))
			remove_or_log(path);
	}
	drop_unfinished(name);
}

void tree_drop_snapshots(const char *name)
{
	int64_t generations[MAX_GENERATIONS];
	size_t count = list_generations(name, generations);
	struct arena *arena = arena_new();

	for (size_t i = 0; i < count; i++) {
		const char *const paths[] = {
			tree_snapshot_path(arena, name, generations[i]),
			tree_replaced_path(arena, name, generations[i]),
		};

		for (size_t j = 0; j < ARRAY_SIZE(paths); j++) {
			remove_or_log(paths[j]);
			remove_or_log(arena_printf(arena, "%s.tmp", paths[j]));
		}
	}
	arena_free(arena);
}

void tree_remove(const char *name)
{
	char path[MAX_PATH];

	if (path_of(path, name, "."))
		path[strlen(path) - 2] = '\0';
	remove_or_log(path);
}

static bool differs(const char *path, const char *data, size_t size, struct arena *arena)
{
	struct error ignored = {0};
	char *found;
	size_t found_size;

	return !file_read(path, size + 1, arena, &found, &found_size, &ignored) ||
	       found_size != size || memcmp(found, data, size) != 0;
}

void tree_find_drift(const struct content_service *service, const struct content_place *place,
		     struct arena *arena, const char *const **drift_files, size_t *count)
{
	struct spec_input input = content_spec_input(service, place);
	const char **files = arena_array(arena, LIMIT_CONFIG_FILES, sizeof(*files));
	size_t n = 0;

	for (size_t i = 0; service->config && i < service->config->file_count; i++) {
		const struct content_file *file = &service->config->files[i];
		struct arena *scratch = arena_new();
		const char *path = in_place_path(scratch, service, file);
		size_t size;
		const char *data = spec_expand_file(scratch, &input, file->data, file->size, &size);

		if (differs(path, data, size, scratch))
			files[n++] = file->path;
		arena_free(scratch);
	}
	*drift_files = files;
	*count = n;
}
