/* SPDX-License-Identifier: Apache-2.0 */
#include <fnmatch.h>
#include <string.h>

#include "base/crypto.h"
#include "base/fields.h"
#include "domain/config/diff.h"
#include "domain/rollout/plan_internal.h"
#include "protocol/limits.h"

/* Room for the diff of a whole file: every line may come twice, with a sign before it. */
enum { DIFF_TEXT_MAX = 4 * LIMIT_CONFIG_BYTES };

struct comparison {
	struct arena *arena;
	struct outlook *outlook;
	json_t *files;
};

static const char *path_of(json_t *file)
{
	return json_string_value(json_object_get(file, "path"));
}

static json_t *file_find(json_t *files, const char *path)
{
	size_t i;
	json_t *file;

	json_array_foreach (files, i, file)
		if (strcmp(path_of(file), path) == 0)
			return file;
	return NULL;
}

static json_t *bytes_of(json_t *file)
{
	json_t *content = json_object_get(file, "content");

	return content != NULL ? content : json_object_get(file, "content_base64");
}

static bool same_bytes(json_t *old, json_t *file)
{
	return json_equal(bytes_of(old), bytes_of(file)) == 1 &&
	       (json_object_get(old, "content") != NULL) ==
		       (json_object_get(file, "content") != NULL);
}

static bool same_mode(json_t *old, json_t *file)
{
	return json_equal(json_object_get(old, "mode"), json_object_get(file, "mode")) == 1;
}

/* A unified diff without a head: the paths stand beside it. */
static void write_hunks(const struct diff *diff, struct strbuf *out)
{
	static const char SIGNS[] = {[DIFF_SAME] = ' ', [DIFF_ADDED] = '+', [DIFF_REMOVED] = '-'};

	for (size_t i = 0; i < diff->hunk_count; i++) {
		const struct diff_hunk *hunk = &diff->hunks[i];

		strbuf_printf(out, "@@ -%zu,%zu +%zu,%zu @@\n",
			      hunk->old_start - (hunk->old_count == 0), hunk->old_count,
			      hunk->new_start - (hunk->new_count == 0), hunk->new_count);
		for (size_t line = 0; line < hunk->line_count; line++) {
			strbuf_append_char(out, SIGNS[hunk->lines[line].op]);
			strbuf_append(out, hunk->lines[line].text, hunk->lines[line].length);
			strbuf_append_char(out, '\n');
		}
	}
}

static struct diff_text text_of(json_t *file)
{
	json_t *content = json_object_get(file, "content");

	return (struct diff_text){content ? json_string_value(content) : "",
				  content ? json_string_length(content) : 0};
}

/* What is shown ends with a whole line; that it is not all is said, and the digest is of all. */
static void add_diff(struct comparison *comparison, json_t *out, json_t *old, json_t *file)
{
	struct outlook *outlook = comparison->outlook;
	size_t room = outlook->diff_left < PLAN_DIFF_MAX ? outlook->diff_left : PLAN_DIFF_MAX;
	char digest[SHA256_HEX_SIZE];
	struct diff diff;
	struct strbuf text;

	strbuf_init(&text, comparison->arena, DIFF_TEXT_MAX);
	diff_lines(text_of(old), text_of(file), comparison->arena, &diff);
	write_hunks(&diff, &text);
	sha256_hex(text.data, text.length, digest);
	size_t length = text.length;
	if (length > room)
		for (length = room; length > 0 && text.data[length - 1] != '\n'; length--)
			;
	outlook->diff_left -= length;
	json_object_set_new(out, "diff", json_stringn(text.data, length));
	json_object_set_new(out, "diff_digest", json_string(digest));
	json_object_set_new(out, "truncated", json_boolean(length < text.length));
}

static void add_file(struct comparison *comparison, const char *change, json_t *old, json_t *file)
{
	json_t *out = json_pack("{s:s, s:s}", "path", path_of(file != NULL ? file : old), "change",
				change);
	bool binary = json_object_get(old, "content_base64") != NULL ||
		      json_object_get(file, "content_base64") != NULL;

	json_object_set_new(out, "binary", json_boolean(binary));
	if (old != NULL && file != NULL && !same_mode(old, file)) {
		json_object_set(out, "mode_from", json_object_get(old, "mode"));
		json_object_set(out, "mode_to", json_object_get(file, "mode"));
	}
	if (!binary) {
		add_diff(comparison, out, old, file);
	} else if (file != NULL) {
		/* Two other contents are two other changes, though neither is shown. */
		json_t *bytes = bytes_of(file);
		char digest[SHA256_HEX_SIZE];

		sha256_hex(json_string_value(bytes), json_string_length(bytes), digest);
		json_object_set_new(out, "diff_digest", json_string(digest));
	}
	json_array_append_new(comparison->files, out);
}

