/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/dsse.h"

#include <string.h>

#include "base/encoding.h"
#include "base/fields.h"
#include "base/strbuf.h"
#include "protocol/limits.h"

struct signature {
	const char *keyid;
	const char *sig;
};

struct envelope {
	const char *payload_type;
	const char *payload;
	struct signature *signatures;
	size_t signature_count;
};

static const struct field SIGNATURE_FIELDS[] = {
	FIELD_STRING(struct signature, keyid, FIELD_REQUIRED, KEY_ID_SIZE - 1),
	FIELD_STRING(struct signature, sig, FIELD_REQUIRED, BASE64_SIZE(ED25519_SIGNATURE_SIZE)),
	FIELD_END,
};

static const struct field ENVELOPE_FIELDS[] = {
	FIELD_STRING_AS("payloadType", struct envelope, payload_type, FIELD_REQUIRED, 128),
	FIELD_STRING(struct envelope, payload, FIELD_REQUIRED, LIMIT_DOWN_MESSAGE),
	FIELD_OBJECTS(struct envelope, signatures, signature_count, FIELD_REQUIRED,
		      LIMIT_SIGNATURES, SIGNATURE_FIELDS, sizeof(struct signature)),
	FIELD_END,
};

/* PAE(type, payload) of the specification; the arena holds it. */
static const char *pre_authentication(struct arena *arena, const char *type, const void *payload,
				      size_t len, size_t *pae_len)
{
	struct strbuf pae;

	strbuf_init(&pae, arena, LIMIT_DOWN_MESSAGE + 256);
	strbuf_printf(&pae, "DSSEv1 %zu %s %zu ", strlen(type), type, len);
	strbuf_append(&pae, payload, len);
	*pae_len = pae.length;
	return pae.overflow ? NULL : pae.data;
}

/* {"keyid":...,"sig":...} */
static const char *sign_one(struct arena *arena, const struct signing_key *key, const char *pae,
			    size_t pae_len)
{
	uint8_t raw[ED25519_SIGNATURE_SIZE], public_key[ED25519_PUBLIC_SIZE];
	char sig[BASE64_SIZE(ED25519_SIGNATURE_SIZE)], id[KEY_ID_SIZE];

	signing_key_sign(key, pae, pae_len, raw);
	base64_encode(raw, sizeof(raw), sig);
	signing_key_public(key, public_key);
	key_id(public_key, id);
	return arena_printf(arena, "{\"keyid\":\"%s\",\"sig\":\"%s\"}", id, sig);
}

bool dsse_sign_all(struct arena *arena, const struct signing_key *const *keys, size_t key_count,
		   const char *type, const void *payload, size_t len, char **envelope,
		   struct error *err)
{
	const char *signatures = "";
	size_t pae_len;
	const char *pae = pre_authentication(arena, type, payload, len, &pae_len);

	if (pae == NULL)
		return error_set(err, ERR_TOO_LARGE, "payload of %zu bytes is too large to sign",
				 len);
	for (size_t i = 0; i < key_count; i++)
		signatures = arena_printf(arena, "%s%s%s", signatures, i > 0 ? "," : "",
					  sign_one(arena, keys[i], pae, pae_len));
	char *encoded = arena_alloc(arena, BASE64_SIZE(len));
	base64_encode(payload, len, encoded);
	*envelope = arena_printf(arena,
				 "{\"payloadType\":\"%s\",\"payload\":\"%s\","
				 "\"signatures\":[%s]}",
				 type, encoded, signatures);
	return true;
}

bool dsse_sign(struct arena *arena, const struct signing_key *key, const char *type,
	       const void *payload, size_t len, char **envelope, struct error *err)
{
	return dsse_sign_all(arena, &key, 1, type, payload, len, envelope, err);
}

static bool signed_by(const struct signature *signature, const struct dsse_key *key,
		      const char *pae, size_t pae_len)
{
	uint8_t raw[BASE64_DECODED_SIZE(BASE64_SIZE(ED25519_SIGNATURE_SIZE))];
	size_t raw_len;

	return strcmp(signature->keyid, key->id) == 0 &&
	       base64_decode(signature->sig, strlen(signature->sig), raw, sizeof(raw), &raw_len) &&
	       raw_len == ED25519_SIGNATURE_SIZE &&
	       ed25519_verify(key->public_key, pae, pae_len, raw);
}

bool dsse_open(struct arena *arena, json_t *envelope, const char *type, const struct dsse_key *keys,
	       size_t key_count, char **payload, size_t *len, const char **key_id,
	       struct error *err)
{
	struct envelope opened = {0};

	if (!fields_decode(ENVELOPE_FIELDS, envelope, FIELDS_TOLERANT, arena, &opened, err))
		return error_prefix(err, "envelope");
	if (strcmp(opened.payload_type, type) != 0)
		return error_set_field(err, ERR_INVALID, "payloadType",
				       "envelope holds %s, expected %s", opened.payload_type, type);

	size_t encoded_len = strlen(opened.payload), bytes_len, pae_len;
	char *bytes = arena_alloc(arena, BASE64_DECODED_SIZE(encoded_len) + 1);
	if (!base64_decode(opened.payload, encoded_len, bytes, BASE64_DECODED_SIZE(encoded_len),
			   &bytes_len))
		return error_set_field(err, ERR_INVALID, "payload", "payload is not base64");
	bytes[bytes_len] = '\0';

	const char *pae = pre_authentication(arena, type, bytes, bytes_len, &pae_len);
	for (size_t s = 0; pae != NULL && s < opened.signature_count; s++)
		for (size_t k = 0; k < key_count; k++)
			if (signed_by(&opened.signatures[s], &keys[k], pae, pae_len)) {
				*payload = bytes;
				*len = bytes_len;
				if (key_id != NULL)
					*key_id = keys[k].id;
				return true;
			}
	return error_set_field(err, ERR_FORBIDDEN, "signatures",
			       "no trusted key has signed it (signed by %s)",
			       opened.signature_count > 0 ? opened.signatures[0].keyid : "nobody");
}
