/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/topics.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"

static const char PREFIX[] = "muster/1/";

static const struct channel_info channels[CHANNEL_COUNT] = {
	[CHANNEL_HELLO] = {"hello", true, false, 1},
	[CHANNEL_HEALTH] = {"health", true, false, 0},
	[CHANNEL_BEAT] = {"beat", true, false, 0},
	[CHANNEL_REPORTED] = {"reported", true, true, 1},
	[CHANNEL_LOGS] = {"logs", true, true, 1},
	[CHANNEL_EVENTS] = {"events", true, true, 1},
	[CHANNEL_RESULT] = {"result", true, true, 1},
	[CHANNEL_DESIRED] = {"desired", false, false, 1},
	[CHANNEL_COMMAND] = {"command", false, false, 1},
	[CHANNEL_ACK] = {"ack", false, false, 1},
};

const struct channel_info *channel_info(enum channel channel)
{
	assert(channel < CHANNEL_COUNT);
	return &channels[channel];
}

enum channel channel_find(const char *name)
{
	for (int i = 0; i < CHANNEL_COUNT; i++)
		if (strcmp(channels[i].name, name) == 0)
			return (enum channel)i;
	return CHANNEL_COUNT;
}

bool topic_node_valid(const char *node)
{
	size_t len = strspn(node, "abcdefghijklmnopqrstuvwxyz0123456789");

	return node[0] == 'n' && node[len] == '\0' && len >= 6 && len <= LIMIT_NODE_ID;
}

int topic_shard(const char *node)
{
	uint8_t digest[32];

	sha256(node, strlen(node), digest);
	uint32_t head = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 |
			(uint32_t)digest[2] << 8 | (uint32_t)digest[3];
	return (int)(head % SHARD_COUNT);
}

int topic_broker(int shard, size_t brokers)
{
	return (int)((size_t)shard % brokers);
}

void topic_format(char out[LIMIT_TOPIC], const char *node, enum channel channel)
{
	const struct channel_info *info = channel_info(channel);

	assert(topic_node_valid(node));
	int n = snprintf(out, LIMIT_TOPIC, "%s%02d/%s/%s/%s", PREFIX, topic_shard(node), node,
			 info->up ? "up" : "down", info->name);
	assert(n > 0 && n < LIMIT_TOPIC);
}

void topic_format_shard(char out[LIMIT_TOPIC], int shard)
{
	assert(shard >= 0 && shard < SHARD_COUNT);
	int n = snprintf(out, LIMIT_TOPIC, "%s%02d/+/up/+", PREFIX, shard);
	assert(n > 0 && n < LIMIT_TOPIC);
}

int topic_named_shard(const char *topic)
{
	const char *at = topic + sizeof(PREFIX) - 1;

	if (strncmp(topic, PREFIX, sizeof(PREFIX) - 1) != 0 || at[0] < '0' || at[0] > '9' ||
	    at[1] < '0' || at[1] > '9')
		return 0;
	return ((at[0] - '0') * 10 + at[1] - '0') % SHARD_COUNT;
}

/* Copies the level that starts at *at into out and moves *at behind its slash or to the end. */
static bool next_level(const char **at, char *out, size_t size)
{
	size_t len = strcspn(*at, "/");

	if (len == 0 || len >= size)
		return false;
	memcpy(out, *at, len);
	out[len] = '\0';
	*at += len;
	if (**at == '/')
		*at += 1;
	return true;
}

bool topic_parse(const char *topic, struct topic *out, struct error *err)
{
	struct topic parsed = {0};
	char shard[4], direction[6], name[16];
	const char *at = topic + sizeof(PREFIX) - 1;

	if (strnlen(topic, LIMIT_TOPIC) >= LIMIT_TOPIC)
		return error_set(err, ERR_INVALID, "topic is longer than %d bytes", LIMIT_TOPIC);
	if (strncmp(topic, PREFIX, sizeof(PREFIX) - 1) != 0)
		return error_set(err, ERR_INVALID, "topic does not begin with %s", PREFIX);
	if (!next_level(&at, shard, sizeof(shard)) ||
	    !next_level(&at, parsed.node, sizeof(parsed.node)) ||
	    !next_level(&at, direction, sizeof(direction)) ||
	    !next_level(&at, name, sizeof(name)) || *at != '\0' || at[-1] == '/')
		return error_set(err, ERR_INVALID, "topic has other levels than expected");
	if (!topic_node_valid(parsed.node))
		return error_set(err, ERR_INVALID, "topic holds no valid node id");

	parsed.channel = channel_find(name);
	if (parsed.channel == CHANNEL_COUNT ||
	    strcmp(direction, channels[parsed.channel].up ? "up" : "down") != 0)
		return error_set(err, ERR_INVALID, "topic names the unknown channel %s/%s",
				 direction, name);

	parsed.shard = topic_shard(parsed.node);
	char expected[4];
	snprintf(expected, sizeof(expected), "%02d", parsed.shard & 63);
	if (strcmp(expected, shard) != 0)
		return error_set(err, ERR_INVALID, "topic names shard %s, the node's is %s", shard,
				 expected);
	*out = parsed;
	return true;
}
