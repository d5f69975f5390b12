/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The brokers of the installation, one link (and thread) each. The nodes of a shard belong to one of
 * them (topic_broker), but all shards are listened to at each: a node may still be at a former one, and
 * is answered where it was heard.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "mqtt/link.h"
#include "protocol/limits.h"

struct error;
struct links;

/* Borrowed while the links live. */
struct links_settings {
	const char *const
		*urls; /* mqtts://host:port; at most LIMIT_BROKERS, each a string of its own */
	size_t count;
	const char *client_id;
	const char *ca_path;
	const char *certificate_path;
	const char *key_path;
};

/* As a link_message_fn; broker is the number of the one that has delivered it. */
typedef void (*links_message_fn)(void *arg, int broker, const char *topic, const void *payload,
				 size_t size);

/* That a broker is away is no error. ERR_INVALID for a URL, before anything was started. */
MUST_CHECK bool links_new(const struct links_settings *settings, links_message_fn on_message,
			  void *arg, struct links **out, struct error *err);
void links_free(struct links *links); /* accepts NULL */

size_t links_count(const struct links *links);
struct link *links_get(const struct links *links, int broker);

/* The same for all: bit n stands for shard n. */
void links_set_shards(struct links *links, uint64_t shards);

bool links_any_connected(const struct links *links);

/* Whether each of the brokers has confirmed the subscriptions. */
bool links_listening(const struct links *links);

/* Connections made since the start: what was put off for a broker that was away may go on. */
uint64_t links_connections(const struct links *links);

/* Where a node is reached: where it was heard (-1: nowhere yet), if that is still one of our brokers,
 * or else at its own. */
int links_place(const struct links *links, const char *node, int heard);

/* Counts the deliveries of one batch, per broker; the caller's storage, zeroed before use. */
struct links_receipts {
	struct link_receipts of[LIMIT_BROKERS];
};

/* link_publish at that broker; receipts may be NULL. */
MUST_CHECK bool links_publish(struct links *links, int broker, const char *topic,
			      const void *payload, size_t size, struct links_receipts *receipts,
			      struct error *err);

/* Waits for all that receipts count, timeout_ms for everything; confirmed tells, per broker, whether
 * all of it was confirmed. */
void links_wait(struct links *links, struct links_receipts *receipts, int timeout_ms,
		bool confirmed[LIMIT_BROKERS]);
