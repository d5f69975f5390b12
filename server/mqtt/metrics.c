/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/metrics.h"

#include "protocol/limits.h"

static struct metric METRICS[MQTT_METRIC_COUNT] = {
	[MQTT_DROPPED] = METRIC_COUNTER("muster_mqtt_dropped_total",
					"Messages dropped since too many were waiting"),
	[MQTT_STORED] = METRIC_COUNTER("muster_ingest_stored_total", "Messages stored"),
	[MQTT_REPEATED] = METRIC_COUNTER("muster_ingest_repeated_total",
					 "Messages that had been stored before"),
	[MQTT_EARLY] = METRIC_COUNTER("muster_ingest_early_total",
				      "Messages that came before their predecessors"),
	[MQTT_REFUSED] = METRIC_COUNTER("muster_dead_letters_total",
					"Messages refused and kept as dead letters"),
	[MQTT_BATCHES] = METRIC_COUNTER("muster_ingest_batches_total", "Transactions of messages"),
	[MQTT_SHARDS] = METRIC_GAUGE("muster_shards_held", "Shards that this replica takes"),
};

struct metric *mqtt_metric(enum mqtt_metric metric)
{
	return &METRICS[metric];
}

#define EACH_BROKER(of)                                                                           \
	of("0"), of("1"), of("2"), of("3"), of("4"), of("5"), of("6"), of("7"), of("8"), of("9"), \
		of("10"), of("11"), of("12"), of("13"), of("14"), of("15")
#define RECEIVED(number) \
	METRIC_COUNTER("muster_mqtt_received_total{broker=\"" number "\"}", "Messages from nodes")
#define CONNECTED(number) \
	METRIC_GAUGE("muster_mqtt_connected{broker=\"" number "\"}", "1 while it is connected")

/* Families have to stand together. */
static struct metric BROKER_METRICS[MQTT_BROKER_METRIC_COUNT][LIMIT_BROKERS] = {
	[MQTT_RECEIVED] = {EACH_BROKER(RECEIVED)},
	[MQTT_CONNECTED] = {EACH_BROKER(CONNECTED)},
};

struct metric *mqtt_broker_metric(enum mqtt_broker_metric metric, int broker)
{
	return &BROKER_METRICS[metric][broker];
}

void mqtt_metrics_register(size_t brokers)
{
	metrics_register(METRICS, MQTT_METRIC_COUNT);
	for (size_t i = 0; i < MQTT_BROKER_METRIC_COUNT; i++)
		metrics_register(BROKER_METRICS[i], brokers);
}
