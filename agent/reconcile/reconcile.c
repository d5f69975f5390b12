/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/reconcile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"
#include "reconcile/housekeeping.h"
#include "reconcile/reconcile_internal.h"
#include "reconcile/report.h"
#include "reconcile/status.h"
#include "reconcile/tree.h"

enum {
	REPORT_DELAY_MS = 50,
	DRIFT_EVERY_MS = 60 * 1000,
	FIRST_RETRY_MS = 30 * 1000,
	MAX_RETRY_MS = 3600 * 1000,
};

static void report(void *arg)
{
	struct reconcile *reconcile = arg;
	struct arena *arena = arena_new();
	struct msg_reported reported = {
		.generation = reconcile->generation,
		.digest = reconcile->digest,
	};
	char hash[SHA256_HEX_SIZE];

	reconcile->report_timer = 0;
	report_build(arena, reconcile->options.supervisor,
		     reconcile->has_current ? &reconcile->current : NULL, &reconcile->options.place,
		     &reported);
	json_t *json = json_keep(msg_reported_encode(&reported), arena);
	const char *text = json_text(json, arena);
	sha256_hex(text, strlen(text), hash);
	if (strcmp(hash, reconcile->reported) != 0 &&
	    outgoing_reported(reconcile->options.outgoing, &reported))
		memcpy(reconcile->reported, hash, sizeof(hash));
	arena_free(arena);
}

void reconcile_report_soon(struct reconcile *reconcile)
{
	if (!reconcile->report_timer)
		reconcile->report_timer =
			loop_timer_set(reconcile->options.loop, REPORT_DELAY_MS, report, reconcile);
}

static void check_drift(void *arg)
{
	struct reconcile *reconcile = arg;

	reconcile->drift_timer =
		loop_timer_set(reconcile->options.loop, DRIFT_EVERY_MS, check_drift, reconcile);
	if (!reconcile->transaction)
		reconcile_report_soon(reconcile);
	state_keep_ballast(reconcile->options.state);
}

static bool read_content(struct reconcile *reconcile, const struct desired_record *record,
			 struct error *err)
{
	const char *service;

	return content_decode(record->content, strlen(record->content), reconcile->arena,
			      &reconcile->current, err) &&
	       content_specify(&reconcile->current, &reconcile->options.place, reconcile->arena,
			       &service, err);
}

/*
 * Reads the content in force from the state file, where a commit has put it. One that this agent
 * cannot read (an older one wrote it) must not stop what runs: the server is told and may send
 * another.
 */
static bool load_current(struct reconcile *reconcile, struct error *err)
{
	struct desired_record record;
	struct error why = {0};
	bool found;

	arena_reset(reconcile->arena);
	reconcile->has_current = false;
	reconcile->unreadable = false;
	if (!desired_find(reconcile->options.state, DESIRED_CURRENT, reconcile->arena, &record,
			  &found, err))
		return false;
	if (!found) {
		/* What was in force is lost with the state file; it was not taken away. */
		reconcile->unreadable = state_trouble(reconcile->options.state) != NULL;
		return true;
	}
	reconcile->generation = record.generation;
	snprintf(reconcile->digest, sizeof(reconcile->digest), "%s", record.digest);
	reconcile->has_current = read_content(reconcile, &record, &why);
	reconcile->unreadable = !reconcile->has_current;
	if (reconcile->unreadable) {
		log_error("cannot read the desired state in force: %s", why.text);
		outgoing_event(reconcile->options.outgoing, SEVERITY_ERROR, "agent.unreadable",
			       NULL, NULL,
			       "services are left alone, the desired state in force cannot be "
			       "read: %s",
			       why.text);
	}
	return true;
}

static bool load_accepted(struct reconcile *reconcile, struct error *err)
{
	struct arena *arena = arena_new();
	char *digest = NULL;
	bool ok = state_get_int(reconcile->options.state, "generation", 0, &reconcile->accepted,
				err) &&
		  state_get(reconcile->options.state, "digest", arena, &digest, err);

	if (ok && digest)
		snprintf(reconcile->accepted_digest, sizeof(reconcile->accepted_digest), "%s",
			 digest);
	arena_free(arena);
	return ok;
}

bool reconcile_new(const struct reconcile_options *options, struct reconcile **out,
		   struct error *err)
{
	struct reconcile *reconcile = xcalloc(1, sizeof(*reconcile));

	reconcile->options = *options;
	reconcile->arena = arena_new();
	/* Long ago, also on a machine that has just booted. */
	reconcile->verdict_told = -USEC_PER_HOUR;
	reconcile->refusals = REFUSALS;
	reconcile->refusals_at = clock_boottime();
	if (!load_current(reconcile, err) || !load_accepted(reconcile, err)) {
		reconcile_free(reconcile);
		return false;
	}
	*out = reconcile;
	return true;
}

