/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/result.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/fields.h"

void result_begin(struct result *result, const struct options *options)
{
	result->options = options;
	result->begun = clock_monotonic();
	result->begun_utc = clock_now_utc();
}

void result_connected(struct result *result)
{
	result->connected = clock_monotonic();
	result->connected_utc = clock_now_utc();
}

void result_look(struct result *result, const struct stats *sum)
{
	usec_t now = clock_monotonic();

	if (!result->online && sum->counters[COUNT_ONLINE] >= result->options->connected)
		result->online = now;
	if (!result->storm)
		return;
	/* All have gone first: until then the counts are those of before. */
	if (!result->storm_online && now - result->storm > 200 * USEC_PER_MSEC &&
	    sum->counters[COUNT_ONLINE] >= result->storm_nodes)
		result->storm_online = now;
	if (result->storm_online && !result->storm_answered &&
	    sum->counters[COUNT_ANSWERED] >= result->storm_nodes)
		result->storm_answered = now;
}

void result_storm(struct result *result, struct shared *shared)
{
	struct stats *sum = xcalloc(1, sizeof(*sum));

	stats_sum(sum, shared->stats, WORKERS_MAX);
	result->storm_nodes = sum->counters[COUNT_ONLINE];
	free(sum);
	result->storm = clock_monotonic();
	result->storm_utc = clock_now_utc();
	result->storm_online = result->storm_answered = 0;
	atomic_fetch_add(&shared->storm, 1);
}

static double seconds(usec_t from, usec_t to)
{
	return (double)(to - from) / (double)USEC_PER_SEC;
}

static json_t *maybe_seconds(usec_t from, usec_t to)
{
	return from && to ? json_real(seconds(from, to)) : json_null();
}

static void print_json(const struct result *result, const struct stats *sum,
		       const struct rollout_table *rollouts)
{
	struct arena *arena = arena_new();
	json_t *json = json_keep(stats_encode(sum, rollouts), arena);
	char at[TIME_TEXT_SIZE];

	time_format(result->begun_utc, at);
	json_object_set_new(json, "begun_at", json_string(at));
	time_format(result->connected_utc, at);
	json_object_set_new(json, "connected_at", json_string(at));
	json_object_set_new(json, "nodes", json_integer(result->options->nodes));
	json_object_set_new(json, "connected", json_integer(result->options->connected));
	json_object_set_new(json, "seed", json_integer(result->options->seed));
	json_object_set_new(json, "online_s", maybe_seconds(result->begun, result->online));
	json_object_set_new(json, "answered_s", maybe_seconds(result->begun, result->connected));
	json_object_set_new(json, "run_s",
			    json_real(seconds(result->connected, clock_monotonic())));
	json_object_set_new(json, "storm_nodes", json_integer(result->storm_nodes));
	json_object_set_new(json, "storm_online_s",
			    maybe_seconds(result->storm, result->storm_online));
	json_object_set_new(json, "storm_answered_s",
			    maybe_seconds(result->storm, result->storm_answered));
	json_object_set_new(json, "faults", json_integer(stats_faults(sum)));
	printf("%s\n", json_text(json, arena));
	arena_free(arena);
}

static void print_lag(const char *name, const struct histogram *histogram)
{
	static const double SHARES[] = {0.5, 0.9, 0.99, 1};

	printf("  %-26s%9llu", name, (unsigned long long)histogram->count);
	for (size_t i = 0; i < ARRAY_SIZE(SHARES); i++)
		printf("%11.1f", (double)histogram_at(histogram, SHARES[i]) / 1000);
	printf("\n");
}

static void print_rollouts(const struct rollout_table *table)
{
	for (size_t i = 0; i < atomic_load(&table->count); i++) {
		const struct rollout_stats *rollout = &table->rollouts[i];

		printf("rollout %s: %lld nodes told, %lld succeeded, %lld failed\n", rollout->id,
		       (long long)rollout->delivered, (long long)rollout->succeeded,
		       (long long)rollout->failed);
		print_lag("told", &rollout->delivered_lag);
		print_lag("confirmed", &rollout->confirmed_lag);
	}
}

static void print_table(const struct result *result, const struct stats *sum,
			const struct rollout_table *rollouts)
{
	double run = seconds(result->connected, clock_monotonic());

	printf("%lld nodes, %lld connected, seed %lld\n", (long long)result->options->nodes,
	       (long long)result->options->connected, (long long)result->options->seed);
	if (result->online)
		printf("all online after %.1f s, ", seconds(result->begun, result->online));
	printf("answered after %.1f s; then %.1f s\n\n", seconds(result->begun, result->connected),
	       run);
	if (result->storm)
		printf("storm of %lld nodes: ", (long long)result->storm_nodes);
	if (result->storm && result->storm_answered)
		printf("online again after %.1f s, all answered after %.1f s\n\n",
		       seconds(result->storm, result->storm_online),
		       seconds(result->storm, result->storm_answered));
	else if (result->storm)
		printf("not all were answered again\n\n");
	printf("  %-26s%9s%11s%11s%11s%11s\n", "milliseconds", "count", "p50", "p90", "p99", "max");
	for (size_t i = 0; i < LAG_COUNT; i++)
		if (sum->lags[i].count > 0)
			print_lag(LAGS[i].help, &sum->lags[i]);
	printf("\n");
	print_rollouts(rollouts);
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		if (sum->counters[i] != 0 || COUNTERS[i].fault)
			printf("  %-26s%9lld  %s%s\n", COUNTERS[i].name,
			       (long long)sum->counters[i], COUNTERS[i].help,
			       COUNTERS[i].fault && sum->counters[i] ? "  <-- MUST NEVER BE" : "");
}

void result_print(const struct result *result, const struct stats *sum,
		  const struct rollout_table *rollouts)
{
	if (result->options->json)
		print_json(result, sum, rollouts);
	else
		print_table(result, sum, rollouts);
}
