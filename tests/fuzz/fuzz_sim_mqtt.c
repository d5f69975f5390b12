/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a broker sends to a simulated node, in pieces: packet by packet as node.c takes them. A packet that is taken lies
 * within what has arrived, and is the same when more bytes follow it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fields.h"
#include "protocol/dsse.h"
#include "sim/hear.h"
#include "sim/mqtt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAXIMUM = 64 * 1024 };

static void check_inside(const struct mqtt_packet *packet, const uint8_t *data, size_t used)
{
	const uint8_t *topic = (const uint8_t *)packet->topic;

	if (packet->type != MQTT_PUBLISH)
		return;
	if (topic < data || topic + packet->topic_length > data + used || packet->payload < data ||
	    packet->payload + packet->payload_size > data + used)
		abort();
}

static void check_alone(const uint8_t *data, size_t used)
{
	struct mqtt_packet packet;
	struct error err = {0};
	size_t again;

	/* Exactly its bytes: a sanitizer sees what looks beyond them. */
	uint8_t *copy = malloc(used);
	memcpy(copy, data, used);
	if (!mqtt_read(copy, used, MAXIMUM, &packet, &again, &err) || again != used)
		abort();
	/* One less is never a whole packet. */
	if (mqtt_read(copy, used - 1, MAXIMUM, &packet, &again, &err) && again != 0)
		abort();
	free(copy);
}

static void hear(const struct mqtt_packet *packet)
{
	static const struct dsse_key KEY = {.id = "0000000000000000", .public_key = {1}};
	struct arena *arena = arena_new();
	struct contents *contents = contents_new();
	const struct hearing hearing = {&KEY, 1, contents, arena, 1};
	const char *node, *kind;
	struct heard heard;
	struct error err = {0};

	if (hear_desired(&hearing, packet->payload, packet->payload_size, false, &heard, &err) &&
	    !heard.content)
		abort();
	/* No input can be signed by this key. */
	if (hear_desired(&hearing, packet->payload, packet->payload_size, true, &heard, &err))
		abort();
	if (hear_command(&hearing, packet->payload, packet->payload_size, false, &node, &kind,
			 &err) &&
	    !kind)
		abort();
	contents_free(contents);
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0, used = 1;
	struct mqtt_packet packet;
	struct error err = {0};

	while (at < size && used > 0) {
		if (!mqtt_read(data + at, size - at, MAXIMUM, &packet, &used, &err))
			break;
		if (used == 0)
			break;
		check_inside(&packet, data + at, used);
		check_alone(data + at, used);
		if (packet.type == MQTT_PUBLISH)
			hear(&packet);
		at += used;
	}
	return 0;
}