void reconcile_free(struct reconcile *reconcile)
{
	struct loop *loop;

	if (!reconcile)
		return;
	loop = reconcile->options.loop;
	transaction_free(reconcile->transaction);
	loop_timer_cancel(loop, reconcile->retry_timer);
	loop_timer_cancel(loop, reconcile->report_timer);
	loop_timer_cancel(loop, reconcile->drift_timer);
	arena_free(reconcile->arena);
	free(reconcile);
}

/* A retry comes by itself, ever less often; a message of the server may bring it earlier. */
static void retry(void *arg)
{
	struct reconcile *reconcile = arg;

	reconcile->retry_timer = 0;
	reconcile->options.resend(reconcile->options.arg);
	reconcile_begin(reconcile);
}

static void postpone(struct reconcile *reconcile)
{
	int64_t delay_ms = FIRST_RETRY_MS;

	for (int i = 0; i < reconcile->postponed && delay_ms < MAX_RETRY_MS; i++)
		delay_ms *= 2;
	reconcile->postponed++;
	loop_timer_cancel(reconcile->options.loop, reconcile->retry_timer);
	reconcile->retry_at = clock_boottime() + delay_ms * USEC_PER_MSEC;
	reconcile->retry_timer =
		loop_timer_set(reconcile->options.loop, delay_ms, retry, reconcile);
}

/* The snapshot of a change that could not be put back may be all that is left of the data. */
static bool may_clean(const struct reconcile *reconcile)
{
	struct arena *arena = arena_new();
	struct error ignored = {0};
	struct verdict verdict;
	bool found = false;
	bool known = verdict_find(reconcile->options.state, reconcile->accepted_digest, arena,
				  &verdict, &found, &ignored);
	bool failed =
		found && strcmp(verdict.state, RESULT_STATE_NAMES[RESULT_ROLLBACK_FAILED]) == 0;

	arena_free(arena);
	return known && !failed && reconcile->has_current && !reconcile->transaction;
}

/* What a change has left that was put back, or that ended with the agent. Packages stay: it may come again. */
static void clean(struct reconcile *reconcile)
{
	if (may_clean(reconcile))
		housekeeping_services(&reconcile->current);
}

static void committed(struct reconcile *reconcile)
{
	struct error err = {0};

	reconcile->postponed = 0;
	if (!state_set_int(reconcile->options.state, IN_FORCE_SINCE, clock_now_utc(), &err))
		log_error("could not keep since when it is in force: %s", err.text);
	/* Without it nobody can tell what belongs there: nothing is stopped. */
	if (!load_current(reconcile, &err)) {
		reconcile->unreadable = true;
		log_error("cannot read what was just applied: %s", err.text);
	} else {
		housekeeping_run(reconcile->options.state, &reconcile->current);
	}
}

static void change_ended(enum transaction_end end, void *arg)
{
	struct reconcile *reconcile = arg;
	struct error err = {0};
	bool promoted = false;

	transaction_free(reconcile->transaction);
	reconcile->transaction = NULL;
	if (end == TRANSACTION_COMMITTED)
		committed(reconcile);
	else if (end == TRANSACTION_POSTPONED)
		postpone(reconcile);
	if (!reconcile->unreadable)
		supervisor_prune(reconcile->options.supervisor);
	reconcile_report_soon(reconcile);
	if (!desired_promote(reconcile->options.state, &promoted, &err))
		log_error("could not take up the next desired state: %s", err.text);
	if (end != TRANSACTION_POSTPONED || promoted)
		reconcile_begin(reconcile);
	if (end != TRANSACTION_COMMITTED && end != TRANSACTION_POSTPONED)
		clean(reconcile);
}

static void need_urls(void *arg)
{
	struct reconcile *reconcile = arg;

	reconcile->options.resend(reconcile->options.arg);
}

static void begin(struct reconcile *reconcile, const struct desired_record *candidate,
		  const struct journal *journal)
{
	const struct transaction_options options = {
		.loop = reconcile->options.loop,
		.state = reconcile->options.state,
		.supervisor = reconcile->options.supervisor,
		.outgoing = reconcile->options.outgoing,
		.upgrade = reconcile->options.upgrade,
		.place = &reconcile->options.place,
		.time = reconcile->options.time,
		.settings = &reconcile->options.transaction,
		.from = reconcile->has_current ? &reconcile->current : NULL,
		.from_generation = reconcile->generation,
		.candidate = candidate,
		.journal = *journal,
		.ended = change_ended,
		.need_urls = need_urls,
		.arg = reconcile,
	};

	loop_timer_cancel(reconcile->options.loop, reconcile->retry_timer);
	reconcile->retry_timer = 0;
	reconcile->begun = clock_now_utc();
	reconcile->transaction = transaction_new(&options);
}

