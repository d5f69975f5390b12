/* SPDX-License-Identifier: Apache-2.0 */
#include "http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 256, HOST_MAX = 256 };

/* Splits at the last colon, and takes the brackets off. */
static bool split(const char *address, char host[HOST_MAX], const char **port)
{
	const char *colon = strrchr(address, ':');
	size_t length;

	if (colon == NULL || colon[1] == '\0')
		return false;
	length = (size_t)(colon - address);
	if (length >= 2 && address[0] == '[' && colon[-1] == ']') {
		address++;
		length -= 2;
	}
	if (length >= HOST_MAX)
		return false;
	memcpy(host, address, length);
	host[length] = '\0';
	*port = colon + 1;
	return strspn(*port, "0123456789") == strlen(*port) && strlen(*port) <= 5;
}

static int bound_port(int fd)
{
	struct sockaddr_storage address;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	socklen_t size = sizeof(address);

	memset(&address, 0, sizeof(address));
	if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
		return 0;
	if (address.ss_family == AF_INET6) {
		memcpy(&v6, &address, sizeof(v6));
		return ntohs(v6.sin6_port);
	}
	memcpy(&v4, &address, sizeof(v4));
	return ntohs(v4.sin_port);
}

static int open_one(const struct addrinfo *info)
{
	int one = 1;
	int saved;
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

bool listen_open(const char *address, int *fd, int *port, struct error *err)
{
	struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found = NULL;
	char host[HOST_MAX];
	const char *service;
	int opened;
	int rc;

	if (!split(address, host, &service))
		return error_set(err, ERR_INVALID, "\"%s\" is not an address like 127.0.0.1:8443",
				 address);
	rc = getaddrinfo(host[0] == '\0' ? NULL : host, service, &hints, &found);
	if (rc != 0)
		return error_set(err, ERR_INVALID, "could not resolve \"%s\": %s", address,
				 gai_strerror(rc));
	opened = open_one(found);
	rc = errno;
	freeaddrinfo(found);
	if (opened < 0)
		return error_set_errno(err, rc == EADDRINUSE ? ERR_CONFLICT : ERR_INTERNAL, rc,
				       "could not listen on %s", address);
	*fd = opened;
	*port = bound_port(opened);
	return true;
}
