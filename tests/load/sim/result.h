/* SPDX-License-Identifier: Apache-2.0 */
/* What a run has shown, as a table or as JSON. */
#pragma once

#include <stdbool.h>

#include "base/clock.h"
#include "sim/options.h"
#include "sim/stats.h"
#include "sim/worker.h"

struct result {
	const struct options *options;
	usec_t begun, connected; /* monotonic */
	usec_t begun_utc, connected_utc;
	usec_t online; /* when all were online first, 0: never */
	usec_t storm;  /* when all connections were cut last; 0: never */
	usec_t storm_utc;
	usec_t storm_online, storm_answered; /* when all were back; 0: not yet */
	int64_t storm_nodes;
};

void result_begin(struct result *result, const struct options *options);
/* To be called often, with the newest figures. */
void result_look(struct result *result, const struct stats *sum);
void result_connected(struct result *result);
/* Orders the storm, and begins to measure it. */
void result_storm(struct result *result, struct shared *shared);
void result_print(const struct result *result, const struct stats *sum,
		  const struct rollout_table *rollouts);
