/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/fleet.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/fields.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "protocol/topics.h"

enum { FILE_MAX = 256 * 1024, LINE_MAX_BYTES = 16 * 1024, RUNS_MAX = 64 << 20 };

bool broker_parse(const char *url, size_t length, struct broker *out, struct error *err)
{
	struct broker broker = {.tls = strncmp(url, "mqtts://", 8) == 0};
	const char *start = url + (broker.tls ? 8 : 7), *end = url + length;

	if (!broker.tls && strncmp(url, "mqtt://", 7) != 0)
		return error_set(err, ERR_INVALID, "a broker is mqtts://host:port, not %.*s",
				 (int)(length < 120 ? length : 120), url);
	bool bracket = start < end && *start == '[';
	start += bracket;
	const char *stop = start;
	while (stop < end && *stop != (bracket ? ']' : ':') && *stop != '/')
		stop++;
	size_t host = (size_t)(stop - start);
	if (host == 0 || host >= sizeof(broker.host))
		return error_set(err, ERR_INVALID, "the broker's address has no host");
	memcpy(broker.host, start, host);
	stop += bracket && stop < end;
	long port = broker.tls ? 8883 : 1883;
	if (stop < end && *stop == ':')
		port = strtol(stop + 1, NULL, 10);
	if (port < 1 || port > 65535)
		return error_set(err, ERR_INVALID, "the broker's address has no valid port");
	broker.port = (int)port;
	*out = broker;
	return true;
}

bool fleet_set_brokers(struct fleet *fleet, const char *urls, struct error *err)
{
	fleet->by_shard = true;
	fleet->broker_count = 0;
	while (*urls != '\0') {
		size_t length = strcspn(urls, ",");

		if (fleet->broker_count == BROKERS_MAX)
			return error_set(err, ERR_INVALID, "more than %d brokers", BROKERS_MAX);
		if (!broker_parse(urls, length, &fleet->brokers[fleet->broker_count++], err))
			return false;
		urls += length;
		urls += strspn(urls, ", ");
	}
	return true;
}

static bool learn_keys(struct fleet *fleet, json_t *keys, struct error *err)
{
	size_t count = json_array_size(keys);

	if (count == 0 || count > ARRAY_SIZE(fleet->keys))
		return error_set(err, ERR_INVALID, "the server names no signing keys");
	for (size_t i = 0; i < count; i++) {
		struct dsse_key *key = &fleet->keys[i];
		const char *text =
			json_string_value(json_object_get(json_array_get(keys, i), "public"));
		size_t size;

		if (!text ||
		    !base64_decode(text, strlen(text), key->public_key, sizeof(key->public_key),
				   &size) ||
		    size != sizeof(key->public_key))
			return error_set(err, ERR_INVALID,
					 "a signing key is not base64 of 32 bytes");
		key_id(key->public_key, key->id);
	}
	fleet->key_count = count;
	return true;
}

bool fleet_learn(struct fleet *fleet, json_t *answer, struct error *err)
{
	json_t *interval = json_object_get(answer, "health_interval_ms");
	const char *ca = json_string_value(json_object_get(answer, "ca"));
	json_t *brokers = json_object_get(answer, "brokers"), *broker;
	size_t i;

	if (!ca || json_array_size(brokers) == 0 || json_array_size(brokers) > BROKERS_MAX)
		return error_set(err, ERR_INVALID, "the server names no broker");
	fleet->broker_count = 0;
	json_array_foreach (brokers, i, broker) {
		const char *url = json_string_value(broker);

		if (!url || !broker_parse(url, strlen(url), &fleet->brokers[i], err))
			return url ? false
				   : error_set(err, ERR_INVALID, "the server names no broker");
		fleet->broker_count++;
	}
	fleet->ca = arena_strdup(fleet->arena, ca);
	fleet->health_interval_ms = json_is_integer(interval) && json_integer_value(interval) >= 100
					    ? json_integer_value(interval)
					    : 30000;
	return learn_keys(fleet, json_object_get(answer, "signing_keys"), err);
}

/* --- the folder --- */

static char *path_of(const char *folder, const char *name, struct arena *arena)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

bool fleet_save(const struct fleet *fleet, const char *folder, json_t *answer, struct error *err)
{
	static const char *const KEPT[] = {"ca", "brokers", "signing_keys", "health_interval_ms"};
	struct arena *arena = arena_new();
	json_t *json = json_keep(json_object(), arena);

	(void)fleet;
	for (size_t i = 0; i < ARRAY_SIZE(KEPT); i++)
		json_object_set(json, KEPT[i], json_object_get(answer, KEPT[i]));
	const char *text = json_text(json, arena);
	bool ok = file_write_atomic(path_of(folder, "fleet.json", arena), text, strlen(text), 0600,
				    err);
	arena_free(arena);
	return ok;
}

char *identity_line(const struct identity *identity, struct arena *arena)
{
	json_t *json = json_keep(json_pack("{s:s, s:s, s:s, s:s}", "id", identity->id, "name",
					   identity->name, "key", identity->key, "certificate",
					   identity->certificate),
				 arena);

	return arena_printf(arena, "%s\n", json_text(json, arena));
}

static bool read_line(const char *line, size_t length, struct arena *arena,
		      struct identity *identity, struct error *err)
{
	json_t *json;
	const char *id, *name, *key, *certificate;

