/* SPDX-License-Identifier: Apache-2.0 */
/* Which desired messages are taken. Whoever sends them, only the signature counts. */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/log.h"
#include "protocol/limits.h"
#include "reconcile/failure.h"
#include "reconcile/plan.h"
#include "reconcile/reconcile_internal.h"

#define VERDICT_AGAIN (10 * USEC_PER_MINUTE)

static bool digest_matches(const struct msg_desired *desired)
{
	char hex[SHA256_HEX_SIZE];

	sha256_hex(desired->content, strlen(desired->content), hex);
	return strcmp(desired->digest + strlen("sha256:"), hex) == 0;
}

bool desired_open(struct reconcile *reconcile, const void *payload, size_t size,
		  struct arena *arena, struct msg_desired *out, struct error *err)
{
	const struct signed_message message = {DSSE_DESIRED, payload, size};
	json_t *json;

	if (!reconcile_open(reconcile, &message, arena, &json, err) ||
	    !msg_desired_decode(json, arena, out, err) ||
	    !reconcile_addressed(reconcile, out->node, out->expires, err))
		return false;
	if (!digest_matches(out))
		return error_set(err, ERR_INVALID, "its digest is not that of its content");
	return true;
}

/* Everything that must be known after a power cut, as one step. */
static bool keep(struct reconcile *reconcile, const struct msg_desired *desired, const char *fetch,
		 struct error *err)
{
	struct state *state = reconcile->options.state;
	const struct desired_record record = {
		.generation = desired->generation,
		.digest = desired->digest,
		.content = desired->content,
		.fetch = fetch,
	};
	enum desired_slot slot = reconcile->transaction ? DESIRED_NEXT : DESIRED_CANDIDATE;

	if (!state_begin(state, err))
		return false;
	bool ok = state_set_int(state, "generation", desired->generation, err) &&
		  state_set(state, "digest", desired->digest, err) &&
		  desired_update(state, slot, &record, err);
	return state_end(state, ok, err);
}

static void tell(struct reconcile *reconcile, int64_t generation, const char *digest,
		 const char *rollout, enum result_state state, const struct msg_failure *failure)
{
	const struct msg_result result = {
		.generation = generation,
		.digest = digest,
		.rollout = rollout,
		.state = state,
		.has_error = failure != NULL,
		.error = failure ? *failure : (struct msg_failure){0},
	};

	outgoing_result(reconcile->options.outgoing, &result);
}

/* For results before the content is taken apart; NULL when it cannot be told. */
static const char *rollout_of(const char *content, struct arena *arena)
{
	struct error ignored = {0};
	json_t *json;

	if (!json_parse_limited(content, strlen(content), LIMIT_JSON_DEPTH, &json, &ignored))
		return NULL;
	json_keep(json, arena);
	return json_string_value(json_object_get(json_object_get(json, "apply"), "rollout"));
}

static void tell_verdict(struct reconcile *reconcile, const struct msg_desired *desired,
			 const struct verdict *verdict, struct arena *arena)
{
	int state = names_find(RESULT_STATE_NAMES, verdict->state);
	struct msg_failure failure;

	failure_read(verdict->error, arena, &failure);
	tell(reconcile, desired->generation, desired->digest, rollout_of(desired->content, arena),
	     state < 0 ? RESULT_REFUSED : (enum result_state)state, &failure);
}

static void take_new(struct reconcile *reconcile, const struct msg_desired *desired,
		     const char *fetch, struct arena *arena, struct error *err)
{
	struct verdict verdict;
	bool failed_before = false;

	if (!verdict_find(reconcile->options.state, desired->digest, arena, &verdict,
			  &failed_before, err) ||
	    !keep(reconcile, desired, fetch, err)) {
		log_error("could not keep the desired state: %s", err->text);
		return;
	}
	reconcile->accepted = desired->generation;
	snprintf(reconcile->accepted_digest, sizeof(reconcile->accepted_digest), "%s",
		 desired->digest);
	if (failed_before) {
		log_warn("generation %lld has failed before and is not tried again",
			 (long long)desired->generation);
		tell_verdict(reconcile, desired, &verdict, arena);
		if (!desired_delete(reconcile->options.state,
				    reconcile->transaction ? DESIRED_NEXT : DESIRED_CANDIDATE, err))
			log_error("could not drop a desired state: %s", err->text);
		return;
	}
	log_info("accepted generation=%lld", (long long)desired->generation);
	tell(reconcile, desired->generation, desired->digest, rollout_of(desired->content, arena),
	     RESULT_ACCEPTED, NULL);
	if (reconcile->transaction)
		transaction_supersede(reconcile->transaction);
	else
		reconcile_begin(reconcile);
}

