/* SPDX-License-Identifier: Apache-2.0 */
/* Table node_certificate: what nodes were given to prove who they are. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/crypto.h"
#include "base/error.h"
#include "base/x509.h"
#include "model/ctx.h"

/* One that is known, with what its node is now. Strings live in the arena. */
struct certificate_record {
	const char *node_id;
	const char *node_name;
	const char *project_id;
	bool retired;
	bool superseded;	 /* the node has used a newer one */
	const char *certificate; /* PEM or NULL */
	usec_t issued_at;
	usec_t not_after;
};

/* Also becomes what the node's row shows. */
MUST_CHECK bool certificates_insert(struct ctx *ctx, const char *node_id,
				    const struct certificate *certificate,
				    const uint8_t key_sha256[SHA256_SIZE], struct error *err);

/* In whatever project: who shows a certificate names none. */
MUST_CHECK bool certificates_find(struct ctx *ctx, const char *serial,
				  struct certificate_record *out, bool *found, struct error *err);

/* The newest of the node with this key. */
MUST_CHECK bool certificates_find_key(struct ctx *ctx, const char *node_id,
				      const uint8_t key_sha256[SHA256_SIZE],
				      struct certificate_record *out, bool *found,
				      struct error *err);

/* Issued to the node since. */
MUST_CHECK bool certificates_count(struct ctx *ctx, const char *node_id, usec_t since,
				   int64_t *count, struct error *err);

/* rows: [{id, serial}] of nodes that have said hello with one. */
MUST_CHECK bool certificates_used(struct ctx *ctx, const json_t *rows, struct error *err);

/* Serials of retired nodes that would still be valid. */
MUST_CHECK bool certificates_revoked(struct ctx *ctx, const char *const **serials, size_t *count,
				     struct error *err);
