/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters and gauges for /metrics. A component lists its metrics in one static
 * table and registers it at start; counting is one relaxed atomic addition.
 *
 *   static struct metric METRICS[] = {
 *       METRIC_COUNTER("muster_http_requests_total", "HTTP requests"),
 *   };
 *   metrics_register(METRICS, ARRAY_SIZE(METRICS));
 *   metric_add(&METRICS[0], 1);
 *
 * A name may carry labels: "muster_http_responses_total{class=\"2xx\"}".
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

enum metric_type { METRIC_TYPE_COUNTER, METRIC_TYPE_GAUGE };

struct metric {
	const char *name;
	const char *help;
	enum metric_type type;
	_Atomic int64_t value;
};

#define METRIC_COUNTER(metric_name, text)                                          \
	{                                                                          \
		.name = (metric_name), .help = (text), .type = METRIC_TYPE_COUNTER \
	}
#define METRIC_GAUGE(metric_name, text)                                          \
	{                                                                        \
		.name = (metric_name), .help = (text), .type = METRIC_TYPE_GAUGE \
	}

/* Before threads start. The table stays for the life of the program; at most 64 tables;
 * registering a table again does nothing. */
void metrics_register(struct metric *table, size_t count);

static inline void metric_add(struct metric *metric, int64_t amount)
{
	atomic_fetch_add_explicit(&metric->value, amount, memory_order_relaxed);
}

static inline void metric_set(struct metric *metric, int64_t value)
{
	atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

static inline int64_t metric_get(const struct metric *metric)
{
	return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

/* Prometheus text format of all tables. Metrics of one family stand together in their table. */
void metrics_render(struct strbuf *out);
