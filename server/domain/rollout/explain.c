/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/explain.h"

#include <string.h>

#include "base/fields.h"
#include "domain/rollout/machine.h"
#include "domain/rollout/rollout.h"

static const char WAITS_SERVER[] = "the server, within a second";

static const struct rollout_wave *current_wave(const struct rollout_facts *facts)
{
	int64_t no = facts->rollout->current_wave;

	return no > 0 && no <= (int64_t)facts->wave_count ? &facts->waves[no - 1] : NULL;
}

static bool last_wave(const struct rollout_facts *facts)
{
	return facts->rollout->current_wave >= (int64_t)facts->wave_count;
}

/* What people can do with the rollout now. */
static void add_actions(const struct rollout_facts *facts, struct arena *arena,
			struct explanation *out)
{
	const struct rollout *rollout = facts->rollout;
	const struct rollout_wave *wave = current_wave(facts);
	const struct {
		enum rollout_event event;
		const char *by, *action, *text;
	} actions[] = {
		{ROLLOUT_START, "operator", "start", "starts it"},
		{ROLLOUT_APPROVE, "approver", "approve",
		 rollout->created_by == NULL
			 ? "lets it run"
			 : arena_printf(arena, "lets it run; it takes somebody else than %s",
					rollout->created_by)},
		{ROLLOUT_PAUSE, "operator", "pause",
		 "starts nothing new; what is under way finishes"},
		{ROLLOUT_RESUME, "operator", "resume",
		 "goes on and accepts what has failed so far"},
		{ROLLOUT_PROMOTE, "operator", "promote",
		 arena_printf(arena, "starts wave %lld now", (long long)rollout->current_wave + 1)},
		{ROLLOUT_RETRY, "operator", "retry", "tries again what has failed"},
		{ROLLOUT_FINISH, "operator", "finish",
		 "ends it: nodes that match later are left out"},
		{ROLLOUT_ABORT, "operator", "abort", "ends it; nothing is undone"},
		{ROLLOUT_ROLL_BACK, "operator", "rollback",
		 "restores on each node what ran before"},
	};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		enum rollout_event event = actions[i].event;

		if (rollout_obstacle(rollout_state_of(rollout), event) != NULL ||
		    (event == ROLLOUT_PROMOTE && last_wave(facts)) ||
		    (event == ROLLOUT_FINISH && !facts->strategy->follow) ||
		    (event == ROLLOUT_RETRY && (wave == NULL || wave->counts.failed == 0)))
			continue;
		explanation_add(out, actions[i].by, actions[i].action, actions[i].text);
	}
}

/* --- the rollout --- */

/* Before the first wave. */
static void explain_beginning(const struct rollout_facts *facts, struct arena *arena,
			      struct explanation *out)
{
	const struct rollout *rollout = facts->rollout;

	out->text = arena_printf(arena, "Rollout %lld is running%s%s", (long long)rollout->number,
				 rollout->reason != NULL ? ": " : "",
				 rollout->reason != NULL ? rollout->reason : "");
	out->waits_for = "the server to start the first wave, within a second";
	if (facts->strategy->start_at > rollout->state_since) {
		out->waits_for = "its time to start";
		out->until = facts->strategy->start_at;
		out->then = "the first wave starts";
	}
	explanation_add(out, "server", NULL, "starts the first wave");
}

static void explain_running(const struct rollout_facts *facts, struct arena *arena,
			    struct explanation *out)
{
	const struct rollout *rollout = facts->rollout;
	const struct rollout_wave *wave = current_wave(facts);

	if (wave == NULL) {
		explain_beginning(facts, arena, out);
		return;
	}

