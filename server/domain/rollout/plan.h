/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foresees a rollout without doing anything: which nodes, in which wave, what changes on each, what
 * is in the way, and a hash of all of it. Creating a rollout goes through the same code, so what
 * was shown is what happens or the hash differs.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/crypto.h"
#include "base/error.h"
#include "domain/rollout/strategy.h"
#include "model/ctx.h"
#include "store/targets.h"

struct plan_node {
	const struct target_node *node;
	int64_t wave;	     /* from 1 */
	const char *blocked; /* why it cannot be done there, or NULL */
	bool same;	     /* nothing changes */
	int64_t fetch_bytes;
	json_t *services; /* array, see schema/openapi.yaml PlanNode; kept by the arena */
};

struct plan {
	struct rollout_change *changes;
	size_t change_count;
	struct strategy strategy;
	json_t *resolved;	 /* service -> what is set; kept by the arena */
	struct plan_node *nodes; /* by name */
	size_t node_count;
	int64_t wave_sizes[ROLLOUT_WAVES_MAX];
	const char *wave_labels[ROLLOUT_WAVES_MAX]; /* value of the label, or NULL */
	size_t wave_count;
	int64_t change, same, blocked, offline; /* numbers of nodes */
	char hash[sizeof("sha256:") + SHA256_HEX_SIZE];
};

/* body: {changes, targets, strategy}. ERR_INVALID with the place for what can never work. */
MUST_CHECK bool plan_make(struct ctx *ctx, json_t *changes, json_t *targets, json_t *strategy,
			  struct plan *out, struct error *err);
