/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/inventory/explain.h"

#include <inttypes.h>
#include <string.h>

#include "base/compiler.h"

/* "5 s", "3 min", "2 h", "4 d": how long ago, for people. */
static const char *ago(usec_t span, struct arena *arena)
{
	if (span < 0)
		span = 0;
	if (span < 2 * USEC_PER_MINUTE)
		return arena_printf(arena, "%" PRId64 " s", span / USEC_PER_SEC);
	if (span < 2 * USEC_PER_HOUR)
		return arena_printf(arena, "%" PRId64 " min", span / USEC_PER_MINUTE);
	if (span < 2 * USEC_PER_DAY)
		return arena_printf(arena, "%" PRId64 " h", span / USEC_PER_HOUR);
	return arena_printf(arena, "%" PRId64 " d", span / USEC_PER_DAY);
}

static const char *reason_offline(const struct node *node, struct arena *arena)
{
	char text[TIME_TEXT_SIZE];

	if (!node->last_seen_at)
		return "never heard from";
	time_format(node->last_seen_at, text);
	/* As people write it: date, time to the second, zone. */
	return arena_printf(arena, "last heard from %.10s %.8s UTC", text,
			    text + strlen("2026-01-02T"));
}

static const char *reason_updating(const struct node *node, struct arena *arena)
{
	return arena_printf(arena, "runs generation %" PRId64 ", should run %" PRId64,
			    node->reported_generation, node->desired_generation);
}

static const char *reason_pending(const struct node *node, struct arena *arena)
{
	(void)node;
	(void)arena;
	return "enrolled, has not reported yet";
}

static const char *reason_warning(const struct node *node, struct arena *arena)
{
	(void)arena;
	return node->trouble ? node->trouble : "";
}

static const char *reason_retired(const struct node *node, struct arena *arena)
{
	(void)node;
	(void)arena;
	return "retired";
}

static const struct status_row {
	const char *status;
	const char *(*reason)(const struct node *node, struct arena *arena);
	const char *text;
	const char *waits_for; /* NULL: nothing */
	const char *by;	       /* who helps, and how */
	const char *help;
} STATUSES[] = {
	{"pending", reason_pending, "The node has enrolled but its agent has not connected yet.",
	 "the first connection of its agent to the broker", "site",
	 "starts the agent and lets it reach the broker"},
	{"offline", reason_offline,
	 "The node has missed its heartbeats, or its agent said goodbye. What runs on it goes on "
	 "running.",
	 "the next heartbeat of its agent", "site", "brings the node back: power, network, agent"},
	{"warning", reason_warning, "The node is connected, but something on it needs attention.",
	 "the service to recover, or a change that repairs it", "operator",
	 "repairs it by a rollout, or restarts the service"},
	{"updating", reason_updating, "The node is connected and on its way to a newer generation.",
	 "the node's report that it runs the desired generation", "node", "reports how it went"},
	{"retired", reason_retired,
	 "The node was retired: its certificate is refused and nothing is sent to it.", NULL,
	 "operator", "a gateway that comes back is enrolled again, as a new node"},
};

static const struct status_row *find(const char *status)
{
	for (size_t i = 0; i < ARRAY_SIZE(STATUSES); i++)
		if (strcmp(STATUSES[i].status, status) == 0)
			return &STATUSES[i];
	return NULL;
}

const char *node_reason(const struct node *node, struct arena *arena)
{
	const struct status_row *row = find(node->status);

	return row ? row->reason(node, arena) : "";
}

/* What a rollout still wants from the node, whatever its status is. */
static void add_task(const struct node_task *task, struct arena *arena, struct explanation *out)
{
	if (task->rollout == 0)
		return;
	out->until = task->deadline_at;
	if (out->until != 0)
		out->then =
			arena_printf(arena,
				     "its part in rollout %" PRId64
				     " counts as timed out, and what ran before is desired again",
				     task->rollout);
	explanation_add(out, "operator", NULL,
			arena_printf(arena, "rolls rollout %" PRId64 " (%s) back, where it is %s",
				     task->rollout, task->name, task->step));
}

void node_explain(const struct node *node, const struct node_task *task, usec_t now,
		  struct arena *arena, struct explanation *out)
{
	const struct status_row *row = find(node->status);

	*out = (struct explanation){.since = node->status_since};
	if (!row) {
		out->text = arena_printf(
			arena,
			"The node is connected and runs what it should: generation "
			"%" PRId64 ". Its last heartbeat is %s old.",
			node->reported_generation, ago(now - node->last_seen_at, arena));
		return;
	}
	out->text = arena_printf(arena, "%s (%s, for %s)", row->text, row->reason(node, arena),
				 ago(now - node->status_since, arena));
	out->waits_for = row->waits_for;
	explanation_add(out, row->by, NULL, row->help);
	add_task(task, arena, out);
}
