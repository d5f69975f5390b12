/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few packets of MQTT 3.1.1 (OASIS standard, section 3) that a loop-back needs. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

enum mqtt_type {
	MQTT_CONNECT = 1,
	MQTT_CONNACK = 2,
	MQTT_PUBLISH = 3,
	MQTT_SUBSCRIBE = 8,
	MQTT_SUBACK = 9,
	MQTT_DISCONNECT = 14,
};

struct mqtt_packet {
	int type;
	int flags;	     /* low half of the first byte */
	const uint8_t *body; /* after the fixed header */
	size_t size;
};

enum mqtt_read { MQTT_READ_MORE, MQTT_READ_PACKET, MQTT_READ_BAD };

/* One packet from the front of data; *used is its length with header. Larger than max_size: bad. */
enum mqtt_read mqtt_packet_read(const uint8_t *data, size_t size, size_t max_size,
				struct mqtt_packet *packet, size_t *used);

/* username and password may be NULL. Texts of at most 65535 bytes. */
void mqtt_connect_encode(struct strbuf *out, const char *client_id, const char *username,
			 const char *password);
void mqtt_subscribe_encode(struct strbuf *out, uint16_t packet_id, const char *topic);
/* Quality of service 0. */
void mqtt_publish_encode(struct strbuf *out, const char *topic, const void *payload, size_t size);
void mqtt_disconnect_encode(struct strbuf *out);

/* The reason that a CONNACK gives; 0: accepted, -1: not well formed. */
int mqtt_connack_code(const struct mqtt_packet *packet);
/* Granted quality of service, 0x80 refused, -1 not well formed. */
int mqtt_suback_code(const struct mqtt_packet *packet);
/* Is it a PUBLISH of this topic with this payload? */
bool mqtt_publish_is(const struct mqtt_packet *packet, const char *topic, const void *payload,
		     size_t size);

/* Words for the codes 1 to 5 of a CONNACK. */
const char *mqtt_connack_text(int code);
