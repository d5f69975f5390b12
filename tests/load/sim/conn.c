/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/conn.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/arena.h"

/* What a node may owe to its socket before the connection counts as dead. */
enum { OUT_MAX = 8 << 20 };

bool conn_open(struct conn *conn, const struct conn_target *target, int epoll, void *data,
	       struct error *err)
{
	const struct sockaddr_in source = {.sin_family = AF_INET,
					   .sin_addr.s_addr = target->source};
	struct epoll_event event = {.events = EPOLLOUT, .data.ptr = data};
	const int one = 1;
	int fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not make a socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* The port is chosen when the peer is known, so that each of our addresses has all of them. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if ((target->source != 0 &&
	     bind(fd, (const struct sockaddr *)&source, sizeof(source)) != 0) ||
	    (connect(fd, (const struct sockaddr *)&target->address, target->address_size) != 0 &&
	     errno != EINPROGRESS) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
		int number = errno;

		close(fd);
		return error_set_errno(err, ERR_UNAVAILABLE, number, "could not connect");
	}
	*conn = (struct conn){.fd = fd, .events = EPOLLOUT};
	return true;
}

void conn_close(struct conn *conn, bool abrupt)
{
	const struct linger now = {.l_onoff = 1};

	if (conn->fd < 0)
		return;
	if (abrupt)
		setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	tls_free(conn->tls);
	close(conn->fd);
	free(conn->in);
	free(conn->out);
	*conn = (struct conn){.fd = -1};
}

int conn_failure(const struct conn *conn)
{
	int failure = 0;
	socklen_t size = sizeof(failure);

	if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0)
		return errno;
	return failure;
}

void conn_watch(struct conn *conn, int epoll, void *data, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = data};

	if (conn->events != events)
		epoll_ctl(epoll, EPOLL_CTL_MOD, conn->fd, &event);
	conn->events = events;
}

bool conn_read(struct conn *conn, uint8_t *buffer, size_t size, size_t *got)
{
	size_t had = conn->in_size;

	if (had > 0)
		memcpy(buffer, conn->in, had);
	free(conn->in);
	conn->in = NULL;
	conn->in_size = 0;
	*got = had;
	/* A record of TLS may hold more than what was asked for, and then nothing wakes us for the rest. */
	do {
		ssize_t count = conn->tls ? tls_read(conn->tls, buffer + *got, size - *got)
					  : read(conn->fd, buffer + *got, size - *got);

		if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		if (count < 0)
			return true;
		*got += (size_t)count;
	} while (conn->tls && *got < size);
	return true;
}

void conn_keep(struct conn *conn, const uint8_t *rest, size_t size)
{
	if (size == 0)
		return;
	conn->in = xcalloc(1, size);
	memcpy(conn->in, rest, size);
	conn->in_size = size;
}

static ssize_t send_some(struct conn *conn, const void *bytes, size_t size)
{
	ssize_t count = conn->tls ? tls_write(conn->tls, bytes, size)
				  : send(conn->fd, bytes, size, MSG_NOSIGNAL);

	return count < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : count;
}

static bool keep_out(struct conn *conn, const void *bytes, size_t size)
{
	if (conn->out_size + size > OUT_MAX)
		return false;
	conn->out = xrealloc(conn->out, conn->out_size + size);
	memcpy(conn->out + conn->out_size, bytes, size);
	conn->out_size += size;
	return true;
}

/* What was kept goes first. */
static bool send_kept(struct conn *conn)
{
	size_t sent = 0;

	while (sent < conn->out_size) {
		ssize_t count = send_some(conn, conn->out + sent, conn->out_size - sent);

		if (count < 0)
			return false;
		if (count == 0)
			break;
		sent += (size_t)count;
	}
	conn->out_size -= sent;
	if (conn->out_size > 0) {
		memmove(conn->out, conn->out + sent, conn->out_size);
	} else {
		free(conn->out);
		conn->out = NULL;
	}
	return true;
}

bool conn_write(struct conn *conn, int epoll, void *data, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	if (conn->out_size > 0 && !send_kept(conn))
		return false;
	while (conn->out_size == 0 && size > 0) {
		ssize_t count = send_some(conn, at, size);

		if (count < 0)
			return false;
		if (count == 0)
			break;
		at += count;
		size -= (size_t)count;
	}
	if (size > 0 && !keep_out(conn, at, size))
		return false;
	conn_watch(conn, epoll, data, EPOLLIN | (conn->out_size > 0 ? (uint32_t)EPOLLOUT : 0));
	return true;
}
