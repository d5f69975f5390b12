/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/link.h"

#include <assert.h>
#include <errno.h>
#include <mosquitto.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "mqtt/backoff.h"
#include "mqtt/metrics.h"
#include "protocol/topics.h"

enum {
	KEEPALIVE_S = 20,
	TURN_MS = 1000, /* libmosquitto's own timers need a look about once a second */
	CONNECT_TIMEOUT_S = 15,
	OUTGOING_MAX = 20000,
	OUTGOING_BYTES_MAX = 64 * 1024 * 1024,
	INFLIGHT_MAX = 200,
	FAREWELL_TURNS = 20,
	FAREWELL_TURN_MS = 20,
	MIDS = 65536,
};

struct outgoing {
	struct outgoing *next;
	struct link_receipts *receipts;
	char topic[LIMIT_TOPIC];
	size_t size;
	unsigned char payload[];
};

struct link {
	struct link_settings settings;
	link_message_fn on_message;
	void *arg;
	pthread_t thread;
	int wake; /* eventfd */
	atomic_bool stopping;
	atomic_bool connected;
	_Atomic uint64_t connections;
	_Atomic uint64_t shards; /* wanted */
	_Atomic uint64_t heard;	 /* subscribed to, as the broker says */

	/* Only the thread. */
	struct mosquitto *client;
	bool connack, broken;
	uint64_t subscribed;
	int unconfirmed; /* subscriptions */

	pthread_mutex_t mutex; /* guards what follows, and all receipts */
	pthread_cond_t confirmed;
	struct outgoing *head;
	struct outgoing **tail;
	size_t count, bytes;
	struct link_receipts *by_mid[MIDS]; /* confirmations that are awaited */
};

static void wake_thread(struct link *link)
{
	const uint64_t one = 1;

	/* A full counter is as good as a written one. */
	if (write(link->wake, &one, sizeof(one)) < 0)
		assert(errno == EAGAIN);
}

/* --- receipts; all under the mutex --- */

static void settle(struct link *link, struct link_receipts *receipts, bool ok)
{
	if (receipts == NULL)
		return;
	receipts->pending--;
	receipts->failed += !ok;
	pthread_cond_broadcast(&link->confirmed);
}

static void drop_outgoing(struct link *link)
{
	while (link->head != NULL) {
		struct outgoing *item = link->head;

		link->head = item->next;
		settle(link, item->receipts, false);
		free(item);
	}
	link->tail = &link->head;
	link->count = link->bytes = 0;
}

/* The connection is over: nothing that was not confirmed will be. */
static void fail_all(struct link *link)
{
	pthread_mutex_lock(&link->mutex);
	atomic_store(&link->connected, false);
	atomic_store(&link->heard, 0);
	metric_set(mqtt_broker_metric(MQTT_CONNECTED, link->settings.broker), 0);
	drop_outgoing(link);
	for (size_t i = 0; i < MIDS; i++)
		if (link->by_mid[i] != NULL) {
			settle(link, link->by_mid[i], false);
			link->by_mid[i] = NULL;
		}
	pthread_mutex_unlock(&link->mutex);
}

/* --- libmosquitto's callbacks, in the link's thread --- */

static void on_connect(struct mosquitto *client, void *arg, int code)
{
	struct link *link = arg;

	(void)client;
	if (code != 0) {
		log_warn("broker refuses the connection: %s", mosquitto_connack_string(code));
		link->broken = true;
		return;
	}
	log_info("connected to the broker host=%s port=%d", link->settings.host,
		 link->settings.port);
	link->connack = true;
	atomic_store(&link->connected, true);
	atomic_fetch_add(&link->connections, 1);
	metric_set(mqtt_broker_metric(MQTT_CONNECTED, link->settings.broker), 1);
}

static void on_disconnect(struct mosquitto *client, void *arg, int code)
{
	struct link *link = arg;

	(void)client;
	(void)code;
	link->broken = true;
}

