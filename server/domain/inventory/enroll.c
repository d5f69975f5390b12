/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/inventory/enroll.h"

#include <string.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "base/id.h"
#include "base/x509.h"
#include "domain/alert/event.h"
#include "domain/audit/audit.h"
#include "domain/inventory/labels.h"
#include "protocol/topics.h"
#include "signer/client.h"
#include "store/certificates.h"
#include "store/changes.h"
#include "store/db.h"
#include "store/enroll.h"
#include "store/nodes.h"

#define TOKEN_PREFIX "mse_"
enum {
	TOKEN_SECRET_BYTES = 32,
	NAME_MAX_BYTES = 63,
	REFUSALS_PER_MINUTE = 100,
	ENROLL_ATTEMPTS = 3,
};

/* --- tokens --- */

struct token_creation {
	struct enroll_token *record;
	uint8_t hash[SHA256_SIZE];
};

static bool token_create_run(struct ctx *ctx, void *arg, struct error *err)
{
	struct token_creation *creation = arg;
	struct enroll_token *record = creation->record;

	return enroll_tokens_insert(ctx, record, creation->hash, err) &&
	       audit_write(ctx, "enroll_token.create", "enroll_token", record->id,
			   json_pack("{s:s, s:I, s:O*}", "name", record->name, "uses",
				     (json_int_t)record->uses, "labels", record->labels),
			   err) &&
	       changes_insert(ctx, "token", record->id, err);
}

static const char *token_new(struct arena *arena)
{
	uint8_t secret[TOKEN_SECRET_BYTES];
	char text[BASE64URL_SIZE(TOKEN_SECRET_BYTES)];

	random_bytes(secret, sizeof(secret));
	base64url_encode(secret, sizeof(secret), text);
	secure_wipe(secret, sizeof(secret));
	return arena_printf(arena, TOKEN_PREFIX "%s", text);
}

bool inventory_enroll_token_create(struct ctx *ctx, struct enroll_token *record, const char **token,
				   struct error *err)
{
	struct token_creation creation = {.record = record};
	char *id = arena_alloc(ctx->arena, ID_SIZE);

	if (!labels_check(record->labels, "labels", err))
		return false;
	id_random(id, "");
	record->id = id;
	record->created_by = ctx->actor->name;
	record->created_at = ctx->now;
	record->uses_left = record->uses;
	const char *text = token_new(ctx->arena);
	sha256(text, strlen(text), creation.hash);
	if (!db_transaction(ctx, token_create_run, &creation, err))
		return false;
	*token = text;
	return true;
}

static bool token_revoke_run(struct ctx *ctx, void *arg, struct error *err)
{
	const char *id = arg;

	return enroll_tokens_revoke(ctx, id, err) &&
	       audit_write(ctx, "enroll_token.revoke", "enroll_token", id, NULL, err) &&
	       changes_insert(ctx, "token", id, err);
}

bool inventory_enroll_token_revoke(struct ctx *ctx, const char *id, struct error *err)
{
	return db_transaction(ctx, token_revoke_run, arena_strdup(ctx->arena, id), err);
}

/* --- enrolment --- */

const char *inventory_name_from_host(const char *hostname, struct arena *arena)
{
	size_t length = strcspn(hostname, ".");
	char *name;

	if (length > NAME_MAX_BYTES)
		length = NAME_MAX_BYTES;
	name = arena_strndup(arena, hostname, length);
	for (char *c = name; *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
		else if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", *c))
			*c = '-';
	}
	while (*name == '-' || *name == '_')
		name++;
	return *name ? name : "gateway";
}

struct enrolment {
	const struct enroll_request *request;
	struct enroll_answer *answer;
	struct enroll_token token;
	uint8_t token_hash[SHA256_SIZE];
	uint8_t key_sha256[SHA256_SIZE];
	const char *wanted_name;
	bool token_found;
};

