/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox/envelope.h"

#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "domain/desired/seal.h"
#include "domain/inventory/certificate.h"
#include "domain/package/url.h"
#include "protocol/dsse.h"
#include "protocol/messages.h"
#include "signer/client.h"

enum { DESIRED_MINUTES = 24 * 60, COMMAND_MINUTES = 5, CACHES_MAX = 7 };

usec_t command_expiry(usec_t created_at)
{
	return created_at + COMMAND_MINUTES * USEC_PER_MINUTE;
}

/* A string, or an array of the same path at each cache before it. */
static json_t *add_caches(const struct server *server, const char *url, struct arena *arena)
{
	const char *path = url + strlen(server->public_url), *text = server->package_caches;
	json_t *urls = json_array();

	for (text += strspn(text, ", "); *text && json_array_size(urls) < CACHES_MAX;
	     text += strspn(text, ", ")) {
		size_t length = strcspn(text, ", "), end = length;

		while (end > 0 && text[end - 1] == '/')
			end--;
		json_array_append_new(
			urls, json_string(arena_printf(arena, "%.*s%s", (int)end, text, path)));
		text += length;
	}
	if (json_array_size(urls) == 0) {
		json_decref(urls);
		return json_string(url);
	}
	json_array_append_new(urls, json_string(url));
	return urls;
}

/* The addresses of each package; the map is empty when nothing is to be fetched. */
static bool add_fetch(struct ctx *ctx, const struct outbox_item *item, json_t *fetch,
		      struct error *err)
{
	const usec_t expires = ctx->now + PACKAGE_URL_MINUTES * USEC_PER_MINUTE;
	const char *name;
	json_t *content, *service;

	if (!json_parse_limited(item->content, strlen(item->content), LIMIT_JSON_DEPTH * 2,
				&content, err))
		return error_prefix(err, "desired state of node %s", item->node_id);
	json_keep(content, ctx->arena);
	json_object_foreach (json_object_get(content, "services"), name, service) {
		const char *sha256 = json_string_value(
			json_object_get(json_object_get(service, "package"), "sha256"));

		if (sha256 != NULL)
			json_object_set_new(
				fetch, sha256,
				add_caches(ctx->server,
					   package_url_make(ctx->server, sha256, item->node_id,
							    expires, ctx->arena),
					   ctx->arena));
	}
	return true;
}

bool envelope_desired(struct ctx *ctx, const struct outbox_item *item, char **out,
		      struct error *err)
{
	json_t *fetch = json_keep(json_object(), ctx->arena);
	const struct desired_letter letter = {
		.node_id = item->node_id,
		.generation = item->generation,
		.digest = item->digest,
		.content = item->content,
		.fetch = fetch,
		.expires = ctx->now + DESIRED_MINUTES * USEC_PER_MINUTE,
	};

	return add_fetch(ctx, item, fetch, err) && desired_seal(ctx, &letter, out, err);
}

/* A request of the node for a certificate becomes the certificate. */
static bool command_args(struct ctx *outer, const struct outbox_item *item, json_t **out,
			 struct error *err)
{
	json_t *args = json_object_get(item->payload, "args");
	const char *csr = json_string_value(json_object_get(args, "csr"));
	struct ctx ctx = *outer;
	const char *certificate;

	*out = args;
	if (!outbox_is(item, "renew"))
		return true;
	ctx.project_id = item->project_id;
	if (csr == NULL)
		return error_set(err, ERR_INTERNAL, "request for a certificate without csr");
	if (!inventory_certificate_renew(&ctx, item->node_id, csr, &certificate, err))
		return false;
	*out = json_keep(json_pack("{s:s}", "certificate", certificate), outer->arena);
	return true;
}

bool envelope_command(struct ctx *ctx, const struct outbox_item *item, char **out,
		      struct error *err)
{
	json_t *args;
	if (!command_args(ctx, item, &args, err))
		return false;
	const struct msg_command command = {
		.node = item->node_id,
		.id = json_string_value(json_object_get(item->payload, "id")),
		.issued = ctx->now,
		.expires = command_expiry(item->created_at),
		.kind = json_string_value(json_object_get(item->payload, "kind")),
		.service = json_string_value(json_object_get(item->payload, "service")),
		.args = args,
	};

	if (command.id == NULL || command.kind == NULL)
		return error_set(err, ERR_INTERNAL, "command %lld of node %s has no id or kind",
				 (long long)item->id, item->node_id);
	const char *text =
		json_text(json_keep(msg_command_encode(&command), ctx->arena), ctx->arena);
	return signer_sign(ctx->server->signer, DSSE_COMMAND, text, strlen(text), ctx->arena, out,
			   err);
}
