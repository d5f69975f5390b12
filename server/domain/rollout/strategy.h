/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person asks for: changes x targets x strategy, decoded from JSON and checked as far as
 * that is possible without looking at the fleet. Pure: no database, no clock.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/rollout.h"

#define ROLLOUT_CHANGES_MAX 32
#define ROLLOUT_TARGETS_MAX 10000 /* in a list */
#define ROLLOUT_NODES_MAX 200000  /* by a selector or a selection */

enum on_failure {
	ON_FAILURE_PAUSE,
	ON_FAILURE_ROLLBACK,
	ON_FAILURE_FAIL,
};

/* A failure of a kind that no rollout of the project had before. */
enum new_failure {
	NEW_FAILURE_IGNORE, /* counts like any other */
	NEW_FAILURE_STOP,   /* pauses the rollout, however few they are */
};

enum when_offline {
	OFFLINE_WAIT, /* told when it comes back, within its deadline */
	OFFLINE_SKIP,
	OFFLINE_FAIL,
};

struct rollout_change {
	const char *service;
	const char *driver; /* NULL: as it is */
	struct change_package {
		const char *name;
		const char *version;
	} package; /* name NULL: as it is */
	struct change_config {
		const char *name;
		json_t *version; /* integer, "latest" or NULL = latest */
	} config;
	bool has_run;
	bool run;
	bool remove;
	json_t *parameters; /* object or NULL: as they are */
};

/* Size of one wave: a count, or a share of all targets in percent. */
struct wave_size {
	int64_t count;
	int64_t percent;
};

struct strategy {
	struct wave_size waves[ROLLOUT_WAVES_MAX];
	size_t wave_count;
	int64_t max_parallel; /* 0 = no limit */
	int64_t health_gate_ms;
	int64_t soak_ms;
	int64_t max_failures;
	enum on_failure on_failure;
	int64_t deadline_ms;
	enum when_offline offline;
	bool approval;
	enum new_failure new_failure;
};

struct targets {
	const char *selector; /* NULL: none */
	const char *const *nodes;
	size_t node_count;
	const char *selection; /* id; NULL: none */
	int64_t confirm_count; /* as typed, -1: none */
};

/* Errors are ERR_INVALID with the field's path ("changes[1].service"). */
MUST_CHECK bool changes_decode(json_t *json, struct arena *arena, struct rollout_change **out,
			       size_t *count, struct error *err);
MUST_CHECK bool targets_decode(json_t *json, struct arena *arena, struct targets *out,
			       struct error *err);
/* NULL gives the defaults. */
MUST_CHECK bool strategy_decode(json_t *json, struct arena *arena, struct strategy *out,
				struct error *err);

/* The strategy with every default filled in, as it is stored and shown. Caller owns it. */
json_t *strategy_encode(const struct strategy *strategy);

/*
 * Splits total nodes into waves: sizes[i] of them in wave i + 1, never an empty wave, the rest in the
 * last one. Returns the number of waves, 0 when total is 0. sizes has room for ROLLOUT_WAVES_MAX.
 */
size_t waves_split(const struct strategy *strategy, int64_t total, int64_t sizes[]);