/* The URLs of a record are replaced where the record still waits. */
static bool refresh(struct reconcile *reconcile, const struct msg_desired *desired,
		    const char *fetch, struct arena *arena, struct error *err)
{
	static const enum desired_slot SLOTS[] = {DESIRED_CANDIDATE, DESIRED_NEXT};

	for (size_t i = 0; i < ARRAY_SIZE(SLOTS); i++) {
		struct desired_record record;
		bool found;

		if (!desired_find(reconcile->options.state, SLOTS[i], arena, &record, &found, err))
			return false;
		if (!found || strcmp(record.digest, desired->digest) != 0)
			continue;
		record.fetch = fetch;
		if (!desired_update(reconcile->options.state, SLOTS[i], &record, err))
			return false;
	}
	return true;
}

static void take_again(struct reconcile *reconcile, const struct msg_desired *desired,
		       const char *fetch, struct arena *arena, struct error *err)
{
	/* A bundle brings packages instead of addresses; those of the link stay. */
	bool brought = json_object_size(desired->fetch) == 0;
	usec_t now = clock_boottime();
	struct verdict verdict;
	bool found = false;

	if (reconcile->transaction &&
	    strcmp(transaction_digest(reconcile->transaction), desired->digest) == 0) {
		transaction_refresh(reconcile->transaction, brought ? NULL : fetch);
		return;
	}
	if ((!brought && !refresh(reconcile, desired, fetch, arena, err)) ||
	    !verdict_find(reconcile->options.state, desired->digest, arena, &verdict, &found,
			  err)) {
		log_error("could not refresh the desired state: %s", err->text);
		return;
	}
	if (now - reconcile->verdict_told > VERDICT_AGAIN && (found || !reconcile->transaction)) {
		reconcile->verdict_told = now;
		if (found)
			tell_verdict(reconcile, desired, &verdict, arena);
		else if (strcmp(reconcile->digest, desired->digest) == 0)
			tell(reconcile, desired->generation, desired->digest,
			     rollout_of(desired->content, arena), RESULT_SUCCEEDED, NULL);
	}
	/* One that was postponed comes again by its own timer, or with what it lacked. */
	if (!reconcile->retry_timer || brought)
		reconcile_begin(reconcile);
}

void reconcile_refuse(struct reconcile *reconcile, const char *kind, const char *what,
		      const char *why)
{
	usec_t now = clock_boottime();
	usec_t earned = (now - reconcile->refusals_at) / (REFUSAL_EVERY_S * USEC_PER_SEC);

	if (earned > 0) {
		reconcile->refusals = earned > REFUSALS - reconcile->refusals
					      ? REFUSALS
					      : reconcile->refusals + (int)earned;
		reconcile->refusals_at = now;
	}
	log_warn("refused %s: %s", what, why);
	if (reconcile->refusals == 0)
		return;
	reconcile->refusals--;
	outgoing_event(reconcile->options.outgoing, SEVERITY_WARNING, kind, NULL, NULL,
		       "%s was refused: %s", what, why);
}

static void take(struct reconcile *reconcile, const struct msg_desired *desired,
		 struct arena *arena)
{
	const char *fetch = json_text(desired->fetch, arena);
	struct error err = {0};
	char why[160];

	if (!trusted_time_learn(reconcile->options.time, desired->issued, &err))
		log_error("could not keep the time: %s", err.text);
	switch (generation_judge(reconcile->accepted, reconcile->accepted_digest,
				 desired->generation, desired->digest)) {
	case GENERATION_NEW:
		take_new(reconcile, desired, fetch, arena, &err);
		break;
	case GENERATION_REPEATED:
		take_again(reconcile, desired, fetch, arena, &err);
		break;
	case GENERATION_OLD:
		/* QoS 1 may bring one late; only a jump back is worth a word to the server. */
		log_info("ignoring generation %lld, have %lld", (long long)desired->generation,
			 (long long)reconcile->accepted);
		if (desired->generation < reconcile->generation) {
			snprintf(why, sizeof(why), "generation %lld is older than %lld",
				 (long long)desired->generation, (long long)reconcile->generation);
			reconcile_refuse(reconcile, "desired.refused", "a desired state", why);
		}
		break;
	case GENERATION_EQUIVOCATION:
		snprintf(why, sizeof(why), "generation %lld came with another content before",
			 (long long)desired->generation);
		reconcile_refuse(reconcile, "desired.equivocation", "a desired state", why);
		break;
	}
}

void reconcile_receive_desired(struct reconcile *reconcile, const void *payload, size_t size)
{
	struct arena *arena = arena_new();
	struct msg_desired desired;
	struct error err = {0};

	if (desired_open(reconcile, payload, size, arena, &desired, &err))
		take(reconcile, &desired, arena);
	else
		reconcile_refuse(reconcile, "desired.refused", "a desired state", err.text);
	arena_free(arena);
}
