/* SPDX-License-Identifier: Apache-2.0 */
#include "http/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "http/limits.h"

enum { SWEEP_MS = 250, TCP_GONE_MS = 10000 };

struct connection {
	struct connection *previous;
	struct connection *next;
	int fd;
	enum connection_phase phase;
	usec_t deadline; /* on the monotonic clock; 0 = none */
};

struct connections {
	struct connection_limits limits;
	void (*tick)(void *);
	void *tick_arg;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool stop;
	size_t busy;
	struct connection *first;
};

static bool is_busy(enum connection_phase phase)
{
	return phase == CONNECTION_WORK || phase == CONNECTION_WRITE;
}

static void sweep(struct connections *all)
{
	usec_t now = clock_monotonic();

	for (struct connection *c = all->first; c != NULL; c = c->next) {
		if (c->deadline == 0 || c->deadline > now)
			continue;
		shutdown(c->fd, SHUT_RDWR);
		c->deadline = 0;
	}
}

static void *sweep_run(void *arg)
{
	struct connections *all = arg;
	struct timespec until;

	pthread_mutex_lock(&all->mutex);
	while (!all->stop) {
		sweep(all);
		pthread_mutex_unlock(&all->mutex);
		all->tick(all->tick_arg);
		pthread_mutex_lock(&all->mutex);
		if (all->stop)
			break;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += SWEEP_MS * 1000000L;
		if (until.tv_nsec >= 1000000000L) {
			until.tv_nsec -= 1000000000L;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&all->wake, &all->mutex, &until);
	}
	pthread_mutex_unlock(&all->mutex);
	return NULL;
}

bool connections_new(const struct connection_limits *limits, void (*tick)(void *), void *tick_arg,
		     struct connections **out, struct error *err)
{
	struct connections *all = xcalloc(1, sizeof(*all));
	pthread_condattr_t attributes;
	int rc;

	all->limits = *limits;
	all->tick = tick;
	all->tick_arg = tick_arg;
	pthread_mutex_init(&all->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&all->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	rc = pthread_create(&all->thread, NULL, sweep_run, all);
	if (rc != 0) {
		free(all);
		return error_set_errno(err, ERR_INTERNAL, rc, "could not start a thread");
	}
	*out = all;
	return true;
}

void connections_free(struct connections *all)
{
	if (all == NULL)
		return;
	pthread_mutex_lock(&all->mutex);
	all->stop = true;
	pthread_cond_signal(&all->wake);
	pthread_mutex_unlock(&all->mutex);
	pthread_join(all->thread, NULL);
	pthread_cond_destroy(&all->wake);
	pthread_mutex_destroy(&all->mutex);
	free(all);
}

struct connection *connection_open(struct connections *all, int fd)
{
	struct connection *connection = xcalloc(1, sizeof(*connection));
	unsigned int gone_ms = TCP_GONE_MS;

	/* Turns a peer that vanished without a word into an error on the socket. */
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &gone_ms, sizeof(gone_ms));
	connection->fd = fd;
	pthread_mutex_lock(&all->mutex);
	/* The handshake and the first request share one limit. */
	connection->deadline = clock_monotonic() + all->limits.request_ms * USEC_PER_MSEC;
	connection->next = all->first;
	if (all->first != NULL)
		all->first->previous = connection;
	all->first = connection;
	pthread_mutex_unlock(&all->mutex);
	return connection;
}

void connection_close(struct connections *all, struct connection *connection)
{
	pthread_mutex_lock(&all->mutex);
	if (connection->previous != NULL)
		connection->previous->next = connection->next;
	else
		all->first = connection->next;
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	all->busy -= is_busy(connection->phase);
	pthread_mutex_unlock(&all->mutex);
	free(connection);
}

void connection_phase(struct connections *all, struct connection *connection,
		      enum connection_phase phase, int64_t body_bytes)
{
	usec_t now = clock_monotonic();
	usec_t limit = 0;

	if (phase == CONNECTION_IDLE)
		limit = all->limits.idle_ms * USEC_PER_MSEC;
	else if (phase == CONNECTION_READ)
		limit = all->limits.request_ms * USEC_PER_MSEC;
	else if (phase == CONNECTION_WRITE)
		limit = all->limits.request_ms * USEC_PER_MSEC +
			body_bytes / HTTP_MIN_RATE * USEC_PER_SEC;
	pthread_mutex_lock(&all->mutex);
	all->busy -= is_busy(connection->phase);
	all->busy += is_busy(phase);
	connection->phase = phase;
	connection->deadline = limit == 0 ? 0 : now + limit;
	pthread_mutex_unlock(&all->mutex);
}

void connection_progress(struct connections *all, struct connection *connection, size_t bytes)
{
	usec_t most = clock_monotonic() + all->limits.request_ms * USEC_PER_MSEC;

	pthread_mutex_lock(&all->mutex);
	if (connection->deadline != 0) {
		connection->deadline += (usec_t)bytes * USEC_PER_SEC / HTTP_MIN_RATE;
		if (connection->deadline > most)
			connection->deadline = most;
	}
	pthread_mutex_unlock(&all->mutex);
}

int connection_fd(const struct connection *connection)
{
	return connection->fd;
}

size_t connections_busy(struct connections *all)
{
	size_t busy;

	pthread_mutex_lock(&all->mutex);
	busy = all->busy;
	pthread_mutex_unlock(&all->mutex);
	return busy;
}
