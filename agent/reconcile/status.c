/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/status.h"

#include <string.h>

#include "reconcile/failure.h"
#include "reconcile/reconcile_internal.h"
#include "reconcile/transaction_internal.h"

static int64_t ms_until(usec_t at)
{
	usec_t now = clock_boottime();

	return at > now ? (at - now) / USEC_PER_MSEC : 0;
}

static void add_verdict(const struct reconcile *reconcile, struct arena *arena,
			struct reconcile_status *out)
{
	struct error ignored = {0};
	struct verdict verdict;
	bool found = false;

	if (!verdict_find(reconcile->options.state, reconcile->accepted_digest, arena, &verdict,
			  &found, &ignored))
		return;
	/* The same content may have failed under an earlier number. */
	out->failed = reconcile->accepted;
	if (!found) {
		if (!verdict_find_newest(reconcile->options.state, arena, &verdict, &found,
					 &ignored) ||
		    !found)
			return;
		out->failed = verdict.generation;
	}
	int state = names_find(RESULT_STATE_NAMES, verdict.state);
	out->has_verdict = true;
	out->verdict = state < 0 ? RESULT_REFUSED : (enum result_state)state;
	failure_read(verdict.error, arena, &out->failure);
}

void reconcile_status(const struct reconcile *reconcile, struct arena *arena,
		      struct reconcile_status *out)
{
	const struct transaction *transaction = reconcile->transaction;
	struct error ignored = {0};
	int64_t since = 0;

	*out = (struct reconcile_status){
		.generation = reconcile->generation,
		.digest = arena_strdup(arena, reconcile->digest),
		.unreadable = reconcile->unreadable,
		.accepted = reconcile->accepted,
		.accepted_digest = arena_strdup(arena, reconcile->accepted_digest),
		.waits_for = "",
	};
	if (state_get_int(reconcile->options.state, IN_FORCE_SINCE, 0, &since, &ignored))
		out->since = since;
	if (transaction) {
		out->since = reconcile->begun;
		out->changing = true;
		out->phase = transaction_state(transaction);
		out->waits_for =
			arena_strdup(arena, transaction->reason[0]	? transaction->reason
					    : transaction->last_problem ? transaction->last_problem
									: "");
		out->deadline_ms = ms_until(transaction->deadline);
	} else if (reconcile->retry_timer) {
		out->postponed = true;
		out->retry_ms = ms_until(reconcile->retry_at);
	}
	if (!transaction)
		add_verdict(reconcile, arena, out);
}
