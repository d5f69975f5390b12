/* SPDX-License-Identifier: Apache-2.0 */
#include "api/plans_encode.h"

#include "api/encode.h"
#include "base/arena.h"

/* What one answer lists; counts and hash cover all, GET /plans/{hash}/nodes pages the rest. */
enum { NODES_MAX = 500, GROUPS_MAX = 50, EXAMPLES_MAX = 5, OFFLINE_MAX = 20 };

static json_t *duration_encode(const struct step_duration *duration)
{
	if (duration->samples == 0)
		return json_null();
	return json_pack("{s:I, s:I, s:I}", "median_ms", (json_int_t)duration->median_ms, "p90_ms",
			 (json_int_t)duration->p90_ms, "samples", (json_int_t)duration->samples);
}

/* The services of a group without the texts, as each of its nodes shows them. New reference. */
static json_t *services_brief(const struct plan_group *group)
{
	json_t *copy = group->services != NULL ? json_deep_copy(group->services) : json_array();
	size_t i, f;
	json_t *service, *file;

	json_array_foreach (copy, i, service)
		json_array_foreach (json_object_get(json_object_get(service, "config"), "files"), f,
				    file) {
			json_object_del(file, "diff");
			json_object_del(file, "diff_digest");
			json_object_del(file, "truncated");
		}
	return copy;
}

static json_t *group_encode(const struct plan_group *group, json_t *examples)
{
	return json_pack("{s:I, s:I, s:s, s:s?, s:b, s:I, s:o, s:o, s:O}", "no",
			 (json_int_t)group->no, "count", (json_int_t)group->node_count, "kind",
			 group->blocked != NULL ? "blocked"
			 : group->same		? "same"
						: "change",
			 "blocked", group->blocked, "restarts", group->restarts, "fetch_bytes",
			 (json_int_t)group->fetch_bytes, "duration",
			 duration_encode(&group->duration), "services",
			 group->services != NULL ? json_incref(group->services) : json_array(),
			 "nodes", examples);
}

static json_t *groups_encode(const struct plan *plan)
{
	size_t shown = plan->group_count < GROUPS_MAX ? plan->group_count : GROUPS_MAX;
	json_t *out = json_array(), *examples[GROUPS_MAX];

	for (size_t g = 0; g < shown; g++)
		examples[g] = json_array();
	for (size_t i = 0; i < plan->node_count; i++) {
		size_t g = (size_t)plan->nodes[i].group->no - 1;
		if (g < shown && json_array_size(examples[g]) < EXAMPLES_MAX)
			json_array_append_new(examples[g], json_string(plan->nodes[i].node->name));
	}
	for (size_t g = 0; g < shown; g++) {
		json_array_append_new(out, group_encode(plan->groups[g], examples[g]));
		json_decref(examples[g]);
	}
	return out;
}

static json_t *plan_node_encode(const struct plan_node *node, json_t *services)
{
	const struct plan_group *group = node->group;

	return json_pack("{s:s, s:s, s:I, s:I, s:s, s:b, s:s?, s:b, s:O, s:I}", "node",
			 node->node->id, "name", node->node->name, "wave", (json_int_t)node->wave,
			 "group", (json_int_t)group->no, "status", node->node->status, "online",
			 node->node->online, "blocked", group->blocked, "same", group->same,
			 "services", services, "fetch_bytes", (json_int_t)group->fetch_bytes);
}

static json_t *nodes_encode(const struct plan *plan)
{
	json_t *out = json_array(), *by_group = json_array();

	for (size_t g = 0; g < plan->group_count && g < PLAN_GROUPS_KEPT; g++)
		json_array_append_new(by_group, services_brief(plan->groups[g]));
	json_t *none = json_array();
	for (size_t i = 0; i < plan->node_count && i < NODES_MAX; i++) {
		json_t *services = json_array_get(by_group, (size_t)plan->nodes[i].group->no - 1);
		json_array_append_new(
			out, plan_node_encode(&plan->nodes[i], services != NULL ? services : none));
	}
	json_decref(none);
	json_decref(by_group);
	return out;
}

static json_t *waves_encode(const struct plan *plan)
{
	json_t *waves = json_array();

	for (size_t i = 0; i < plan->wave_count; i++) {
		json_t *names = json_array();
		for (size_t n = 0; n < plan->node_count && n < NODES_MAX; n++)
			if (plan->nodes[n].wave == (int64_t)i + 1)
				json_array_append_new(names,
						      json_string(plan->nodes[n].node->name));
		json_array_append_new(waves,
				      json_pack("{s:I, s:I, s:s?, s:o}", "no", (json_int_t)i + 1,
						"size", (json_int_t)plan->wave_sizes[i], "label",
						plan->wave_labels[i], "nodes", names));
	}
	return waves;
}

static json_t *offline_encode(const struct plan *plan)
{
	json_t *names = json_array();

	for (size_t i = 0; i < plan->node_count && json_array_size(names) < OFFLINE_MAX; i++)
		if (!plan->nodes[i].node->online)
			json_array_append_new(names, json_string(plan->nodes[i].node->name));
	return json_pack("{s:I, s:o}", "count", (json_int_t)plan->offline, "nodes", names);
}

static json_t *held_encode(const struct plan *plan)
{
	json_t *out = json_array();

	for (size_t i = 0; i < plan->held_count; i++) {
		const struct plan_held *held = &plan->held[i];
		json_array_append_new(
			out, json_pack("{s:s, s:I, s:s, s:s, s:I, s:O}", "rollout",
				       held->rollout_id, "number", (json_int_t)held->number, "name",
				       held->name, "state", held->state, "count",
				       (json_int_t)held->count, "nodes", held->nodes));
	}
	return out;
}

json_t *plan_encode(const struct plan *plan)
{
	json_t *json = json_pack(
		"{s:s, s:{s:I, s:I, s:I, s:I, s:I, s:I}, s:b, s:o, s:o, s:o, s:o, s:o}",
		"plan_hash", plan->hash, "counts", "nodes", (json_int_t)plan->node_count, "change",
		(json_int_t)plan->change, "same", (json_int_t)plan->same, "blocked",
		(json_int_t)plan->blocked, "offline", (json_int_t)plan->offline, "groups",
		(json_int_t)plan->group_count, "everything", plan->everything, "groups",
		groups_encode(plan), "waves", waves_encode(plan), "offline", offline_encode(plan),
		"held", held_encode(plan), "nodes", nodes_encode(plan));

	json_object_set_new(json, "expected_ms",
			    plan->expected_ms >= 0 ? json_integer(plan->expected_ms) : json_null());
	json_object_set_new(json, "restore_at",
			    encode_time(plan->undo != NULL ? plan->undo->at : 0));
	return json;
}
