/* SPDX-License-Identifier: Apache-2.0 */
/* Tables session, api_token and idempotency: what a request may show, by hash. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/crypto.h"
#include "base/error.h"
#include "model/access.h"
#include "model/ctx.h"

/* --- sessions --- */

MUST_CHECK bool sessions_insert(struct ctx *ctx, const uint8_t hash[SHA256_SIZE],
				const char *user_id, const char *csrf, usec_t expires_at,
				struct error *err);

/*
 * The live session of an enabled user that was used after idle_since. *found is false when there
 * is none. Notes the use, at most once a minute.
 */
MUST_CHECK bool sessions_find(struct ctx *ctx, const uint8_t hash[SHA256_SIZE], usec_t idle_since,
			      bool *found, struct session *out, struct error *err);
MUST_CHECK bool sessions_delete(struct ctx *ctx, const uint8_t hash[SHA256_SIZE],
				struct error *err);
MUST_CHECK bool sessions_delete_user(struct ctx *ctx, const char *user_id, struct error *err);

/* --- tokens --- */

MUST_CHECK bool tokens_insert(struct ctx *ctx, const struct api_token *token,
			      const uint8_t hash[SHA256_SIZE], struct error *err);

/* A token that may be used now, with the lesser of its role and its owner's; notes the use, at most once
 * a minute. */
MUST_CHECK bool tokens_find(struct ctx *ctx, const uint8_t hash[SHA256_SIZE], bool *found,
			    struct api_token *out, struct error *err);

/* Those of ctx's project that are not revoked, newest first; before and before_id are the keys of the
 * last one of the previous page (0, NULL: none). */
MUST_CHECK bool tokens_list(struct ctx *ctx, usec_t before, const char *before_id, int64_t limit,
			    struct api_token **out, size_t *count, int64_t *total,
			    struct error *err);

/* In ctx's project. NOT_FOUND when there is none that is valid. */
MUST_CHECK bool tokens_revoke(struct ctx *ctx, const char *id, struct error *err);

/* --- answers to repeated requests --- */

enum idempotency_state {
	IDEMPOTENCY_NEW,     /* reserved for us */
	IDEMPOTENCY_RUNNING, /* another request with this key is under way */
	IDEMPOTENCY_DONE,    /* status and body are those of the first one */
	IDEMPOTENCY_OTHER,   /* the key was used for another request */
};

/* Of ctx's project and actor. A reservation that was left behind is taken over after a minute. */
MUST_CHECK bool idempotency_begin(struct ctx *ctx, const char *key,
				  const uint8_t request_hash[SHA256_SIZE],
				  enum idempotency_state *state, unsigned int *status,
				  const char **body, struct error *err);
MUST_CHECK bool idempotency_finish(struct ctx *ctx, const char *key, unsigned int status,
				   const char *body, struct error *err);
/* The request failed: it may be tried again. */
MUST_CHECK bool idempotency_forget(struct ctx *ctx, const char *key, struct error *err);
