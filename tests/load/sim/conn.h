/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to a broker, plain or with mutual TLS, which never blocks. What the socket does not take at once
 * is kept; a packet of which only a part has arrived, too. An idle connection holds no buffer.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "sim/tls.h"

struct conn {
	int fd;		 /* -1: none */
	uint32_t events; /* of epoll, that are asked for */
	struct tls *tls;
	uint8_t *in;
	size_t in_size;
	uint8_t *out;
	size_t out_size;
};

struct conn_target {
	struct sockaddr_storage address;
	socklen_t address_size;
	/* Where connections come from, one address each for 20,000 of them; 0: any. */
	in_addr_t source;
};

/* Begins to connect; data is what epoll hands back. */
MUST_CHECK bool conn_open(struct conn *conn, const struct conn_target *target, int epoll,
			  void *data, struct error *err);

/* abrupt: the peer gets a reset, and no port of ours is held for a minute. */
void conn_close(struct conn *conn, bool abrupt);

/* The error of an attempt to connect, or 0. */
int conn_failure(const struct conn *conn);

void conn_watch(struct conn *conn, int epoll, void *data, uint32_t events);

/*
 * Reads what is there, behind what was kept, into buffer of size bytes, which must be larger than any packet.
 * *got is all that is now in buffer. False: the connection is over.
 */
MUST_CHECK bool conn_read(struct conn *conn, uint8_t *buffer, size_t size, size_t *got);

/* Keeps what is left in buffer after whole packets were taken. */
void conn_keep(struct conn *conn, const uint8_t *rest, size_t size);

/* Sends, or keeps what cannot be sent now. False: the connection is over. */
MUST_CHECK bool conn_write(struct conn *conn, int epoll, void *data, const void *bytes,
			   size_t size);
