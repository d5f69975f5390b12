/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/fleet/presence.h"

#include "domain/alert/event.h"
#include "domain/fleet/rows.h"
#include "store/changes.h"
#include "store/db.h"
#include "store/dead_letters.h"
#include "store/events.h"
#include "store/logs.h"

enum {
	BEATS_MISSED = 3,
};

static const usec_t LOGS_KEPT = 7 * USEC_PER_DAY;
static const int64_t LOGS_MAX_BYTES = INT64_C(32) << 30; /* with their indexes, all projects */

usec_t fleet_patience(const struct ctx *ctx)
{
	return BEATS_MISSED * ctx->server->health_interval_ms * USEC_PER_MSEC;
}

bool presence_tell(struct ctx *ctx, const struct health_node *node, bool online, const char *reason,
		   json_t *events, struct error *err)
{
	struct ctx inside = *ctx;
	const char *kind = online ? "node.online" : "node.offline";

	inside.project_id = node->project_id;
	json_array_append_new(events,
			      row_event(node, ctx->now, kind, online ? "info" : "warning", reason));
	return event_emit(&inside, kind,
			  json_pack("{s:s, s:s, s:s}", "node", node->id, "name", node->name,
				    "reason", reason),
			  err);
}

static bool silence(struct ctx *ctx, void *arg, struct error *err)
{
	const usec_t *before = arg;
	struct health_node *nodes;
	size_t count;

	if (!health_silence(ctx, *before, &nodes, &count, err))
		return false;
	json_auto_t *events = json_array(), *changes = json_array();
	for (size_t i = 0; i < count; i++) {
		if (!presence_tell(ctx, &nodes[i], false, "no heartbeat from the agent", events,
				   err))
			return false;
		json_array_append_new(changes, row_change(&nodes[i]));
	}
	return events_insert(ctx, events, err) && changes_insert_set(ctx, "node", changes, err) &&
	       (count == 0 || db_notify(ctx->db, DB_CHANNEL_SCHEDULER, err));
}

bool fleet_mark_offline(struct ctx *ctx, bool *busy, struct error *err)
{
	usec_t before = ctx->now - BEATS_MISSED * ctx->server->health_interval_ms * USEC_PER_MSEC;

	*busy = false;
	return db_transaction(ctx, silence, &before, err);
}

static bool end_copies(struct ctx *ctx, void *arg, struct error *err)
{
	json_auto_t *events = json_array(), *changes = json_array();
	struct health_node *nodes;
	size_t count;

	(void)arg;
	if (!health_copied_over(ctx, &nodes, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		json_array_append_new(
			events,
			row_event(&nodes[i], ctx->now, "node.copied_over", "info",
				  "its certificate was used in one place only for an hour"));
		json_array_append_new(changes, row_change(&nodes[i]));
	}
	return events_insert(ctx, events, err) && changes_insert_set(ctx, "node", changes, err);
}

bool fleet_retention(struct ctx *ctx, bool *busy, struct error *err)
{
	int64_t days;

	*busy = false;
	return db_transaction(ctx, end_copies, NULL, err) &&
	       logs_rotate(ctx, LOGS_KEPT, LOGS_MAX_BYTES, &days, err) &&
	       dead_letters_prune(ctx, err);
}
