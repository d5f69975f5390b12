/* SPDX-License-Identifier: Apache-2.0 */
#include "upgrade/record.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fields.h"
#include "base/file.h"
#include "base/log.h"
#include "protocol/limits.h"
#include "state/spool.h"
#include "state/state.h"

enum { MAX_RECORD = 64 * 1024, MAX_ATTEMPTS = 1000 };

static const char *const STATE_NAMES[] = {"none", "trying", "broken", NULL};

static const struct field FIELDS[] = {
	FIELD_ENUM(struct upgrade_record, state, FIELD_REQUIRED, STATE_NAMES),
	FIELD_STRING(struct upgrade_record, program, FIELD_REQUIRED, PATH_MAX),
	FIELD_INT(struct upgrade_record, attempts, FIELD_REQUIRED, 0, MAX_ATTEMPTS),
	FIELD_STRING(struct upgrade_record, code, 0, LIMIT_NAME),
	FIELD_STRING(struct upgrade_record, text, 0, LIMIT_TEXT),
	FIELD_STRING_AS("stderr", struct upgrade_record, stderr_text, 0, LIMIT_STDERR),
	FIELD_END,
};

static const char *path(char *buffer, const char *root, const char *name)
{
	snprintf(buffer, PATH_MAX, "%s/%s", root, name);
	return buffer;
}

bool upgrade_record_load(const char *root, struct arena *arena, struct upgrade_record *out,
			 struct error *err)
{
	char where[PATH_MAX], *text;
	struct upgrade_record record = {0};
	size_t size;
	json_t *json;

	*out = record;
	if (!file_exists(path(where, root, "agent/upgrade.json")))
		return true;
	if (!file_read(where, MAX_RECORD, arena, &text, &size, err) ||
	    !json_parse_limited(text, size, 4, &json, err))
		return error_prefix(err, "%s", where);
	json_keep(json, arena);
	if (!fields_decode(FIELDS, json, FIELDS_TOLERANT, arena, &record, err))
		return error_prefix(err, "%s", where);
	*out = record;
	return true;
}

bool upgrade_record_save(const char *root, const struct upgrade_record *record, struct error *err)
{
	char where[PATH_MAX];
	json_auto_t *json =
		json_pack("{s:s, s:s, s:i, s:s*, s:s*, s:s*}", "state", STATE_NAMES[record->state],
			  "program", record->program, "attempts", record->attempts, "code",
			  record->code, "text", record->text, "stderr", record->stderr_text);
	struct arena *arena = arena_new();
	const char *text = json ? json_text(json, arena) : NULL;
	bool ok = text ? file_make_folders(path(where, root, "agent"), 0755, err) &&
				  file_write_atomic(path(where, root, "agent/upgrade.json"), text,
						    strlen(text), 0600, err)
		       : error_set(err, ERR_INTERNAL, "the record of the upgrade is not text");

	arena_free(arena);
	return ok;
}

bool upgrade_record_delete(const char *root, struct error *err)
{
	char where[PATH_MAX];

	return file_remove_tree(path(where, root, "agent/upgrade.json"), err) &&
	       file_remove_tree(path(where, root, "agent/state.db"), err) &&
	       (!file_exists(path(where, root, "agent")) || file_sync_folder(where, err));
}

const char *upgrade_current(const char *root, struct arena *arena)
{
	char where[PATH_MAX], target[PATH_MAX];
	ssize_t length = readlink(path(where, root, "agent/current"), target, sizeof(target) - 1);

	return length > 0 ? arena_strndup(arena, target, (size_t)length) : "";
}

bool upgrade_set_current(const char *root, const char *program, struct error *err)
{
	char where[PATH_MAX];

	path(where, root, "agent/current");
	if (program[0])
		return file_symlink_atomic(program, where, err);
	return file_remove_tree(where, err) && file_sync_parent(where, err);
}

bool upgrade_keep_state(const char *root, struct error *err)
{
	char from[PATH_MAX], to[PATH_MAX], part[PATH_MAX];

	path(from, root, "state.db");
	path(part, root, "agent/state.new");
	path(to, root, "agent/state.db");
	if (file_exists(to))
		return true;
	if (!file_make_folders(path(to, root, "agent"), 0755, err) ||
	    !file_remove_tree(part, err) || !file_copy_tree(from, part, err))
		return error_prefix(err, "keeping the state file");
	if (rename(part, path(to, root, "agent/state.db")) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not name %s", to);
	return file_sync_parent(to, err);
}

/* Numbered anew before it is in place: a cut after the rename must find all done. */
static bool take_copy_back(const char *root, struct error *err)
{
	static const char *const LEFT[] = {"state.db-wal", "state.db-shm"};
	char from[PATH_MAX], to[PATH_MAX];
	struct state *state;

	if (!state_open_bare(path(from, root, "agent/state.db"), &state, err))
		return false;
	bool ok = spool_renumber(state, err);
	state_close(state);
	/* The log of the file that goes must not be replayed into the one that comes. */
	for (size_t i = 0; ok && i < ARRAY_SIZE(LEFT); i++)
		ok = file_remove_tree(path(to, root, LEFT[i]), err);
	if (!ok)
		return false;
	if (rename(from, path(to, root, "state.db")) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not put %s back", to);
	return file_sync_parent(to, err);
}

bool upgrade_restore_state(const char *root, struct error *err)
{
	char copy[PATH_MAX], file[PATH_MAX];
	struct error why = {0};
	struct state *state;

	if (!file_exists(path(copy, root, "agent/state.db")))
		return true;
	if (state_open_bare(path(file, root, "state.db"), &state, &why)) {
		state_close(state);
		return file_remove_tree(copy, err);
	}
	if (why.code == ERR_UNAVAILABLE)
		return error_set(err, why.code, "%s", why.text);
	log_warn("the tried agent has left a state file that cannot be read, the one before it is "
		 "taken: %s",
		 why.text);
	return take_copy_back(root, err);
}
