/* SPDX-License-Identifier: Apache-2.0 */
/* The probes that connect: tcp, http, mqtt. Local addresses only need no resolver. */
#include "supervise/probe_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/encoding.h"
#include "supervise/http_check.h"
#include "supervise/mqtt_codec.h"

enum {
	MAX_MQTT_BYTES = 16 * 1024,
	MAX_OUT_BYTES = HTTP_CHECK_MAX_REQUEST + 4096,
	SUBSCRIBE_ID = 1,
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Size of the address, 0: not numeric. */
static socklen_t address_parse(const char *host, int port, union address *out)
{
	memset(out, 0, sizeof(*out));
	if (strcmp(host, "localhost") == 0)
		host = "127.0.0.1";
	if (inet_pton(AF_INET, host, &out->v4.sin_addr) == 1) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons((uint16_t)port);
		return sizeof(out->v4);
	}
	if (inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons((uint16_t)port);
		return sizeof(out->v6);
	}
	return 0;
}

void probe_net_cancel(struct probe *probe)
{
	if (probe->fd < 0)
		return;
	loop_remove_fd(probe->options.loop, probe->fd);
	close(probe->fd);
	probe->fd = -1;
	strbuf_release(&probe->in);
	strbuf_release(&probe->out);
}

static void finish(struct probe *probe, bool good, const char *text)
{
	probe_net_cancel(probe);
	probe_finish(probe, good, text);
}

static void finish_errno(struct probe *probe, const char *what, int error)
{
	char text[128];

	snprintf(text, sizeof(text), "could not %s: %s", what, strerror(error));
	finish(probe, false, text);
}

/* False: the attempt has ended. */
static bool out_flush(struct probe *probe)
{
	while (probe->out.length > 0) {
		ssize_t sent = send(probe->fd, probe->out.data, probe->out.length, MSG_NOSIGNAL);

		if (sent < 0 && errno == EAGAIN)
			break;
		if (sent < 0) {
			finish_errno(probe, "send", errno);
			return false;
		}
		strbuf_consume(&probe->out, (size_t)sent);
	}
	loop_mod_fd(probe->options.loop, probe->fd,
		    probe->out.length > 0 ? POLLIN | POLLOUT : POLLIN);
	return true;
}

static void mqtt_hello(struct probe *probe)
{
	char client_id[32] = "muster-probe-";
	uint8_t random[4];

	random_bytes(random, sizeof(random));
	random_bytes(probe->nonce, sizeof(probe->nonce));
	hex_encode(random, sizeof(random), client_id + strlen(client_id));
	if (probe->spec->topic)
		snprintf(probe->topic, sizeof(probe->topic), "%s", probe->spec->topic);
	else
		snprintf(probe->topic, sizeof(probe->topic), "muster/probe/%s",
			 client_id + strlen("muster-probe-"));
	probe->stage = MQTT_STAGE_CONNECT;
	mqtt_connect_encode(&probe->out, client_id, probe->spec->username, probe->spec->password);
}

/* Once connected: what to say first. False: the attempt has ended. */
static bool greet(struct probe *probe)
{
	if (probe->spec->kind == PROBE_TCP) {
		finish(probe, true, "");
		return false;
	}
	if (probe->spec->kind == PROBE_HTTP)
		http_check_request(probe->spec, &probe->out);
	else
		mqtt_hello(probe);
	return out_flush(probe);
}

