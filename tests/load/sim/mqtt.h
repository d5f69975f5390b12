/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of MQTT 3.1.1 as a node speaks, both ways: pure, without a socket. The writers append one packet
 * each to a buffer; the reader takes one packet from the beginning of what has arrived. What comes from a
 * broker is not trusted: every length is checked before it is used.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/strbuf.h"

enum mqtt_type {
	MQTT_CONNECT = 1,
	MQTT_CONNACK = 2,
	MQTT_PUBLISH = 3,
	MQTT_PUBACK = 4,
	MQTT_SUBSCRIBE = 8,
	MQTT_SUBACK = 9,
	MQTT_PINGREQ = 12,
	MQTT_PINGRESP = 13,
	MQTT_DISCONNECT = 14,
};

/* What a broker sends. Pointers go into the bytes that were read. */
struct mqtt_packet {
	enum mqtt_type type;
	int code;    /* CONNACK: 0 is good; SUBACK: granted QoS, 128 is refused */
	uint16_t id; /* PUBLISH with QoS 1, PUBACK, SUBACK */
	int qos;
	bool dup;
	const char *topic; /* not terminated */
	size_t topic_length;
	const uint8_t *payload;
	size_t payload_size;
};

/*
 * Takes the first packet of data. *used says how many bytes it had; 0: more must arrive first. maximum bounds
 * the size of a packet. ERR_INVALID when no broker may send this, ERR_TOO_LARGE over the maximum.
 */
MUST_CHECK bool mqtt_read(const uint8_t *data, size_t size, size_t maximum, struct mqtt_packet *out,
			  size_t *used, struct error *err);

struct mqtt_will {
	const char *topic;
	const char *payload;
};

/* A clean session; user may be NULL. The will has QoS 1 and is not retained. */
void mqtt_write_connect(struct strbuf *out, const char *client_id, const char *user,
			int keepalive_s, const struct mqtt_will *will);

/* qos 0 has no id. */
void mqtt_write_publish(struct strbuf *out, const char *topic, const void *payload, size_t size,
			int qos, uint16_t id);

/* One filter, QoS 1. */
void mqtt_write_subscribe(struct strbuf *out, const char *filter, uint16_t id);
void mqtt_write_puback(struct strbuf *out, uint16_t id);
void mqtt_write_pingreq(struct strbuf *out);
void mqtt_write_disconnect(struct strbuf *out);
