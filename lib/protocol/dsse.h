/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DSSE, the signing envelope of in-toto and TUF (github.com/secure-systems-lab/dsse, v1.0.2): a
 * base64 payload, its type, and Ed25519 signatures over the pre-authentication encoding of both.
 * The signed bytes are the payload as it is, so nothing is ever serialised again to be verified.
 * The signer makes envelopes, agents and the package upload check them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/crypto.h"
#include "base/error.h"

#define DSSE_DESIRED "application/vnd.muster.desired+json"
#define DSSE_COMMAND "application/vnd.muster.command+json"
#define DSSE_KEYS "application/vnd.muster.keys+json"
#define DSSE_PACKAGE "application/vnd.muster.package+json"

/* A key that a verifier trusts. */
struct dsse_key {
	char id[KEY_ID_SIZE];
	uint8_t public_key[ED25519_PUBLIC_SIZE];
};

/* Signs payload; the envelope is JSON text in the arena. */
MUST_CHECK bool dsse_sign(struct arena *arena, const struct signing_key *key, const char *type,
			  const void *payload, size_t len, char **envelope, struct error *err);

/* The same with a signature of each of several keys: any of them lets it be opened. */
MUST_CHECK bool dsse_sign_all(struct arena *arena, const struct signing_key *const *keys,
			      size_t key_count, const char *type, const void *payload, size_t len,
			      char **envelope, struct error *err);

/*
 * Opens an envelope that any of the keys has signed. type is what the caller expects; an envelope
 * of another type is refused before its payload is looked at. On success *payload (NUL-terminated,
 * *len bytes without it) lives in the arena and *key_id, when not NULL, names the key.
 * ERR_INVALID when malformed, ERR_FORBIDDEN when no trusted key has signed it.
 */
MUST_CHECK bool dsse_open(struct arena *arena, json_t *envelope, const char *type,
			  const struct dsse_key *keys, size_t key_count, char **payload,
			  size_t *len, const char **key_id, struct error *err);
