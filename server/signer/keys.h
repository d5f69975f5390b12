/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key files that only the signer opens: the certificate authority (ca.key, ca.crt) and the key
 * that signs desired state and commands (signing.key). Made together at the first start.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/x509.h"

struct signer_keys {
	struct signing_key *signing;
	struct signing_key *next; /* of a rotation under way, or NULL: see rotation.h */
	json_t *statements;	  /* array: number, ids, envelope; in the arena */
	struct tls_key *ca;
	char *ca_pem; /* in the arena */
};

/*
 * Loads the keys of folder, or makes them when the authority has no certificate yet. A certificate
 * without its keys is ERR_INTERNAL: making new ones would lock every node out. So is a key that
 * others than its owner may read.
 */
MUST_CHECK bool signer_keys_open(const char *folder, usec_t now, struct arena *arena,
				 struct signer_keys *out, struct error *err);

void signer_keys_release(struct signer_keys *keys);
