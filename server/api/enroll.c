/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/api.h"
#include "api/encode.h"
#include "api/handlers.h"
#include "api/install.h"
#include "base/arena.h"
#include "base/fields.h"
#include "domain/inventory/brokers.h"
#include "domain/inventory/certificate.h"
#include "domain/inventory/enroll.h"
#include "signer/client.h"
#include "store/enroll.h"
#include "store/package_releases.h"

enum { EXPIRES_DEFAULT_S = 86400, USES_DEFAULT = 1 };

struct token_body {
	const char *name;
	json_t *labels;
	int64_t uses;
	int64_t expires_in_s;
};

static const struct field TOKEN_BODY_FIELDS[] = {
	FIELD_STRING(struct token_body, name, 0, 128),
	FIELD_JSON(struct token_body, labels, 0),
	FIELD_INT64(struct token_body, uses, 0, 1, ENROLL_TOKEN_USES_MAX),
	FIELD_INT64(struct token_body, expires_in_s, 0, 1, ENROLL_TOKEN_MAX_S),
	FIELD_END,
};

static const struct field TOKEN_FIELDS[] = {
	FIELD_STRING(struct enroll_token, id, 0, 64),
	FIELD_STRING(struct enroll_token, name, 0, 128),
	FIELD_JSON(struct enroll_token, labels, 0),
	FIELD_INT64(struct enroll_token, uses, 0, 0, INT64_MAX),
	FIELD_INT64(struct enroll_token, uses_left, 0, 0, INT64_MAX),
	FIELD_TIME(struct enroll_token, expires_at, 0),
	FIELD_TIME(struct enroll_token, revoked_at, FIELD_NULLABLE),
	FIELD_STRING(struct enroll_token, created_by, FIELD_NULLABLE, 512),
	FIELD_TIME(struct enroll_token, created_at, 0),
	FIELD_END,
};

bool enroll_tokens_list_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct enroll_token *tokens;
	const char *next = NULL;
	struct page page;
	int64_t total;
	size_t count;
	usec_t at;

	if (!request_page(req, 2, &page, err))
		return false;
	if (page.key_count && !time_parse(page.keys[0], strlen(page.keys[0]), &at))
		return error_set_field(err, ERR_INVALID, "cursor", "malformed cursor");
	if (!enroll_tokens_list(ctx, page.key_count ? page.keys[0] : NULL,
				page.key_count ? page.keys[1] : NULL, page.limit + 1, &tokens,
				&count, err) ||
	    !enroll_tokens_count(ctx, &total, err))
		return false;
	if (count > (size_t)page.limit) {
		char text[TIME_TEXT_SIZE];

		count = (size_t)page.limit;
		time_format(tokens[count - 1].created_at, text);
		next = page_cursor(ctx, (const char *[]){text, tokens[count - 1].id}, 2);
	}
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, fields_encode(TOKEN_FIELDS, &tokens[i]));
	return request_reply_page(req, items, next, total);
}

bool enroll_tokens_post_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct token_body body = {
		.name = "", .uses = USES_DEFAULT, .expires_in_s = EXPIRES_DEFAULT_S};
	const char *token;

	if (!fields_decode(TOKEN_BODY_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &body,
			   err))
		return false;
	struct enroll_token record = {.name = body.name,
				      .labels = body.labels,
				      .uses = body.uses,
				      .expires_at = ctx->now + body.expires_in_s * USEC_PER_SEC};
	if (!inventory_enroll_token_create(ctx, &record, &token, err))
		return false;
	const struct server *server = ctx->server;
	const char *command = arena_printf(ctx->arena,
					   "muster-agent enroll --server %s --token %s "
					   "--ca-fingerprint %s --dir /var/lib/muster-agent",
					   server->public_url, token, server->ca_fingerprint);
	json_t *reply = fields_encode(TOKEN_FIELDS, &record);
	json_object_set_new(reply, "token", json_string(token));
	json_object_set_new(reply, "ca_fingerprint", json_string(server->ca_fingerprint));
	json_object_set_new(reply, "server_url", json_string(server->public_url));
	json_object_set_new(reply, "command", json_string(command));
	const char *line = installer_command(server->api->installer, ctx, token);
	json_object_set_new(reply, "install_command", line ? json_string(line) : json_null());
	return request_reply_json(req, 201, reply);
}

