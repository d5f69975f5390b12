/* SPDX-License-Identifier: Apache-2.0 */
/* What reconcile.c (slots, transactions), envelope.c, accept.c (messages) and commands.c share. */
#pragma once

#include "reconcile/reconcile.h"

/* Refusals that are told at once, and the time after which one more may be. */
enum { REFUSALS = 50, REFUSAL_EVERY_S = 10 };

#define DIGEST_SIZE 72 /* "sha256:" + 64 + the zero byte */

struct reconcile {
	struct reconcile_options options;
	struct arena *arena; /* of the content in force */
	struct content current;
	bool has_current;
	bool unreadable;    /* something is in force, but this agent cannot read it */
	int64_t generation; /* in force */
	char digest[DIGEST_SIZE];
	int64_t accepted; /* highest generation ever taken */
	char accepted_digest[DIGEST_SIZE];
	struct transaction *transaction;
	usec_t begun;	      /* wall clock, of the transaction; for people */
	int postponed;	      /* times in a row */
	int refusals;	      /* that may be told before the next is due */
	usec_t refusals_at;   /* boot time up to which they were counted */
	usec_t verdict_told;  /* boot time of the last repeated verdict */
	uint64_t retry_timer; /* of a postponed change */
	usec_t retry_at;      /* boot time */
	uint64_t report_timer;
	uint64_t drift_timer;
	char reported[65]; /* hash of the last reported message */
};

/* Bytes from the broker, or from wherever, that claim to be an envelope of this type. */
struct signed_message {
	const char *type; /* DSSE_... */
	const void *bytes;
	size_t size;
};

/* envelope.c: the payload, if a key that this agent trusts has signed it. */
MUST_CHECK bool reconcile_open(struct reconcile *reconcile, const struct signed_message *message,
			       struct arena *arena, json_t **out, struct error *err);

/* Is it for us, and has it not expired? */
MUST_CHECK bool reconcile_addressed(struct reconcile *reconcile, const char *node, usec_t expires,
				    struct error *err);

/* accept.c: a desired message that is signed, for us, not expired, and whole. */
MUST_CHECK bool desired_open(struct reconcile *reconcile, const void *payload, size_t size,
			     struct arena *arena, struct msg_desired *out, struct error *err);

/* Value of the state file: when the content in force was committed, by the wall clock; for people. */
#define IN_FORCE_SINCE "in_force_since"

/* Starts the candidate of the state file, if there is one and nothing is under way. */
void reconcile_begin(struct reconcile *reconcile);

/* Says soon what runs. */
void reconcile_report_soon(struct reconcile *reconcile);
