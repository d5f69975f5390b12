/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where nodes belong: with several brokers each has the shards with (shard mod brokers) equal to its
 * number, and one address; a single one may have several addresses.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "model/ctx.h"

/* The addresses that a node of the shard shall use; the caller's reference. */
json_t *inventory_brokers(const struct server *server, int shard);

/* Whether a node of the shard that was heard at this broker belongs to another one. */
bool inventory_broker_is_foreign(const struct server *server, int shard, int broker);