static void on_subscribe(struct mosquitto *client, void *arg, int mid, int count,
			 const int *granted)
{
	struct link *link = arg;

	(void)client;
	(void)mid;
	for (int i = 0; i < count; i++)
		if (granted[i] > 2) {
			log_error("the broker refuses a subscription: check its access rules");
			return;
		}
	link->unconfirmed--;
}

static void on_message(struct mosquitto *client, void *arg, const struct mosquitto_message *message)
{
	struct link *link = arg;

	(void)client;
	link->on_message(link->arg, message->topic, message->payload, (size_t)message->payloadlen);
}

static void on_publish(struct mosquitto *client, void *arg, int mid)
{
	struct link *link = arg;

	(void)client;
	pthread_mutex_lock(&link->mutex);
	settle(link, link->by_mid[mid & (MIDS - 1)], true);
	link->by_mid[mid & (MIDS - 1)] = NULL;
	pthread_mutex_unlock(&link->mutex);
}

/* --- the thread --- */

static bool client_open(struct link *link)
{
	const struct link_settings *settings = &link->settings;
	struct mosquitto *client = mosquitto_new(settings->client_id, true, link);

	if (client == NULL)
		return false;
	mosquitto_connect_callback_set(client, on_connect);
	mosquitto_disconnect_callback_set(client, on_disconnect);
	mosquitto_subscribe_callback_set(client, on_subscribe);
	mosquitto_message_callback_set(client, on_message);
	mosquitto_publish_callback_set(client, on_publish);
	mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
	mosquitto_max_inflight_messages_set(client, INFLIGHT_MAX);
	link->client = client;
	link->connack = link->broken = false;
	link->subscribed = 0;
	link->unconfirmed = 0;
	int code = mosquitto_tls_set(client, settings->ca_path, NULL, settings->certificate_path,
				     settings->key_path, NULL);
	if (code == MOSQ_ERR_SUCCESS)
		code = mosquitto_tls_opts_set(client, 1, "tlsv1.2", NULL);
	if (code == MOSQ_ERR_SUCCESS)
		code = mosquitto_connect(client, settings->host, settings->port, KEEPALIVE_S);
	if (code != MOSQ_ERR_SUCCESS)
		log_warn("could not connect to the broker: %s host=%s port=%d",
			 code == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(code),
			 settings->host, settings->port);
	return code == MOSQ_ERR_SUCCESS;
}

/* Each connection gets a client of its own: libmosquitto keeps state over a reconnect that nobody
 * wants here, and after some errors never connects again. */
static void client_close(struct link *link)
{
	fail_all(link);
	if (link->client != NULL)
		mosquitto_destroy(link->client);
	link->client = NULL;
}

static void follow_shards(struct link *link)
{
	const uint64_t wanted = atomic_load(&link->shards);
	char topic[LIMIT_TOPIC];

	for (int shard = 0; shard < SHARD_COUNT; shard++) {
		const uint64_t bit = UINT64_C(1) << shard;

		if (((wanted ^ link->subscribed) & bit) == 0)
			continue;
		topic_format_shard(topic, shard);
		int code = (wanted & bit) != 0 ? mosquitto_subscribe(link->client, NULL, topic, 1)
					       : mosquitto_unsubscribe(link->client, NULL, topic);
		link->broken = link->broken || code != MOSQ_ERR_SUCCESS;
		link->unconfirmed += (wanted & bit) != 0;
	}
	link->subscribed = wanted;
}

static struct outgoing *next_outgoing(struct link *link)
{
	pthread_mutex_lock(&link->mutex);
	struct outgoing *item = link->head;
	if (item != NULL) {
		link->head = item->next;
		link->count--;
		link->bytes -= item->size;
		if (link->head == NULL)
			link->tail = &link->head;
	}
	pthread_mutex_unlock(&link->mutex);
	return item;
}

static void send_outgoing(struct link *link)
{
	struct outgoing *item;

	while ((item = next_outgoing(link)) != NULL) {
		int mid = 0;
		int code = mosquitto_publish(link->client, &mid, item->topic, (int)item->size,
					     item->payload, 1, false);

		pthread_mutex_lock(&link->mutex);
		if (code != MOSQ_ERR_SUCCESS)
			settle(link, item->receipts, false);
		else
			link->by_mid[mid & (MIDS - 1)] = item->receipts;
		pthread_mutex_unlock(&link->mutex);
		if (code != MOSQ_ERR_SUCCESS)
			log_warn("could not publish: %s topic=%s", mosquitto_strerror(code),
				 item->topic);
		free(item);
	}
}

