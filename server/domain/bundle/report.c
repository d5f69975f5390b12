/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/arena.h"
#include "domain/audit/audit.h"
#include "domain/bundle/bundle.h"
#include "domain/fleet/fleet.h"
#include "protocol/report.h"
#include "store/bundles.h"
#include "store/db.h"
#include "store/nodes.h"

struct taking {
	struct fleet_message *messages;
	struct bundle_report *report;
};

/* Who carries it is not asked, only whose key has signed it. */
static bool check_signer(struct ctx *ctx, const struct report *report, const char *key_sha256,
			 struct node *node, struct error *err)
{
	bool known;

	if (!nodes_get(ctx, report->node, node, err))
		return err->code == ERR_NOT_FOUND
			       ? error_set(
					 err, ERR_NOT_FOUND,
					 "the report is of node %.32s, which is not in this project",
					 report->node)
			       : false;
	if (strcmp(node->id, report->node) != 0)
		return error_set(err, ERR_INVALID, "the report names no node");
	if (!bundles_key_known(ctx, node->id, key_sha256, &known, err))
		return false;
	if (!known)
		return error_set(err, ERR_FORBIDDEN,
				 "the report is not signed with the key of node %s", node->name);
	return true;
}

static void decode_messages(struct ctx *ctx, const struct report *report, struct taking *taking)
{
	taking->messages =
		arena_array(ctx->arena, report->message_count + 1, sizeof(*taking->messages));
	for (size_t i = 0; i < report->message_count; i++) {
		const struct report_message *from = &report->messages[i];
		struct fleet_message *to = &taking->messages[i];
		enum channel channel = channel_find(from->channel);
		char *topic = arena_alloc(ctx->arena, LIMIT_TOPIC);

		/* Anything else than a stream becomes a topic that nodes do not write: refused. */
		if (channel == CHANNEL_COUNT || !channel_info(channel)->stream)
			channel = CHANNEL_ACK;
		topic_format(topic, report->node, channel);
		*to = (struct fleet_message){
			.topic = topic,
			.payload = from->body,
			.size = strlen(from->body),
			.kept = strlen(from->body),
			.received_at = ctx->now,
		};
		fleet_decode(to, ctx->arena);
		if (!to->refusal && channel == CHANNEL_RESULT)
			taking->report->state = RESULT_STATE_NAMES[to->body.result.state];
	}
}

static bool take(struct ctx *ctx, void *arg, struct error *err)
{
	struct taking *taking = arg;
	struct bundle_report *report = taking->report;
	struct fleet_outcome outcome;
	char made_at[TIME_TEXT_SIZE];

	if (!fleet_take_carried(ctx, taking->messages, report->messages, &outcome, err))
		return false;
	report->stored = outcome.stored;
	report->repeated = outcome.repeated;
	report->refused = outcome.refused + outcome.early;
	time_format(report->made_at, made_at);
	return audit_write(
		ctx, "bundle.report", "node", report->node_id,
		json_pack("{s:s, s:s, s:I, s:I, s:I}", "name", report->node_name, "made_at",
			  made_at, "generation", (json_int_t)report->generation, "stored",
			  (json_int_t)report->stored, "repeated", (json_int_t)report->repeated),
		err);
}

bool bundle_report_take(struct ctx *ctx, const char *text, size_t length, struct bundle_report *out,
			struct error *err)
{
	char key_sha256[SHA256_HEX_SIZE];
	struct taking taking = {.report = out};
	struct report report;
	struct node node;

	if (!report_open(text, length, ctx->arena, &report, key_sha256, err) ||
	    !check_signer(ctx, &report, key_sha256, &node, err))
		return false;
	*out = (struct bundle_report){
		.node_id = node.id,
		.node_name = node.name,
		.made_at = report.made_at,
		.generation = report.generation,
		.messages = report.message_count,
	};
	decode_messages(ctx, &report, &taking);
	return db_transaction(ctx, take, &taking, err);
}
