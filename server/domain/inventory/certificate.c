/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/inventory/certificate.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/x509.h"
#include "domain/audit/audit.h"
#include "domain/inventory/enroll.h"
#include "signer/client.h"
#include "store/certificates.h"
#include "store/changes.h"
#include "store/db.h"
#include "store/enroll.h"
#include "store/nodes.h"

enum { ISSUED_PER_HOUR = 20, REFUSALS_PER_MINUTE = 100, PROOF_MAX = 1024 };

struct renewal {
	const char *node_id;
	const char *csr;
	uint8_t key_sha256[SHA256_SIZE];
	const char *pem;
};

static bool read_key(struct renewal *renewal, struct error *err)
{
	char hex[SHA256_HEX_SIZE];
	size_t length = strlen(renewal->csr), size;

	if (length > ENROLL_CSR_MAX_BYTES)
		return error_set_field(err, ERR_TOO_LARGE, "csr", "csr is longer than %d bytes",
				       ENROLL_CSR_MAX_BYTES);
	if (!csr_verify(renewal->csr, length, hex, err))
		return error_prefix(err, "csr");
	return hex_decode(hex, strlen(hex), renewal->key_sha256, SHA256_SIZE, &size) ||
	       error_set(err, ERR_INTERNAL, "hash of a key is not hex");
}

static bool issue(struct ctx *ctx, struct renewal *renewal, const struct node *node,
		  struct error *err)
{
	struct certificate certificate;
	int64_t recent;
	bool taken;
	char *pem;

	if (!enrollments_key_known(ctx, renewal->key_sha256, &taken, err) ||
	    !certificates_count(ctx, node->id, ctx->now - USEC_PER_HOUR, &recent, err))
		return false;
	if (taken)
		return error_set(err, ERR_FORBIDDEN, "this key belongs to another node");
	if (recent >= ISSUED_PER_HOUR)
		return error_set(err, ERR_LIMITED,
				 "node \"%s\" was given %d certificates within an hour", node->name,
				 ISSUED_PER_HOUR);
	if (!signer_issue(ctx->server->signer, renewal->csr, node->id,
			  ctx->server->certificate_lifetime_ms / 1000, ctx->arena, &pem, err) ||
	    !certificate_parse(pem, strlen(pem), ctx->arena, &certificate, err) ||
	    !certificates_insert(ctx, node->id, &certificate, renewal->key_sha256, err))
		return false;
	renewal->pem = pem;
	return audit_write(
		       ctx, "node.certificate", "node", node->id,
		       json_pack("{s:s, s:s}", "name", node->name, "serial", certificate.serial),
		       err) &&
	       changes_insert(ctx, "node", node->id, err);
}

static bool renew_run(struct ctx *ctx, void *arg, struct error *err)
{
	struct renewal *renewal = arg;
	struct certificate_record known;
	struct node node;
	bool found;

	if (!nodes_get_for_update(ctx, renewal->node_id, &node, err) ||
	    !certificates_find_key(ctx, node.id, renewal->key_sha256, &known, &found, err))
		return false;
	if (strcmp(node.state, "retired") == 0)
		return error_set(err, ERR_FORBIDDEN, "node \"%s\" is retired", node.name);
	/* The answer was lost: the same again, as long as it is worth something. */
	if (found && known.certificate != NULL &&
	    ctx->now < known.not_after - (known.not_after - known.issued_at) / 3) {
		renewal->pem = known.certificate;
		return true;
	}
	if (found)
		return error_set(err, ERR_CONFLICT, "a renewal needs a new key");
	struct actor actor = {
		.kind = ACTOR_NODE, .id = node.id, .name = node.name, .remote = ctx->actor->remote};
	struct ctx inside = *ctx;
	inside.actor = &actor;
	return issue(&inside, renewal, &node, err);
}

bool inventory_certificate_renew(struct ctx *ctx, const char *node_id, const char *csr,
				 const char **pem, struct error *err)
{
	struct renewal renewal = {.node_id = node_id, .csr = csr};

	if (!read_key(&renewal, err) || !db_transaction(ctx, renew_run, &renewal, err))
		return false;
	*pem = renewal.pem;
	return true;
}

/* --- after the end --- */

static bool check_proof(const struct renewal_request *request, struct arena *arena,
			struct error *err)
{
	const char *said = arena_printf(arena, RENEWAL_PROOF_PREFIX "%s", request->csr);
	uint8_t signature[PROOF_MAX];
	size_t size, length = strlen(request->proof);