void reconcile_begin(struct reconcile *reconcile)
{
	struct arena *arena = arena_new();
	struct desired_record candidate;
	struct journal journal;
	struct error err = {0};
	bool found = false;

	if (reconcile->transaction) {
		arena_free(arena);
		return;
	}
	if (!desired_find(reconcile->options.state, DESIRED_CANDIDATE, arena, &candidate, &found,
			  &err) ||
	    !journal_find(reconcile->options.state, arena, &journal, &err))
		log_error("could not read the candidate: %s", err.text);
	else if (found)
		begin(reconcile, &candidate, &journal);
	arena_free(arena);
}

/* The content that the journal is about; false: there is no change under way, or nobody can tell. */
static bool find_change(struct reconcile *reconcile, const struct journal *journal,
			struct arena *arena, struct content *out)
{
	struct desired_record candidate;
	struct error ignored = {0};
	bool found = false;

	return journal->phase != JOURNAL_NONE &&
	       desired_find(reconcile->options.state, DESIRED_CANDIDATE, arena, &candidate, &found,
			    &ignored) &&
	       found &&
	       content_decode(candidate.content, strlen(candidate.content), arena, out, &ignored);
}

/*
 * During a change the service may run in its new shape, or be stopped while its files and data are
 * half changed. It is left to the transaction then, which knows what to do with it.
 */
static bool is_in_change(struct reconcile *reconcile, const struct journal *journal,
			 const struct content *change, const struct content_service *service)
{
	const struct content_service *next = change ? content_find(change, service->name) : NULL;
	struct service_status status;

	if (journal->phase == JOURNAL_NONE)
		return false;
	if (tree_is_on(service->name, journal->generation))
		return true;
	if (!change || (next && json_equal(next->json, service->json)))
		return false;
	return !supervisor_status(reconcile->options.supervisor, service->name, &status) ||
	       status.pid == 0;
}

/* One that cannot be set must not keep the others from it. */
static void set_services(struct reconcile *reconcile, const struct journal *journal,
			 struct arena *arena)
{
	struct content change;
	bool known = find_change(reconcile, journal, arena, &change);

	for (size_t i = 0; i < reconcile->current.service_count; i++) {
		const struct content_service *service = &reconcile->current.services[i];
		struct error err = {0};

		if (content_is_agent(service) ||
		    is_in_change(reconcile, journal, known ? &change : NULL, service) ||
		    supervisor_set(reconcile->options.supervisor, &service->spec,
				   reconcile->generation, &err))
			continue;
		log_error("cannot supervise: %s service=%s", err.text, service->name);
		outgoing_event(reconcile->options.outgoing, SEVERITY_ERROR, "service.unsupervised",
			       service->name, NULL, "cannot be supervised: %s", err.text);
	}
}

/*
 * With nothing under way: an agent on trial has won when its change was committed before the power
 * failed. One that is not what the content wants says so, and services are kept all the same.
 */
static void check_agent(struct reconcile *reconcile)
{
	const struct content_service *service =
		reconcile->has_current ? content_find(&reconcile->current, UPGRADE_SERVICE) : NULL;
	bool runs = service ? content_is_agent(service) && upgrade_runs(reconcile->options.upgrade,
									service->spec.command[0])
			    : upgrade_runs(reconcile->options.upgrade, "");

	if (reconcile->transaction || reconcile->unreadable)
		return;
	if (runs)
		upgrade_confirm(reconcile->options.upgrade);
	else
		upgrade_give_up(reconcile->options.upgrade, "nothing wants it any more");
	if (!runs && service && content_is_agent(service))
		outgoing_event(reconcile->options.outgoing, SEVERITY_ERROR, "agent.other", NULL,
			       NULL, "another agent than version %s runs: that one does not start",
			       service->package ? service->package->version : "?");
}

/*
 * A journal that is not about the candidate is of no change that could be finished or undone: what it
 * has switched goes back, and what is in force runs.
 */
static void drop_odd_journal(struct reconcile *reconcile, struct journal *journal,
			     struct arena *arena)
{
	struct desired_record candidate;
	struct error err = {0};
	bool found = false;

