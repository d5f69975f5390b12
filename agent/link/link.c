/* SPDX-License-Identifier: Apache-2.0 */
#include "link/link.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/x509_tls.h"
#include "link/link_internal.h"
#include "protocol/limits.h"
#include "state/trusted_time.h"

/*
 * Whether the path still carries is for TCP to see: it costs nothing where a beat comes each minute, while
 * the library's ping costs more than the beat, and goes whenever nothing was received, not only when nothing
 * was sent. So a ping is rare: it finds a broker that hangs although its kernel answers and we want nothing of it.
 */
enum {
	KEEPALIVE_S = 900,
	PATH_IDLE_S = 75, /* probes keep the state of routers between alive, too */
	PATH_PROBE_S = 15,
	PATH_PROBES = 4,
	PATH_TIMEOUT_MS = 90000, /* sent, and not acknowledged by TCP */
	ANSWER_TIMEOUT_S = 180,	 /* acknowledged by TCP, and not answered by MQTT */
	CONNECT_TIMEOUT_MS = 20000,
	TICK_MS = 5000,
	CONNECTING_TICK_MS = 1000,
	RECONNECT_SOON_MS = 100,
	RETURN_FACTOR = 10,
};

static const char FAREWELL[] = "{\"v\":1,\"offline\":true}";

static void connect_later(struct link *link);
static void tick(void *arg);

static void set_reason(struct link *link, const char *text)
{
	snprintf(link->reason, sizeof(link->reason), "%s", text);
}

/* "mqtts://host:port" or with [v6]; port 8883 when absent. */
static bool split_url(const char *url, char *host, size_t size, int *port)
{
	const char *at = strstr(url, "://");
	const char *begin = at ? at + 3 : url;
	bool bracket = *begin == '[';
	const char *end = bracket ? strchr(++begin, ']') : begin + strcspn(begin, ":/");

	if (!end || end == begin || (size_t)(end - begin) >= size)
		return false;
	memcpy(host, begin, (size_t)(end - begin));
	host[end - begin] = '\0';
	if (bracket)
		end++;
	char *rest = NULL;
	long number = *end == ':' ? strtol(end + 1, &rest, 10) : 8883;

	if (number < 1 || number > 65535 || (*end == ':' && *rest != '\0' && *rest != '/'))
		return false;
	*port = (int)number;
	return true;
}

static void unwatch(struct link *link)
{
	if (link->fd >= 0)
		loop_remove_fd(link->options.loop, link->fd);
	link->fd = -1;
}

static void socket_ready(int fd, short revents, void *arg);

/* What cannot be set is not needed to go on. */
static void watch_path(int fd)
{
	static const struct {
		int level, name, value;
	} OPTIONS[] = {
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, PATH_IDLE_S},
		{IPPROTO_TCP, TCP_KEEPINTVL, PATH_PROBE_S},
		{IPPROTO_TCP, TCP_KEEPCNT, PATH_PROBES},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, PATH_TIMEOUT_MS},
	};

	for (size_t i = 0; i < ARRAY_SIZE(OPTIONS); i++)
		if (setsockopt(fd, OPTIONS[i].level, OPTIONS[i].name, &OPTIONS[i].value,
			       sizeof(OPTIONS[i].value)) != 0)
			log_debug("cannot set option %d of the socket: %s", OPTIONS[i].name,
				  strerror(errno));
}

/* The library opens, closes and fills its socket as it likes: follow it. */
static void follow_socket(struct link *link)
{
	int fd = mosquitto_socket(link->client);
	short events = POLLIN;

	if (fd != link->fd) {
		unwatch(link);
		if (fd >= 0)
			watch_path(fd);
		if (fd >= 0)
			loop_add_fd(link->options.loop, fd, events, socket_ready, link);
		link->fd = fd;
	}
	if (fd < 0)
		return;
	if (mosquitto_want_write(link->client))
		events |= POLLOUT;
	loop_mod_fd(link->options.loop, fd, events);
}

static void drop(struct link *link)
{
	unwatch(link);
	loop_timer_cancel(link->options.loop, link->tick_timer);
	link->tick_timer = 0;
	loop_timer_cancel(link->options.loop, link->pace_timer);
	link->pace_timer = 0;
	link->held_until = 0;
	if (link->client)
		mosquitto_destroy(link->client);
	link->client = NULL;
	link->online = false;
	link->lost = false;
}

