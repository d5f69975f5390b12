/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a device becomes a node: it shows a token that a person made for it, and a signing request whose
 * key never leaves it; it gets an id, a name and a certificate. The server makes all of them and takes
 * nothing from the request but the key. The same token and key give the same node again, so a device
 * that lost the answer may ask once more. Refusals are audited.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "model/enroll.h"
#include "model/node.h"

enum {
	ENROLL_CSR_MAX_BYTES = 16 << 10,
	ENROLL_TOKEN_USES_MAX = 100000,
	ENROLL_TOKEN_MAX_S = 365 * 86400,
};

/* Makes a token; token gets its only copy. token->id, times and creator are filled in. */
MUST_CHECK bool inventory_enroll_token_create(struct ctx *ctx, struct enroll_token *record,
					      const char **token, struct error *err);
MUST_CHECK bool inventory_enroll_token_revoke(struct ctx *ctx, const char *id, struct error *err);

struct enroll_request {
	const char *token;
	const char *csr; /* PEM */
	const char *hostname;
	const char *name; /* wanted name, or NULL: made from the host name */
	const char *platform;
	const char *agent_version;
	json_t *labels; /* what the device says; the token's labels win */
};

struct enroll_answer {
	struct node node;
	const char *project_id;
	const char *project; /* name */
	const char *certificate;
	bool repeated; /* the same token and key were here before */
};

/* ctx has no project yet. UNAUTHENTICATED: token; INVALID: request; FORBIDDEN: the key is another
 * node's. */
MUST_CHECK bool inventory_enroll(struct ctx *ctx, const struct enroll_request *request,
				 struct enroll_answer *out, struct error *err);

/* A host name as the name of a node: lower case, other characters become '-'. For tests. */
const char *inventory_name_from_host(const char *hostname, struct arena *arena);