bool enroll_tokens_delete_handler(struct request *req, struct error *err)
{
	return inventory_enroll_token_revoke(request_ctx(req), request_arg(req, 0), err) &&
	       request_reply_empty(req, 204);
}

static const struct field REQUEST_FIELDS[] = {
	FIELD_STRING(struct enroll_request, token, FIELD_REQUIRED, 128),
	FIELD_STRING(struct enroll_request, csr, FIELD_REQUIRED, ENROLL_CSR_MAX_BYTES),
	FIELD_STRING(struct enroll_request, hostname, FIELD_REQUIRED, 253),
	FIELD_STRING(struct enroll_request, platform, FIELD_REQUIRED, 32),
	FIELD_STRING(struct enroll_request, agent_version, FIELD_REQUIRED, 64),
	FIELD_STRING(struct enroll_request, name, FIELD_NULLABLE, 63),
	FIELD_JSON(struct enroll_request, labels, 0),
	FIELD_END,
};

static bool answer_encode(struct ctx *outer, const struct enroll_answer *answer, json_t **out,
			  struct error *err)
{
	const struct server *server = outer->server;
	const struct signer_identity *signer = signer_public(server->signer);
	struct ctx ctx = *outer;
	struct release_key *keys;
	char now[TIME_TEXT_SIZE];
	size_t count;

	ctx.project_id = answer->project_id;
	if (!release_keys_list(&ctx, &keys, &count, err))
		return false;
	json_t *release_keys = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(release_keys, json_pack("{s:s, s:s}", "id", keys[i].key_id,
							      "public", keys[i].public_key));
	time_format(ctx.now, now);
	*out = json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:o, s:O, s:i, s:o, s:i, s:s}", "node_id",
			 answer->node.id, "name", answer->node.name, "project", answer->project,
			 "shard", answer->node.shard, "certificate", answer->certificate, "ca",
			 server->ca_pem, "brokers", inventory_brokers(server, answer->node.shard),
			 "signing_keys", signer->keys, "trust", signer->trust, "release_keys",
			 release_keys, "health_interval_ms", server->health_interval_ms,
			 "server_time", now);
	return true;
}

bool enroll_post_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct enroll_request body = {0};
	struct enroll_answer answer;
	json_t *reply;

	/* Tolerant: newer agents may say more. */
	return fields_decode(REQUEST_FIELDS, request_json(req), FIELDS_TOLERANT, ctx->arena, &body,
			     err) &&
	       inventory_enroll(ctx, &body, &answer, err) &&
	       answer_encode(ctx, &answer, &reply, err) && request_reply_json(req, 201, reply);
}

static const struct field RENEWAL_FIELDS[] = {
	FIELD_STRING(struct renewal_request, certificate, FIELD_REQUIRED, ENROLL_CSR_MAX_BYTES),
	FIELD_STRING(struct renewal_request, csr, FIELD_REQUIRED, ENROLL_CSR_MAX_BYTES),
	FIELD_STRING(struct renewal_request, proof, FIELD_REQUIRED, 1024),
	FIELD_END,
};

bool enroll_renew_post_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct renewal_request body = {0};
	char now[TIME_TEXT_SIZE];
	const char *certificate;

	if (!fields_decode(RENEWAL_FIELDS, request_json(req), FIELDS_TOLERANT, ctx->arena, &body,
			   err) ||
	    !inventory_certificate_rescue(ctx, &body, &certificate, err))
		return false;
	time_format(ctx->now, now);
	return request_reply_json(
		req, 201, json_pack("{s:s, s:s}", "certificate", certificate, "server_time", now));
}
