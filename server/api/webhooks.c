/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/encode.h"
#include "api/handlers.h"
#include "api/page.h"
#include "base/arena.h"
#include "base/fields.h"
#include "domain/alert/webhook.h"
#include "store/deliveries.h"
#include "store/webhooks.h"

enum { EVENTS_MAX = 32 };

static const struct field WEBHOOK_FIELDS[] = {
	FIELD_STRING(struct webhook, id, FIELD_READ_ONLY, 64),
	FIELD_STRING(struct webhook, name, FIELD_REQUIRED, 128),
	FIELD_STRING(struct webhook, url, FIELD_REQUIRED, 2048),
	FIELD_STRINGS(struct webhook, events, event_count, FIELD_REQUIRED, EVENTS_MAX, 64),
	FIELD_BOOL(struct webhook, enabled, 0),
	FIELD_TIME(struct webhook, created_at, FIELD_READ_ONLY),
	FIELD_INT64(struct webhook, revision, FIELD_READ_ONLY, 0, INT64_MAX),
	FIELD_END,
};

static const struct field PATCH_FIELDS[] = {
	FIELD_STRING(struct webhook, name, 0, 128),
	FIELD_STRING(struct webhook, url, 0, 2048),
	FIELD_STRINGS(struct webhook, events, event_count, 0, EVENTS_MAX, 64),
	FIELD_BOOL(struct webhook, enabled, 0),
	FIELD_END,
};

static const struct field DELIVERY_FIELDS[] = {
	FIELD_STRING(struct delivery, id, 0, 64),
	FIELD_STRING(struct delivery, webhook, 0, 64),
	FIELD_STRING(struct delivery, event_id, 0, 64),
	FIELD_STRING(struct delivery, event_type, 0, 64),
	FIELD_STRING(struct delivery, body, 0, 65536),
	FIELD_STRING(struct delivery, state, 0, 64),
	FIELD_INT64(struct delivery, attempt, 0, 0, INT64_MAX),
	FIELD_TIME(struct delivery, next_at, FIELD_NULLABLE),
	FIELD_INT64(struct delivery, last_status, 0, 0, INT64_MAX),
	FIELD_STRING(struct delivery, last_error, FIELD_NULLABLE, 1024),
	FIELD_STRING(struct delivery, response_excerpt, FIELD_NULLABLE, 4096),
	FIELD_TIME(struct delivery, created_at, 0),
	FIELD_TIME(struct delivery, finished_at, FIELD_NULLABLE),
	FIELD_END,
};

static bool reply_webhook(struct request *req, unsigned int status, const struct webhook *webhook)
{
	request_reply_revision(req, webhook->revision);
	return request_reply_json(req, status, fields_encode(WEBHOOK_FIELDS, webhook));
}

bool webhooks_list_handler(struct request *req, struct error *err)
{
	struct webhook *webhooks;
	size_t count;

	if (!webhooks_list(request_ctx(req), &webhooks, &count, err))
		return false;

	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, fields_encode(WEBHOOK_FIELDS, &webhooks[i]));
	return request_reply_page(req, items, NULL, (int64_t)count);
}

bool webhooks_post_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct webhook webhook = {.enabled = true};
	const char *secret;

	if (!fields_decode(WEBHOOK_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &webhook,
			   err) ||
	    !webhook_create(ctx, &webhook, &secret, err))
		return false;

	json_t *body = fields_encode(WEBHOOK_FIELDS, &webhook);
	json_object_set_new(body, "secret", json_string(secret));
	request_reply_revision(req, webhook.revision);
	return request_reply_json(req, 201, body);
}

bool webhooks_get_handler(struct request *req, struct error *err)
{
	struct webhook webhook;

	return webhooks_get(request_ctx(req), request_arg(req, 0), &webhook, err) &&
	       reply_webhook(req, 200, &webhook);
}

bool webhooks_patch_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct webhook webhook;

	return webhooks_get(ctx, request_arg(req, 0), &webhook, err) &&
	       request_check_revision(req, webhook.revision, err) &&
	       fields_decode(PATCH_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &webhook,
			     err) &&
	       webhook_update(ctx, &webhook, err) && webhooks_get(ctx, webhook.id, &webhook, err) &&
	       reply_webhook(req, 200, &webhook);
}

bool webhooks_delete_handler(struct request *req, struct error *err)
{
	return webhook_delete(request_ctx(req), request_arg(req, 0), err) &&
	       request_reply_empty(req, 204);
}

bool webhooks_test_handler(struct request *req, struct error *err)
{
	return webhook_test(request_ctx(req), request_arg(req, 0), err) &&
	       request_reply_empty(req, 202);
}

bool deliveries_list_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct delivery *deliveries;
	struct webhook webhook;
	const char *next = NULL;
	struct time_page page;
	size_t count;
	int64_t total;

	if (!time_page_read(req, &page, err))
		return false;
	if (!webhooks_get(ctx, request_arg(req, 0), &webhook, err) ||
	    !deliveries_list(ctx, webhook.id, page.before, page.before_id, page.limit + 1,
			     &deliveries, &count, &total, err))
		return false;
	if (count > (size_t)page.limit) {
		count = (size_t)page.limit;
		next = time_page_next(ctx, deliveries[count - 1].created_at,
				      deliveries[count - 1].id);
	}

	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, fields_encode(DELIVERY_FIELDS, &deliveries[i]));
	return request_reply_page(req, items, next, total);
}

bool deliveries_redeliver_handler(struct request *req, struct error *err)
{
	return webhook_redeliver(request_ctx(req), request_arg(req, 0), err) &&
	       request_reply_empty(req, 202);
}
