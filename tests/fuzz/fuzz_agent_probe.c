/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What probes and shims answer: the first byte picks the parser, the rest is the answer.
 * Incremental parsers get it whole and cut in two, and must not change their mind.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "process/segment.h"
#include "process/shim_client.h"
#include "supervise/http_check.h"
#include "supervise/mqtt_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void http(const char *text, size_t size)
{
	const struct probe_spec probe = {.kind = PROBE_HTTP, .status = 200, .body = "ok"};
	char why[160];

	for (size_t cut = 0; cut < size && cut < 64; cut++) {
		if (http_check_response(&probe, text, cut, false, why, sizeof(why)) == HTTP_GOOD &&
		    http_check_response(&probe, text, size, true, why, sizeof(why)) != HTTP_GOOD)
			abort();
	}
	if (http_check_response(&probe, text, size, true, why, sizeof(why)) == HTTP_MORE)
		abort();
}

static void mqtt(const uint8_t *data, size_t size)
{
	struct mqtt_packet packet;
	size_t used;

	while (mqtt_packet_read(data, size, 4096, &packet, &used) == MQTT_READ_PACKET) {
		if (used == 0 || used > size)
			abort();
		mqtt_connack_code(&packet);
		mqtt_suback_code(&packet);
		mqtt_publish_is(&packet, "topic", "nonce", 5);
		data += used;
		size -= used;
	}
}

static void shim(const char *text, size_t size)
{
	struct shim_event event;
	struct segment_record record;

	if (shim_packet_decode(text, size, &event) && event.text_size > size)
		abort();
	if (segment_parse(text, size, &record) && record.text_length > SEGMENT_MAX_TEXT)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const char *text = (const char *)data + 1;
	switch (data[0]) {
	case 'h':
		http(text, size - 1);
		break;
	case 'm':
		mqtt(data + 1, size - 1);
		break;
	default:
		shim(text, size - 1);
		break;
	}
	return 0;
}
