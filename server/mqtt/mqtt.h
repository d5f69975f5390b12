/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that talks to the brokers, as one part of the application: the links, the ingest workers,
 * and a thread that keeps the leases of this replica's shards. Started when the database has the
 * right schema; stopped after the outbox, which publishes through mqtt_links.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"

struct links;
struct mqtt;
struct server;

/* Borrowed until mqtt_stop. */
struct mqtt_settings {
	const char *const *urls; /* mqtts://host:port as the server reaches the brokers */
	size_t url_count;	 /* 1 to LIMIT_BROKERS */
	const char *client_id;	 /* NULL: "muster-server-" and the owner, so that replicas differ */
	const char *ca_path;
	const char *certificate_path;
	const char *key_path;
	const char *database_url;
	const struct server *server;
	/*
	 * The name of this replica in leases. A fixed one takes its shards over at once after a crash,
	 * so it must be used by one process only; NULL makes a random one.
	 */
	const char *owner;
	size_t workers; /* 0: as many as there are processors, at most 4 */
};

/* That broker or database are away is no error. ERR_INVALID for a URL. */
MUST_CHECK bool mqtt_start(const struct mqtt_settings *settings, struct mqtt **out,
			   struct error *err);

/* Accepts NULL. */
void mqtt_stop(struct mqtt *mqtt);

/* For publishing; lives as long as mqtt. */
struct links *mqtt_links(struct mqtt *mqtt);

/* Whether nodes are heard: the leases are known and all brokers have confirmed the subscriptions.
 * For /readyz. */
bool mqtt_connected(const struct mqtt *mqtt);
