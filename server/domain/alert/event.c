/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/alert/event.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/fields.h"
#include "base/id.h"
#include "store/deliveries.h"

bool event_emit(struct ctx *ctx, const char *type, json_t *data, struct error *err)
{
	char timestamp[TIME_TEXT_SIZE], event_id[ID_SIZE];
	const char *const *webhooks;
	size_t count;

	time_format(ctx->now, timestamp);
	json_t *event = json_keep(
		json_pack("{s:s, s:s, s:o}", "type", type, "timestamp", timestamp, "data", data),
		ctx->arena);
	if (!deliveries_receivers(ctx, type, &webhooks, &count, err))
		return false;

	const char *body = json_text(event, ctx->arena);
	id_random(event_id, "");
	for (size_t i = 0; i < count; i++)
		if (!deliveries_insert(ctx, webhooks[i], event_id, type, body, err))
			return false;
	return true;
}
