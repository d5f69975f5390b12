/* SPDX-License-Identifier: Apache-2.0 */
/* Telling the world that a node came or went. */
#pragma once

#include <stdbool.h>

#include "domain/fleet/fleet.h"
#include "store/health.h"

/* How long a node may be silent before it counts as offline. */
usec_t fleet_patience(const struct ctx *ctx);

/*
 * Inside the transaction that has changed node.online: appends the event to `events` (for
 * events_insert) and emits node.online or node.offline. reason is a text for people.
 */
MUST_CHECK bool presence_tell(struct ctx *ctx, const struct health_node *node, bool online,
			      const char *reason, json_t *events, struct error *err);
