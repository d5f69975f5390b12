/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the brokers into the database: the links' threads copy messages into queues, each emptied by
 * one worker (a thread, a database connection, an arena) that takes what is there as one batch and
 * acknowledges it after the commit. While the database is away nothing is acknowledged and nodes keep
 * what they have sent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"

struct ingest;
struct links;
struct server;

/* Borrowed while ingest lives. */
struct ingest_settings {
	const char *database_url;
	const char *owner; /* under which this process holds its shards */
	const struct server *server;
	size_t workers;
};

/* Makes the queues; messages may come from now on. */
struct ingest *ingest_new(const struct ingest_settings *settings);

/* Starts the workers, which acknowledge over the links. */
MUST_CHECK bool ingest_start(struct ingest *ingest, struct links *links, struct error *err);

/* Ends the workers after the batch that they are at. The links must still be there. */
void ingest_stop(struct ingest *ingest);

void ingest_free(struct ingest *ingest); /* accepts NULL */

/* A links_message_fn; arg is the ingest. Never blocks: what does not fit is dropped and counted. */
void ingest_message(void *arg, int broker, const char *topic, const void *payload, size_t size);
