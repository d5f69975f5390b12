/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the simulated nodes are: made by enrolment, kept in a folder for the next run (fleet.json, nodes.jsonl,
 * and what each node runs in runs.*). Read by the parent before it forks, so that workers share its memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/crypto.h"
#include "base/error.h"
#include "protocol/dsse.h"
#include "protocol/limits.h"

enum { DIGEST_SIZE = 7 + SHA256_HEX_SIZE, EPOCH_SIZE = 17, STREAM_COUNT = 4, BROKERS_MAX = 16 };

/* What an agent would have on its disk. */
struct progress {
	int64_t generation; /* runs */
	char digest[DIGEST_SIZE];
	int64_t accepted; /* the highest that it has taken */
	char accepted_digest[DIGEST_SIZE];
	char epoch[EPOCH_SIZE]; /* "" : a new one */
	int64_t produced[STREAM_COUNT];
};

struct identity {
	char id[LIMIT_NODE_ID + 1];
	const char *name;
	const char *key;	 /* PEM */
	const char *certificate; /* PEM */
	struct progress progress;
};

struct broker {
	char host[256];
	int port;
	bool tls;
};

struct fleet {
	struct arena *arena;
	struct identity *nodes;
	size_t count;
	const char *ca; /* PEM */
	struct broker brokers[BROKERS_MAX];
	size_t broker_count;
	bool by_shard; /* each broker has shards of its own; else any of them will do */
	struct dsse_key keys[LIMIT_SIGNATURES];
	size_t key_count;
	int64_t health_interval_ms;
};

/* "mqtts://host:port" or "mqtt://host:port"; the ports are 8883 and 1883 when absent. */
MUST_CHECK bool broker_parse(const char *url, size_t length, struct broker *out, struct error *err);

/* Comma separated; replaces what the fleet has. Each gets shards of its own. */
MUST_CHECK bool fleet_set_brokers(struct fleet *fleet, const char *urls, struct error *err);

/* Takes over what the answer to an enrolment says of the server: brokers, signing keys, interval. */
MUST_CHECK bool fleet_learn(struct fleet *fleet, json_t *answer, struct error *err);

/* Reads at most limit nodes from the folder. Absent is an empty fleet. */
MUST_CHECK bool fleet_load(struct fleet *fleet, const char *folder, size_t limit,
			   struct error *err);

/* Writes fleet.json. */
MUST_CHECK bool fleet_save(const struct fleet *fleet, const char *folder, json_t *answer,
			   struct error *err);

/* One line of nodes.jsonl, in the arena. */
char *identity_line(const struct identity *identity, struct arena *arena);

/* Reads and removes runs.*, which count once: after a crash nodes are as new ones. */
MUST_CHECK bool progress_load(struct fleet *fleet, const char *folder, struct error *err);

/* Writes runs.<first> of the nodes first .. first + count - 1. */
MUST_CHECK bool progress_save(const struct progress *progress, size_t first, size_t count,
			      const char *folder, struct error *err);