/* After every call of the library: rc is what it returned. */
static void settle(struct link *link, int rc)
{
	if (link->inside)
		return;
	if (rc == MOSQ_ERR_SUCCESS && !link->lost && mosquitto_socket(link->client) >= 0) {
		follow_socket(link);
		return;
	}
	if (rc != MOSQ_ERR_SUCCESS && rc != MOSQ_ERR_NO_CONN)
		set_reason(link, rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc));
	if (link->online)
		log_warn("connection to the broker is lost: %s", link->reason);
	else if (link->attempt <= 1)
		/* The first time only: an offline gateway tries for weeks. */
		log_warn("could not connect to the broker: %s", link->reason);
	else
		log_debug("could not connect to the broker: %s", link->reason);
	drop(link);
	connect_later(link);
}

static void socket_ready(int fd, short revents, void *arg)
{
	struct link *link = arg;
	int rc = MOSQ_ERR_SUCCESS;

	(void)fd;
	link->inside = true;
	if (revents & POLLIN)
		link->owed = 0;
	if (revents & (POLLIN | POLLHUP | POLLERR))
		rc = mosquitto_loop_read(link->client, 1);
	/* The library waits for ever when the connection is reset during the handshake of TLS. */
	if (rc == MOSQ_ERR_SUCCESS && !link->online && revents & (POLLHUP | POLLERR)) {
		set_reason(link, "the connection was reset");
		link->lost = true;
	}
	if (rc == MOSQ_ERR_SUCCESS && !link->lost && revents & POLLOUT)
		rc = mosquitto_loop_write(link->client, 1);
	link->inside = false;
	settle(link, rc);
	if (link->online)
		streams_send(link);
}

/* Former ones count only when the present ones were away for long. */
static size_t choice(const struct link *link)
{
	const struct link_brokers *brokers = &link->options.brokers;
	const usec_t patience = link->options.broker_patience_ms * USEC_PER_MSEC;

	return brokers->count +
	       (link->away_since != 0 && clock_boottime() - link->away_since >= patience
			? brokers->former_count
			: 0);
}

static const char *broker_url(const struct link *link, size_t index)
{
	const struct link_brokers *brokers = &link->options.brokers;

	return index < brokers->count ? brokers->urls[index]
				      : brokers->former[index - brokers->count];
}

static bool is_ours(const struct link *link)
{
	for (size_t i = 0; i < link->options.brokers.count; i++)
		if (strcmp(link->options.brokers.urls[i], link->url) == 0)
			return true;
	return false;
}

static void note_place(struct link *link)
{
	if (is_ours(link)) {
		link->away_since = link->returned_at = 0;
		return;
	}
	log_warn("none of this node's brokers can be reached: back at the former %s", link->url);
	link->returned_at = clock_boottime();
}

static void on_connect(struct mosquitto *client, void *arg, int code)
{
	static const enum channel DOWN[] = {CHANNEL_DESIRED, CHANNEL_COMMAND, CHANNEL_ACK};
	struct link *link = arg;
	struct error err = {0};
	char topic[LIMIT_TOPIC];

	if (code != 0) {
		set_reason(link, mosquitto_connack_string(code));
		link->lost = true;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(DOWN); i++) {
		topic_format(topic, link->options.node, DOWN[i]);
		mosquitto_subscribe(client, NULL, topic, channel_info(DOWN[i])->qos);
	}
	if (!streams_connect(link, &err)) {
		log_error("could not read the spool: %s", err.text);
		link->lost = true;
		return;
	}
	link->online = true;
	link->beats = 0;
	link->owed = 0;
	note_place(link);
	/* Not 0: a broker that accepts and drops us must not be stormed. */
	link->attempt = 1;
	set_reason(link, "connected");
	log_info("connected to the broker");
	link->options.connected(link->options.arg);
	link_wake(link);
}

static void on_disconnect(struct mosquitto *client, void *arg, int code)
{
	struct link *link = arg;

	(void)client;
	link->lost = true;
	if (code > 0)
		set_reason(link,
			   code == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(code));
}

static void on_message(struct mosquitto *client, void *arg, const struct mosquitto_message *message)
{
	struct link *link = arg;
	struct error err = {0};
	struct topic topic;
	size_t size = message->payloadlen > 0 ? (size_t)message->payloadlen : 0;

	(void)client;
	if (size > LIMIT_DOWN_MESSAGE || !topic_parse(message->topic, &topic, &err) ||
	    strcmp(topic.node, link->options.node) != 0 || channel_info(topic.channel)->up) {
		log_warn("ignoring a message that is too large or not for this node");
		return;
	}
	if (topic.channel == CHANNEL_ACK)
		streams_receive_ack(link, message->payload, size);
	else
		link->options.received(topic.channel, message->payload, size, link->options.arg);
}

