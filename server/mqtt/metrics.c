/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/metrics.h"

static struct metric METRICS[MQTT_METRIC_COUNT] = {
	[MQTT_RECEIVED] = METRIC_COUNTER("muster_mqtt_received_total", "Messages from nodes"),
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
	[MQTT_CONNECTED] = METRIC_GAUGE("muster_mqtt_connected", "1 while the broker is connected"),
	[MQTT_SHARDS] = METRIC_GAUGE("muster_shards_held", "Shards that this replica takes"),
};

struct metric *mqtt_metric(enum mqtt_metric metric)
{
	return &METRICS[metric];
}

void mqtt_metrics_register(void)
{
	metrics_register(METRICS, MQTT_METRIC_COUNT);
}