/* False: the attempt has ended. */
static bool mqtt_answer(struct probe *probe, const struct mqtt_packet *packet)
{
	char text[96];

	switch (probe->stage) {
	case MQTT_STAGE_CONNECT:
		if (mqtt_connack_code(packet) != 0) {
			snprintf(text, sizeof(text), "connection refused: %s",
				 mqtt_connack_text(mqtt_connack_code(packet)));
			finish(probe, false, text);
			return false;
		}
		probe->stage = MQTT_STAGE_SUBSCRIBE;
		mqtt_subscribe_encode(&probe->out, SUBSCRIBE_ID, probe->topic);
		return true;
	case MQTT_STAGE_SUBSCRIBE:
		if (mqtt_suback_code(packet) != 0) {
			finish(probe, false, "subscription refused");
			return false;
		}
		probe->stage = MQTT_STAGE_ECHO;
		mqtt_publish_encode(&probe->out, probe->topic, probe->nonce, sizeof(probe->nonce));
		return true;
	case MQTT_STAGE_ECHO:
		if (!mqtt_publish_is(packet, probe->topic, probe->nonce, sizeof(probe->nonce)))
			return true; /* somebody else's, on a topic that the spec names */
		mqtt_disconnect_encode(&probe->out);
		if (out_flush(probe))
			finish(probe, true, "");
		return false;
	}
	return true;
}

static void mqtt_received(struct probe *probe, bool ended)
{
	struct mqtt_packet packet;
	size_t used;

	for (;;) {
		enum mqtt_read got =
			mqtt_packet_read((const uint8_t *)probe->in.data, probe->in.length,
					 MAX_MQTT_BYTES, &packet, &used);

		if (got == MQTT_READ_BAD) {
			finish(probe, false, "the answer is not MQTT");
			return;
		}
		if (got == MQTT_READ_MORE)
			break;
		if (!mqtt_answer(probe, &packet))
			return;
		strbuf_consume(&probe->in, used);
	}
	if (ended)
		finish(probe, false, "the broker has closed the connection");
	else
		out_flush(probe);
}

static void http_received(struct probe *probe, bool ended)
{
	char why[PROBE_TEXT_SIZE] = "";
	enum http_verdict verdict = http_check_response(probe->spec, probe->in.data,
							probe->in.length, ended, why, sizeof(why));

	if (verdict != HTTP_MORE)
		finish(probe, verdict == HTTP_GOOD, why);
}

/* False: the attempt has ended. *ended: the other side has closed. */
static bool in_read(struct probe *probe, bool *ended)
{
	char buffer[4096];
	ssize_t got = recv(probe->fd, buffer, sizeof(buffer), 0);

	*ended = got == 0;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (got < 0) {
		finish_errno(probe, "receive", errno);
		return false;
	}
	size_t room = probe->in.maximum - probe->in.length;
	strbuf_append(&probe->in, buffer, (size_t)got < room ? (size_t)got : room);
	return true;
}

/* False: the attempt has ended. */
static bool connect_finish(struct probe *probe)
{
	int error = 0;
	socklen_t size = sizeof(error);

	getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error != 0) {
		finish_errno(probe, "connect", error);
		return false;
	}
	probe->connected = true;
	return greet(probe);
}

static void socket_ready(int fd, short revents, void *arg)
{
	struct probe *probe = arg;
	bool ended;

	(void)fd;
	if (!probe->connected) {
		connect_finish(probe);
		return;
	}
	if ((revents & POLLOUT) && !out_flush(probe))
		return;
	if (!(revents & (POLLIN | POLLHUP | POLLERR)) || !in_read(probe, &ended))
		return;
	if (probe->spec->kind == PROBE_HTTP)
		http_received(probe, ended);
	else
		mqtt_received(probe, ended);
}

void probe_net_begin(struct probe *probe)
{
	union address address;
	socklen_t size = address_parse(probe->spec->host, probe->spec->port, &address);

	if (size == 0) {
		probe_finish(probe, false, "the host is not a numeric address");
		return;
	}
	probe->fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe->fd < 0) {
		probe_finish(probe, false, "could not create a socket");
		return;
	}
	probe->connected = false;
	strbuf_init(&probe->in, NULL,
		    probe->spec->kind == PROBE_HTTP ? HTTP_CHECK_MAX_RESPONSE : MAX_MQTT_BYTES + 8);
	strbuf_init(&probe->out, NULL, MAX_OUT_BYTES);
	loop_add_fd(probe->options.loop, probe->fd, POLLOUT, socket_ready, probe);
	if (connect(probe->fd, &address.any, size) < 0 && errno != EINPROGRESS)
		finish_errno(probe, "connect", errno);
}
