/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rollouts_encode.h"

#include <string.h>

#include "api/encode.h"
#include "base/arena.h"
#include "base/clock.h"
#include "domain/rollout/rollout.h"

static json_t *counts_encode(const struct rollout_counts *counts)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "total",
			 (json_int_t)counts->total, "succeeded", (json_int_t)counts->succeeded,
			 "failed", (json_int_t)counts->failed, "in_progress",
			 (json_int_t)counts->in_progress, "offline", (json_int_t)counts->offline,
			 "pending", (json_int_t)counts->pending, "skipped",
			 (json_int_t)counts->skipped, "superseded", (json_int_t)counts->superseded,
			 "window", (json_int_t)counts->window);
}

/* What all nodes of some waves have fetched, and what older versions have saved them. */
static json_t *traffic_encode(const struct rollout_wave *waves, size_t wave_count)
{
	json_int_t fetched = 0, saved = 0;

	for (size_t i = 0; i < wave_count; i++) {
		fetched += waves[i].fetched_bytes;
		saved += waves[i].saved_bytes;
	}
	return json_pack("{s:I, s:I}", "fetched_bytes", fetched, "saved_bytes", saved);
}

/* What the gate measures: without what a person has accepted, and of the nodes that take part. */
static json_t *gate_encode(const struct rollout_wave *wave)
{
	return json_pack("{s:I, s:I, s:I}", "failed",
			 (json_int_t)(wave->counts.failed - wave->forgiven), "unreachable",
			 (json_int_t)(wave->unreachable - wave->forgiven_unreachable), "of",
			 (json_int_t)(wave->counts.total - wave->counts.skipped));
}

static json_t *wave_encode(const struct rollout_wave *wave)
{
	return json_pack("{s:I, s:s, s:s?, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "no",
			 (json_int_t)wave->no, "state", wave->state, "label", wave->label, "size",
			 (json_int_t)wave->size, "counts", counts_encode(&wave->counts), "traffic",
			 traffic_encode(wave, 1), "started_at", encode_time(wave->started_at),
			 "finished_at", encode_time(wave->finished_at), "soak_until",
			 encode_time(wave->soak_until), "gate", gate_encode(wave));
}

static json_t *actions_encode(const struct ctx *ctx, const struct rollout *rollout,
			      size_t wave_count)
{
	static const struct {
		const char *name;
		enum rollout_event event;
	} actions[] = {
		{"start", ROLLOUT_START},     {"approve", ROLLOUT_APPROVE},
		{"pause", ROLLOUT_PAUSE},     {"resume", ROLLOUT_RESUME},
		{"promote", ROLLOUT_PROMOTE}, {"retry", ROLLOUT_RETRY},
		{"abort", ROLLOUT_ABORT},     {"rollback", ROLLOUT_ROLL_BACK},
		{"finish", ROLLOUT_FINISH},
	};
	json_t *json = json_object();

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		const char *why =
			rollout_action_obstacle(ctx, rollout, actions[i].event, wave_count);
		json_object_set_new(json, actions[i].name,
				    why != NULL ? json_string(why) : json_null());
	}
	const char *why = rollout_force_obstacle(ctx, rollout);
	json_object_set_new(json, "force", why != NULL ? json_string(why) : json_null());
	return json;
}

static struct rollout_counts counts_sum(const struct rollout_wave *waves, size_t wave_count)
{
	struct rollout_counts sum = {0};

	for (size_t i = 0; i < wave_count; i++) {
		sum.total += waves[i].counts.total;
		sum.succeeded += waves[i].counts.succeeded;
		sum.failed += waves[i].counts.failed;
		sum.in_progress += waves[i].counts.in_progress;
		sum.offline += waves[i].counts.offline;
		sum.pending += waves[i].counts.pending;
		sum.skipped += waves[i].counts.skipped;
		sum.superseded += waves[i].counts.superseded;
		sum.window += waves[i].counts.window;
	}
	return sum;
}

