/* SPDX-License-Identifier: Apache-2.0 */
#include "trust.h"

#include <string.h>

#include "base/fields.h"
#include "base/file.h"
#include "protocol/dsse.h"
#include "protocol/limits.h"
#include "protocol/messages.h"

enum { MAX_STATEMENT = 64 * 1024, MAX_NUMBER = 1000000 };

struct statement {
	int number;
	json_t *keys;
};

static const struct field FIELDS[] = {
	FIELD_INT(struct statement, number, FIELD_REQUIRED, 1, MAX_NUMBER),
	FIELD_JSON(struct statement, keys, FIELD_REQUIRED),
	FIELD_END,
};

bool trust_is_statement(const void *payload, size_t size)
{
	return size > 0 && size <= MAX_STATEMENT &&
	       memmem(payload, size, DSSE_KEYS, sizeof(DSSE_KEYS) - 1) != NULL;
}

static bool open_statement(const struct identity *identity, const void *payload, size_t size,
			   struct arena *arena, struct statement *out, struct error *err)
{
	json_t *envelope, *json;
	char *text;
	size_t length;

	if (!json_parse_limited(payload, size, LIMIT_JSON_DEPTH, &envelope, err))
		return false;
	json_keep(envelope, arena);
	return dsse_open(arena, envelope, DSSE_KEYS, identity->signing_keys,
			 identity->signing_key_count, &text, &length, NULL, err) &&
	       message_parse(text, length, MAX_STATEMENT, arena, &json, err) &&
	       fields_decode(FIELDS, json, FIELDS_TOLERANT, arena, out, err);
}

bool trust_receive(struct identity *identity, struct arena *arena, const void *payload, size_t size,
		   bool *changed, struct error *err)
{
	struct arena *scratch = arena_new();
	struct statement statement = {0};
	bool ok = open_statement(identity, payload, size, scratch, &statement, err);

	*changed = ok && statement.number > identity->trust;
	if (*changed)
		ok = identity_trust(identity, statement.keys, statement.number, arena, err);
	arena_free(scratch);
	return ok;
}