	if (length < sizeof(signature) &&
	    base64_decode(request->proof, length, signature, sizeof(signature), &size) &&
	    certificate_has_signed(request->certificate, said, strlen(said), signature, size))
		return true;
	return error_set(err, ERR_UNAUTHENTICATED,
			 "the request is not signed with the key of the old certificate");
}

static bool check_times(struct ctx *ctx, const struct certificate_record *known, struct error *err)
{
	const usec_t grace = ctx->server->certificate_grace_ms * USEC_PER_MSEC;
	char text[TIME_TEXT_SIZE];
	usec_t due = known->issued_at + (known->not_after - known->issued_at) / 3 * 2;

	time_format(ctx->now < due ? due : known->not_after, text);
	if (ctx->now < due)
		return error_set(err, ERR_CONFLICT, "it is good, and renewed from %s on", text);
	if (ctx->now > known->not_after + grace)
		return error_set(err, ERR_FORBIDDEN,
				 "it ended on %s, too long ago to be renewed: enrol the gateway "
				 "again with a new key",
				 text);
	return true;
}

static bool find_old(struct ctx *ctx, const struct renewal_request *request,
		     struct certificate_record *known, bool *found, struct error *err)
{
	struct certificate old;

	*found = false;
	if (!certificate_parse(request->certificate, strlen(request->certificate), ctx->arena, &old,
			       err))
		return error_prefix(err, "certificate");
	/* At its own time: that it has ended is what this is about. */
	if (!certificate_verify(request->certificate, ctx->server->ca_pem, CERTIFICATE_CLIENT,
				old.not_before, err) ||
	    !certificates_find(ctx, old.serial, known, found, err))
		return err->code == ERR_UNAVAILABLE
			       ? false
			       : error_set(err, ERR_UNAUTHENTICATED,
					   "the certificate is not of this server");
	return *found || error_set(err, ERR_UNAUTHENTICATED, "the certificate is not known");
}

/* A transaction of its own, since what was refused is rolled back; only so many a minute. */
static bool refused(struct ctx *outer, const struct certificate_record *known, bool found,
		    struct error *err)
{
	struct ctx ctx = *outer;
	struct error ignored;
	int64_t recent;

	if ((err->code != ERR_UNAUTHENTICATED && err->code != ERR_FORBIDDEN) ||
	    !enrollments_refused_since(&ctx, ctx.now - USEC_PER_MINUTE, &recent, &ignored) ||
	    recent >= REFUSALS_PER_MINUTE)
		return false;
	if (found)
		ctx.project_id = known->project_id;
	(void)!audit_write(&ctx, "node.enroll_refused", "node", found ? known->node_id : NULL,
			   json_pack("{s:s, s:s}", "reason", err->text, "of", "renewal"), &ignored);
	return false;
}

static bool rescue(struct ctx *outer, const struct renewal_request *request,
		   struct certificate_record *known, bool *found, const char **pem,
		   struct error *err)
{
	if (!find_old(outer, request, known, found, err) ||
	    !check_proof(request, outer->arena, err))
		return false;
	if (known->retired)
		return error_set(err, ERR_FORBIDDEN, "node \"%s\" is retired", known->node_name);
	if (known->superseded)
		return error_set(err, ERR_FORBIDDEN,
				 "node \"%s\" has used a newer certificate since: this may be a "
				 "copy of it",
				 known->node_name);
	struct ctx ctx = *outer;
	ctx.project_id = known->project_id;
	return check_times(&ctx, known, err) &&
	       inventory_certificate_renew(&ctx, known->node_id, request->csr, pem, err);
}

bool inventory_certificate_rescue(struct ctx *ctx, const struct renewal_request *request,
				  const char **pem, struct error *err)
{
	struct certificate_record known = {0};
	bool found = false;

	return rescue(ctx, request, &known, &found, pem, err) || refused(ctx, &known, found, err);
}

bool inventory_certificate_revoked_write(struct ctx *ctx, const char *path, struct error *err)
{
	const char *const *serials;
	size_t count;
	char *pem;

	return certificates_revoked(ctx, &serials, &count, err) &&
	       signer_revoke(ctx->server->signer, serials, count, ctx->arena, &pem, err) &&
	       file_write_atomic(path, pem, strlen(pem), 0644, err);
}
