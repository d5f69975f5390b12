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
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "domain/rollout/cron.h"
#include "model/rollout.h"

#define ROLLOUT_CHANGES_MAX 32
#define ROLLOUT_TARGETS_MAX 10000 /* in a list */
#define ROLLOUT_NODES_MAX 200000  /* by a selector or a selection */
#define ROLLOUT_WINDOWS_MAX 16

enum on_failure {
	ON_FAILURE_PAUSE,
	ON_FAILURE_ROLLBACK,
	ON_FAILURE_FAIL,
	ON_FAILURE_ROLLBACK_WAVE,
};

/* A failure of a kind that no rollout of the project had before. */
enum new_failure {
	NEW_FAILURE_IGNORE, /* counts like any other */
	NEW_FAILURE_STOP,   /* pauses the rollout, however few they are */
};

enum when_offline {
	OFFLINE_LATER, /* its wave does not wait for it; it gets its turn when it comes back */
	OFFLINE_WAIT,  /* its wave waits for it, until its deadline */
	OFFLINE_SKIP,
	OFFLINE_FAIL,
};

/* The least severity of an alert that stops a rollout. */
enum alert_bar {
	ALERT_BAR_NONE,
	ALERT_BAR_INFO,
	ALERT_BAR_WARNING,
	ALERT_BAR_CRITICAL,
};
extern const char *const ALERT_BAR_NAMES[];

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

/* Updates may begin in the time after each moment that cron names, on the node's wall clock. */
struct update_window {
	const char *cron;
	int64_t duration_ms;
	struct cron parsed;
};

/* Shares are in percent of those nodes of a wave that have a part in it; -1 = not asked for. */
struct gate {
	int64_t max_failures; /* -1: only the share counts */
	int64_t max_failed_percent;
	int64_t max_unreachable_percent;
	enum alert_bar alert;
};

/* By itself, and only after what may go away by itself. */
struct retries {
	int64_t max;
	int64_t backoff_ms; /* before the first; doubles each time */
};

struct strategy {
	struct wave_size waves[ROLLOUT_WAVES_MAX]; /* unless wave_label is set */
	size_t wave_count;
	const char *wave_label; /* a wave per value of this label, or NULL */
	const char *const *wave_order;
	size_t wave_order_count;
	const char *apart;    /* nodes that share its value are never under way together; or NULL */
	int64_t max_parallel; /* 0 = no limit */
	int64_t health_gate_ms;
	int64_t soak_ms;
	struct gate gate;
	enum on_failure on_failure;
	int64_t deadline_ms;	     /* of a node */
	usec_t start_at;	     /* 0 = at once */
	int64_t rollout_deadline_ms; /* from the start of the rollout; 0 = none */
	struct update_window *windows;
	size_t window_count;
	const char *timezone; /* of nodes without the label of that name */
	struct retries retries;
	int64_t priority; /* the higher goes first */
	bool follow;	  /* nodes that match later get it too */
	enum when_offline offline;
	bool approval;
	enum new_failure new_failure;
};

/* The label that names a node's time zone. */
#define ROLLOUT_ZONE_LABEL "timezone"

/* Longest wait between two tries. */
#define ROLLOUT_BACKOFF_MAX_MS (6 * 3600 * 1000)

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
