/* SPDX-License-Identifier: Apache-2.0 */
/* What a node does with a desired state: as agent/reconcile, with drawn times and ends. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/hear.h"
#include "sim/node.h"
#include "sim/worker.h"

enum { ROLLBACK_FAILED_PERCENT = 3, NUMBERS = 100000 };

static const char *or_dash(const char *text)
{
	return text[0] ? text : "-";
}

static struct message *tell(struct worker *worker, struct node *node, enum result_state state,
			    const struct say_cause *cause)
{
	const struct change *change = &node->change;
	const struct say_place place = stream_next(worker, node, CHANNEL_RESULT);
	const struct say_result result = {
		.generation = change->generation,
		.digest = change->content->digest,
		.rollout = change->content->rollout,
		.state = state,
		.service = cause ? change->content->service : "",
		.cause = cause,
		.number =
			(int)(draw_bits(&node->draw, DRAW_FIGURES, (uint64_t)place.seq) % NUMBERS),
	};

	strbuf_reset(&worker->text);
	say_result(&worker->text, &place, &result);
	struct message *message = stream_put(worker, node, CHANNEL_RESULT, &worker->text);
	stats_add(worker->stats, COUNT_RESULTS, 1);
	record_line(worker->record, worker->now_utc, node->identity->id,
		    "result %" PRId64 " %s %" PRId64 " %s %s %s", place.seq, place.epoch,
		    result.generation, result.digest, or_dash(result.rollout),
		    RESULT_STATE_NAMES[state]);
	return message;
}

static void drop(struct worker *worker, struct node *node)
{
	content_release(worker->contents, node->change.content);
	node->change = (struct change){0};
	node_timer(worker, node, TIMER_CHANGE, 0);
}

static void end(struct worker *worker, struct node *node)
{
	struct change change = node->change;
	struct message *message;

	if (change.end == RESULT_SUCCEEDED) {
		node->progress.generation = change.generation;
		snprintf(node->progress.digest, sizeof(node->progress.digest), "%s",
			 change.content->digest);
		content_release(worker->contents, node->content);
		node->content = content_hold(change.content);
		node->full_health = 0;
		node_tell_reported(worker, node);
	}
	message = tell(worker, node, change.end, change.cause);
	message->received_at = change.received_at;
	message->rollout = change.rollout;
	message->succeeded = change.end == RESULT_SUCCEEDED;
	stream_send(worker, node, CHANNEL_RESULT);
	stats_add(worker->stats, message->succeeded ? COUNT_APPLIED : COUNT_FAILED, 1);
	drop(worker, node);
}

/* The phase after this one, and when it comes, as a part of the whole in percent. */
static enum result_state next_phase(const struct worker *worker, const struct change *change,
				    int *percent)
{
	static const struct {
		enum result_state state;
		int percent;
	} AFTER[] = {
		[RESULT_ACCEPTED] = {RESULT_FETCHING, 5},
		[RESULT_FETCHING] = {RESULT_APPLYING, 50},
		[RESULT_APPLYING] = {RESULT_VERIFYING, 70},
	};

	*percent = 100;
	if (!worker->options->progress || change->told == RESULT_VERIFYING ||
	    (change->told == RESULT_FETCHING && change->end == RESULT_REFUSED))
		return change->end;
	*percent = AFTER[change->told].percent;
	return AFTER[change->told].state;
}

static void schedule(struct worker *worker, struct node *node)
{
	int percent;

	(void)next_phase(worker, &node->change, &percent);
	node_timer(worker, node, TIMER_CHANGE,
		   node->change.begun + node->change.lasts_us * percent / 100);
}

void change_due(struct worker *worker, struct node *node)
{
	/* All that is due, so that a change that takes no time is one packet. */
	while (node->change.content && node->due[TIMER_CHANGE] <= worker->now) {
		int percent;
		enum result_state state = next_phase(worker, &node->change, &percent);

		if (state == node->change.end) {
			end(worker, node);
			return;
		}
		node->change.told = state;
		(void)tell(worker, node, state, NULL);
		schedule(worker, node);
	}
	stream_send(worker, node, CHANNEL_RESULT);
}

