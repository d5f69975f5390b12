/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as the rows that store functions take. New references, unless said otherwise. */
#pragma once

#include <jansson.h>

#include "domain/fleet/fleet.h"
#include "store/health.h"
#include "store/logs.h"

/* For changes_insert_set. */
json_t *row_change(const struct health_node *node);

json_t *row_hello(const struct msg_hello *hello, const char *node_id);

/* The command that answers the question in a hello (or NULL); when it is sealed, it says the time. brokers
 * (NULL, or a reference that it takes): where the node belongs from now on. */
json_t *row_time(const char *node_id, const char *ask_time, json_t *brokers);

/* The node lacks statements on signing keys. */
json_t *row_keys(const char *node_id);

/* The request of a node for a certificate: the command that answers it. */
json_t *row_renewal(const char *node_id, const char *csr);

/* A sign of life. mark: of a health message that came, or -1; beat: that came last, or NULL. */
json_t *row_seen(const char *node_id, usec_t seen_at, int mark, const struct msg_beat *beat);

/* What is stored of a heartbeat: what the agent sent, without what has columns of its own. */
json_t *row_health_body(const struct msg_health *health);

/* Appends one row per service. */
void rows_reported(json_t *rows, const struct health_node *node,
		   const struct msg_reported *reported);

/* Appends one row per event. What the node has corrected (a wrong clock) says so in its data. */
void rows_events(json_t *rows, const struct health_node *node, const struct msg_events *events);

/* Appends one row per line, and one that says how many the agent had to drop. */
struct log_rows {
	struct log_row *rows; /* from the arena; their texts are the message's */
	size_t count, room;
};
void rows_logs(struct log_rows *rows, struct arena *arena, const struct health_node *node,
	       const struct msg_logs *logs);

/* An event that says how many messages of a stream the agent had to give up before this one. */
json_t *row_gap(const struct health_node *node, usec_t at, const char *stream, int64_t dropped);

json_t *row_event(const struct health_node *node, usec_t at, const char *kind, const char *severity,
		  const char *text);
