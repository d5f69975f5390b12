/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, alerts, webhooks and their deliveries, as the store reads them. Strings live in the arena. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct alert_rule {
	const char *id;
	const char *kind; /* node-offline, service-crash-loop, rollout-stopped */
	const char *name;
	bool enabled;
	const char *severity; /* info, warning, critical */
	int64_t for_ms;	      /* how long it must hold before it fires */
	usec_t created_at;
	int64_t revision;
};

struct alert {
	const char *id;
	const char *project_id;
	const char *rule;
	const char *rule_name;
	const char *kind;
	const char *state; /* pending, firing, acknowledged, resolved */
	const char *severity;
	const char *summary;
	const char *node;
	const char *node_name;
	const char *service;
	const char *rollout;
	int64_t rollout_number;
	usec_t started_at;
	usec_t firing_at;
	usec_t acknowledged_at;
	const char *acknowledged_by;
	usec_t resolved_at;
};

struct webhook {
	const char *id;
	const char *name;
	const char *url;
	const char *const *events;
	size_t event_count;
	bool enabled;
	usec_t created_at;
	int64_t revision;
	const void *secret_sealed; /* never leaves the process unsealed, but once when it is made */
	size_t secret_size;
};

struct delivery {
	const char *id;
	const char *webhook;
	const char *event_id;
	const char *event_type;
	const char *body;
	const char *state; /* pending, succeeded, failed */
	int64_t attempt;
	usec_t next_at;
	int64_t last_status;
	const char *last_error;
	const char *response_excerpt;
	usec_t created_at;
	usec_t finished_at;
};
