/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every message through every decoder, as a broker that cannot be trusted would
 * deliver it. What one of them takes must survive being written and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fields.h"
#include "protocol/dsse.h"
#include "protocol/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decodes json as one kind of message, encodes it, and decodes that again. */
#define ROUND_TRIP(kind)                                                           \
	static void check_##kind(json_t *json, struct arena *arena)                \
	{                                                                          \
		struct msg_##kind message, again;                                  \
		struct error err;                                                  \
                                                                                   \
		if (!msg_##kind##_decode(json, arena, &message, &err))             \
			return;                                                    \
		json_t *written = json_keep(msg_##kind##_encode(&message), arena); \
		if (!msg_##kind##_decode(written, arena, &again, &err))            \
			abort();                                                   \
		json_t *second = json_keep(msg_##kind##_encode(&again), arena);    \
		if (!json_equal(written, second))                                  \
			abort();                                                   \
	}

ROUND_TRIP(hello)
ROUND_TRIP(health)
ROUND_TRIP(reported)
ROUND_TRIP(events)
ROUND_TRIP(logs)
ROUND_TRIP(result)
ROUND_TRIP(ack)
ROUND_TRIP(desired)
ROUND_TRIP(command)

/* No input can be signed by this key. */
static void check_envelope(json_t *json, struct arena *arena)
{
	static const struct dsse_key KEY = {.id = "0000000000000000", .public_key = {1}};
	struct error err;
	const char *key;
	char *payload;
	size_t size;

	if (dsse_open(arena, json, DSSE_DESIRED, &KEY, 1, &payload, &size, &key, &err))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const CHECKS[])(json_t * json, struct arena * arena) = {
		check_hello,  check_health, check_reported, check_events,  check_logs,
		check_result, check_ack,    check_desired,  check_command, check_envelope,
	};
	struct arena *arena = arena_new();
	struct msg_place place;
	struct error err;
	json_t *json;

	if (message_parse(data, size, LIMIT_UP_MESSAGE, arena, &json, &err)) {
		for (size_t i = 0; i < ARRAY_SIZE(CHECKS); i++)
			CHECKS[i](json, arena);
		if (!msg_place_decode(json, arena, &place, &err))
			arena_reset(arena);
	}
	arena_free(arena);
	return 0;
}
