/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include <string.h>

#include "base/encoding.h"
#include "base/fields.h"
#include "base/file.h"
#include "protocol/limits.h"
#include "protocol/topics.h"

enum { MAX_FILE = 256 * 1024, MAX_URL = 512, MAX_SIGNING_KEYS = 8 };

struct record {
	struct identity identity;
	json_t *signing_keys;
};

static const struct field FIELDS[] = {
	FIELD_STRING_AS("node_id", struct record, identity.node_id, FIELD_REQUIRED, LIMIT_NODE_ID),
	FIELD_STRING_AS("name", struct record, identity.name, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING_AS("project", struct record, identity.project, 0, LIMIT_NAME),
	FIELD_STRING_AS("server", struct record, identity.server, 0, MAX_URL),
	FIELD_STRINGS_AS("brokers", struct record, identity.brokers, identity.broker_count,
			 FIELD_REQUIRED, LIMIT_BROKERS, LIMIT_BROKER_URL),
	FIELD_STRINGS_AS("former_brokers", struct record, identity.former_brokers,
			 identity.former_broker_count, 0, LIMIT_BROKERS, LIMIT_BROKER_URL),
	FIELD_JSON(struct record, signing_keys, FIELD_REQUIRED),
	FIELD_INT_AS("health_interval_ms", struct record, identity.health_interval_ms, 0, 100,
		     3600 * 1000),
	FIELD_INT_AS("trust", struct record, identity.trust, 0, 0, 1000000),
	FIELD_TIME_AS("server_time", struct record, identity.server_time, 0),
	FIELD_END,
};

static bool decode_signing_keys(json_t *json, struct arena *arena, struct identity *out,
				struct error *err)
{
	size_t count = json_array_size(json);

	if (count == 0 || count > MAX_SIGNING_KEYS)
		return error_set_field(err, ERR_INVALID, "signing_keys",
				       "there must be 1 to %d signing keys", MAX_SIGNING_KEYS);
	out->signing_keys = arena_array(arena, count, sizeof(*out->signing_keys));
	for (size_t i = 0; i < count; i++) {
		struct dsse_key *key = &out->signing_keys[i];
		const char *text =
			json_string_value(json_object_get(json_array_get(json, i), "public"));
		size_t size;

		if (!text ||
		    !base64_decode(text, strlen(text), key->public_key, sizeof(key->public_key),
				   &size) ||
		    size != sizeof(key->public_key))
			return error_set_field(err, ERR_INVALID, "signing_keys",
					       "a signing key is not base64 of 32 bytes");
		key_id(key->public_key, key->id);
	}
	out->signing_key_count = count;
	return true;
}

bool identity_decode(json_t *json, struct arena *arena, struct identity *out, struct error *err)
{
	struct record record = {.identity.health_interval_ms = 30000};

	if (!fields_decode(FIELDS, json, FIELDS_TOLERANT, arena, &record, err) ||
	    !decode_signing_keys(record.signing_keys, arena, &record.identity, err))
		return false;
	if (!topic_node_valid(record.identity.node_id))
		return error_set_field(err, ERR_INVALID, "node_id", "this is not a node id");
	if (record.identity.broker_count == 0)
		return error_set_field(err, ERR_INVALID, "brokers", "there is no broker");
	*out = record.identity;
	return true;
}

bool identity_load(struct arena *arena, struct identity *out, struct error *err)
{
	char *text;
	size_t size;
	json_t *json;

	if (!file_read(IDENTITY_FILE, MAX_FILE, arena, &text, &size, err))
		return false;
	if (!json_parse_limited(text, size, LIMIT_JSON_DEPTH, &json, err))
		return error_prefix(err, "%s", IDENTITY_FILE);
	json_keep(json, arena);
	return identity_decode(json, arena, out, err) || error_prefix(err, "%s", IDENTITY_FILE);
}

/* Sets members of the file. */
static bool change_file(json_t *changes, struct error *err)
{
	struct arena *scratch = arena_new();
	size_t size;
	char *text;
	json_t *json = NULL;
	bool ok = file_read(IDENTITY_FILE, MAX_FILE, scratch, &text, &size, err) &&
		  json_parse_limited(text, size, LIMIT_JSON_DEPTH, &json, err);

	if (ok) {
		json_keep(json, scratch);
		json_object_update(json, changes);
		const char *written = json_text(json, scratch);
		ok = file_write_atomic(IDENTITY_FILE, written, strlen(written), 0600, err);
	}
	arena_free(scratch);
	return ok;
}

bool identity_trust(struct identity *identity, json_t *keys, int number, struct arena *arena,
		    struct error *err)
{
	struct identity next = *identity;
	json_auto_t *changes = json_pack("{s:O, s:i}", "signing_keys", keys, "trust", number);

	if (!decode_signing_keys(keys, arena, &next, err) || !change_file(changes, err))
		return false;
	next.trust = number;
	*identity = next;
	return true;
}

static bool decode_urls(json_t *urls, struct arena *arena, struct identity *out, struct error *err)
{
	const size_t count = json_array_size(urls);
	const char **texts = arena_array(arena, LIMIT_BROKERS, sizeof(*texts));

	if (count == 0 || count > LIMIT_BROKERS)
		return error_set_field(err, ERR_INVALID, "brokers", "there must be 1 to %d brokers",
				       LIMIT_BROKERS);
	for (size_t i = 0; i < count; i++) {
		const char *text = json_string_value(json_array_get(urls, i));

		if (!text || strncmp(text, "mqtts://", 8) != 0 || strlen(text) > LIMIT_BROKER_URL)
			return error_set_field(err, ERR_INVALID, "brokers",
					       "a broker's address is not like mqtts://host:port");
		texts[i] = arena_strdup(arena, text);
	}
	out->brokers = texts;
	out->broker_count = count;
	return true;
}

static bool is_among(const char *url, const char *const *urls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(urls[i], url) == 0)
			return true;
	return false;
}

