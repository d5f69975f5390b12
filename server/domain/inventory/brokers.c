/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/inventory/brokers.h"

#include "protocol/topics.h"

json_t *inventory_brokers(const struct server *server, int shard)
{
	json_t *urls = json_array();

	if (server->broker_count > 1)
		json_array_append_new(
			urls,
			json_string(
				server->broker_urls[topic_broker(shard, server->broker_count)]));
	for (size_t i = 0; server->broker_count <= 1 && i < server->broker_url_count; i++)
		json_array_append_new(urls, json_string(server->broker_urls[i]));
	return urls;
}

bool inventory_broker_is_foreign(const struct server *server, int shard, int broker)
{
	return server->broker_count > 1 && broker >= 0 &&
	       broker != topic_broker(shard, server->broker_count);
}
