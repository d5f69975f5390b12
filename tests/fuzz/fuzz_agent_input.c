/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent reads from others: a desired content, answers of probed
 * services, packets and segments of shims, names in archives. The first byte
 * chooses.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "package/entry_path.h"
#include "process/segment.h"
#include "process/shim_client.h"
#include "protocol/limits.h"
#include "reconcile/content.h"
#include "supervise/http_check.h"
#include "supervise/mqtt_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_content(const char *text, size_t size, struct arena *arena)
{
	static const struct content_place PLACE = {
		.root = "/var/lib/muster-agent",
		.node = "nabcdef",
		.platform = "linux-amd64",
	};
	struct content content;
	const char *service;
	struct error err;

	if (!content_decode(text, size, arena, &content, &err))
		return;
	if (content.service_count > LIMIT_SERVICES)
		abort();
	if (content_specify(&content, &PLACE, arena, &service, &err) && content.service_count &&
	    !content.services[0].spec.name)
		abort();
}

static void check_mqtt(const uint8_t *data, size_t size)
{
	struct mqtt_packet packet;
	size_t used;

	if (mqtt_packet_read(data, size, 1024, &packet, &used) != MQTT_READ_PACKET)
		return;
	if (used > size || packet.size > used || packet.body < data ||
	    packet.body + packet.size > data + size)
		abort();
	/* Each reads only what is there, whatever the type. */
	if (mqtt_connack_code(&packet) < -1 || mqtt_suback_code(&packet) < -1 ||
	    (mqtt_publish_is(&packet, "t", "p", 1) && packet.size < 4))
		abort();
}

static void check_http(const char *text, size_t size)
{
	static const struct probe_spec PROBE = {
		.host = "127.0.0.1", .port = 80, .path = "/", .status = 200, .body = "ok"};
	char why[128] = "";

	if (http_check_response(&PROBE, text, size, true, why, sizeof(why)) == HTTP_BAD && !why[0])
		abort();
	if (http_check_response(&PROBE, text, size, false, why, sizeof(why)) == HTTP_GOOD &&
	    size < strlen("HTTP/1.1 200 ok"))
		abort();
}

static void check_shim(const char *text, size_t size)
{
	struct segment_record record;
	struct shim_event event;

	if (segment_parse(text, size, &record) && record.text_length > size)
		abort();
	if (size < SHIM_CLIENT_MAX_PACKET && !shim_packet_decode(text, size, &event))
		return;
}

static void check_path(const char *text)
{
	char clean[512];

	if (!entry_path_clean(text, clean, sizeof(clean)))
		return;
	if (clean[0] == '/' || strncmp(clean, "../", 3) == 0 || strstr(clean, "/../") ||
	    strstr(clean, "//"))
		abort();
	if (entry_link_inside("a/b", text) && (text[0] == '/' || strncmp(text, "../../", 6) == 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct arena *arena = arena_new();
	char *text = arena_memdup(arena, data + 1, size - 1);

	switch (data[0]) {
	case 'm':
		check_mqtt(data + 1, size - 1);
		break;
	case 'h':
		check_http(text, size - 1);
		break;
	case 's':
		check_shim(text, size - 1);
		break;
	case 'p':
		check_path(text);
		break;
	default:
		check_content(text, size - 1, arena);
		break;
	}
	arena_free(arena);
	return 0;
}