/* The library's own check asks the wall clock, which may be wrong. */
static bool use_tls(struct link *link, struct mosquitto *client, const char *host)
{
	const struct tls_client options = {
		.ca_file = link->options.ca_file,
		.certificate_file = link->options.certificate_file,
		.key_file = link->options.key_file,
		.host = host,
		.least = &link->time,
	};

	link->time = trusted_time_now(link->options.time);
	void *context = tls_client_new(&options);
	bool ok = context && !mosquitto_void_option(client, MOSQ_OPT_SSL_CTX, context) &&
		  !mosquitto_int_option(client, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
	tls_client_free(context);
	return ok;
}

static struct mosquitto *make_client(struct link *link, const char *host)
{
	struct mosquitto *client = mosquitto_new(link->options.node, true, link);
	char topic[LIMIT_TOPIC];

	if (!client)
		return NULL;
	topic_format(topic, link->options.node, CHANNEL_HEALTH);
	mosquitto_connect_callback_set(client, on_connect);
	mosquitto_disconnect_callback_set(client, on_disconnect);
	mosquitto_message_callback_set(client, on_message);
	mosquitto_max_inflight_messages_set(client, 0);
	/* Small messages that follow each other would wait 40 ms for an acknowledgement of TCP. */
	mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
	if (mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V311) ||
	    mosquitto_will_set(client, topic, (int)strlen(FAREWELL), FAREWELL, 1, false) ||
	    !use_tls(link, client, host)) {
		mosquitto_destroy(client);
		return NULL;
	}
	return client;
}

static void connect_now(void *arg)
{
	struct link *link = arg;
	char host[256];
	int port;

	link->connect_timer = 0;
	if (link->away_since == 0)
		link->away_since = clock_boottime();
	size_t count = choice(link), index = link->broker < count ? link->broker : 0;
	link->url = broker_url(link, index);
	link->broker = (index + 1) % count;
	bool known = split_url(link->url, host, sizeof(host), &port);
	link->client = known ? make_client(link, host) : NULL;
	if (!link->client) {
		set_reason(link, known ? "cannot use the device certificate or the broker's CA"
				       : "the broker's address is not like mqtts://host:port");
		log_error("%s", link->reason);
		connect_later(link);
		return;
	}
	link->deadline = clock_boottime() + CONNECT_TIMEOUT_MS * USEC_PER_MSEC;
	link->tick_timer = loop_timer_set(link->options.loop, CONNECTING_TICK_MS, tick, link);
	errno = 0;
	settle(link, mosquitto_connect_async(link->client, host, port, KEEPALIVE_S));
}

static void connect_later(struct link *link)
{
	int64_t delay = backoff_delay_ms(link->attempt, link->options.reconnect_min_ms,
					 link->options.reconnect_max_ms);

	/* With several brokers each round of them is one attempt. */
	if (link->broker == 0 && link->attempt < 30)
		link->attempt++;
	loop_timer_cancel(link->options.loop, link->connect_timer);
	link->connect_timer = loop_timer_set(link->options.loop, delay, connect_now, link);
}

/* Everything that we send with QoS 1 is answered, when it has left. */
static bool is_silent(struct link *link)
{
	usec_t now = clock_boottime();

	if (link->owed && mosquitto_want_write(link->client))
		link->owed = now;
	return link->owed && now - link->owed > ANSWER_TIMEOUT_S * USEC_PER_SEC;
}

static void tick(void *arg)
{
	struct link *link = arg;

	link->tick_timer = loop_timer_set(link->options.loop,
					  link->online ? TICK_MS : CONNECTING_TICK_MS, tick, link);
	if (!link->online && clock_boottime() > link->deadline) {
		set_reason(link, "the broker does not answer");
		link->lost = true;
	}
	if (link->online && is_silent(link)) {
		set_reason(link, "the broker does not answer any more");
		link->lost = true;
	}
	link->inside = true;
	int rc = link->lost ? MOSQ_ERR_SUCCESS : mosquitto_loop_misc(link->client);
	link->inside = false;
	settle(link, rc);
	if (link->online)
		streams_tick(link);
}

static void wake(void *arg)
{
	struct link *link = arg;

	link->wake_timer = 0;
	if (link->online)
		streams_send(link);
}

void link_wake(struct link *link)
{
	if (link->online && !link->wake_timer)
		link->wake_timer = loop_timer_set(link->options.loop, 0, wake, link);
}