static json_t *compare_files(json_t *before, json_t *after, struct arena *arena,
			     struct outlook *outlook)
{
	struct comparison comparison = {arena, outlook, json_keep(json_array(), arena)};
	size_t i;
	json_t *file;

	json_array_foreach (after, i, file) {
		json_t *old = file_find(before, path_of(file));

		if (old == NULL)
			add_file(&comparison, "added", NULL, file);
		else if (!same_bytes(old, file) || !same_mode(old, file))
			add_file(&comparison, "modified", old, file);
	}
	json_array_foreach (before, i, file)
		if (file_find(after, path_of(file)) == NULL)
			add_file(&comparison, "removed", file, NULL);
	return comparison.files;
}

/* Does a reload do, since only files changed that the package's manifest lists for it? */
static bool reload_suffices(json_t *manifest, json_t *files)
{
	json_t *hot = json_object_get(
		json_object_get(json_object_get(manifest, "service"), "reload"), "files");
	size_t i, j;
	json_t *file, *pattern;

	if (json_array_size(files) == 0)
		return false;
	json_array_foreach (files, i, file) {
		bool listed = false;

		json_array_foreach (hot, j, pattern)
			listed |= fnmatch(json_string_value(pattern), path_of(file), 0) == 0;
		if (!listed)
			return false;
	}
	return true;
}

struct plan_side plan_side_of(json_t *content)
{
	json_t *package = json_object_get(content, "package");
	json_t *config = json_object_get(content, "config");

	return (struct plan_side){
		.exists = json_is_object(content),
		.run = json_is_true(json_object_get(content, "run")),
		.driver = json_string_value(json_object_get(content, "driver")),
		.package_version = json_string_value(json_object_get(package, "version")),
		.package_sha256 = json_string_value(json_object_get(package, "sha256")),
		.config_name = json_string_value(json_object_get(config, "name")),
		.config_version = json_integer_value(json_object_get(config, "version")),
		.content = json_is_object(content) ? content : NULL,
	};
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static json_t *number_or_null(int64_t number)
{
	return number > 0 ? json_integer(number) : json_null();
}

static json_t *files_of(const struct plan_side *side)
{
	return json_object_get(json_object_get(side->content, "config"), "files");
}

void plan_compare(const struct plan_pair *pair, struct arena *arena, struct outlook *outlook)
{
	const struct plan_side *before = &pair->before, *after = &pair->after;
	json_t *files = compare_files(files_of(before), files_of(after), arena, outlook);
	bool appears = !before->exists && after->exists, goes = before->exists && !after->exists;
	bool package =
		after->exists && (!same_text(before->package_sha256, after->package_sha256) ||
				  !same_text(before->package_version, after->package_version));
	bool config = json_array_size(files) > 0 || after->config_version != before->config_version;
	bool other = appears || goes ||
		     (after->exists && (after->run != before->run || pair->parameters_change ||
					!same_text(before->driver, after->driver)));
	bool reload = !package && !other && reload_suffices(pair->manifest, files);
	bool same = !package && !config && !other;
	bool restart = !same && !reload && after->run;
	json_t *versions = json_pack("{s:s?, s:s?}", "from", before->package_version, "to",
				     after->package_version);
	json_t *json = json_pack("{s:s, s:b, s:b, s:b, s:b, s:o, s:{s:s?, s:o, s:o, s:O}}",
				 "service", pair->service, "restart", restart, "reload", reload,
				 "stop", before->run && !goes && !after->run, "remove",
				 !after->exists, "package", versions, "config", "name",
				 after->exists ? after->config_name : before->config_name, "from",
				 number_or_null(before->config_version), "to",
				 number_or_null(after->config_version), "files", files);

	outlook->same &= same;
	outlook->restarts |= restart;
	outlook->fetches |= package && after->package_sha256 != NULL;
	if (package)
		outlook->fetch_bytes += pair->package_size;
	json_array_append_new(outlook->services, json);
}
