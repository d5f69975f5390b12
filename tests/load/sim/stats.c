/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/stats.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

const struct counter_info COUNTERS[COUNTER_COUNT] = {
	[COUNT_CONNECTED] = {"connected", "nodes whose broker has let them in", false},
	[COUNT_ONLINE] = {"online", "nodes that have subscribed and said hello", false},
	[COUNT_CONNECTS] = {"connects", "connections made", false},
	[COUNT_CONNECT_FAILURES] = {"connect_failures", "connections that did not come about",
				    false},
	[COUNT_CONNECTION_LOST] = {"connections_lost", "connections that the broker ended", false},
	[COUNT_OUTAGES] = {"outages", "connections that the simulator ended", false},
	[COUNT_ANSWERED] = {"answered", "nodes that the server has answered since they are back",
			    false},
	[COUNT_PUBLISHED] = {"published", "messages sent", false},
	[COUNT_HELLOS] = {"hellos", "", false},
	[COUNT_BEATS] = {"beats", "short heartbeats", false},
	[COUNT_HEALTHS] = {"healths", "full heartbeats", false},
	[COUNT_LOG_LINES] = {"log_lines", "lines sent", false},
	[COUNT_LOG_LINES_ACKED] = {"log_lines_acked", "lines that the server has stored", false},
	[COUNT_EVENTS] = {"events", "", false},
	[COUNT_REPORTED] = {"reported", "", false},
	[COUNT_RESULTS] = {"results", "", false},
	[COUNT_RESENT] = {"resent", "messages sent again, since nobody acknowledged them", false},
	[COUNT_DROPPED] = {"dropped", "messages lost on purpose", false},
	[COUNT_DUPLICATED] = {"duplicated", "messages sent twice on purpose", false},
	[COUNT_REORDERED] = {"reordered", "messages sent late on purpose", false},
	[COUNT_DESIRED] = {"desired", "desired states that arrived", false},
	[COUNT_DESIRED_NEW] = {"desired_new", "of them, taken", false},
	[COUNT_DESIRED_AGAIN] = {"desired_again", "of them, told again", false},
	[COUNT_DESIRED_OLD] = {"desired_old", "of them, overtaken by a newer one", false},
	[COUNT_VERIFIED] = {"verified", "of them, with signature and digest checked", false},
	[COUNT_COMMANDS] = {"commands", "", false},
	[COUNT_ACKS] = {"acks", "acknowledgements of the server", false},
	[COUNT_ACKS_LATE] = {"acks_late", "of them, for less than was acknowledged before", false},
	[COUNT_APPLIED] = {"applied", "desired states that the nodes now run", false},
	[COUNT_FAILED] = {"failed", "desired states that were put back or refused", false},
	[COUNT_SUPERSEDED] = {"superseded", "given up for a newer one", false},
	[COUNT_UNACKED] = {"unacked", "messages that the server has not acknowledged", false},
	[COUNT_BAD_SIGNATURE] = {"bad_signatures", "signature or digest was wrong", true},
	[COUNT_BAD_MESSAGE] = {"bad_messages", "malformed", true},
	[COUNT_BACKWARDS] = {"generations_backwards", "a generation below the one that runs", true},
	[COUNT_EQUIVOCATION] = {"equivocations", "a generation with two contents", true},
	[COUNT_FOREIGN] = {"foreign", "meant for another node", true},
};

const struct counter_info LAGS[LAG_COUNT] = {
	[LAG_CONNECT] = {"connect", "connecting", false},
	[LAG_ANSWER] = {"answer", "hello to answer", false},
	[LAG_PUBLISH] = {"publish", "publish to broker's word", false},
	[LAG_ACK] = {"ack", "sent to stored", false},
	[LAG_DELIVERED] = {"delivered", "signed to received", false},
	[LAG_CONVERGE] = {"converge", "received to confirmed", false},
};

/* --- histograms --- */

static size_t bucket_of(uint64_t us)
{
	size_t exponent = 0;

	while (us >> exponent >= 2 * HISTOGRAM_STEPS)
		exponent++;
	size_t bucket = exponent * HISTOGRAM_STEPS + (size_t)(us >> exponent);
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The middle of what falls into a bucket. */
static uint64_t bucket_value(size_t bucket)
{
	size_t exponent;

	if (bucket < 2 * HISTOGRAM_STEPS)
		return bucket;
	exponent = bucket / HISTOGRAM_STEPS - 1;
	return ((uint64_t)(bucket - exponent * HISTOGRAM_STEPS) << exponent) +
	       (UINT64_C(1) << exponent) / 2;
}

static void raise_max(_Atomic uint64_t *max, uint64_t value)
{
	uint64_t had = atomic_load_explicit(max, memory_order_relaxed);

	while (value > had && !atomic_compare_exchange_weak(max, &had, value))
		continue;
}

void histogram_add(struct histogram *histogram, int64_t us)
{
	uint64_t value = us < 0 ? 0 : (uint64_t)us;

	atomic_fetch_add_explicit(&histogram->buckets[bucket_of(value)], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&histogram->count, 1, memory_order_relaxed);
	raise_max(&histogram->max_us, value);
}

void histogram_merge(struct histogram *sum, const struct histogram *part)
{
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t count = atomic_load_explicit(&part->buckets[i], memory_order_relaxed);

		sum->buckets[i] += count;
		sum->count += count;
	}
	raise_max(&sum->max_us, atomic_load_explicit(&part->max_us, memory_order_relaxed));
}