	if (!json_parse_limited(line, length, 2, &json, err))
		return false;
	id = json_string_value(json_object_get(json, "id"));
	name = json_string_value(json_object_get(json, "name"));
	key = json_string_value(json_object_get(json, "key"));
	certificate = json_string_value(json_object_get(json, "certificate"));
	bool ok = id && name && key && certificate && topic_node_valid(id);
	if (ok) {
		snprintf(identity->id, sizeof(identity->id), "%s", id);
		identity->name = arena_strdup(arena, name);
		identity->key = arena_strdup(arena, key);
		identity->certificate = arena_strdup(arena, certificate);
	}
	json_decref(json);
	return ok || error_set(err, ERR_INVALID, "this is not a node");
}

static bool load_nodes(struct fleet *fleet, const char *path, size_t limit, struct error *err)
{
	FILE *file = fopen(path, "re");
	size_t capacity = 0;
	char *line = NULL;
	ssize_t length;
	bool ok = true;

	if (!file)
		return errno == ENOENT ||
		       error_set_errno(err, ERR_INTERNAL, errno, "cannot read %s", path);
	/* The last line of an enrolment that was killed may be torn: that node is known to nobody here. */
	while (ok && fleet->count < limit && (length = getline(&line, &capacity, file)) > 0)
		if (line[length - 1] == '\n') {
			ok = read_line(line, (size_t)length, fleet->arena,
				       &fleet->nodes[fleet->count], err);
			fleet->count++;
		}
	free(line);
	fclose(file);
	return ok || error_prefix(err, "%s line %zu", path, fleet->count);
}

bool fleet_load(struct fleet *fleet, const char *folder, size_t limit, struct error *err)
{
	struct arena *arena = arena_new();
	struct error missing = {0};
	char *text;
	size_t size;
	json_t *json;
	bool ok = true;

	if (file_read(path_of(folder, "fleet.json", arena), FILE_MAX, arena, &text, &size,
		      &missing)) {
		ok = json_parse_limited(text, size, LIMIT_JSON_DEPTH, &json, err);
		if (ok)
			json_keep(json, arena);
		ok = ok && fleet_learn(fleet, json, err) &&
		     load_nodes(fleet, path_of(folder, "nodes.jsonl", arena), limit, err);
	} else if (missing.code != ERR_NOT_FOUND) {
		*err = missing;
		ok = false;
	}
	arena_free(arena);
	return ok;
}

/* --- what nodes run --- */

static void read_progress(struct fleet *fleet, char *text)
{
	char *saved = NULL;

	for (char *line = strtok_r(text, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved)) {
		struct progress progress = {0};
		size_t index;
		int64_t *produced = progress.produced;

		if (sscanf(line,
			   "%zu %" SCNd64 " %71s %" SCNd64 " %71s %16s %" SCNd64 " %" SCNd64
			   " %" SCNd64 " %" SCNd64,
			   &index, &progress.generation, progress.digest, &progress.accepted,
			   progress.accepted_digest, progress.epoch, &produced[0], &produced[1],
			   &produced[2], &produced[3]) != 10 ||
		    index >= fleet->count)
			continue;
		/* "-" stands for nothing. */
		if (progress.digest[0] == '-')
			progress.digest[0] = '\0';
		if (progress.accepted_digest[0] == '-')
			progress.accepted_digest[0] = '\0';
		if (progress.epoch[0] == '-')
			progress.epoch[0] = '\0';
		fleet->nodes[index].progress = progress;
	}
}

bool progress_load(struct fleet *fleet, const char *folder, struct error *err)
{
	struct arena *arena = arena_new();
	glob_t found = {0};
	bool ok = true;

	if (glob(path_of(folder, "runs.*", arena), 0, NULL, &found) == 0)
		for (size_t i = 0; ok && i < found.gl_pathc; i++) {
			char *text;

			ok = file_read(found.gl_pathv[i], RUNS_MAX, arena, &text, NULL, err);
			if (ok)
				read_progress(fleet, text);
			if (ok && unlink(found.gl_pathv[i]) != 0)
				ok = error_set_errno(err, ERR_INTERNAL, errno, "cannot remove %s",
						     found.gl_pathv[i]);
		}
	globfree(&found);
	arena_free(arena);
	return ok;
}

static const char *or_dash(const char *text)
{
	return text[0] ? text : "-";
}

bool progress_save(const struct progress *progress, size_t first, size_t count, const char *folder,
		   struct error *err)
{
	struct arena *arena = arena_new();
	struct strbuf text;

	strbuf_init(&text, NULL, RUNS_MAX);
	for (size_t i = 0; i < count; i++) {
		const struct progress *one = &progress[i];

		strbuf_printf(&text,
			      "%zu %" PRId64 " %s %" PRId64 " %s %s %" PRId64 " %" PRId64
			      " %" PRId64 " %" PRId64 "\n",
			      first + i, one->generation, or_dash(one->digest), one->accepted,
			      or_dash(one->accepted_digest), or_dash(one->epoch), one->produced[0],
			      one->produced[1], one->produced[2], one->produced[3]);
	}
	bool ok = file_write_atomic(arena_printf(arena, "%s/runs.%zu", folder, first), text.data,
				    text.length, 0600, err);
	strbuf_release(&text);
	arena_free(arena);
	return ok;
}
