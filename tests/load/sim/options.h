/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. Shares are between 0 and 1, durations milliseconds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/strbuf.h"

enum health_kind { HEALTH_AUTO, HEALTH_FULL, HEALTH_BEAT };

struct options {
	/* The fleet */
	int64_t nodes;
	int64_t connected; /* 0: all */
	const char *url;
	const char *token;
	const char *ca_fingerprint;
	const char *state;
	const char *name;
	int64_t enrol_threads;

	/* The connection */
	const char *broker;
	int64_t ramp;
	int64_t connecting;
	int64_t reconnect_max;
	int64_t processes;

	/* The run */
	int64_t duration;
	int64_t drain;
	int64_t seed;
	int64_t storm;

	/* What nodes say and do */
	int64_t heartbeat;
	const char *health;
	int64_t apply_min, apply_max;
	bool progress;
	const char *fail;
	const char *log_rate;
	int64_t log_batch, log_bytes;
	const char *event_rate;
	const char *verify;

	/* What goes wrong */
	const char *offline;
	int64_t outage;
	const char *drop, *duplicate, *reorder;
	int64_t retry;

	/* Output */
	const char *log;
	bool json;

	/* Worked out of the above. */
	enum health_kind health_kind;
	double fail_share, verify_share, offline_share, drop_share, duplicate_share, reorder_share;
	double log_per_s, events_per_min;
};

/* ERR_INVALID names the option. */
MUST_CHECK bool options_load(int argc, char **argv, struct arena *arena, struct options *out,
			     struct error *err);

void options_help(struct strbuf *out);
