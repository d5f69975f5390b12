/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the node run what its desired state says. Decides which desired messages are taken
 * (signature, node, generation, expiry), keeps them before it acts, runs one transaction at a time,
 * and says what runs. Also the signed commands of the server.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "protocol/dsse.h"
#include "reconcile/transaction.h"
#include "state/trusted_time.h"
#include "upgrade/upgrade.h"

struct reconcile;

struct reconcile_options {
	struct loop *loop;
	struct state *state;
	struct supervisor *supervisor;
	struct outgoing *outgoing;
	struct trusted_time *time;
	struct upgrade *upgrade;
	struct content_place place;
	struct transaction_settings transaction;
	const struct dsse_key *keys; /* that may sign desired states and commands */
	size_t key_count;
	/* Ask the server for the desired state again. */
	void (*resend)(void *arg);
	/* The question of trusted_time_ask was answered; may be NULL. */
	void (*timed)(void *arg);
	/* The server says which brokers this node belongs to: an array, not checked yet. */
	void (*brokers)(json_t *urls, void *arg);
	/* A certificate came that this node has asked for. */
	bool (*certificate)(const char *pem, void *arg, struct error *err);
	void *arg;
};

/* Strings and keys are borrowed. Reads the state, but touches nothing yet. */
MUST_CHECK bool reconcile_new(const struct reconcile_options *options, struct reconcile **out,
			      struct error *err);

/* Accepts NULL. Services go on; a change under way is finished by the next start. */
void reconcile_free(struct reconcile *reconcile);

/* Takes over what runs, starts what shall run, and goes on with a change that was interrupted. */
MUST_CHECK bool reconcile_start(struct reconcile *reconcile, struct error *err);

/* Other keys may sign from now on; borrowed. */
void reconcile_trust(struct reconcile *reconcile, const struct dsse_key *keys, size_t count);

/* Messages as they came from the broker. */
void reconcile_receive_desired(struct reconcile *reconcile, const void *payload, size_t size);
void reconcile_receive_command(struct reconcile *reconcile, const void *payload, size_t size);

/*
 * Somebody says that what failed may be tried again: verdicts are forgotten, what waits for its retry
 * or is the newest begins now, and the server is asked for its desired state. *what says in words
 * what happens. ERR_CONFLICT: a change is under way, or nothing has failed here.
 */
MUST_CHECK bool reconcile_retry(struct reconcile *reconcile, const char **what, struct error *err);

/*
 * Tells the server that something was refused, unless that happens so often that telling would fill
 * disk and line: whoever owns the broker may send as much as he likes.
 */
void reconcile_refuse(struct reconcile *reconcile, const char *kind, const char *what,
		      const char *why);

/* From the supervisor: a service has changed. */
void reconcile_notice(struct reconcile *reconcile);

/* What runs: generation 0 and digest "" before the first. */
int64_t reconcile_generation(const struct reconcile *reconcile);
const char *reconcile_digest(const struct reconcile *reconcile);

/* Is a change under way? Services are left to it then. */
bool reconcile_busy(const struct reconcile *reconcile);

/* From the content in force, or preset. */
int reconcile_health_interval_ms(const struct reconcile *reconcile, int preset);

/* In words, what it is doing: "idle", "verifying generation 7" ...; for status. In the arena. */
const char *reconcile_activity(const struct reconcile *reconcile, struct arena *arena);
