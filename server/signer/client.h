/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of the signer: a child process ("musterd signer") that alone opens the keys of
 * the certificate authority and of desired state. It has no network, no database and no way to hand
 * out a key; it answers small JSON packets on a socket pair. A signer that dies is started again by
 * the next call. All functions may be called from any thread; calls are answered one at a time.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct arena;
struct error;
struct signer;

/* What everybody may know of the keys. Strings live as long as the signer. */
struct signer_identity {
	const char *key_id;	    /* of the signing key, 16 lower hex */
	const char *public_key;	    /* base64 of the raw Ed25519 key */
	json_t *keys;		    /* array of id and public: two during a rotation */
	json_t *statements;	    /* on signing keys, array of number and envelope: rotation.h */
	int trust;		    /* number of the newest of them, 0: none */
	const char *ca_pem;	    /* certificate of the authority */
	const char *ca_fingerprint; /* sha256 of its DER, lower hex */
};

/*
 * Starts program ("/proc/self/exe" for musterd itself) as "musterd signer --data data_dir", which
 * makes the keys below data_dir/keys if there are none yet. Fails with ERR_INTERNAL when the
 * process cannot start or finds damaged keys.
 */
MUST_CHECK bool signer_new(const char *program, const char *data_dir, struct signer **out,
			   struct error *err);

/* Ends the process and waits for it. Accepts NULL. No call may be under way. */
void signer_free(struct signer *signer);

/*
 * Whether a command has changed the keys since the last look; then the process begins anew with them,
 * and signer_public says so.
 */
MUST_CHECK bool signer_refresh(struct signer *signer, bool *changed, struct error *err);

/* Borrowed from the signer, all of them until its end. */
const struct signer_identity *signer_public(const struct signer *signer);

/*
 * Signs payload as a DSSE envelope. payload_type is one of "application/vnd.muster.desired+json"
 * and "application/vnd.muster.command+json"; others are ERR_FORBIDDEN. The envelope is JSON text
 * in the arena. ERR_TOO_LARGE beyond LIMIT_DESIRED_ENVELOPE_BYTES, ERR_UNAVAILABLE while the
 * process cannot be reached.
 */
MUST_CHECK bool signer_sign(struct signer *signer, const char *payload_type, const void *payload,
			    size_t len, struct arena *arena, char **envelope_json,
			    struct error *err);

/*
 * Issues the certificate of a node: only the public key is taken from the request, whose own
 * signature is checked. node_id must be an id that begins with 'n' (ERR_INVALID else). PEM text in
 * the arena. ERR_INVALID for a request that does not parse or verify or has an unsuitable key.
 */
MUST_CHECK bool signer_issue(struct signer *signer, const char *csr_pem, const char *node_id,
			     int64_t seconds, struct arena *arena, char **cert_pem,
			     struct error *err);

/* The list of revoked certificates (PEM, in the arena) that names these serials (lower hex). */
MUST_CHECK bool signer_revoke(struct signer *signer, const char *const *serials, size_t count,
			      struct arena *arena, char **crl_pem, struct error *err);

/*
 * Issues a certificate for a part of the server itself. With names (DNS names and addresses) it is
 * a TLS server certificate for them; without it is the client certificate "muster-server" with
 * which the server talks to the broker.
 */
MUST_CHECK bool signer_issue_server(struct signer *signer, const char *csr_pem,
				    const char *const *names, size_t name_count, int days,
				    struct arena *arena, char **cert_pem, struct error *err);