/* All that were before, the last ones first. */
static void set_former(struct identity *next, const struct identity *identity, struct arena *arena)
{
	const char **former = arena_array(arena, LIMIT_BROKERS, sizeof(*former));
	size_t count = 0;

	for (size_t i = 0; i < identity->broker_count + identity->former_broker_count; i++) {
		const char *url = i < identity->broker_count
					  ? identity->brokers[i]
					  : identity->former_brokers[i - identity->broker_count];

		if (count < LIMIT_BROKERS && !is_among(url, next->brokers, next->broker_count) &&
		    !is_among(url, former, count))
			former[count++] = url;
	}
	next->former_brokers = former;
	next->former_broker_count = count;
}

static bool same_brokers(const struct identity *a, const struct identity *b)
{
	if (a->broker_count != b->broker_count)
		return false;
	for (size_t i = 0; i < a->broker_count; i++)
		if (strcmp(a->brokers[i], b->brokers[i]) != 0)
			return false;
	return true;
}

static json_t *texts_json(const char *const *texts, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(texts[i]));
	return array;
}

bool identity_move(struct identity *identity, json_t *urls, struct arena *arena, bool *changed,
		   struct error *err)
{
	struct identity next = *identity;

	*changed = false;
	if (!decode_urls(urls, arena, &next, err))
		return false;
	if (same_brokers(identity, &next))
		return true;
	set_former(&next, identity, arena);
	json_auto_t *changes = json_pack(
		"{s:o, s:o}", "brokers", texts_json(next.brokers, next.broker_count),
		"former_brokers", texts_json(next.former_brokers, next.former_broker_count));
	if (!change_file(changes, err))
		return false;
	*identity = next;
	*changed = true;
	return true;
}

const char *identity_platform(void)
{
#if defined(__x86_64__)
	return "linux-amd64";
#elif defined(__aarch64__)
	return "linux-arm64";
#elif defined(__arm__)
	return "linux-armv7";
#else
	return "linux-unknown";
#endif
}
