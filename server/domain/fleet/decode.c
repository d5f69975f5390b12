/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/fields.h"
#include "domain/fleet/fleet.h"

static bool decode_body(struct fleet_message *message, json_t *json, struct arena *arena,
			struct error *err)
{
	switch (message->at.channel) {
	case CHANNEL_HELLO:
		return msg_hello_decode(json, arena, &message->body.hello, err);
	case CHANNEL_HEALTH:
		return msg_health_decode(json, arena, &message->body.health, err);
	case CHANNEL_BEAT: /* no JSON: see decode */
		break;
	case CHANNEL_REPORTED:
		return msg_reported_decode(json, arena, &message->body.reported, err);
	case CHANNEL_EVENTS:
		return msg_events_decode(json, arena, &message->body.events, err);
	case CHANNEL_LOGS:
		return msg_logs_decode(json, arena, &message->body.logs, err);
	case CHANNEL_RESULT:
		return msg_result_decode(json, arena, &message->body.result, err);
	case CHANNEL_DESIRED:
	case CHANNEL_COMMAND:
	case CHANNEL_ACK:
	case CHANNEL_COUNT:
		break;
	}
	return error_set(err, ERR_INVALID, "nodes do not write this channel");
}

/* Whoever is named inside must be who the broker let write to the topic. */
static bool check_node(const struct fleet_message *message, const json_t *json, struct error *err)
{
	const json_t *node = json_object_get(json, "node");

	if (node == NULL)
		return true;
	if (!json_is_string(node) || strcmp(json_string_value(node), message->at.node) != 0)
		return error_set_field(err, ERR_FORBIDDEN, "node",
				       "message names another node than its topic");
	return true;
}

/* PostgreSQL counts config versions in 32 bits. */
static bool check_reported(const struct fleet_message *message, struct error *err)
{
	const struct msg_reported *reported = &message->body.reported;

	if (message->at.channel != CHANNEL_REPORTED)
		return true;
	for (size_t i = 0; i < reported->service_count; i++)
		if (reported->services[i].config.version > INT32_MAX)
			return error_set_field(err, ERR_INVALID, "services",
					       "config version is out of range");
	return true;
}

static bool decode(struct fleet_message *message, struct arena *arena, struct error *err)
{
	json_t *json;

	if (!topic_parse(message->topic, &message->at, err))
		return false;
	message->topic_valid = true;
	if (message->kept < message->size)
		return error_set(err, ERR_TOO_LARGE, "message has %zu bytes, the limit is %d",
				 message->size, LIMIT_UP_MESSAGE);
	if (message->at.channel == CHANNEL_BEAT)
		return msg_beat_decode(message->payload, message->size, &message->body.beat, err);
	if (!message_parse(message->payload, message->size, LIMIT_UP_MESSAGE, arena, &json, err) ||
	    !check_node(message, json, err))
		return false;
	if (channel_info(message->at.channel)->stream) {
		if (!msg_place_decode(json, arena, &message->place, err))
			return false;
		message->place_valid = true;
	}
	return decode_body(message, json, arena, err) && check_reported(message, err);
}

void fleet_decode(struct fleet_message *message, struct arena *arena)
{
	struct error err = {0};

	message->refusal = NULL;
	message->topic_valid = message->place_valid = false;
	if (decode(message, arena, &err))
		return;
	message->refusal = arena_strdup(arena, err.text);
}
