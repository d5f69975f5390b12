/* SPDX-License-Identifier: Apache-2.0 */
#include "state/rescue.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/fields.h"
#include "base/file.h"
#include "state/spool.h"
#include "state/sql.h"

enum { PLENTY = 16, MAX_NAME = 4096, MAX_COPY = 2 * 1024 * 1024, JSON_DEPTH = 4 };

static const char DIGEST_KIND[] = "sha256:";

/* false: too long */
static bool name_beside(const char *path, const char *suffix, char out[MAX_NAME])
{
	int length = snprintf(out, MAX_NAME, "%s.%s", path, suffix);

	return length > 0 && length < MAX_NAME;
}

/* Of random bytes, which no file system makes smaller. */
static bool write_ballast(int fd)
{
	uint8_t block[4096];

	for (size_t done = 0; done < BALLAST_BYTES; done += sizeof(block)) {
		random_bytes(block, sizeof(block));
		if (!fd_write_all(fd, block, sizeof(block)))
			return false;
	}
	return fsync(fd) == 0;
}

void ballast_fill(const char *path)
{
	char name[MAX_NAME];
	struct stat status;
	int64_t available;
	struct error ignored;

	if (!name_beside(path, "ballast", name) ||
	    (stat(name, &status) == 0 && status.st_size == BALLAST_BYTES) ||
	    !file_free_bytes(path, &available, &ignored) ||
	    available < (int64_t)PLENTY * BALLAST_BYTES)
		return;
	CLEANUP(fd_cleanup)
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && !write_ballast(fd))
		(void)!ftruncate(fd, 0);
}

bool ballast_drop(const char *path)
{
	char name[MAX_NAME];
	struct stat status;

	return name_beside(path, "ballast", name) && stat(name, &status) == 0 &&
	       status.st_size > 0 && truncate(name, 0) == 0;
}

bool record_is_whole(const struct desired_record *record)
{
	char hex[SHA256_HEX_SIZE];

	sha256_hex(record->content, strlen(record->content), hex);
	return strncmp(record->digest, DIGEST_KIND, strlen(DIGEST_KIND)) == 0 &&
	       strcmp(record->digest + strlen(DIGEST_KIND), hex) == 0;
}

void copy_drop(const char *path)
{
	char name[MAX_NAME];
	struct error ignored;

	if (name_beside(path, "copy", name) && unlink(name) == 0)
		(void)!file_sync_parent(name, &ignored);
}

static void copy_write(const char *path, const struct desired_record *record)
{
	struct arena *arena = arena_new();
	json_auto_t *json = json_pack("{s:I, s:s, s:s, s:s}", "generation",
				      (json_int_t)record->generation, "digest", record->digest,
				      "content", record->content, "fetch", record->fetch);
	const char *text = json_text(json, arena);
	char name[MAX_NAME];
	struct error ignored;

	if (name_beside(path, "copy", name) &&
	    !file_write_atomic(name, text, strlen(text), 0600, &ignored))
		copy_drop(path);
	arena_free(arena);
}

/* False when there is no copy, or one that is not whole. */
static bool copy_read(const char *path, struct arena *arena, struct desired_record *out)
{
	static const struct field FIELDS[] = {
		FIELD_INT64(struct desired_record, generation, FIELD_REQUIRED, 1, INT64_MAX),
		FIELD_STRING(struct desired_record, digest, FIELD_REQUIRED, MAX_COPY),
		FIELD_STRING(struct desired_record, content, FIELD_REQUIRED, MAX_COPY),
		FIELD_STRING(struct desired_record, fetch, FIELD_REQUIRED, MAX_COPY),
		FIELD_END,
	};
	char name[MAX_NAME], *text;
	struct error ignored = {0};
	size_t size;
	json_t *json;

	if (!name_beside(path, "copy", name) ||
	    !file_read(name, MAX_COPY, arena, &text, &size, &ignored) ||
	    !json_parse_limited(text, size, JSON_DEPTH, &json, &ignored))
		return false;
	return fields_decode(FIELDS, json_keep(json, arena), FIELDS_STRICT, arena, out, &ignored) &&
	       record_is_whole(out);
}

void rescue_copy(struct state *state)
{
	struct arena *arena = arena_new();
	struct desired_record current;
	struct error ignored = {0};
	bool found = false;

	if (desired_find(state, DESIRED_CURRENT, arena, &current, &found, &ignored) && found)
		copy_write(state->path, &current);
	arena_free(arena);
}

/* The streams begin anew: what was counted since the file was written is lost. */
static bool put_in_force(struct state *state, const struct desired_record *copy, struct error *err)
{
	int64_t accepted;

	if (!state_begin(state, err))
		return false;
	bool ok = state_get_int(state, "generation", 0, &accepted, err) &&
		  desired_store(state, DESIRED_CURRENT, copy, err) &&
		  desired_delete(state, DESIRED_CANDIDATE, err) &&
		  desired_delete(state, DESIRED_NEXT, err) && journal_delete(state, err);
	if (ok && accepted <= copy->generation)
		ok = state_set_int(state, "generation", copy->generation, err) &&
		     state_set(state, "digest", copy->digest, err);
	return state_end(state, ok && spool_renumber(state, err), err);
}

static void note_trouble(struct state *state, const char *what, const char *then)
{
	char before[sizeof(state->trouble)];

	snprintf(before, sizeof(before), "%s", state->trouble[0] ? state->trouble : what);
	snprintf(state->trouble, sizeof(state->trouble), "%.300s; %s", before, then);
}

static bool settle(struct state *state, struct arena *arena, struct error *err)
{
	struct desired_record current, copy;
	bool found;

	if (!desired_find(state, DESIRED_CURRENT, arena, &current, &found, err))
		return false;
	bool whole = found && record_is_whole(&current);
	bool has_copy = copy_read(state->path, arena, &copy);
	if (has_copy && (!whole || copy.generation > current.generation)) {
		note_trouble(state,
			     found ? "the state file is older than what is in force, or damaged"
				   : "the state file has lost what is in force",
			     "that was taken from its copy");
		return put_in_force(state, &copy, err);
	}
	if (found && !whole) {
		note_trouble(state, "what is in force is damaged in the state file",
			     "what runs is left alone until the server tells what shall run");
		return desired_delete(state, DESIRED_CURRENT, err);
	}
	if (whole && !has_copy)
		copy_write(state->path, &current);
	if (!found && state->trouble[0])
		note_trouble(state, "",
			     "what runs is left alone until the server tells what shall run");
	return true;
}

bool rescue_settle(struct state *state, struct error *err)
{
	struct arena *arena = arena_new();
	char copy[MAX_NAME];

	if (name_beside(state->path, "copy", copy))
		file_sweep_temporaries(copy);
	bool ok = settle(state, arena, err);

	arena_free(arena);
	return ok;
}

bool damaged_set_aside(const char *path, struct error *err)
{
	char name[MAX_NAME];

	if (!name_beside(path, "damaged", name) || rename(path, name) != 0)
		return error_set(err, ERR_INTERNAL, "could not set aside %s", path);
	if (name_beside(path, "wal", name))
		name[strlen(path)] = '-';
	unlink(name);
	if (name_beside(path, "shm", name))
		name[strlen(path)] = '-';
	unlink(name);
	return file_sync_parent(path, err);
}
