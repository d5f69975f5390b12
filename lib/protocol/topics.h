/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MQTT topics: muster/1/<shard>/<node>/<up|down>/<channel>. One table names every channel, its
 * direction and its quality of service; ingest, publish and the agent's link all work from it.
 * Topics use [a-z0-9/] only, so that every broker takes them (no retained messages, QoS 0 and 1).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "protocol/limits.h"

#define SHARD_COUNT 64

enum channel {
	CHANNEL_HELLO,
	CHANNEL_HEALTH,
	CHANNEL_BEAT,
	CHANNEL_REPORTED,
	CHANNEL_LOGS,
	CHANNEL_EVENTS,
	CHANNEL_RESULT,
	CHANNEL_DESIRED,
	CHANNEL_COMMAND,
	CHANNEL_ACK,
	CHANNEL_COUNT,
};

struct channel_info {
	const char *name;
	bool up;     /* written by the node */
	bool stream; /* numbered, kept by the node until acknowledged */
	int qos;
};

/* A topic taken apart. */
struct topic {
	int shard;
	char node[LIMIT_NODE_ID + 1];
	enum channel channel;
};

const struct channel_info *channel_info(enum channel channel);

/* The channel of that name, or CHANNEL_COUNT. */
enum channel channel_find(const char *name);

/* The shard of a node: the first four bytes of SHA-256 of its id, modulo SHARD_COUNT. */
int topic_shard(const char *node);

/* Number of the broker that a shard belongs to, where there are so many. */
int topic_broker(int shard, size_t brokers);

/*
 * Writes the topic into out (LIMIT_TOPIC bytes). The node id must be valid (topic_node_valid); it
 * is a programming error otherwise.
 */
void topic_format(char out[LIMIT_TOPIC], const char *node, enum channel channel);

/* "muster/1/<shard>/+/up/+", what a server that holds the shard subscribes to. */
void topic_format_shard(char out[LIMIT_TOPIC], int shard);

/* The shard that a topic names, of which nothing is checked; 0 when it names none. */
int topic_named_shard(const char *topic);

/* ERR_INVALID when it is not one of ours, or names another shard than the node's. */
MUST_CHECK bool topic_parse(const char *topic, struct topic *out, struct error *err);

/* 'n' and 5 to 31 more of [a-z0-9]. */
bool topic_node_valid(const char *node);
