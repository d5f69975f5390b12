/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/housekeeping.h"

#include <dirent.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "fetch/fetch.h"
#include "reconcile/in_place.h"
#include "reconcile/tree.h"
#include "state/desired.h"
#include "state/packages.h"

enum { KEEP_VERSIONS = 3, MAX_NAMES = 512 };

static void remove_or_log(const char *path)
{
	struct error err = {0};

	if (!file_remove_tree(path, &err))
		log_warn("could not clean up: %s", err.text);
}

static size_t list_names(const char *path, struct arena *arena, const char *names[MAX_NAMES])
{
	DIR *folder = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	while (folder && count < MAX_NAMES && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			names[count++] = arena_strdup(arena, entry->d_name);
	if (folder)
		closedir(folder);
	return count;
}

static void clean_services(const struct content *current, struct arena *arena)
{
	const char *names[MAX_NAMES];
	size_t count = list_names("services", arena, names);

	for (size_t i = 0; i < count; i++) {
		if (!content_find(current, names[i])) {
			tree_remove(names[i]);
			in_place_forget(names[i], NULL);
			continue;
		}
		in_place_forget(names[i], content_find(current, names[i]));
		tree_drop_snapshots(names[i]);
		tree_prune(names[i], KEEP_VERSIONS);
	}
}

/* What must stay: the packages of every content that is in force, under way, or waits. */
struct needed {
	const char *sha256[MAX_NAMES];
	size_t count;
};

static void need(struct needed *needed, const struct content *content)
{
	for (size_t i = 0; i < content->service_count && needed->count < MAX_NAMES; i++)
		if (content->services[i].package)
			needed->sha256[needed->count++] = content->services[i].package->sha256;
}

/* The journal names a candidate, and going back needs what is current: both are slots. */
static bool list_needed(struct state *state, const struct content *current, struct arena *arena,
			struct needed *needed, struct error *err)
{
	static const enum desired_slot SLOTS[] = {DESIRED_CURRENT, DESIRED_CANDIDATE, DESIRED_NEXT};

	need(needed, current);
	for (size_t i = 0; i < ARRAY_SIZE(SLOTS); i++) {
		struct desired_record record;
		struct content content;
		bool found;

		if (!desired_find(state, SLOTS[i], arena, &record, &found, err))
			return false;
		if (!found)
			continue;
		/* What cannot be read may need anything. */
		if (!content_decode(record.content, strlen(record.content), arena, &content, err))
			return false;
		need(needed, &content);
	}
	return true;
}

/* Of "<sha256>"; of "<sha256>.part" and the like as long as the package is not there. */
static bool is_needed(const struct needed *needed, const char *name, struct arena *arena)
{
	for (size_t i = 0; i < needed->count; i++) {
		const char *sha256 = needed->sha256[i];

		if (strcmp(sha256, name) == 0)
			return true;
		if (strncmp(sha256, name, strlen(sha256)) == 0 &&
		    !file_exists(fetch_package_path(arena, sha256)))
			return true;
	}
	return false;
}

static bool drop_old_packages(struct state *state, const struct needed *needed, struct arena *arena,
			      struct error *err)
{
	const char **old;
	size_t count;

	if (!packages_list_old(state, KEEP_VERSIONS, arena, &old, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (is_needed(needed, old[i], arena))
			continue;
		log_info("removing an old package sha256=%s", old[i]);
		if (!packages_delete(state, old[i], err))
			return false;
		remove_or_log(fetch_package_path(arena, old[i]));
	}
	return true;
}

/* Packages that never became part of a commit, temporary folders and parts of downloads. */
static bool drop_strangers(struct state *state, const struct needed *needed, struct arena *arena,
			   struct error *err)
{
	const char *names[MAX_NAMES];
	size_t count = list_names("packages", arena, names);

	for (size_t i = 0; i < count; i++) {
		bool known = is_needed(needed, names[i], arena);

		if (!known && !packages_known(state, names[i], &known, err))
			return false;
		if (!known)
			remove_or_log(fetch_package_path(arena, names[i]));
	}
	return true;
}

void housekeeping_services(const struct content *current)
{
	struct arena *arena = arena_new();

	clean_services(current, arena);
	arena_free(arena);
}

void housekeeping_run(struct state *state, const struct content *current)
{
	struct arena *arena = arena_new();
	struct needed needed = {.count = 0};
	struct error err = {0};

	clean_services(current, arena);
	if (!list_needed(state, current, arena, &needed, &err) ||
	    !drop_old_packages(state, &needed, arena, &err) ||
	    !drop_strangers(state, &needed, arena, &err))
		log_warn("could not clean up packages: %s", err.text);
	arena_free(arena);
}