void link_hold(struct link *link, int64_t delay_ms)
{
	link->held_until = clock_boottime() + delay_ms * USEC_PER_MSEC;
}

void link_release(struct link *link)
{
	link->held_until = 0;
	link_wake(link);
}

bool link_send(struct link *link, enum channel channel, const void *bytes, size_t size)
{
	char topic[LIMIT_TOPIC];
	bool nested = link->inside;

	topic_format(topic, link->options.node, channel);
	link->inside = true;
	int rc = mosquitto_publish(link->client, NULL, topic, (int)size, bytes,
				   channel_info(channel)->qos, false);
	link->inside = nested;
	if (!link->owed && channel_info(channel)->qos > 0)
		link->owed = clock_boottime();
	settle(link, rc);
	return rc == MOSQ_ERR_SUCCESS;
}

bool link_publish(struct link *link, enum channel channel, const char *text)
{
	assert(!channel_info(channel)->stream);
	return link->online && link_send(link, channel, text, strlen(text));
}

bool link_takes_beats(const struct link *link)
{
	return link->online && link->beats >= BEAT_VERSION;
}

bool link_beat(struct link *link, const struct msg_beat *beat)
{
	uint8_t bytes[BEAT_MAX_SIZE];

	return link->online && link_send(link, CHANNEL_BEAT, bytes, msg_beat_encode(beat, bytes));
}

static void reconnect(void *arg)
{
	struct link *link = arg;

	link->connect_timer = 0;
	if (link->client) {
		/* A clean end, or the broker would say for us that we are gone. */
		link->inside = true;
		mosquitto_disconnect(link->client);
		link->inside = false;
		drop(link);
		link->attempt = 0;
	}
	connect_now(link);
}

void link_reconnect(struct link *link, const char *why)
{
	log_info("connecting to the broker again: %s", why);
	loop_timer_cancel(link->options.loop, link->connect_timer);
	/* In the next turn: what is being received is still in use. */
	link->connect_timer =
		loop_timer_set(link->options.loop, RECONNECT_SOON_MS, reconnect, link);
}

void link_move(struct link *link, const struct link_brokers *brokers)
{
	const usec_t pause = RETURN_FACTOR * link->options.broker_patience_ms * USEC_PER_MSEC;
	const usec_t now = clock_boottime();
	bool same = brokers->urls == link->options.brokers.urls;

	link->options.brokers = *brokers;
	link->broker = 0;
	if (link->online && is_ours(link)) {
		note_place(link);
		return;
	}
	if (same && link->returned_at != 0 && now - link->returned_at < pause)
		return;
	link->away_since = link->returned_at = 0;
	link_reconnect(link, "the server has moved this node to another broker");
}

bool link_online(const struct link *link)
{
	return link->online;
}

usec_t link_served(const struct link *link)
{
	return link->online ? link->served : 0;
}

const char *link_reason(const struct link *link)
{
	return link->reason;
}

struct link *link_new(const struct link_options *options)
{
	struct link *link = xcalloc(1, sizeof(*link));

	assert(options->brokers.count > 0);
	mosquitto_lib_init();
	link->options = *options;
	link->fd = -1;
	link->arena = arena_new();
	set_reason(link, "connecting for the first time");
	link->connect_timer = loop_timer_set(options->loop, 0, connect_now, link);
	return link;
}

/* Publishes the will ourselves, since a clean disconnect makes the broker forget it. */
static void say_farewell(struct link *link, int farewell_ms)
{
	usec_t end = clock_boottime() + farewell_ms * USEC_PER_MSEC;

	link->inside = true;
	link_send(link, CHANNEL_HEALTH, FAREWELL, strlen(FAREWELL));
	mosquitto_disconnect(link->client);
	while (!link->lost && mosquitto_socket(link->client) >= 0 &&
	       mosquitto_want_write(link->client) && clock_boottime() < end) {
		struct pollfd ready = {.fd = mosquitto_socket(link->client), .events = POLLOUT};

		if (poll(&ready, 1, farewell_ms) <= 0 ||
		    mosquitto_loop_write(link->client, 1) != MOSQ_ERR_SUCCESS)
			break;
	}
}

void link_free(struct link *link, int farewell_ms)
{
	if (!link)
		return;
	if (link->online)
		say_farewell(link, farewell_ms);
	drop(link);
	loop_timer_cancel(link->options.loop, link->connect_timer);
	loop_timer_cancel(link->options.loop, link->wake_timer);
	arena_free(link->arena);
	free(link);
	mosquitto_lib_cleanup();
}