static void drain_wake(struct link *link)
{
	uint64_t count;

	while (read(link->wake, &count, sizeof(count)) > 0)
		continue;
}

/* One round of waiting and serving; false when the connection is over. Driven by poll and not by
 * mosquitto_loop, whose select cannot take descriptors above 1023. */
static bool turn(struct link *link, int timeout_ms)
{
	int fd = mosquitto_socket(link->client);
	struct pollfd pollers[] = {
		{.fd = link->wake, .events = POLLIN},
		{.fd = fd, .events = POLLIN},
	};

	if (fd < 0)
		return false;
	if (mosquitto_want_write(link->client))
		pollers[1].events |= POLLOUT;
	if (poll(pollers, ARRAY_SIZE(pollers), timeout_ms) < 0 && errno != EINTR)
		return false;
	if ((pollers[0].revents & POLLIN) != 0)
		drain_wake(link);
	if ((pollers[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0 &&
	    mosquitto_loop_read(link->client, 1) != MOSQ_ERR_SUCCESS)
		return false;
	/* libmosquitto waits for ever when the connection is reset during the handshake of TLS. */
	if (!link->connack && (pollers[1].revents & (POLLHUP | POLLERR)) != 0)
		return false;
	if (link->connack) {
		if (atomic_load(&link->shards) != link->subscribed)
			follow_shards(link);
		if (link->unconfirmed == 0)
			atomic_store(&link->heard, link->subscribed);
		send_outgoing(link);
	}
	if (mosquitto_want_write(link->client) &&
	    mosquitto_loop_write(link->client, 1) != MOSQ_ERR_SUCCESS)
		return false;
	return mosquitto_loop_misc(link->client) == MOSQ_ERR_SUCCESS && !link->broken;
}

/* Serves one connection until it ends. */
static void serve(struct link *link)
{
	const usec_t started = clock_monotonic();

	while (!atomic_load(&link->stopping)) {
		if (!turn(link, TURN_MS)) {
			log_warn("lost the broker host=%s port=%d", link->settings.host,
				 link->settings.port);
			return;
		}
		if (!link->connack &&
		    clock_monotonic() - started > CONNECT_TIMEOUT_S * USEC_PER_SEC) {
			log_warn("broker does not answer the connection request host=%s port=%d",
				 link->settings.host, link->settings.port);
			return;
		}
	}
	/* The last acknowledgements spare the nodes a repetition. */
	for (int i = 0; i < FAREWELL_TURNS && turn(link, FAREWELL_TURN_MS); i++)
		if (!mosquitto_want_write(link->client))
			break;
	mosquitto_disconnect(link->client);
}

static void pause_thread(struct link *link, int64_t pause_ms)
{
	struct pollfd poller = {.fd = link->wake, .events = POLLIN};
	const usec_t until = clock_monotonic() + pause_ms * USEC_PER_MSEC;

	for (usec_t now = clock_monotonic(); now < until && !atomic_load(&link->stopping);
	     now = clock_monotonic()) {
		poll(&poller, 1, (int)((until - now) / USEC_PER_MSEC) + 1);
		drain_wake(link);
	}
}

static void *run(void *arg)
{
	struct link *link = arg;
	struct backoff backoff;

	backoff_init(&backoff, BROKER_PAUSE_MIN_MS, BROKER_PAUSE_MAX_MS);
	while (!atomic_load(&link->stopping)) {
		if (client_open(link))
			serve(link);
		if (link->connack)
			backoff_reset(&backoff);
		client_close(link);
		if (!atomic_load(&link->stopping))
			pause_thread(link, backoff_next(&backoff));
	}
	return NULL;
}

/* --- for other threads --- */

bool link_new(const struct link_settings *settings, link_message_fn on_message_fn, void *arg,
	      struct link **out, struct error *err)
{
	struct link *link = xcalloc(1, sizeof(*link));

	link->settings = *settings;
	link->on_message = on_message_fn;
	link->arg = arg;
	link->tail = &link->head;
	pthread_mutex_init(&link->mutex, NULL);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&link->confirmed, &attributes);
	pthread_condattr_destroy(&attributes);
	link->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int failure = link->wake < 0 ? errno : 0;
	mosquitto_lib_init();
	if (failure == 0)
		failure = pthread_create(&link->thread, NULL, run, link);
	if (failure != 0) {
		mosquitto_lib_cleanup();
		if (link->wake >= 0)
			close(link->wake);
		free(link);
		return error_set_errno(err, ERR_INTERNAL, failure,
				       "could not start the broker's thread");
	}
	*out = link;
	return true;
}

void link_free(struct link *link)
{
	if (link == NULL)
		return;
	atomic_store(&link->stopping, true);
	wake_thread(link);
	pthread_join(link->thread, NULL);
	mosquitto_lib_cleanup();
	close(link->wake);
	pthread_cond_destroy(&link->confirmed);
	pthread_mutex_destroy(&link->mutex);
	free(link);
}

void link_set_shards(struct link *link, uint64_t shards)
{
	atomic_store(&link->shards, shards);
	wake_thread(link);
}

const struct link_settings *link_settings_of(const struct link *link)
{
	return &link->settings;
}

bool link_connected(const struct link *link)
{
	return atomic_load(&link->connected);
}

uint64_t link_connections(const struct link *link)
{
	return atomic_load(&link->connections);
}

bool link_listening(const struct link *link)
{
	return link_connected(link) && atomic_load(&link->heard) == atomic_load(&link->shards);
}

bool link_publish(struct link *link, const char *topic, const void *payload, size_t size,
		  struct link_receipts *receipts, struct error *err)
{
	struct outgoing *item = xcalloc(1, sizeof(*item) + size);

	size_t topic_size = strlen(topic) + 1;
	assert(topic_size <= sizeof(item->topic));
	memcpy(item->topic, topic, topic_size);
	memcpy(item->payload, payload, size);
	item->size = size;
	item->receipts = receipts;
	pthread_mutex_lock(&link->mutex);
	bool connected = atomic_load(&link->connected);
	bool fits = link->count < OUTGOING_MAX && size <= OUTGOING_BYTES_MAX - link->bytes;
	if (connected && fits) {
		*link->tail = item;
		link->tail = &item->next;
		link->count++;
		link->bytes += size;
		if (receipts != NULL)
			receipts->pending++;
	}
	pthread_mutex_unlock(&link->mutex);
	if (connected && fits) {
		wake_thread(link);
		return true;
	}
	free(item);
	if (!connected)
		return error_set(err, ERR_UNAVAILABLE, "not connected to the broker");
	return error_set(err, ERR_LIMITED, "too many messages wait for the broker");
}

/* Nobody waits any more: forget where the counters are. */
static void abandon(struct link *link, const struct link_receipts *receipts)
{
	for (size_t i = 0; i < MIDS; i++)
		if (link->by_mid[i] == receipts)
			link->by_mid[i] = NULL;
	for (struct outgoing *item = link->head; item != NULL; item = item->next)
		if (item->receipts == receipts)
			item->receipts = NULL;
}

bool link_wait(struct link *link, struct link_receipts *receipts, int timeout_ms)
{
	const usec_t until = clock_monotonic() + timeout_ms * USEC_PER_MSEC;
	const struct timespec deadline = {
		.tv_sec = until / USEC_PER_SEC,
		.tv_nsec = (until % USEC_PER_SEC) * 1000,
	};
	int failure = 0;

	pthread_mutex_lock(&link->mutex);
	while (receipts->pending > 0 && failure == 0)
		failure = pthread_cond_timedwait(&link->confirmed, &link->mutex, &deadline);
	if (receipts->pending > 0)
		abandon(link, receipts);
	bool ok = receipts->pending == 0 && receipts->failed == 0;
	pthread_mutex_unlock(&link->mutex);
	return ok;
}
