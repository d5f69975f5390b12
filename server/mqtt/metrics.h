/* SPDX-License-Identifier: Apache-2.0 */
/* What the broker's side counts, for /metrics. */
#pragma once

#include "base/metrics.h"

enum mqtt_metric {
	MQTT_DROPPED,
	MQTT_STORED,
	MQTT_REPEATED,
	MQTT_EARLY,
	MQTT_REFUSED,
	MQTT_BATCHES,
	MQTT_SHARDS,
	MQTT_METRIC_COUNT,
};

struct metric *mqtt_metric(enum mqtt_metric metric);

enum mqtt_broker_metric { MQTT_RECEIVED, MQTT_CONNECTED, MQTT_BROKER_METRIC_COUNT };

/* Of the broker with this number. */
struct metric *mqtt_broker_metric(enum mqtt_broker_metric metric, int broker);

/* Before threads start. */
void mqtt_metrics_register(size_t brokers);
