/* SPDX-License-Identifier: Apache-2.0 */
/* The keys whose manifests a project accepts. */
#include <string.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/encoding.h"
#include "base/id.h"
#include "domain/audit/audit.h"
#include "domain/package/packages.h"
#include "protocol/limits.h"
#include "store/changes.h"
#include "store/db.h"
#include "store/package_releases.h"

#define PEM_START "-----BEGIN"
enum { NAME_MAX_BYTES = 128 };

struct creation {
	struct release_key *key;
	uint8_t public_key[ED25519_PUBLIC_SIZE];
};

static bool public_key_parse(const char *text, uint8_t out[ED25519_PUBLIC_SIZE], struct error *err)
{
	size_t size;

	if (strncmp(text, PEM_START, strlen(PEM_START)) == 0) {
		if (ed25519_public_parse(text, strlen(text), out, err))
			return true;
		return error_set_field(err, ERR_INVALID, "public_key",
				       "public_key is not the PEM of an Ed25519 public key");
	}
	if (!base64_decode(text, strlen(text), out, ED25519_PUBLIC_SIZE, &size) ||
	    size != ED25519_PUBLIC_SIZE)
		return error_set_field(err, ERR_INVALID, "public_key",
				       "public_key is neither PEM nor the base64 of 32 bytes");
	return true;
}

static bool create_run(struct ctx *ctx, void *arg, struct error *err)
{
	struct creation *creation = arg;
	struct release_key *key = creation->key, *keys;
	size_t count;

	if (!release_keys_list(ctx, &keys, &count, err))
		return false;
	if (count >= LIMIT_RELEASE_KEYS)
		return error_set(err, ERR_CONFLICT, "the project has %d release keys already",
				 LIMIT_RELEASE_KEYS);
	return release_keys_insert(ctx, key, creation->public_key, err) &&
	       audit_write(ctx, "release_key.create", "release_key", key->id,
			   json_pack("{s:s, s:s}", "name", key->name, "key", key->key_id), err) &&
	       changes_insert(ctx, "package", key->id, err);
}

bool release_key_create(struct ctx *ctx, const char *name, const char *public_key,
			struct release_key *out, struct error *err)
{
	char *id = arena_alloc(ctx->arena, ID_SIZE);
	char *fingerprint = arena_alloc(ctx->arena, KEY_ID_SIZE);
	char *text = arena_alloc(ctx->arena, BASE64_SIZE(ED25519_PUBLIC_SIZE));
	struct release_key key = {.id = id,
				  .name = name,
				  .key_id = fingerprint,
				  .public_key = text,
				  .created_at = ctx->now};
	struct creation creation = {.key = &key};

	if (!name[0] || strlen(name) > NAME_MAX_BYTES)
		return error_set_field(err, ERR_INVALID, "name",
				       "name is empty or longer than %d bytes", NAME_MAX_BYTES);
	if (!public_key_parse(public_key, creation.public_key, err))
		return false;
	id_random(id, "");
	key_id(creation.public_key, fingerprint);
	base64_encode(creation.public_key, ED25519_PUBLIC_SIZE, text);
	if (!db_transaction(ctx, create_run, &creation, err))
		return false;
	*out = key;
	return true;
}

static bool revoke_run(struct ctx *ctx, void *arg, struct error *err)
{
	const char *id = arg;

	return release_keys_revoke(ctx, id, err) &&
	       audit_write(ctx, "release_key.revoke", "release_key", id, NULL, err) &&
	       changes_insert(ctx, "package", id, err);
}

bool release_key_revoke(struct ctx *ctx, const char *id, struct error *err)
{
	return db_transaction(ctx, revoke_run, arena_strdup(ctx->arena, id), err);
}
