/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rollout, its waves and steps, as the store reads them. Strings and JSON live in the arena of
 * the unit of work. States are the enums of domain/rollout/machine.h, here as their names.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define ROLLOUT_WAVES_MAX 256

struct rollout {
	const char *id;
	const char *project_id;
	int64_t number; /* counts up within the project */
	const char *name;
	const char *kind; /* change, rollback */
	const char *state;
	json_t *changes;  /* as the client sent them */
	json_t *resolved; /* service -> what to set; NULL for a rollback, whose steps hold it */
	json_t *targets;
	json_t *strategy;
	const char *plan_hash;	 /* or NULL */
	const char *rollback_of; /* id, or NULL */
	json_t *undo;		 /* what it takes back, when that is a part or a moment; or NULL */
	int64_t current_wave;	 /* 0 before the first */
	const char *reason;	 /* why it is in this state, or NULL */
	const char *created_by;
	const char *created_by_user; /* id of the person behind, or NULL */
	const char *approved_by;
	usec_t created_at;
	usec_t started_at;
	usec_t finished_at;
	usec_t state_since;
	int64_t revision;
	int64_t priority;
	bool forced;	    /* outside of its windows, because a person said so */
	usec_t deadline_at; /* of the whole rollout; 0 = none */
};

/* Steps of a wave by what they mean to a person, in the order of the phase bar. */
struct rollout_counts {
	int64_t total;
	int64_t succeeded;
	int64_t failed;	     /* failed, rolled back, rollback failed, timed out */
	int64_t in_progress; /* queued to verifying, node online */
	int64_t offline;     /* the same, or pending in a wave that has begun, node offline */
	int64_t pending;
	int64_t skipped;    /* skipped, superseded */
	int64_t superseded; /* of the skipped */
	int64_t window;	    /* of the pending: online, and waits for its update window */
};

struct rollout_wave {
	int64_t no; /* from 1 */
	const char *state;
	const char *label; /* value that its nodes share, or NULL */
	int64_t size;
	int64_t forgiven; /* failures that a person accepted by going on */
	usec_t started_at;
	usec_t finished_at;
	usec_t soak_until;
	struct rollout_counts counts;
	/* For whoever drives it: */
	int64_t waiting;	 /* pending, online or not */
	int64_t waiting_offline; /* of these, node offline */
	int64_t told_offline;	 /* in flight, node offline ever since it was told */
	int64_t unreachable;	 /* told while online, and now offline */
	int64_t forgiven_unreachable;
	int64_t fetched_bytes; /* by its nodes, as far as they have said */
	int64_t saved_bytes;   /* by older versions that were there */
};

struct rollout_step {
	const char *node_id;
	const char *node_name;
	int64_t wave;
	const char *state;
	const char *reason;
	json_t *error; /* {phase, code, text, service?, stderr?} or NULL */
	json_t *progress;
	json_t *after;	/* of a rollback: what to restore; else NULL */
	json_t *before; /* what ran before, once captured */
	int64_t generation;
	int64_t attempt;
	bool online;
	usec_t state_since;
	usec_t deadline_at;
	const char *fingerprint; /* the kind of its failure, or NULL */
	int64_t retries;
	usec_t retry_at;	   /* it is not tried again before; 0 = not waiting for that */
	usec_t opens_at;	   /* of its update window; 0 = not waiting for that */
	const char *superseded_by; /* rollout, or NULL */
	json_t *lost;		   /* names of services that newer rollouts have taken over */
};
