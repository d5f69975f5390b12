/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/mqtt.h"

#include <string.h>

enum {
	LENGTH_BYTES_MAX = 4,
	FLAG_CLEAN = 0x02,
	FLAG_WILL = 0x04,
	FLAG_WILL_QOS_1 = 0x08,
	FLAG_USER = 0x80,
};

/* --- writing --- */

static void put_u16(struct strbuf *out, size_t value)
{
	strbuf_append_char(out, (char)(value >> 8));
	strbuf_append_char(out, (char)(value & 0xff));
}

static void put_text(struct strbuf *out, const char *text)
{
	size_t length = strlen(text);

	put_u16(out, length);
	strbuf_append(out, text, length);
}

static void put_header(struct strbuf *out, enum mqtt_type type, unsigned int flags, size_t length)
{
	strbuf_append_char(out, (char)((unsigned int)type << 4 | flags));
	do {
		strbuf_append_char(out, (char)((length & 0x7f) | (length > 0x7f ? 0x80 : 0)));
		length >>= 7;
	} while (length > 0);
}

void mqtt_write_connect(struct strbuf *out, const char *client_id, const char *user,
			int keepalive_s, const struct mqtt_will *will)
{
	size_t length = 10 + 2 + strlen(client_id) + 2 + strlen(will->topic) + 2 +
			strlen(will->payload) + (user ? 2 + strlen(user) : 0);

	put_header(out, MQTT_CONNECT, 0, length);
	put_text(out, "MQTT");
	strbuf_append_char(out, 4); /* 3.1.1 */
	strbuf_append_char(
		out, (char)(FLAG_CLEAN | FLAG_WILL | FLAG_WILL_QOS_1 | (user ? FLAG_USER : 0)));
	put_u16(out, (size_t)keepalive_s);
	put_text(out, client_id);
	put_text(out, will->topic);
	put_text(out, will->payload);
	if (user)
		put_text(out, user);
}

void mqtt_write_publish(struct strbuf *out, const char *topic, const void *payload, size_t size,
			int qos, uint16_t id)
{
	put_header(out, MQTT_PUBLISH, (unsigned int)qos << 1,
		   2 + strlen(topic) + (qos > 0 ? 2 : 0) + size);
	put_text(out, topic);
	if (qos > 0)
		put_u16(out, id);
	strbuf_append(out, payload, size);
}

void mqtt_write_subscribe(struct strbuf *out, const char *filter, uint16_t id)
{
	put_header(out, MQTT_SUBSCRIBE, 2, 2 + 2 + strlen(filter) + 1);
	put_u16(out, id);
	put_text(out, filter);
	strbuf_append_char(out, 1);
}

void mqtt_write_puback(struct strbuf *out, uint16_t id)
{
	put_header(out, MQTT_PUBACK, 0, 2);
	put_u16(out, id);
}

void mqtt_write_pingreq(struct strbuf *out)
{
	put_header(out, MQTT_PINGREQ, 0, 0);
}

void mqtt_write_disconnect(struct strbuf *out)
{
	put_header(out, MQTT_DISCONNECT, 0, 0);
}

/* --- reading --- */

static uint16_t get_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* The remaining length behind the first byte; *bytes 0: not all of it is there. */
static bool read_length(const uint8_t *data, size_t size, size_t *length, size_t *bytes,
			struct error *err)
{
	*length = *bytes = 0;
	for (size_t i = 0; i < LENGTH_BYTES_MAX; i++) {
		if (1 + i >= size)
			return true;
		*length |= (size_t)(data[1 + i] & 0x7f) << (7 * i);
		if ((data[1 + i] & 0x80) == 0) {
			*bytes = i + 1;
			return true;
		}
	}
	return error_set(err, ERR_INVALID, "a packet's length has more than four bytes");
}

static bool read_publish(const uint8_t *body, size_t length, unsigned int flags,
			 struct mqtt_packet *packet, struct error *err)
{
	size_t at = 2;

	packet->qos = (int)(flags >> 1 & 3);
	packet->dup = (flags & 8) != 0;
	if (packet->qos > 1)
		return error_set(err, ERR_INVALID, "a message has QoS %d, asked for at most 1",
				 packet->qos);
	if (length < 2 || length - 2 < get_u16(body))
		return error_set(err, ERR_INVALID, "a topic is longer than its packet");
	packet->topic_length = get_u16(body);
	packet->topic = (const char *)body + at;
	at += packet->topic_length;
	if (packet->qos > 0) {
		if (length - at < 2)
			return error_set(err, ERR_INVALID, "a message has no id");
		packet->id = get_u16(body + at);
		at += 2;
		if (packet->id == 0)
			return error_set(err, ERR_INVALID, "a message has the id 0");
	}
	packet->payload = body + at;
	packet->payload_size = length - at;
	return true;
}

static bool read_body(const uint8_t *body, size_t length, unsigned int flags,
		      struct mqtt_packet *packet, struct error *err)
{
	size_t wanted = packet->type == MQTT_SUBACK ? 3 : packet->type == MQTT_PINGRESP ? 0 : 2;

	if (packet->type == MQTT_PUBLISH)
		return read_publish(body, length, flags, packet, err);
	if (flags != 0 || length != wanted)
		return error_set(err, ERR_INVALID, "a packet of type %d is malformed",
				 (int)packet->type);
	if (packet->type == MQTT_CONNACK)
		packet->code = body[1];
	else if (packet->type != MQTT_PINGRESP)
		packet->id = get_u16(body);
	if (packet->type == MQTT_SUBACK)
		packet->code = body[2];
	return true;
}

bool mqtt_read(const uint8_t *data, size_t size, size_t maximum, struct mqtt_packet *out,
	       size_t *used, struct error *err)
{
	struct mqtt_packet packet = {0};
	size_t length, bytes;

	*used = 0;
	if (size < 2)
		return true;
	packet.type = (enum mqtt_type)(data[0] >> 4);
	if (packet.type != MQTT_CONNACK && packet.type != MQTT_PUBLISH &&
	    packet.type != MQTT_PUBACK && packet.type != MQTT_SUBACK &&
	    packet.type != MQTT_PINGRESP)
		return error_set(err, ERR_INVALID, "a broker sends no packets of type %d",
				 data[0] >> 4);
	if (!read_length(data, size, &length, &bytes, err))
		return false;
	if (length > maximum)
		return error_set(err, ERR_TOO_LARGE, "a packet has %zu bytes, the limit is %zu",
				 length, maximum);
	if (bytes == 0 || size - 1 - bytes < length)
		return true;
	if (!read_body(data + 1 + bytes, length, data[0] & 15, &packet, err))
		return false;
	*out = packet;
	*used = 1 + bytes + length;
	return true;
}
