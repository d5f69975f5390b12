/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/mqtt_codec.h"

#include <string.h>

#include "base/compiler.h"

enum {
	KEEPALIVE_S = 60,
	FLAG_CLEAN_SESSION = 0x02,
	FLAG_PASSWORD = 0x40,
	FLAG_USERNAME = 0x80,
	PROTOCOL_LEVEL = 4,
	MAX_LENGTH_BYTES = 4,
};

enum mqtt_read mqtt_packet_read(const uint8_t *data, size_t size, size_t max_size,
				struct mqtt_packet *packet, size_t *used)
{
	size_t length = 0;
	size_t at = 1;

	if (size == 0)
		return MQTT_READ_MORE;
	for (;; at++) {
		if (at > MAX_LENGTH_BYTES)
			return MQTT_READ_BAD;
		if (at >= size)
			return MQTT_READ_MORE;
		length |= (size_t)(data[at] & 0x7f) << (7 * (at - 1));
		if (!(data[at] & 0x80))
			break;
	}
	at++;
	if (length > max_size)
		return MQTT_READ_BAD;
	if (size - at < length)
		return MQTT_READ_MORE;
	*packet = (struct mqtt_packet){
		.type = data[0] >> 4,
		.flags = data[0] & 0x0f,
		.body = data + at,
		.size = length,
	};
	*used = at + length;
	return MQTT_READ_PACKET;
}

static void byte_append(struct strbuf *out, unsigned value)
{
	uint8_t byte = (uint8_t)value;

	strbuf_append(out, &byte, 1);
}

static void number_append(struct strbuf *out, size_t value)
{
	byte_append(out, (unsigned)(value >> 8));
	byte_append(out, (unsigned)(value & 0xff));
}

static void text_append(struct strbuf *out, const char *text)
{
	number_append(out, strlen(text));
	strbuf_append_string(out, text);
}

static size_t text_size(const char *text)
{
	return text ? 2 + strlen(text) : 0;
}

static void header_append(struct strbuf *out, enum mqtt_type type, unsigned flags, size_t length)
{
	byte_append(out, (unsigned)type << 4 | flags);
	do {
		unsigned low = length & 0x7f;

		length >>= 7;
		byte_append(out, length ? low | 0x80 : low);
	} while (length);
}

void mqtt_connect_encode(struct strbuf *out, const char *client_id, const char *username,
			 const char *password)
{
	unsigned flags = FLAG_CLEAN_SESSION;

	/* A password without a user name is not allowed in 3.1.1. */
	if (!username)
		password = NULL;
	flags |= username ? FLAG_USERNAME : 0;
	flags |= password ? FLAG_PASSWORD : 0;
	header_append(out, MQTT_CONNECT, 0,
		      10 + text_size(client_id) + text_size(username) + text_size(password));
	text_append(out, "MQTT");
	byte_append(out, PROTOCOL_LEVEL);
	byte_append(out, flags);
	number_append(out, KEEPALIVE_S);
	text_append(out, client_id);
	if (username)
		text_append(out, username);
	if (password)
		text_append(out, password);
}

void mqtt_subscribe_encode(struct strbuf *out, uint16_t packet_id, const char *topic)
{
	header_append(out, MQTT_SUBSCRIBE, 2, 2 + text_size(topic) + 1);
	number_append(out, packet_id);
	text_append(out, topic);
	byte_append(out, 0);
}

void mqtt_publish_encode(struct strbuf *out, const char *topic, const void *payload, size_t size)
{
	header_append(out, MQTT_PUBLISH, 0, text_size(topic) + size);
	text_append(out, topic);
	strbuf_append(out, payload, size);
}

void mqtt_disconnect_encode(struct strbuf *out)
{
	header_append(out, MQTT_DISCONNECT, 0, 0);
}

int mqtt_connack_code(const struct mqtt_packet *packet)
{
	if (packet->type != MQTT_CONNACK || packet->size != 2)
		return -1;
	return packet->body[1];
}

int mqtt_suback_code(const struct mqtt_packet *packet)
{
	if (packet->type != MQTT_SUBACK || packet->size != 3)
		return -1;
	return packet->body[2];
}

bool mqtt_publish_is(const struct mqtt_packet *packet, const char *topic, const void *payload,
		     size_t size)
{
	size_t topic_length = strlen(topic);

	/* Subscribed with quality 0, so there is no packet id between topic and payload. */
	if (packet->type != MQTT_PUBLISH || (packet->flags & 0x06) != 0 ||
	    packet->size != 2 + topic_length + size)
		return false;
	size_t length = (size_t)packet->body[0] << 8 | packet->body[1];
	return length == topic_length && memcmp(packet->body + 2, topic, length) == 0 &&
	       memcmp(packet->body + 2 + length, payload, size) == 0;
}

const char *mqtt_connack_text(int code)
{
	static const char *const TEXTS[] = {
		"accepted",
		"protocol version refused",
		"client id refused",
		"broker not available",
		"wrong user name or password",
		"not authorised",
	};

	if (code < 0 || (size_t)code >= ARRAY_SIZE(TEXTS))
		return "unknown reason";
	return TEXTS[code];
}
