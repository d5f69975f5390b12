/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/hear.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "protocol/messages.h"
#include "protocol/topics.h"

static const char BEGIN[] = "{\"payloadType\":\"" DSSE_DESIRED "\",\"payload\":\"";

/* --- in full --- */

/* Not verified: the payload is taken as it is. */
static bool open_unseen(struct arena *arena, json_t *envelope, char **payload, size_t *size,
			struct error *err)
{
	const char *text = json_string_value(json_object_get(envelope, "payload"));

	if (!text)
		return error_set(err, ERR_INVALID, "envelope without payload");
	size_t length = strlen(text);
	*payload = arena_alloc(arena, BASE64_DECODED_SIZE(length) + 1);
	return base64_decode(text, length, *payload, BASE64_DECODED_SIZE(length), size) ||
	       error_set(err, ERR_INVALID, "payload is not base64");
}

static bool open_envelope(const struct hearing *hearing, const void *payload, size_t size,
			  const char *type, bool verify, json_t **out, struct error *err)
{
	json_t *envelope;
	char *text;
	size_t length;

	if (size > LIMIT_DOWN_MESSAGE)
		return error_set(err, ERR_TOO_LARGE, "message has %zu bytes", size);
	if (!json_parse_limited(payload, size, LIMIT_JSON_DEPTH, &envelope, err))
		return error_prefix(err, "envelope");
	json_keep(envelope, hearing->arena);
	if (!(verify ? dsse_open(hearing->arena, envelope, type, hearing->keys, hearing->key_count,
				 &text, &length, NULL, err)
		     : open_unseen(hearing->arena, envelope, &text, &length, err)))
		return false;
	return message_parse(text, length, LIMIT_DOWN_MESSAGE, hearing->arena, out, err);
}

static bool digest_is_of(const struct msg_desired *desired)
{
	char hex[SHA256_HEX_SIZE];

	sha256_hex(desired->content, strlen(desired->content), hex);
	return strcmp(desired->digest + strlen("sha256:"), hex) == 0;
}

static bool hear_all(const struct hearing *hearing, const void *payload, size_t size, bool verify,
		     struct heard *out, struct error *err)
{
	struct msg_desired desired;
	json_t *json;

	if (!open_envelope(hearing, payload, size, DSSE_DESIRED, verify, &json, err) ||
	    !msg_desired_decode(json, hearing->arena, &desired, err))
		return false;
	if (verify && !digest_is_of(&desired))
		return error_set(err, ERR_FORBIDDEN, "its digest is not that of its content");
	snprintf(out->node, sizeof(out->node), "%s", desired.node);
	snprintf(out->digest, sizeof(out->digest), "%s", desired.digest);
	out->generation = desired.generation;
	out->issued = desired.issued;
	out->content = content_find(hearing->contents, out->digest);
	return out->content ||
	       content_add(hearing->contents, out->digest, desired.content, strlen(desired.content),
			   hearing->now, &out->content, err);
}

/* --- in passing --- */

/* The value of a member of text whose name is given with its colon and quote; NULL: not there. */
static const char *member(const char *text, const char *name, size_t *length)
{
	const char *at = strstr(text, name);

	if (!at)
		return NULL;
	at += strlen(name);
	*length = strcspn(at, "\",}");
	return at;
}

static bool copy(char *out, size_t size, const char *text, size_t length)
{
	if (!text || length == 0 || length >= size)
		return false;
	memcpy(out, text, length);
	out[length] = '\0';
	return true;
}

/* head ends before the content. */
static bool read_head(const char *head, struct heard *out)
{
	char number[20], issued[40];
	size_t length = 0;
	const char *at = member(head, "\"node\":\"", &length);

	if (!copy(out->node, sizeof(out->node), at, length))
		return false;
	at = member(head, "\"digest\":\"", &length);
	if (!copy(out->digest, sizeof(out->digest), at, length))
		return false;
	at = member(head, "\"generation\":", &length);
	if (!copy(number, sizeof(number), at, length))
		return false;
	at = member(head, "\"issued\":\"", &length);
	if (!copy(issued, sizeof(issued), at, length))
		return false;
	out->generation = strtoll(number, NULL, 10);
	return out->generation > 0 && time_parse(issued, strlen(issued), &out->issued);
}

/* False: it must be read in full. */
static bool hear_head(const struct hearing *hearing, const char *payload, size_t size,
		      struct heard *out)
{
	/* So many characters hold all that comes before the content. */
	enum { HEAD_ENCODED = 512, HEAD_BYTES = HEAD_ENCODED / 4 * 3 };
	char head[HEAD_BYTES + 1], *content;
	size_t length;

	if (size < sizeof(BEGIN) + HEAD_ENCODED || memcmp(payload, BEGIN, sizeof(BEGIN) - 1) != 0 ||
	    !base64_decode(payload + sizeof(BEGIN) - 1, HEAD_ENCODED, head, HEAD_BYTES, &length))
		return false;
	head[length] = '\0';
	content = strstr(head, "\"content\":");
	if (!content)
		return false;
	*content = '\0';
	if (!read_head(head, out))
		return false;
	out->content = content_find(hearing->contents, out->digest);
	return out->content != NULL;
}

bool hear_desired(const struct hearing *hearing, const void *payload, size_t size, bool verify,
		  struct heard *out, struct error *err)
{
	return (!verify && hear_head(hearing, payload, size, out)) ||
	       hear_all(hearing, payload, size, verify, out, err);
}

bool hear_command(const struct hearing *hearing, const void *payload, size_t size, bool verify,
		  const char **node, const char **kind, struct error *err)
{
	struct msg_command command;
	json_t *json;

	if (memmem(payload, size, DSSE_KEYS, strlen(DSSE_KEYS))) {
		*node = NULL;
		*kind = "keys";
		return true;
	}
	if (!open_envelope(hearing, payload, size, DSSE_COMMAND, verify, &json, err) ||
	    !msg_command_decode(json, hearing->arena, &command, err))
		return false;
	*node = command.node;
	*kind = command.kind;
	return true;
}
