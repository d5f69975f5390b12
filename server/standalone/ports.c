/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fields.h"
#include "base/file.h"
#include "base/log.h"

enum { PORTS_FILE_BYTES_MAX = 4096 };

bool listen_address_parse(const char *text, struct arena *arena, struct listen_address *out,
			  struct error *err)
{
	const char *colon = strrchr(text, ':');
	char *end;

	if (colon == NULL || colon == text || colon[1] == '\0')
		return error_set(err, ERR_INVALID,
				 "\"%.100s\" is not an address like 127.0.0.1:8443", text);
	long port = strtol(colon + 1, &end, 10);
	if (*end != '\0' || port < 0 || port > 65535)
		return error_set(err, ERR_INVALID, "not a port: '%.100s'", colon + 1);
	size_t length = (size_t)(colon - text);
	if (text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	} else if (memchr(text, ':', length) != NULL) {
		return error_set(err, ERR_INVALID, "IPv6 address needs brackets: '%.100s'", text);
	}
	if (length == 0)
		return error_set(err, ERR_INVALID, "no host in front of port %ld", port);
	out->host = arena_strndup(arena, text, length);
	out->port = (int)port;
	return true;
}

const char *listen_address_text(const struct listen_address *address, struct arena *arena)
{
	bool brackets = strchr(address->host, ':') != NULL;

	return arena_printf(arena, brackets ? "[%s]:%d" : "%s:%d", address->host, address->port);
}

static int bound_port(int fd)
{
	struct sockaddr_storage bound;
	socklen_t size = sizeof(bound);

	if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0)
		return 0;
	if (bound.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&bound)->sin6_port);
	return ntohs(((struct sockaddr_in *)&bound)->sin_port);
}

static void say_taken(const char *host, int port, struct error *err)
{
	if (errno == EADDRINUSE)
		error_set(err, ERR_CONFLICT,
			  "port %d of %s is in use by another program; choose another port, or 0 "
			  "for a free one",
			  port, host);
	else
		error_set_errno(err, ERR_CONFLICT, errno, "cannot listen on %s port %d", host,
				port);
}

/* Binds for a moment, without listening: nobody is to connect. *port 0 becomes a free one. */
static bool try_port(const char *host, int *port, struct error *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *address;
	const int yes = 1;
	char service[8];

	snprintf(service, sizeof(service), "%d", *port);
	int failure = getaddrinfo(host, service, &hints, &address);
	if (failure != 0)
		return error_set(err, ERR_INVALID, "cannot listen on host '%.100s': %s", host,
				 gai_strerror(failure));
	CLEANUP(fd_cleanup)
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
		  bind(fd, address->ai_addr, address->ai_addrlen) == 0;
	if (ok)
		*port = bound_port(fd);
	else
		say_taken(host, *port, err);
	freeaddrinfo(address);
	return ok;
}

static bool settle(struct listen_address *address, const json_t *kept, const char *name,
		   struct error *err)
{
	int port = (int)json_integer_value(json_object_get(kept, name));

	if (address->port != 0)
		return try_port(address->host, &address->port, err);
	if (port > 0 && port < 65536) {
		if (try_port(address->host, &port, err)) {
			address->port = port;
			return true;
		}
		log_warn("%s: choosing another port for %s", err->text, name);
	}
	return try_port(address->host, &address->port, err);
}

bool ports_settle(const char *path, struct ports *ports, struct arena *arena, struct error *err)
{
	json_t *kept = NULL;
	char *text;
	size_t size;
	struct error unread = {0};

	if (file_read(path, PORTS_FILE_BYTES_MAX, arena, &text, &size, &unread) &&
	    json_parse_limited(text, size, 2, &kept, &unread))
		json_keep(kept, arena);
	if (!settle(&ports->https, kept, "https", err))
		return false;
	json_t *settled = json_keep(json_object(), arena);
	json_object_set_new(settled, "https", json_integer(ports->https.port));
	for (size_t i = 0; i < ports->mqtt_count; i++) {
		const char *name = i == 0 ? "mqtt" : arena_printf(arena, "mqtt-%zu", i);

		if (!settle(&ports->mqtt[i], kept, name, err))
			return false;
		json_object_set_new(settled, name, json_integer(ports->mqtt[i].port));
	}
	text = arena_printf(arena, "%s\n", json_text(settled, arena));
	return file_write_atomic(path, text, strlen(text), 0644, err);
}