static bool token_check(struct ctx *ctx, const struct enroll_token *token, bool repeated,
			struct error *err)
{
	if (token->revoked_at)
		return error_set(err, ERR_UNAUTHENTICATED, "enrolment token is revoked");
	if (token->expires_at <= ctx->now)
		return error_set(err, ERR_UNAUTHENTICATED, "enrolment token has expired");
	if (!repeated && token->uses_left == 0)
		return error_set(err, ERR_UNAUTHENTICATED, "enrolment token is used up");
	return true;
}

/* The device asks again: same node, same certificate. */
static bool enroll_again(struct ctx *ctx, struct enrolment *enrolment,
			 const struct enrollment *known, struct error *err)
{
	struct enroll_answer *answer = enrolment->answer;

	if (!nodes_get(ctx, known->node_id, &answer->node, err))
		return false;
	if (strcmp(answer->node.state, "retired") == 0)
		return error_set(err, ERR_FORBIDDEN, "node \"%s\" of this key is retired",
				 answer->node.name);
	answer->certificate = known->certificate;
	answer->repeated = true;
	return true;
}

/* The token's labels win over what the device says of itself. */
static json_t *merged_labels(struct ctx *ctx, const struct enrolment *enrolment)
{
	json_t *labels =
		enrolment->request->labels ? json_copy(enrolment->request->labels) : json_object();

	json_object_update(labels, enrolment->token.labels);
	return json_keep(labels, ctx->arena);
}

static bool enroll_new(struct ctx *ctx, struct enrolment *enrolment, struct error *err)
{
	const struct enroll_request *request = enrolment->request;
	struct enroll_answer *answer = enrolment->answer;
	struct certificate certificate;
	char id[ID_SIZE], *pem;
	const char *name;
	bool known;

	if (!enrollments_key_known(ctx, enrolment->key_sha256, &known, err))
		return false;
	if (known)
		return error_set(err, ERR_FORBIDDEN, "this key belongs to another node");
	id_random(id, "n");
	if (!signer_issue(ctx->server->signer, request->csr, id,
			  ctx->server->certificate_lifetime_ms / 1000, ctx->arena, &pem, err) ||
	    !certificate_parse(pem, strlen(pem), ctx->arena, &certificate, err) ||
	    !nodes_free_name(ctx, enrolment->wanted_name, &name, err))
		return false;
	const struct node_new node = {
		.id = id,
		.name = name,
		.labels = merged_labels(ctx, enrolment),
		.shard = topic_shard(id),
		.platform = request->platform,
		.hostname = request->hostname,
		.agent_version = request->agent_version,
		.cert_serial = certificate.serial,
		.cert_not_after = certificate.not_after,
		.key_sha256 = enrolment->key_sha256,
	};
	const struct enrollment enrollment = {id, pem};
	if (!nodes_insert(ctx, &node, err) ||
	    !certificates_insert(ctx, id, &certificate, enrolment->key_sha256, err) ||
	    !enrollments_insert(ctx, enrolment->token.id, enrolment->key_sha256, &enrollment,
				err) ||
	    !nodes_get(ctx, id, &answer->node, err))
		return false;
	answer->certificate = pem;
	return true;
}

static bool enroll_run(struct ctx *outer, void *arg, struct error *err)
{
	struct enrolment *enrolment = arg;
	struct enroll_answer *answer = enrolment->answer;
	struct enrollment known;
	bool repeated;

	*answer = (struct enroll_answer){0};
	if (!enroll_tokens_find_by_hash(outer, enrolment->token_hash, &enrolment->token,
					&enrolment->token_found, err))
		return false;
	if (!enrolment->token_found)
		return error_set(err, ERR_UNAUTHENTICATED, "enrolment token is not known");
	struct ctx ctx = *outer;
	ctx.project_id = answer->project_id = enrolment->token.project_id;
	answer->project = enrolment->token.project_name;
	if (!enrollments_find(&ctx, enrolment->token.id, enrolment->key_sha256, &known, &repeated,
			      err) ||
	    !token_check(&ctx, &enrolment->token, repeated, err))
		return false;
	if (repeated)
		return enroll_again(&ctx, enrolment, &known, err);
	if (!enroll_new(&ctx, enrolment, err))
		return false;
	struct actor actor = {.kind = ACTOR_NODE,
			      .id = answer->node.id,
			      .name = answer->node.name,
			      .remote = outer->actor->remote};
	ctx.actor = &actor;
	return audit_write(&ctx, "node.enroll", "node", answer->node.id,
			   json_pack("{s:s, s:s, s:s?}", "name", answer->node.name, "token",
				     enrolment->token.id, "hostname", enrolment->request->hostname),
			   err) &&
	       changes_insert(&ctx, "node", answer->node.id, err) &&
	       event_emit(&ctx, "node.enrolled",
			  json_pack("{s:s, s:s, s:O, s:s?, s:s?}", "id", answer->node.id, "name",
				    answer->node.name, "labels", answer->node.labels, "hostname",
				    answer->node.hostname, "platform", answer->node.platform),
			  err) &&
	       enroll_tokens_use(&ctx, enrolment->token.id, err);
}