int64_t histogram_at(const struct histogram *histogram, double share)
{
	uint64_t wanted = (uint64_t)((double)histogram->count * share + 0.5), seen = 0;

	if (histogram->count == 0)
		return 0;
	if (share >= 1)
		return (int64_t)histogram->max_us;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen >= wanted && seen > 0) {
			uint64_t value = bucket_value(i);

			return (int64_t)(value > histogram->max_us ? histogram->max_us : value);
		}
	}
	return (int64_t)histogram->max_us;
}

/* --- counters --- */

void stats_add(struct stats *stats, enum counter counter, int64_t count)
{
	atomic_fetch_add_explicit(&stats->counters[counter], count, memory_order_relaxed);
}

void stats_lag(struct stats *stats, enum lag lag, int64_t us)
{
	histogram_add(&stats->lags[lag], us);
}

void stats_sum(struct stats *sum, const struct stats *parts, size_t count)
{
	memset(sum, 0, sizeof(*sum));
	for (size_t i = 0; i < count; i++) {
		for (size_t c = 0; c < COUNTER_COUNT; c++)
			sum->counters[c] +=
				atomic_load_explicit(&parts[i].counters[c], memory_order_relaxed);
		for (size_t l = 0; l < LAG_COUNT; l++)
			histogram_merge(&sum->lags[l], &parts[i].lags[l]);
	}
}

int64_t stats_faults(const struct stats *sum)
{
	int64_t faults = 0;

	for (size_t c = 0; c < COUNTER_COUNT; c++)
		if (COUNTERS[c].fault)
			faults += sum->counters[c];
	return faults;
}

/* --- rollouts --- */

struct rollout_stats *rollout_stats_find(struct rollout_table *table, const char *id)
{
	struct rollout_stats *found = NULL;

	while (atomic_exchange(&table->lock, true))
		sched_yield();
	size_t count = atomic_load(&table->count);
	for (size_t i = 0; i < count && !found; i++)
		if (strcmp(table->rollouts[i].id, id) == 0)
			found = &table->rollouts[i];
	if (!found && count < ROLLOUTS_MAX) {
		found = &table->rollouts[count];
		snprintf(found->id, sizeof(found->id), "%s", id);
		atomic_store(&table->count, count + 1);
	}
	atomic_store(&table->lock, false);
	return found;
}

static void keep_latest(_Atomic int64_t *latest, int64_t now)
{
	int64_t had = atomic_load(latest);

	while (now > had && !atomic_compare_exchange_weak(latest, &had, now))
		continue;
}

void rollout_delivered(struct rollout_stats *rollout, usec_t issued, usec_t now)
{
	int64_t first = atomic_load(&rollout->first_issued);

	while ((first == 0 || issued < first) &&
	       !atomic_compare_exchange_weak(&rollout->first_issued, &first, issued))
		continue;
	atomic_fetch_add(&rollout->delivered, 1);
	keep_latest(&rollout->last_delivered, now);
	histogram_add(&rollout->delivered_lag, now - atomic_load(&rollout->first_issued));
}

void rollout_confirmed(struct rollout_stats *rollout, bool succeeded, usec_t now)
{
	atomic_fetch_add(succeeded ? &rollout->succeeded : &rollout->failed, 1);
	atomic_fetch_add(&rollout->confirmed, 1);
	keep_latest(&rollout->last_confirmed, now);
	histogram_add(&rollout->confirmed_lag, now - atomic_load(&rollout->first_issued));
}

/* --- as JSON --- */

static json_t *lag_encode(const struct histogram *histogram)
{
	static const struct {
		const char *name;
		double share;
	} POINTS[] = {{"p50_ms", 0.5}, {"p90_ms", 0.9}, {"p99_ms", 0.99}, {"max_ms", 1}};
	json_t *json = json_pack("{s:I}", "count", (json_int_t)histogram->count);

	for (size_t i = 0; i < ARRAY_SIZE(POINTS); i++)
		json_object_set_new(
			json, POINTS[i].name,
			json_real((double)histogram_at(histogram, POINTS[i].share) / 1000));
	return json;
}

static json_t *time_encode(usec_t at)
{
	char text[TIME_TEXT_SIZE];

	if (at == 0)
		return json_null();
	time_format(at, text);
	return json_string(text);
}

static json_t *rollout_encode(const struct rollout_stats *rollout)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "id", rollout->id,
			 "delivered", (json_int_t)rollout->delivered, "confirmed",
			 (json_int_t)rollout->confirmed, "succeeded",
			 (json_int_t)rollout->succeeded, "failed", (json_int_t)rollout->failed,
			 "first_issued_at", time_encode(rollout->first_issued), "last_delivered_at",
			 time_encode(rollout->last_delivered), "last_confirmed_at",
			 time_encode(rollout->last_confirmed), "delivered_lag",
			 lag_encode(&rollout->delivered_lag), "confirmed_lag",
			 lag_encode(&rollout->confirmed_lag));
}

json_t *stats_encode(const struct stats *sum, const struct rollout_table *table)
{
	json_t *counters = json_object(), *lags = json_object(), *rollouts = json_array();

	for (size_t c = 0; c < COUNTER_COUNT; c++)
		json_object_set_new(counters, COUNTERS[c].name, json_integer(sum->counters[c]));
	for (size_t l = 0; l < LAG_COUNT; l++)
		json_object_set_new(lags, LAGS[l].name, lag_encode(&sum->lags[l]));
	size_t count = atomic_load(&table->count);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(rollouts, rollout_encode(&table->rollouts[i]));
	return json_pack("{s:o, s:o, s:o}", "counters", counters, "lags", lags, "rollouts",
			 rollouts);
}
