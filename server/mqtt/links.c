/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/links.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "mqtt/metrics.h"
#include "protocol/topics.h"

enum { DEFAULT_PORT = 8883, HOST_SIZE = 256 };

/* One broker, as its link's callback needs it. */
struct place {
	struct links *links;
	int broker;
	char host[HOST_SIZE];
	int port;
	struct link *link;
};

struct links {
	links_message_fn on_message;
	void *arg;
	size_t count;
	struct place places[LIMIT_BROKERS];
};

static bool parse_url(const char *url, struct place *place, struct error *err)
{
	static const char scheme[] = "mqtts://";
	const char *start = url + sizeof(scheme) - 1;
	size_t length;

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
		return error_set(err, ERR_INVALID, "not a URL mqtts://host:port: %.150s", url);
	bool brackets = *start == '[';
	start += brackets;
	length = strcspn(start, brackets ? "]" : ":/");
	const char *end = start + length + (brackets && start[length] == ']');
	if (length == 0 || length >= HOST_SIZE)
		return error_set(err, ERR_INVALID, "no host in %.150s", url);
	long number = DEFAULT_PORT;
	char *rest = NULL;
	if (*end == ':')
		number = strtol(end + 1, &rest, 10);
	if (number < 1 || number > 65535 || (rest != NULL && *rest != '\0' && *rest != '/'))
		return error_set(err, ERR_INVALID, "not a port in %.150s", url);
	memcpy(place->host, start, length);
	place->host[length] = '\0';
	place->port = (int)number;
	return true;
}

static void message_came(void *arg, const char *topic, const void *payload, size_t size)
{
	const struct place *place = arg;

	metric_add(mqtt_broker_metric(MQTT_RECEIVED, place->broker), 1);
	place->links->on_message(place->links->arg, place->broker, topic, payload, size);
}

static bool start(struct links *links, const struct links_settings *settings, struct error *err)
{
	for (size_t i = 0; i < links->count; i++) {
		struct place *place = &links->places[i];
		const struct link_settings link = {
			.host = place->host,
			.port = place->port,
			.broker = place->broker,
			.client_id = settings->client_id,
			.ca_path = settings->ca_path,
			.certificate_path = settings->certificate_path,
			.key_path = settings->key_path,
		};

		if (!link_new(&link, message_came, place, &place->link, err))
			return false;
	}
	return true;
}

bool links_new(const struct links_settings *settings, links_message_fn on_message, void *arg,
	       struct links **out, struct error *err)
{
	struct links *links = xcalloc(1, sizeof(*links));
	bool ok = settings->count > 0 && settings->count <= LIMIT_BROKERS;

	if (!ok)
		error_set(err, ERR_INVALID, "there must be 1 to %d brokers, not %zu", LIMIT_BROKERS,
			  settings->count);
	links->on_message = on_message;
	links->arg = arg;
	links->count = ok ? settings->count : 0;
	for (size_t i = 0; ok && i < links->count; i++) {
		links->places[i].links = links;
		links->places[i].broker = (int)i;
		ok = parse_url(settings->urls[i], &links->places[i], err);
	}
	if (!ok || !start(links, settings, err)) {
		links_free(links);
		return false;
	}
	*out = links;
	return true;
}

void links_free(struct links *links)
{
	if (links == NULL)
		return;
	for (size_t i = 0; i < links->count; i++)
		link_free(links->places[i].link);
	free(links);
}

size_t links_count(const struct links *links)
{
	return links->count;
}

struct link *links_get(const struct links *links, int broker)
{
	assert(broker >= 0 && (size_t)broker < links->count);
	return links->places[broker].link;
}

void links_set_shards(struct links *links, uint64_t shards)
{
	for (size_t i = 0; i < links->count; i++)
		link_set_shards(links->places[i].link, shards);
}

bool links_any_connected(const struct links *links)
{
	for (size_t i = 0; i < links->count; i++)
		if (link_connected(links->places[i].link))
			return true;
	return false;
}

bool links_listening(const struct links *links)
{
	for (size_t i = 0; i < links->count; i++)
		if (!link_listening(links->places[i].link))
			return false;
	return true;
}

uint64_t links_connections(const struct links *links)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < links->count; i++)
		sum += link_connections(links->places[i].link);
	return sum;
}

int links_place(const struct links *links, const char *node, int heard)
{
	return heard >= 0 && (size_t)heard < links->count
		       ? heard
		       : topic_broker(topic_shard(node), links->count);
}

bool links_publish(struct links *links, int broker, const char *topic, const void *payload,
		   size_t size, struct links_receipts *receipts, struct error *err)
{
	return link_publish(links_get(links, broker), topic, payload, size,
			    receipts != NULL ? &receipts->of[broker] : NULL, err);
}

void links_wait(struct links *links, struct links_receipts *receipts, int timeout_ms,
		bool confirmed[LIMIT_BROKERS])
{
	const usec_t until = clock_monotonic() + timeout_ms * USEC_PER_MSEC;

	for (size_t i = 0; i < links->count; i++) {
		usec_t rest = until - clock_monotonic();

		confirmed[i] = link_wait(links->places[i].link, &receipts->of[i],
					 rest > 0 ? (int)(rest / USEC_PER_MSEC) : 0);
	}
}
