/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One change from the current content to the candidate, as one thing: fetch and check everything,
 * stop what must stop, take snapshots, switch the files, start, hold the health gate, commit. When
 * anything fails after the first stop, all that was touched goes back, snapshots too, and is
 * checked again. The journal row in the state file spans the part that touches services, so that
 * a new agent finishes or undoes what a dead one had begun.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "reconcile/content.h"
#include "state/desired.h"
#include "state/trusted_time.h"
#include "supervise/supervisor.h"
#include "telemetry/outgoing.h"
#include "upgrade/upgrade.h"

struct transaction;

enum transaction_end {
	TRANSACTION_COMMITTED,	     /* the candidate is current */
	TRANSACTION_REFUSED,	     /* not valid; nothing was touched; a verdict is kept */
	TRANSACTION_POSTPONED,	     /* could not be fetched; nothing was touched; try again */
	TRANSACTION_CANCELLED,	     /* a newer one came before anything was touched */
	TRANSACTION_ROLLED_BACK,     /* all as before */
	TRANSACTION_ROLLBACK_FAILED, /* put back, but it does not work as before */
};

struct transaction_settings {
	const char *ca_file;
	const char *cache_urls; /* site caches, asked before the server: "http://a, http://b" */
	int fetch_attempts;
	int64_t fetch_rate_bytes;
	int64_t unpack_max_bytes;
	int64_t reserve_bytes; /* of the disk, that an update leaves free */
};

struct transaction_options {
	struct loop *loop;
	struct state *state;
	struct supervisor *supervisor;
	struct outgoing *outgoing;
	struct upgrade *upgrade;
	const struct content_place *place;
	const struct trusted_time *time;
	const struct transaction_settings *settings;
	const struct content *from; /* with specs; NULL: nothing runs yet */
	int64_t from_generation;
	const struct desired_record *candidate;
	struct journal journal; /* as found at start; phase NONE otherwise */
	/* Called once from the loop; the callee frees the transaction. */
	void (*ended)(enum transaction_end end, void *arg);
	/* URLs are missing or too old: ask the server for the desired state again. */
	void (*need_urls)(void *arg);
	void *arg;
};

/* What is borrowed must outlive it, but the candidate, which is copied. Begins in the next turn. */
struct transaction *transaction_new(const struct transaction_options *options);

/* Accepts NULL. Services stay as they are: the journal tells the next start what to do. */
void transaction_free(struct transaction *transaction);

/* Fresh URLs (JSON text: sha256 -> URL) for the same content. NULL: the archives were brought. */
void transaction_refresh(struct transaction *transaction, const char *fetch);

/* A newer desired state waits: give up what has not begun or does not work. */
void transaction_supersede(struct transaction *transaction);

/* A service has changed its state: look again. */
void transaction_notice(struct transaction *transaction);

const char *transaction_digest(const struct transaction *transaction);
enum result_state transaction_state(const struct transaction *transaction);