json_t *rollout_encode(const struct ctx *ctx, const struct rollout *rollout,
		       const struct rollout_wave *waves, size_t wave_count)
{
	struct rollout_counts sum = counts_sum(waves, wave_count);
	json_t *list = json_array();

	for (size_t i = 0; i < wave_count; i++)
		json_array_append_new(list, wave_encode(&waves[i]));
	json_t *json = json_pack(
		"{s:s, s:I, s:s, s:s, s:s, s:s?, s:O?, s:O?, s:O?, s:s?, s:s?, s:I, s:I}", "id",
		rollout->id, "number", (json_int_t)rollout->number, "name", rollout->name, "kind",
		rollout->kind, "state", rollout->state, "reason", rollout->reason, "changes",
		rollout->changes, "targets", rollout->targets, "strategy", rollout->strategy,
		"plan_hash", rollout->plan_hash, "rollback_of", rollout->rollback_of,
		"current_wave", (json_int_t)rollout->current_wave, "revision",
		(json_int_t)rollout->revision);
	json_object_set_new(json, "undo",
			    rollout->undo != NULL ? json_incref(rollout->undo) : json_null());
	json_object_set_new(json, "waves", list);
	json_object_set_new(json, "counts", counts_encode(&sum));
	json_object_set_new(json, "traffic", traffic_encode(waves, wave_count));
	json_object_set_new(json, "created_by",
			    rollout->created_by ? json_string(rollout->created_by) : json_null());
	json_object_set_new(json, "approved_by",
			    rollout->approved_by ? json_string(rollout->approved_by) : json_null());
	json_object_set_new(json, "created_at", encode_time(rollout->created_at));
	json_object_set_new(json, "started_at", encode_time(rollout->started_at));
	json_object_set_new(json, "finished_at", encode_time(rollout->finished_at));
	json_object_set_new(json, "state_since", encode_time(rollout->state_since));
	json_object_set_new(json, "deadline_at", encode_time(rollout->deadline_at));
	json_object_set_new(json, "priority", json_integer(rollout->priority));
	json_object_set_new(json, "forced", json_boolean(rollout->forced));
	json_object_set_new(
		json, "follows",
		json_boolean(json_is_true(json_object_get(rollout->strategy, "follow"))));
	json_object_set_new(json, "actions", actions_encode(ctx, rollout, wave_count));
	return json;
}

json_t *rollout_step_encode(const struct rollout_step *step)
{
	json_t *json = json_pack("{s:s, s:s, s:I, s:s, s:s?, s:b, s:I}", "node", step->node_id,
				 "name", step->node_name, "wave", (json_int_t)step->wave, "state",
				 step->state, "reason", step->reason, "online", step->online,
				 "attempt", (json_int_t)step->attempt);

	json_object_set_new(json, "generation",
			    step->generation > 0 ? json_integer(step->generation) : json_null());
	json_object_set_new(json, "error",
			    step->error != NULL ? json_incref(step->error) : json_null());
	json_object_set_new(json, "fingerprint",
			    step->fingerprint != NULL ? json_string(step->fingerprint)
						      : json_null());
	json_object_set_new(json, "progress",
			    step->progress != NULL ? json_incref(step->progress) : json_null());
	json_object_set_new(json, "state_since", encode_time(step->state_since));
	json_object_set_new(json, "deadline_at", encode_time(step->deadline_at));
	json_object_set_new(json, "retries", json_integer(step->retries));
	json_object_set_new(json, "retry_at", encode_time(step->retry_at));
	json_object_set_new(json, "window_opens_at", encode_time(step->opens_at));
	json_object_set_new(json, "superseded_by",
			    step->superseded_by != NULL ? json_string(step->superseded_by)
							: json_null());
	json_object_set_new(json, "lost",
			    step->lost != NULL ? json_incref(step->lost) : json_array());
	return json;
}
