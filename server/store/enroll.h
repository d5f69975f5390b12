/* SPDX-License-Identifier: Apache-2.0 */
/* Tables enroll_token and enrollment. Tokens are known by their SHA-256 only. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/crypto.h"
#include "base/error.h"
#include "model/ctx.h"
#include "model/enroll.h"

MUST_CHECK bool enroll_tokens_insert(struct ctx *ctx, const struct enroll_token *token,
				     const uint8_t hash[SHA256_SIZE], struct error *err);

/* Newest first; after_at and after_id: where the last page ended, NULL at first. */
MUST_CHECK bool enroll_tokens_list(struct ctx *ctx, const char *after_at, const char *after_id,
				   int64_t limit, struct enroll_token **out, size_t *count,
				   struct error *err);
MUST_CHECK bool enroll_tokens_count(struct ctx *ctx, int64_t *out, struct error *err);

/* NOT_FOUND when it does not exist or is revoked already. */
MUST_CHECK bool enroll_tokens_revoke(struct ctx *ctx, const char *id, struct error *err);

/* In whatever project: the one lookup that comes before a project is known. */
MUST_CHECK bool enroll_tokens_find_by_hash(struct ctx *ctx, const uint8_t hash[SHA256_SIZE],
					   struct enroll_token *out, bool *found,
					   struct error *err);

/* Takes one use, and holds the token until the transaction ends. ERR_UNAUTHENTICATED when it is used
 * up or revoked by now. */
MUST_CHECK bool enroll_tokens_use(struct ctx *ctx, const char *id, struct error *err);

struct enrollment {
	const char *node_id;
	const char *certificate; /* PEM */
};

MUST_CHECK bool enrollments_find(struct ctx *ctx, const char *token_id,
				 const uint8_t key_sha256[SHA256_SIZE], struct enrollment *out,
				 bool *found, struct error *err);
MUST_CHECK bool enrollments_insert(struct ctx *ctx, const char *token_id,
				   const uint8_t key_sha256[SHA256_SIZE],
				   const struct enrollment *enrollment, struct error *err);

/* Whether a node that is not retired, in any project, has this key. */
MUST_CHECK bool enrollments_key_known(struct ctx *ctx, const uint8_t key_sha256[SHA256_SIZE],
				      bool *known, struct error *err);

/* Refusals that were audited since, in all projects; looks at the newest audit rows only. */
MUST_CHECK bool enrollments_refused_since(struct ctx *ctx, usec_t since, int64_t *count,
					  struct error *err);
