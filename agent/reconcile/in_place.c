/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/in_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"
#include "protocol/limits.h"
#include "reconcile/snapshot.h"
#include "reconcile/tree.h"

#define ORIGINALS "originals"

/* The path of a file of this version, if it has one of its own. */
static const char *own_path(const struct content_service *service, const struct content_file *file)
{
	return change_path(&service->spec.change, file->path);
}

static bool manages(const struct content_service *service, const char *path)
{
	for (size_t i = 0; service && service->config && i < service->config->file_count; i++) {
		const char *own = own_path(service, &service->config->files[i]);

		if (own && strcmp(own, path) == 0)
			return true;
	}
	return false;
}

/* Those of the version, without those that the other one has too. */
static size_t add_paths(const struct content_service *service, const struct content_service *other,
			char **paths, size_t count)
{
	for (size_t i = 0; service && service->config && i < service->config->file_count; i++) {
		const char *own = own_path(service, &service->config->files[i]);

		if (own && !manages(other, own))
			paths[count++] = (char *)(uintptr_t)own;
	}
	return count;
}

static char **paths_of(struct arena *arena, const struct plan_step *step, size_t *count)
{
	char **paths = arena_array(arena, 2 * LIMIT_CONFIG_FILES + 1, sizeof(*paths));

	*count = add_paths(step->to, NULL, paths, 0);
	*count = add_paths(step->from, step->to, paths, *count);
	return paths;
}

/* What a change of this kind leaves alone needs no copy. */
static bool concerns(const struct plan_step *step)
{
	return step->action != PLAN_KEEP && step->action != PLAN_UPDATE;
}

bool in_place_save(const struct plan_step *step, int64_t generation, struct error *err)
{
	struct arena *arena = arena_new();
	size_t count = 0;
	char **paths = paths_of(arena, step, &count);
	bool ok =
		!concerns(step) || count == 0 ||
		snapshot_take(tree_replaced_path(arena, step->name, generation), paths, count, err);

	arena_free(arena);
	return ok;
}

bool in_place_restore(const struct plan_step *step, int64_t generation, struct error *err)
{
	struct arena *arena = arena_new();
	const char *folder = tree_replaced_path(arena, step->name, generation);
	size_t count = 0;
	char **paths = paths_of(arena, step, &count);
	bool ok = !concerns(step) || count == 0 || !file_exists(folder) ||
		  snapshot_restore(folder, paths, count, err);

	arena_free(arena);
	return ok;
}

static const char *original_folder(struct arena *arena, const char *name, const char *path)
{
	char hash[SHA256_HEX_SIZE];

	sha256_hex(path, strlen(path), hash);
	return arena_printf(arena, ORIGINALS "/%s/%s", name, hash);
}

static bool keep_original(const char *name, const char *path, struct arena *arena,
			  struct error *err)
{
	char *paths[] = {(char *)(uintptr_t)path};

	return snapshot_take(original_folder(arena, name, path), paths, 1, err);
}

static bool give_back(const char *name, const char *path, struct arena *arena, struct error *err)
{
	const char *folder = original_folder(arena, name, path);
	char *paths[] = {(char *)(uintptr_t)path};

	return !file_exists(folder) || snapshot_restore(folder, paths, 1, err);
}

/* A new version keeps the owner that the file has; one that was not there gets the service's. */
static bool write_in_place(const struct content_service *service, const struct content_file *file,
			   const char *path, const struct content_place *place, struct arena *arena,
			   struct error *err)
{
	const char *temporary = arena_printf(arena, "%s.muster-new", path);
	const char *folder = arena_strndup(arena, path, (size_t)(strrchr(path, '/') - path));
	struct spec_input input = content_spec_input(service, place);
	struct stat before;
	size_t size;
	const char *data = spec_expand_file(arena, &input, file->data, file->size, &size);

	if (lstat(path, &before) != 0)
		before = (struct stat){0};
	if (S_ISDIR(before.st_mode))
		return error_set(err, ERR_CONFLICT, "%s is a folder", path);
	if ((folder[0] && !file_make_folders(folder, 0755, err)) ||
	    !file_remove_tree(temporary, err) ||
	    !tree_write_file(temporary, service, file->mode, data, size, err))
		return false;
	if (S_ISREG(before.st_mode) && geteuid() == 0 &&
	    lchown(temporary, before.st_uid, before.st_gid) != 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not give away %s", path);
	/* A change of owner may have taken set-user-id bits, of which a config has none anyway. */
	if (rename(temporary, path) != 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not replace %s", path);
	return file_sync_parent(path, err);
}

static bool switch_files(const struct plan_step *step, const struct content_place *place,
			 struct arena *arena, struct error *err)
{
	const struct content_service *to = step->to;
	char **gone = arena_array(arena, LIMIT_CONFIG_FILES + 1, sizeof(*gone));
	size_t count = add_paths(step->from, to, gone, 0);

	for (size_t i = 0; to && to->config && i < to->config->file_count; i++) {
		const struct content_file *file = &to->config->files[i];
		const char *path = own_path(to, file);

		if (path && (!keep_original(step->name, path, arena, err) ||
			     !write_in_place(to, file, path, place, arena, err)))
			return false;
	}
	for (size_t i = 0; i < count; i++)
		if (!give_back(step->name, gone[i], arena, err))
			return false;
	return true;
}

bool in_place_switch(const struct plan_step *step, const struct content_place *place,
		     struct error *err)
{
	struct arena *arena = arena_new();
	bool ok = !concerns(step) || switch_files(step, place, arena, err);

	arena_free(arena);
	return ok;
}

void in_place_forget(const char *name, const struct content_service *service)
{
	struct arena *arena = arena_new();
	const char *folder = arena_printf(arena, ORIGINALS "/%s", name);
	DIR *entries = opendir(folder);
	const struct dirent *entry;
	struct error err = {0};

	while (entries && (entry = readdir(entries))) {
		bool managed = entry->d_name[0] == '.';

		for (size_t i = 0;
		     !managed && service && service->config && i < service->config->file_count;
		     i++) {
			const char *path = own_path(service, &service->config->files[i]);

			managed =
				path && strcmp(strrchr(original_folder(arena, name, path), '/') + 1,
					       entry->d_name) == 0;
		}
		if (!managed &&
		    !file_remove_tree(arena_printf(arena, "%s/%s", folder, entry->d_name), &err))
			log_warn("could not clean up: %s", err.text);
	}
	if (entries)
		closedir(entries);
	/* Only when nothing is in it any more. */
	rmdir(folder);
	arena_free(arena);
}

const char *in_place_path(struct arena *arena, const struct content_service *service,
			  const struct content_file *file)
{
	const char *path = own_path(service, file);

	return path ? path
		    : arena_printf(arena, "services/%s/current/config/%s", service->name,
				   file->path);
}