	if (journal->phase == JOURNAL_NONE ||
	    !desired_find(reconcile->options.state, DESIRED_CANDIDATE, arena, &candidate, &found,
			  &err) ||
	    (found && candidate.generation == journal->generation))
		return;
	log_error("the journal is about generation %lld, which is not the one that waits",
		  (long long)journal->generation);
	outgoing_event(reconcile->options.outgoing, SEVERITY_ERROR, "agent.journal", NULL, NULL,
		       "the journal was about generation %lld, which nobody knows: what it had "
		       "changed was put back as far as can be told",
		       (long long)journal->generation);
	for (size_t i = 0; reconcile->has_current && i < reconcile->current.service_count; i++)
		if (journal->generation != reconcile->generation &&
		    !tree_switch_back(reconcile->current.services[i].name, journal->generation,
				      false, &err))
			log_error("could not put back: %s", err.text);
	if (!journal_delete(reconcile->options.state, &err))
		log_error("could not drop the journal: %s", err.text);
	*journal = (struct journal){0};
}

bool reconcile_start(struct reconcile *reconcile, struct error *err)
{
	struct arena *arena = arena_new();
	struct journal journal = {0};
	bool ok = journal_find(reconcile->options.state, arena, &journal, err) &&
		  supervisor_adopt(reconcile->options.supervisor, err);

	if (ok) {
		drop_odd_journal(reconcile, &journal, arena);
		if (reconcile->has_current)
			set_services(reconcile, &journal, arena);
		reconcile_begin(reconcile);
		/* With a change under way an unclaimed service may be one of its new ones. */
		if (journal.phase == JOURNAL_NONE && !reconcile->unreadable &&
		    reconcile->accepted > 0)
			supervisor_prune(reconcile->options.supervisor);
		/* The agent may have ended between a commit and the cleaning after it. */
		clean(reconcile);
		reconcile->drift_timer = loop_timer_set(reconcile->options.loop, DRIFT_EVERY_MS,
							check_drift, reconcile);
		check_agent(reconcile);
		reconcile_report_soon(reconcile);
	}
	arena_free(arena);
	return ok;
}

bool reconcile_retry(struct reconcile *reconcile, const char **what, struct error *err)
{
	bool waiting = reconcile->retry_timer != 0, again = false;
	int count = 0;

	if (reconcile->transaction)
		return error_set(err, ERR_CONFLICT, "a change is being applied");
	if (!verdict_forget(reconcile->options.state, reconcile->accepted, &count, &again, err))
		return false;
	if (!waiting && !again && count == 0)
		return error_set(err, ERR_CONFLICT, "nothing has failed here");
	reconcile->postponed = 0;
	reconcile->verdict_told = -USEC_PER_HOUR;
	reconcile_begin(reconcile);
	reconcile->options.resend(reconcile->options.arg);
	*what = waiting || again ? "the newest desired state is tried again"
				 : "the server has put it back meanwhile; it may come again by "
				   "\"muster rollout retry\" or a new rollout";
	return true;
}

void reconcile_trust(struct reconcile *reconcile, const struct dsse_key *keys, size_t count)
{
	reconcile->options.keys = keys;
	reconcile->options.key_count = count;
}

void reconcile_notice(struct reconcile *reconcile)
{
	if (reconcile->transaction)
		transaction_notice(reconcile->transaction);
	reconcile_report_soon(reconcile);
}

int64_t reconcile_generation(const struct reconcile *reconcile)
{
	return reconcile->generation;
}

const char *reconcile_digest(const struct reconcile *reconcile)
{
	return reconcile->digest;
}

bool reconcile_busy(const struct reconcile *reconcile)
{
	return reconcile->transaction != NULL;
}

int reconcile_health_interval_ms(const struct reconcile *reconcile, int preset)
{
	return reconcile->has_current ? reconcile->current.health_interval_ms : preset;
}

const char *reconcile_activity(const struct reconcile *reconcile, struct arena *arena)
{
	struct reconcile_status status;

	reconcile_status(reconcile, arena, &status);
	if (status.changing)
		return arena_printf(arena, "%s generation %lld", RESULT_STATE_NAMES[status.phase],
				    (long long)status.accepted);
	if (status.postponed)
		return arena_printf(arena, "waiting to try generation %lld again",
				    (long long)status.accepted);
	if (reconcile->unreadable)
		return "idle; services are left alone, what is in force cannot be read: waiting for "
		       "the server to send it";
	if (status.has_verdict && status.failed == status.accepted &&
	    status.accepted != status.generation)
		return arena_printf(arena, "idle; generation %lld was %s: %s",
				    (long long)status.accepted, RESULT_STATE_NAMES[status.verdict],
				    status.failure.text);
	return "idle";
}