	const struct rollout_counts *counts = &wave->counts;
	out->text = arena_printf(
		arena, "Rollout %lld is running: wave %lld of %zu, %lld of %lld nodes done%s%s",
		(long long)rollout->number, (long long)wave->no, facts->wave_count,
		(long long)(counts->succeeded + counts->failed + counts->skipped),
		(long long)counts->total, rollout->reason != NULL ? "; " : "",
		rollout->reason != NULL ? rollout->reason : "");
	if (facts->strategy->follow && strcmp(wave->state, "succeeded") == 0) {
		out->waits_for = "nodes that appear or match later";
		explanation_add(out, "server", NULL, "starts it on nodes that match later");
		return;
	}
	if (strcmp(wave->state, "soaking") == 0) {
		out->waits_for =
			arena_printf(arena, "the end of the time in which wave %lld is observed",
				     (long long)wave->no);
		out->until = wave->soak_until;
		out->then = last_wave(facts)
				    ? "the rollout succeeds, unless too many nodes are unwell"
				    : "the next wave starts, unless too many nodes are unwell";
		explanation_add(out, "server", NULL, "goes on at the end of that time");
		return;
	}
	out->waits_for = arena_printf(
		arena, "wave %lld: %lld in progress, %lld offline, %lld still to start",
		(long long)wave->no, (long long)counts->in_progress, (long long)counts->offline,
		(long long)counts->pending);
	if (facts->deadline_at != 0) {
		out->until = facts->deadline_at;
		out->then = "nodes without a verdict by then count as timed out";
	}
	if (counts->in_progress > 0)
		explanation_add(out, "node", NULL, "reports how it went");
	if (counts->offline > 0)
		explanation_add(out, "site", NULL, "brings the offline nodes back");
	if (out->way_count == 0)
		explanation_add(out, "server", NULL, "takes the next step within a second");
}

void rollout_explain(const struct rollout_facts *facts, struct arena *arena,
		     struct explanation *out)
{
	const struct rollout *rollout = facts->rollout;
	enum rollout_state state = rollout_state_of(rollout);

	*out = (struct explanation){.since = rollout->state_since};
	out->text = arena_printf(arena, "Rollout %lld is %s%s%s", (long long)rollout->number,
				 rollout->state, rollout->reason != NULL ? ": " : "",
				 rollout->reason != NULL ? rollout->reason : "");
	switch (state) {
	case ROLLOUT_DRAFT:
		out->waits_for = "somebody to start it";
		break;
	case ROLLOUT_AWAITING_APPROVAL:
		out->waits_for = "a second person to approve it";
		break;
	case ROLLOUT_RUNNING:
		explain_running(facts, arena, out);
		break;
	case ROLLOUT_PAUSED:
		out->waits_for = "somebody to resume, promote, retry, abort or roll back";
		break;
	case ROLLOUT_ROLLING_BACK:
		out->waits_for = "the rollout that restores what ran before";
		explanation_add(out, "server", NULL, "ends with the rollout that restores");
		break;
	case ROLLOUT_SUCCEEDED:
	case ROLLOUT_FAILED:
	case ROLLOUT_ABORTED:
	case ROLLOUT_ROLLED_BACK:
	case ROLLOUT_STATE_COUNT:
		break;
	}
	add_actions(facts, arena, out);
}

/* --- a step --- */

/* Its own wait: for the next try, or for the update window of its node. */
static bool explain_own_wait(const struct rollout_step *step, struct explanation *out)
{
	if (step->retry_at == 0 && step->opens_at == 0)
		return false;
	bool again = step->retry_at > step->opens_at;

	out->text = step->reason != NULL ? step->reason
		    : again		 ? "It is tried again after a pause"
					 : "Its update window is closed";
	out->waits_for = again ? "the pause before the next try" : "its update window to open";
	out->until = again ? step->retry_at : step->opens_at;
	out->then = again ? "it is tried again" : "its turn comes";
	explanation_add(out, "server", NULL, out->then);
	if (again)
		explanation_add(out, "operator", "steps/retry", "tries it again now");
	else
		explanation_add(out, "operator", "force", "starts it outside of its update window");
	return true;
}

/* Its wave has begun, but it has not. */
static void explain_waiting(const struct rollout_facts *facts, const struct rollout_step *step,
			    struct arena *arena, struct explanation *out)
{
	const struct strategy *strategy = facts->strategy;

