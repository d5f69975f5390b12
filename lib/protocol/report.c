/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/report.h"

#include <string.h>

#include "base/encoding.h"
#include "base/fields.h"
#include "base/strbuf.h"
#include "protocol/limits.h"

static const char TYPE[] = "application/vnd.muster.report+json";
static const char CONTEXT[] = "muster report v1\n";

enum { MAX_KEY = 4096, MAX_SIGNATURE = 1024, MAX_DEPTH = 4 };

struct sealed {
	const char *type;
	const char *payload;
	const char *public_key;
	const char *signature;
};

static const struct field SEALED_FIELDS[] = {
	FIELD_STRING_AS("payloadType", struct sealed, type, FIELD_REQUIRED, 128),
	FIELD_STRING(struct sealed, payload, FIELD_REQUIRED, REPORT_MAX_FILE),
	FIELD_STRING(struct sealed, public_key, FIELD_REQUIRED, MAX_KEY),
	FIELD_STRING(struct sealed, signature, FIELD_REQUIRED, MAX_SIGNATURE),
	FIELD_END,
};

static const struct field MESSAGE_FIELDS[] = {
	FIELD_STRING(struct report_message, channel, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct report_message, body, FIELD_REQUIRED, LIMIT_UP_MESSAGE),
	FIELD_END,
};

static const struct field REPORT_FIELDS[] = {
	FIELD_STRING(struct report, node, FIELD_REQUIRED, LIMIT_NODE_ID),
	FIELD_TIME(struct report, made_at, FIELD_REQUIRED),
	FIELD_INT64(struct report, generation, FIELD_REQUIRED, 0, LIMIT_GENERATION),
	FIELD_STRING(struct report, digest, FIELD_REQUIRED, 71),
	FIELD_OBJECTS(struct report, messages, message_count, FIELD_REQUIRED, REPORT_MAX_MESSAGES,
		      MESSAGE_FIELDS, sizeof(struct report_message)),
	FIELD_END,
};

/* The bytes that are signed: a prefix keeps them apart from all else that the key signs. */
static const char *signed_bytes(const char *payload, size_t size, struct arena *arena, size_t *out)
{
	char *bytes = arena_alloc(arena, sizeof(CONTEXT) - 1 + size);

	memcpy(bytes, CONTEXT, sizeof(CONTEXT) - 1);
	memcpy(bytes + sizeof(CONTEXT) - 1, payload, size);
	*out = sizeof(CONTEXT) - 1 + size;
	return bytes;
}

bool report_seal(const struct report *report, const struct tls_key *key, struct arena *arena,
		 char **out, struct error *err)
{
	json_auto_t *json = fields_encode(REPORT_FIELDS, report);
	size_t signature_size, size;
	uint8_t *signature;

	json_object_set_new(json, "v", json_integer(1));
	const char *payload = json_text(json, arena);
	size_t length = strlen(payload);
	if (length > REPORT_MAX_PAYLOAD)
		return error_set(err, ERR_TOO_LARGE, "the report has %zu bytes, the limit is %d",
				 length, REPORT_MAX_PAYLOAD);
	const char *bytes = signed_bytes(payload, length, arena, &size);
	if (!tls_key_sign(key, bytes, size, arena, &signature, &signature_size, err))
		return false;
	char *payload64 = arena_alloc(arena, BASE64_SIZE(length));
	char *signature64 = arena_alloc(arena, BASE64_SIZE(signature_size));
	base64_encode(payload, length, payload64);
	base64_encode(signature, signature_size, signature64);
	json_auto_t *sealed =
		json_pack("{s:s, s:s, s:s, s:s}", "payloadType", TYPE, "payload", payload64,
			  "public_key", tls_key_public_pem(key, arena), "signature", signature64);
	*out = arena_printf(arena, "%s\n", json_text(sealed, arena));
	return true;
}

static bool decode(const char *text, const char **part, size_t *size, struct arena *arena,
		   struct error *err)
{
	size_t length = strlen(text);
	char *bytes = arena_alloc(arena, BASE64_DECODED_SIZE(length) + 1);

	if (!base64_decode(text, length, bytes, BASE64_DECODED_SIZE(length), size))
		return error_set(err, ERR_INVALID, "the report is damaged");
	bytes[*size] = '\0';
	*part = bytes;
	return true;
}

bool report_open(const char *text, size_t length, struct arena *arena, struct report *out,
		 char key_sha256[SHA256_HEX_SIZE], struct error *err)
{
	struct sealed sealed = {0};
	const char *payload, *signature;
	size_t payload_size, signature_size, size;
	json_t *json;

	if (length > REPORT_MAX_FILE)
		return error_set(err, ERR_TOO_LARGE, "a report has at most %d bytes",
				 REPORT_MAX_FILE);
	if (!json_parse_limited(text, length, MAX_DEPTH, &json, err) ||
	    !fields_decode(SEALED_FIELDS, json_keep(json, arena), FIELDS_TOLERANT, arena, &sealed,
			   err) ||
	    strcmp(sealed.type, TYPE) != 0)
		return error_set(err, ERR_INVALID, "this is not the report of a node");
	if (!decode(sealed.payload, &payload, &payload_size, arena, err) ||
	    !decode(sealed.signature, &signature, &signature_size, arena, err))
		return false;
	const char *bytes = signed_bytes(payload, payload_size, arena, &size);
	if (!public_key_verify(sealed.public_key, strlen(sealed.public_key), bytes, size, signature,
			       signature_size, key_sha256, err))
		return false;
	/* Decoded only behind the signature. */
	struct report report = {0};
	if (!json_parse_limited(payload, payload_size, MAX_DEPTH, &json, err) ||
	    !fields_decode(REPORT_FIELDS, json_keep(json, arena), FIELDS_TOLERANT, arena, &report,
			   err))
		return error_prefix(err, "the report");
	*out = report;
	return true;
}