static bool request_check(struct ctx *ctx, struct enrolment *enrolment, struct error *err)
{
	const struct enroll_request *request = enrolment->request;
	char key_hex[SHA256_HEX_SIZE];
	size_t length = strlen(request->csr), size;

	if (length > ENROLL_CSR_MAX_BYTES)
		return error_set_field(err, ERR_TOO_LARGE, "csr", "csr is longer than %d bytes",
				       ENROLL_CSR_MAX_BYTES);
	if (request->name && !id_valid_name(request->name))
		return error_set_field(
			err, ERR_INVALID, "name",
			"a name is 1 to 63 of a-z, 0-9, \".\", \"_\" and \"-\", and begins with a letter or digit");
	if (!labels_check(request->labels, "labels", err))
		return false;
	if (!csr_verify(request->csr, length, key_hex, err))
		return error_prefix(err, "csr");
	if (!hex_decode(key_hex, strlen(key_hex), enrolment->key_sha256, SHA256_SIZE, &size))
		return error_set(err, ERR_INTERNAL, "hash of a key is not hex");
	enrolment->wanted_name = request->name
					 ? request->name
					 : inventory_name_from_host(request->hostname, ctx->arena);
	sha256(request->token, strlen(request->token), enrolment->token_hash);
	return true;
}

/*
 * What was refused is rolled back, so its audit row is a transaction of its own. Anybody may be refused,
 * so only so many rows a minute are written.
 */
static bool refused(struct ctx *outer, const struct enrolment *enrolment, struct error *err)
{
	struct ctx ctx = *outer;
	struct error ignored;
	int64_t recent;

	if (err->code != ERR_UNAUTHENTICATED && err->code != ERR_FORBIDDEN &&
	    err->code != ERR_INVALID)
		return false;
	if (!enrollments_refused_since(&ctx, ctx.now - USEC_PER_MINUTE, &recent, &ignored) ||
	    recent >= REFUSALS_PER_MINUTE)
		return false;
	if (enrolment->token_found)
		ctx.project_id = enrolment->token.project_id;
	json_t *detail = json_pack("{s:s, s:s?}", "reason", err->text, "hostname",
				   enrolment->request->hostname);
	(void)!audit_write(&ctx, "node.enroll_refused", "enroll_token",
			   enrolment->token_found ? enrolment->token.id : NULL, detail, &ignored);
	return false;
}

bool inventory_enroll(struct ctx *ctx, const struct enroll_request *request,
		      struct enroll_answer *out, struct error *err)
{
	struct enrolment enrolment = {.request = request, .answer = out};

	if (!request_check(ctx, &enrolment, err))
		return refused(ctx, &enrolment, err);
	/* Of two with the same key, or of which one wants what the other was given for a name that was
	 * taken, the second finds out when it inserts; looking again tells it what to do. */
	for (int attempt = 1; !db_transaction(ctx, enroll_run, &enrolment, err); attempt++)
		if (err->code != ERR_CONFLICT || attempt == ENROLL_ATTEMPTS)
			return refused(ctx, &enrolment, err);
	return true;
}