	if (explain_own_wait(step, out))
		return;
	if (!step->online && strategy->offline == OFFLINE_LATER) {
		out->text = "The node is offline: it has its turn when it is back";
		out->waits_for = "the node, which is offline, to come back";
		explanation_add(out, "site", NULL, "brings the node back: power, network, agent");
	} else if (strategy->max_parallel > 0) {
		out->text = arena_printf(arena, "At most %lld nodes are changed at once",
					 (long long)strategy->max_parallel);
		out->waits_for = arena_printf(arena, "another node of wave %lld to finish",
					      (long long)step->wave);
		explanation_add(out, "node", NULL, "another node finishes");
	} else {
		out->text = arena_printf(
			arena, "Wave %lld has begun, but another rollout or its pair is under way",
			(long long)step->wave);
		out->waits_for =
			"the server, as soon as nothing else is under way on the node or its pair";
		explanation_add(out, "server", NULL, "starts it");
	}
	explanation_add(out, "operator", "steps/skip", "leaves the node out");
}

/* Nothing has been sent: it depends on the rollout. */
static void explain_unsent(const struct rollout_facts *facts, const struct rollout_step *step,
			   struct arena *arena, struct explanation *out)
{
	const struct rollout *rollout = facts->rollout;
	long long number = (long long)rollout->number;
	bool queued = strcmp(step->state, STEP_STATE_NAMES[STEP_QUEUED]) == 0;

	switch (rollout_state_of(rollout)) {
	case ROLLOUT_DRAFT:
		out->text = arena_printf(arena, "Rollout %lld is a draft", number);
		out->waits_for = arena_printf(arena, "somebody to start rollout %lld", number);
		return;
	case ROLLOUT_AWAITING_APPROVAL:
		out->text = arena_printf(arena, "Rollout %lld is not approved yet", number);
		out->waits_for =
			arena_printf(arena, "a second person to approve rollout %lld", number);
		return;
	case ROLLOUT_PAUSED:
		out->text = arena_printf(arena, "Rollout %lld is paused: %s", number,
					 rollout->reason != NULL ? rollout->reason : "by hand");
		out->waits_for = arena_printf(arena, "somebody to go on with rollout %lld", number);
		return;
	case ROLLOUT_RUNNING:
		break;
	case ROLLOUT_SUCCEEDED: /* without those that were away */
		explain_waiting(facts, step, arena, out);
		return;
	default:
		out->text =
			arena_printf(arena, "Its turn never came: rollout %lld is %s%s%s", number,
				     rollout->state, rollout->reason != NULL ? ": " : "",
				     rollout->reason != NULL ? rollout->reason : "");
		if (rollout_obstacle(rollout_state_of(rollout), ROLLOUT_RETRY) == NULL)
			out->waits_for =
				arena_printf(arena, "somebody to try rollout %lld again", number);
		return;
	}
	if (queued) {
		out->text = "Its new generation is being made";
		out->waits_for = WAITS_SERVER;
		explanation_add(out, "server", NULL, "sends the new generation");
	} else if (step->wave > rollout->current_wave) {
		out->text = arena_printf(
			arena, "Its turn comes with wave %lld; the rollout is at wave %lld",
			(long long)step->wave, (long long)rollout->current_wave);
		out->waits_for = step->wave > 1 ? arena_printf(arena, "wave %lld to pass its gate",
							       (long long)step->wave - 1)
						: WAITS_SERVER;
		explanation_add(out, "server", NULL,
				"starts its wave when the one before has passed");
	} else {
		explain_waiting(facts, step, arena, out);
	}
}

static const char *flight_text(const struct rollout_facts *facts, const struct rollout_step *step,
			       enum step_state state, struct arena *arena)
{
	long long generation = (long long)step->generation;
	json_int_t total = json_integer_value(json_object_get(step->progress, "total_bytes"));

	switch (state) {
	case STEP_ACCEPTED:
		return arena_printf(arena, "The node has accepted generation %lld", generation);
	case STEP_FETCHING:
		if (total <= 0)
			return arena_printf(arena, "The node fetches what generation %lld needs",
					    generation);
		return arena_printf(arena,
				    "The node has fetched %lld %% of what generation %lld needs",
				    (long long)(100 *
						json_integer_value(json_object_get(step->progress,
										   "done_bytes")) /
						total),
				    generation);
	case STEP_APPLYING:
		return arena_printf(arena, "The node applies generation %lld", generation);
	case STEP_VERIFYING:
		return arena_printf(
			arena, "The node runs generation %lld and watches its health for %lld ms",
			generation, (long long)facts->strategy->health_gate_ms);
	default:
		return arena_printf(arena, "Generation %lld was sent to the node", generation);
	}
}

