/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a node's certificate after enrolment: a new one for a new key while the old one is good,
 * over the link; one more chance for a node that slept through the end, which proves over HTTPS that
 * it holds the old key; the list of those that count no more.
 */
#pragma once

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/* What an expired node signs with its old key: these bytes, then its signing request. */
#define RENEWAL_PROOF_PREFIX "muster-renew-1\n"

struct renewal_request {
	const char *certificate; /* PEM: the old one */
	const char *csr;	 /* PEM: of the new key */
	const char *proof;	 /* base64 of the signature */
};

/*
 * Over the link: who may write on the node's topics has shown its certificate. The same key gets the
 * same certificate again. FORBIDDEN: retired, or the key is another node's. LIMITED: too many
 * of late. ctx has the node's project.
 */
MUST_CHECK bool inventory_certificate_renew(struct ctx *ctx, const char *node_id, const char *csr,
					    const char **pem, struct error *err);

/*
 * Over HTTPS, after the end too. UNAUTHENTICATED: not ours, not known, not proved; FORBIDDEN: retired,
 * over the grace, or a newer one is in use; CONFLICT: it is too early. Refusals are audited.
 */
MUST_CHECK bool inventory_certificate_rescue(struct ctx *ctx, const struct renewal_request *request,
					     const char **pem, struct error *err);

/* Writes the list of revoked certificates (PEM) to path, for brokers. */
MUST_CHECK bool inventory_certificate_revoked_write(struct ctx *ctx, const char *path,
						    struct error *err);
