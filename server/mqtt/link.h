/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection to one broker: one thread that owns libmosquitto's client, connects again for ever
 * with jittered pauses, subscribes to the shards that this process holds, and publishes what other
 * threads hand to it. A delivery that the broker has confirmed says only that the broker has it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct error;
struct link;

/* Borrowed while the link lives. */
struct link_settings {
	const char *host;
	int port;
	int broker; /* its number, for metrics and the log */
	const char *client_id;
	const char *ca_path;
	const char *certificate_path;
	const char *key_path;
};

/* Called in the link's thread; must not block. payload is borrowed for the call. */
typedef void (*link_message_fn)(void *arg, const char *topic, const void *payload, size_t size);

/* Starts the thread. That the broker is away is no error: the link waits for it. */
MUST_CHECK bool link_new(const struct link_settings *settings, link_message_fn on_message,
			 void *arg, struct link **out, struct error *err);

/* Sends what is queued if that is quick, disconnects and ends the thread. Accepts NULL. */
void link_free(struct link *link);

/* Bit n stands for shard n. The link subscribes and unsubscribes as needed. */
void link_set_shards(struct link *link, uint64_t shards);

/* How it reaches the broker; borrowed. */
const struct link_settings *link_settings_of(const struct link *link);

bool link_connected(const struct link *link);

/* How often it has connected. */
uint64_t link_connections(const struct link *link);

/* Whether the broker has confirmed the subscriptions to all wanted shards. */
bool link_listening(const struct link *link);

/* Counts the deliveries of one batch; the caller's storage, zeroed before use. */
struct link_receipts {
	size_t pending;
	size_t failed;
};

/*
 * Hands a message with QoS 1 to the thread, which copies nothing later: topic and payload are copied
 * here. receipts (may be NULL) counts it until the broker confirms or the connection ends, and must
 * live until link_wait. ERR_UNAVAILABLE while disconnected, ERR_LIMITED when too much waits.
 */
MUST_CHECK bool link_publish(struct link *link, const char *topic, const void *payload, size_t size,
			     struct link_receipts *receipts, struct error *err);

/* Waits until nothing of receipts is pending; true when all were confirmed within timeout_ms. */
MUST_CHECK bool link_wait(struct link *link, struct link_receipts *receipts, int timeout_ms);