static void explain_flight(const struct rollout_facts *facts, const struct rollout_step *step,
			   enum step_state state, struct arena *arena, struct explanation *out)
{
	out->text = flight_text(facts, step, state, arena);
	out->waits_for = step->online ? "the node to say how it went"
				      : "the node, which is offline, to come back";
	out->until = step->deadline_at;
	if (out->until != 0)
		out->then = "it counts as timed out, and what ran before is desired again";
	if (step->online)
		explanation_add(out, "node", NULL, "reports how it went");
	else
		explanation_add(out, "site", NULL, "brings the node back: power, network, agent");
	explanation_add(out, "operator", NULL, "a newer rollout of the same service takes over");
}

/* Why it failed, as the node or the server said. */
static const char *cause(const struct rollout_step *step)
{
	const char *text = json_string_value(json_object_get(step->error, "text"));

	if (text != NULL)
		return text;
	return step->reason != NULL ? step->reason : "no cause was given";
}

static void explain_final(const struct rollout_facts *facts, const struct rollout_step *step,
			  enum step_state state, struct arena *arena, struct explanation *out)
{
	const char *reason = step->reason != NULL ? step->reason : "no reason was given";

	switch (state) {
	case STEP_SUCCEEDED:
		out->text = "The node runs it and has passed its health gate";
		return;
	case STEP_SUPERSEDED:
		out->text = arena_printf(arena, "Something newer took over: %s", reason);
		return;
	case STEP_SKIPPED:
		out->text = arena_printf(arena, "It was skipped: %s", reason);
		return;
	case STEP_ROLLED_BACK:
		out->text = arena_printf(
			arena, "It did not hold, and the node has put back what ran before: %s",
			cause(step));
		break;
	case STEP_ROLLBACK_FAILED:
		out->text = arena_printf(
			arena, "It did not hold, and what ran before could not be put back: %s",
			cause(step));
		explanation_add(out, "site", NULL, "looks at the gateway: muster-agent explain");
		break;
	case STEP_TIMED_OUT:
		out->text = arena_printf(arena, "It took too long: %s", reason);
		break;
	default:
		out->text = arena_printf(arena, "It has failed: %s", cause(step));
		break;
	}
	if (rollout_obstacle(rollout_state_of(facts->rollout), ROLLOUT_RETRY) != NULL)
		explanation_add(out, "operator", NULL, "a new rollout tries it again");
	else
		explanation_add(out, "operator", "steps/retry", "tries this node again");
}

/* Stopping the whole does nothing for one that has its generation. */
static bool action_helps(enum step_state state, const char *action)
{
	if (action == NULL)
		return true;
	if (step_state_failure(state))
		return strcmp(action, "retry") == 0 || strcmp(action, "rollback") == 0;
	if (step_state_in_flight(state) || state == STEP_SUCCEEDED)
		return strcmp(action, "rollback") == 0;
	return !step_state_final(state) && strcmp(action, "pause") != 0;
}

static void add_helpful(const struct rollout_facts *facts, enum step_state state,
			struct arena *arena, struct explanation *out)
{
	struct explanation all = {0};

	add_actions(facts, arena, &all);
	for (size_t i = 0; i < all.way_count; i++)
		if (action_helps(state, all.ways[i].action))
			explanation_add(out, all.ways[i].by, all.ways[i].action, all.ways[i].text);
}

void step_explain(const struct rollout_facts *facts, const struct rollout_step *step,
		  struct arena *arena, struct explanation *out)
{
	enum step_state state = (enum step_state)names_find(STEP_STATE_NAMES, step->state);

	*out = (struct explanation){.since = step->state_since};
	if (step_state_final(state))
		explain_final(facts, step, state, arena, out);
	else if (step_state_in_flight(state))
		explain_flight(facts, step, state, arena, out);
	else
		explain_unsent(facts, step, arena, out);
	add_helpful(facts, state, arena, out);
}