/* Only what a rollout brings may fail: what ran before comes back. */
static void draw_end(const struct worker *worker, struct node *node)
{
	struct change *change = &node->change;
	uint64_t count = (uint64_t)change->generation;

	change->end = RESULT_SUCCEEDED;
	change->lasts_us = draw_between(&node->draw, DRAW_APPLY, count,
					worker->options->apply_min * USEC_PER_MSEC,
					worker->options->apply_max * USEC_PER_MSEC);
	if (!change->content->rollout[0] ||
	    !draw_happens(&node->draw, DRAW_FAIL, count, worker->options->fail_share))
		return;
	change->cause = &SAY_CAUSES[draw_bits(&node->draw, DRAW_CAUSE, count) % SAY_CAUSE_COUNT];
	change->end = change->cause->refused ? RESULT_REFUSED
		      : draw_happens(&node->draw, DRAW_END, count, ROLLBACK_FAILED_PERCENT / 100.0)
			      ? RESULT_ROLLBACK_FAILED
			      : RESULT_ROLLED_BACK;
}

static void take(struct worker *worker, struct node *node, const struct heard *heard)
{
	if (node->change.content) {
		stats_add(worker->stats, COUNT_SUPERSEDED, 1);
		drop(worker, node);
	}
	stats_add(worker->stats, COUNT_DESIRED_NEW, 1);
	stats_lag(worker->stats, LAG_DELIVERED, worker->now_utc - heard->issued);
	node->progress.accepted = heard->generation;
	snprintf(node->progress.accepted_digest, sizeof(node->progress.accepted_digest), "%s",
		 heard->digest);
	node->change = (struct change){
		.content = content_hold(heard->content),
		.generation = heard->generation,
		.received_at = worker->now,
		.begun = worker->now,
		.told = RESULT_ACCEPTED,
	};
	if (heard->content->rollout[0])
		node->change.rollout =
			rollout_stats_find(&worker->shared->rollouts, heard->content->rollout);
	if (node->change.rollout)
		rollout_delivered(node->change.rollout, heard->issued, worker->now_utc);
	draw_end(worker, node);
	(void)tell(worker, node, RESULT_ACCEPTED, NULL);
	schedule(worker, node);
	change_due(worker, node);
}

/* Which of them are taken is the agent's rule: only ever a higher generation. */
static const char *judge(struct worker *worker, struct node *node, const struct heard *heard)
{
	const struct progress *progress = &node->progress;

	if (strcmp(heard->node, node->identity->id) != 0) {
		stats_add(worker->stats, COUNT_FOREIGN, 1);
		return "foreign";
	}
	if (heard->generation > progress->accepted)
		return "new";
	if (heard->generation == progress->accepted) {
		bool same = strcmp(heard->digest, progress->accepted_digest) == 0;

		stats_add(worker->stats, same ? COUNT_DESIRED_AGAIN : COUNT_EQUIVOCATION, 1);
		return same ? "again" : "equivocation";
	}
	stats_add(worker->stats, COUNT_DESIRED_OLD, 1);
	if (heard->generation < progress->generation)
		stats_add(worker->stats, COUNT_BACKWARDS, 1);
	return "old";
}

static void refuse(struct worker *worker, struct node *node, const struct error *err)
{
	stats_add(worker->stats,
		  err->code == ERR_FORBIDDEN ? COUNT_BAD_SIGNATURE : COUNT_BAD_MESSAGE, 1);
	record_line(worker->record, worker->now_utc, node->identity->id, "desired 0 - - bad");
}

void change_desired(struct worker *worker, struct node *node, const void *payload, size_t size)
{
	const struct hearing hearing = {
		.keys = worker->fleet->keys,
		.key_count = worker->fleet->key_count,
		.contents = worker->contents,
		.arena = worker->arena,
		.now = worker->now_utc,
	};
	bool verify = draw_happens(&node->draw, DRAW_VERIFY, node->heard++,
				   worker->options->verify_share);
	struct heard heard = {0};
	struct error err = {0};

	stats_add(worker->stats, COUNT_DESIRED, 1);
	if (!hear_desired(&hearing, payload, size, verify, &heard, &err)) {
		refuse(worker, node, &err);
		return;
	}
	stats_add(worker->stats, COUNT_VERIFIED, verify);
	content_hold(heard.content);
	const char *verdict = judge(worker, node, &heard);
	record_line(worker->record, worker->now_utc, node->identity->id,
		    "desired %" PRId64 " %s %s %s", heard.generation, heard.digest,
		    or_dash(heard.content->rollout), verdict);
	if (strcmp(verdict, "new") == 0)
		take(worker, node, &heard);
	content_release(worker->contents, heard.content);
}
