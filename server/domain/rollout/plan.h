/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foresees a rollout without doing anything: which nodes, in which wave, what changes on each, what
 * is in the way, and a hash of all of it. Creating a rollout goes through the same code, so what
 * was shown is what happens or the hash differs.
 *
 * Nodes with the same outcome form a group. What differs between nodes is gathered by a few set-based
 * statements; rendering and comparing is done once per distinct input (release that fits, values of the
 * variables that the files ask for, what runs now), so that 100,000 nodes cost little more than one.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/crypto.h"
#include "base/error.h"
#include "domain/rollout/strategy.h"
#include "model/ctx.h"
#include "store/targets.h"
#include "store/undo.h"

enum {
	PLAN_GROUPS_KEPT = 200,		/* whose services are kept for showing; all are counted */
	PLAN_DIFF_MAX = 16 * 1024,	/* bytes of one file's diff that are shown */
	PLAN_GROUP_DIFF_MAX = 64 * 1024 /* of all files of a group */
};

/* Nodes to which the same happens. */
struct plan_group {
	int64_t no;	     /* from 1: those that change first, larger first */
	const char *blocked; /* why it cannot be done there, or NULL */
	bool same;	     /* nothing changes */
	bool restarts;
	bool fetches;
	int64_t fetch_bytes;
	json_t *services; /* array, see schema/openapi.yaml PlanService; NULL beyond PLAN_GROUPS_KEPT */
	int64_t node_count;
	struct step_duration
		duration;	     /* of one step of this kind in the past; samples 0: unknown */
	uint8_t digest[SHA256_SIZE]; /* of all that is above but no and counts */
};

struct plan_node {
	const struct target_node *node;
	int64_t wave; /* from 1; 0: it gets no step, since it is already so */
	struct plan_group *group;
};

struct plan {
	struct rollout_change *changes;
	size_t change_count;
	const struct undo *undo; /* NULL: changes are rolled out */
	struct strategy strategy;
	json_t *resolved;	 /* service -> what is set; kept by the arena */
	struct plan_node *nodes; /* by name */
	size_t node_count;
	struct plan_group **groups; /* by no */
	size_t group_count;
	int64_t wave_sizes[ROLLOUT_WAVES_MAX];
	const char *wave_labels[ROLLOUT_WAVES_MAX]; /* value of the label, or NULL */
	size_t wave_count;
	int64_t change, same, blocked, offline; /* numbers of nodes */
	bool everything;	/* chosen by a selector that every node of the project matches */
	int64_t confirmed;	/* the count that was typed, -1: none */
	int64_t expected_ms;	/* of the whole rollout when no node is away, -1: unknown */
	struct plan_held *held; /* other rollouts that have these services of these nodes in hand */
	size_t held_count;
	char hash[sizeof("sha256:") + SHA256_HEX_SIZE];
};

struct plan_request {
	json_t *changes;	 /* or NULL with undo */
	const struct undo *undo; /* what is gone back to, or NULL; outlives the plan */
	json_t *targets;	 /* or NULL where undo is of a rollout */
	json_t *strategy;
};

/* ERR_INVALID with the place for what can never work; ERR_CONFLICT for a selection that has moved. */
MUST_CHECK bool plan_make(struct ctx *ctx, const struct plan_request *request, struct plan *out,
			  struct error *err);

/* Keeps who is behind the numbers of the plan for an hour: GET /plans/{hash}/nodes. In a transaction. */
MUST_CHECK bool plan_keep(struct ctx *ctx, const struct plan *plan, struct error *err);
