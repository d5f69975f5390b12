/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/alert/webhook.h"

#include <string.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "base/id.h"
#include "domain/audit/audit.h"
#include "store/changes.h"
#include "store/db.h"
#include "store/deliveries.h"
#include "store/webhooks.h"

/* Every type that event_emit is called with; "rollout.*" and "*" are patterns. */
static const char *const EVENT_TYPES[] = {"*",
					  "alert.*",
					  "alert.firing",
					  "alert.resolved",
					  "rollout.*",
					  "rollout.running",
					  "rollout.paused",
					  "rollout.succeeded",
					  "rollout.failed",
					  "rollout.aborted",
					  "rollout.rolled_back",
					  "rollout.rolling_back",
					  "rollout.awaiting_approval",
					  "rollout.draft",
					  "node.*",
					  "node.copied",
					  "node.enrolled",
					  "node.offline",
					  "node.online",
					  "webhook.test",
					  NULL};

static bool url_check(const char *url, struct error *err)
{
	const char *host = NULL;

	if (strncmp(url, "https://", 8) == 0)
		host = url + 8;
	else if (strncmp(url, "http://", 7) == 0)
		host = url + 7;
	if (host == NULL || host[0] == '\0' || host[0] == '/' || host[0] == ':')
		return error_set_field(err, ERR_INVALID, "url",
				       "expected https://host/path or http://host/path");
	for (const char *c = url; *c != '\0'; c++)
		if (*c <= ' ' || *c == 0x7f)
			return error_set_field(err, ERR_INVALID, "url",
					       "a URL holds no spaces or control characters");
	if (memchr(host, '@', strcspn(host, "/?#")) != NULL)
		return error_set_field(err, ERR_INVALID, "url",
				       "a URL with a user name would leak it into logs; use the "
				       "signature to authenticate");
	return true;
}

static bool webhook_check(const struct webhook *webhook, struct error *err)
{
	if (webhook->name[0] == '\0')
		return error_set_field(err, ERR_INVALID, "name", "a webhook needs a name");
	if (webhook->event_count == 0)
		return error_set_field(err, ERR_INVALID, "events",
				       "expected at least one event type, such as \"alert.*\"");
	for (size_t i = 0; i < webhook->event_count; i++)
		if (names_find(EVENT_TYPES, webhook->events[i]) < 0)
			return error_set_field(err, ERR_INVALID, "events",
					       "there is no event type %s", webhook->events[i]);
	return url_check(webhook->url, err);
}

static bool audit(struct ctx *ctx, const char *action, const struct webhook *webhook,
		  struct error *err)
{
	return audit_write(ctx, action, "webhook", webhook->id,
			   json_pack("{s:s, s:s, s:b}", "name", webhook->name, "url", webhook->url,
				     "enabled", webhook->enabled),
			   err) &&
	       changes_insert(ctx, "webhook", webhook->id, err);
}

/* The one thing that conflicts in this table is the name. */
static bool refuse_name(const struct webhook *webhook, struct error *err)
{
	return err->code == ERR_CONFLICT
		       ? error_set_field(err, ERR_CONFLICT, "name",
					 "another webhook is called \"%s\" already", webhook->name)
		       : false;
}

static bool create(struct ctx *ctx, void *arg, struct error *err)
{
	struct webhook *webhook = arg;

	if (!webhooks_insert(ctx, webhook, err))
		return refuse_name(webhook, err);
	return audit(ctx, "webhook.create", webhook, err) &&
	       webhooks_get(ctx, webhook->id, webhook, err);
}

bool webhook_create(struct ctx *ctx, struct webhook *webhook, const char **secret,
		    struct error *err)
{
	uint8_t raw[WEBHOOK_SECRET_SIZE];
	char text[BASE64_SIZE(WEBHOOK_SECRET_SIZE)], id[ID_SIZE];
	uint8_t *sealed = arena_alloc(ctx->arena, sizeof(raw) + SEAL_OVERHEAD);

	if (!webhook_check(webhook, err))
		return false;
	id_random(id, "");
	random_bytes(raw, sizeof(raw));
	base64_encode(raw, sizeof(raw), text);
	seal(ctx->server->url_key, id, strlen(id), raw, sizeof(raw), sealed);
	webhook->id = arena_strdup(ctx->arena, id);
	webhook->secret_sealed = sealed;
	webhook->secret_size = sizeof(raw) + SEAL_OVERHEAD;
	*secret = arena_printf(ctx->arena, "whsec_%s", text);
	secure_wipe(raw, sizeof(raw));
	secure_wipe(text, sizeof(text));
	return db_transaction(ctx, create, webhook, err);
}

static bool update(struct ctx *ctx, void *arg, struct error *err)
{
	const struct webhook *webhook = arg;

	if (!webhooks_update(ctx, webhook, err))
		return refuse_name(webhook, err);
	return audit(ctx, "webhook.update", webhook, err) &&
	       db_notify(ctx->db, DB_CHANNEL_WEBHOOKS, err);
}

bool webhook_update(struct ctx *ctx, const struct webhook *webhook, struct error *err)
{
	struct webhook copy = *webhook;

	return webhook_check(webhook, err) && db_transaction(ctx, update, &copy, err);
}

static bool delete (struct ctx *ctx, void *arg, struct error *err)
{
	struct webhook webhook;

	return webhooks_get(ctx, arg, &webhook, err) && webhooks_delete(ctx, webhook.id, err) &&
	       audit(ctx, "webhook.delete", &webhook, err);
}

bool webhook_delete(struct ctx *ctx, const char *id, struct error *err)
{
	return db_transaction(ctx, delete, arena_strdup(ctx->arena, id), err);
}

static bool test(struct ctx *ctx, void *arg, struct error *err)
{
	struct webhook webhook;
	char event_id[ID_SIZE], at[TIME_TEXT_SIZE];

	if (!webhooks_get(ctx, arg, &webhook, err))
		return false;
	id_random(event_id, "");
	time_format(ctx->now, at);
	json_t *event =
		json_keep(json_pack("{s:s, s:s, s:{s:s, s:s}}", "type", "webhook.test", "timestamp",
				    at, "data", "id", webhook.id, "name", webhook.name),
			  ctx->arena);
	return deliveries_insert(ctx, webhook.id, event_id, "webhook.test",
				 json_text(event, ctx->arena), err) &&
	       audit(ctx, "webhook.test", &webhook, err);
}

bool webhook_test(struct ctx *ctx, const char *id, struct error *err)
{
	return db_transaction(ctx, test, arena_strdup(ctx->arena, id), err);
}

static bool redeliver(struct ctx *ctx, void *arg, struct error *err)
{
	struct delivery delivery;
	struct webhook webhook;

	return deliveries_get(ctx, arg, &delivery, err) &&
	       webhooks_get(ctx, delivery.webhook, &webhook, err) &&
	       deliveries_requeue(ctx, delivery.id, err) &&
	       audit(ctx, "webhook.redeliver", &webhook, err);
}

bool webhook_redeliver(struct ctx *ctx, const char *delivery_id, struct error *err)
{
	return db_transaction(ctx, redeliver, arena_strdup(ctx->arena, delivery_id), err);
}
