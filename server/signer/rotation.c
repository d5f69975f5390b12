/* SPDX-License-Identifier: Apache-2.0 */
#include "signer/rotation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/encoding.h"
#include "base/fields.h"
#include "base/file.h"
#include "protocol/dsse.h"

enum { TRUST_MAX = 1024 * 1024, TRUST_DEPTH = 8 };

static bool read_statements(const char *path, struct arena *arena, json_t **out, struct error *err)
{
	json_t *list;
	size_t size;
	char *text;

	*out = json_keep(json_array(), arena);
	if (!file_exists(path))
		return true;
	if (!file_read(path, TRUST_MAX, arena, &text, &size, err) ||
	    !json_parse_limited(text, size, TRUST_DEPTH, &list, err))
		return error_prefix(err, "%s", path);
	json_keep(list, arena);
	list = json_object_get(list, "statements");
	if (!json_is_array(list))
		return error_set(err, ERR_INTERNAL, "%s has no statements", path);
	*out = list;
	return true;
}

static const char *id_of(const struct signing_key *key, struct arena *arena)
{
	uint8_t raw[ED25519_PUBLIC_SIZE];
	char *id = arena_alloc(arena, KEY_ID_SIZE);

	signing_key_public(key, raw);
	key_id(raw, id);
	return id;
}

/* Does the last statement name this key? */
static bool names(const json_t *statements, const char *id)
{
	const json_t *last = json_array_get(statements, json_array_size(statements) - 1);
	const json_t *entry;
	size_t i;

	json_array_foreach (json_object_get(last, "ids"), i, entry)
		if (strcmp(json_string_value(entry), id) == 0)
			return true;
	return false;
}

/* The next key is in force when the last statement names it; when it names only it, it is the current. */
static bool settle(const char *folder, struct arena *arena, struct signer_keys *keys,
		   struct error *err)
{
	const char *next_path = arena_printf(arena, "%s/signing-next.key", folder);
	const char *path = arena_printf(arena, "%s/signing.key", folder);
	struct signing_key *next;

	if (!file_exists(next_path))
		return true;
	if (!signing_key_load(next_path, &next, err))
		return false;
	if (!names(keys->statements, id_of(next, arena))) {
		signing_key_free(next);
		return true;
	}
	if (names(keys->statements, id_of(keys->signing, arena))) {
		keys->next = next;
		return true;
	}
	signing_key_free(keys->signing);
	keys->signing = next;
	if (rename(next_path, path) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not replace %s", path);
	return file_sync_parent(path, err);
}

bool rotation_load(const char *folder, struct arena *arena, struct signer_keys *keys,
		   struct error *err)
{
	const char *path = arena_printf(arena, "%s/trust.json", folder);

	return read_statements(path, arena, &keys->statements, err) &&
	       settle(folder, arena, keys, err);
}

static json_t *describe(const struct signing_key *key, struct arena *arena)
{
	uint8_t raw[ED25519_PUBLIC_SIZE];
	char encoded[BASE64_SIZE(ED25519_PUBLIC_SIZE)];

	signing_key_public(key, raw);
	base64_encode(raw, sizeof(raw), encoded);
	return json_pack("{s:s, s:s}", "id", id_of(key, arena), "public", encoded);
}

/* Adds a statement that trusts `trusted`, signed with `signers`, and writes all of them. */
static bool state(const char *folder, json_t *statements, const struct signing_key *const *trusted,
		  const struct signing_key *const *signers, size_t signer_count, usec_t now,
		  struct arena *arena, struct error *err)
{
	const char *path = arena_printf(arena, "%s/trust.json", folder);
	json_t *keys = json_array(), *ids = json_array();
	char at[TIME_TEXT_SIZE], *envelope;
	int number = (int)json_array_size(statements) + 1;

	for (size_t i = 0; trusted[i] != NULL; i++) {
		json_array_append_new(keys, describe(trusted[i], arena));
		json_array_append_new(ids, json_string(id_of(trusted[i], arena)));
	}
	time_format(now, at);
	json_t *payload = json_keep(json_pack("{s:i, s:i, s:s, s:o}", "v", 1, "number", number,
					      "issued", at, "keys", keys),
				    arena);
	const char *text = json_text(payload, arena);
	if (!dsse_sign_all(arena, signers, signer_count, DSSE_KEYS, text, strlen(text), &envelope,
			   err)) {
		json_decref(ids);
		return false;
	}
	json_array_append_new(statements, json_pack("{s:i, s:o, s:s}", "number", number, "ids", ids,
						    "envelope", envelope));
	json_t *all = json_keep(json_pack("{s:O}", "statements", statements), arena);
	const char *written = json_text(all, arena);
	return file_write_atomic(path, written, strlen(written), 0644, err);
}

bool rotation_begin(const char *folder, usec_t now, struct arena *arena, int *number,
		    struct error *err)
{
	const char *next_path = arena_printf(arena, "%s/signing-next.key", folder);
	struct signer_keys keys = {0};
	struct signing_key *next = NULL;

	if (!signer_keys_open(folder, now, arena, &keys, err))
		return false;
	bool ok = keys.next == NULL ||
		  error_set(err, ERR_CONFLICT,
			    "a rotation is under way; end it with \"musterd key finish\"");
	if (ok && !file_exists(next_path)) {
		next = signing_key_generate();
		ok = signing_key_save(next, next_path, err);
	} else if (ok) {
		/* A cut before the statement has left a key that nobody knows. */
		ok = signing_key_load(next_path, &next, err);
	}
	if (ok) {
		const struct signing_key *const both[] = {keys.signing, next, NULL};

		ok = state(folder, keys.statements, both, both, 2, now, arena, err);
		*number = (int)json_array_size(keys.statements);
	}
	signing_key_free(next);
	signer_keys_release(&keys);
	return ok;
}

bool rotation_finish(const char *folder, usec_t now, struct arena *arena, int *number,
		     struct error *err)
{
	struct signer_keys keys = {0};

	if (!signer_keys_open(folder, now, arena, &keys, err))
		return false;
	bool ok = keys.next != NULL ||
		  error_set(err, ERR_CONFLICT,
			    "no rotation is under way; begin one with \"musterd key rotate\"");
	if (ok) {
		const struct signing_key *const one[] = {keys.next, NULL};
		const struct signing_key *const both[] = {keys.signing, keys.next};

		ok = state(folder, keys.statements, one, both, 2, now, arena, err);
		*number = (int)json_array_size(keys.statements);
	}
	signer_keys_release(&keys);
	/* Puts the next key in the place of the current one. */
	ok = ok && signer_keys_open(folder, now, arena, &keys, err);
	if (ok)
		signer_keys_release(&keys);
	return ok;
}
