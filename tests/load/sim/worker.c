/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fields.h"

enum {
	EVENTS_MAX = 512,
	TURN_MS = 50,
	OUT_BYTES_MAX = 16 << 20,
	TEXT_BYTES_MAX = 4 << 20,
	/* Twice the largest packet: one that has begun to arrive, and what comes behind it. */
	INPUT_BYTES = 2 * (LIMIT_DOWN_MESSAGE + 4096),
	/* So many nodes share one source address, of the 28,000 ports that each has. */
	NODES_PER_SOURCE = 20000,
};

/* --- the heap of timers, the next one at its top --- */

static void place(struct worker *worker, size_t at, struct node *node)
{
	worker->heap[at] = node;
	node->heap = at;
}

static void sift_up(struct worker *worker, size_t at)
{
	struct node *node = worker->heap[at];

	while (at > 1 && worker->heap[at / 2]->next_due > node->next_due) {
		place(worker, at, worker->heap[at / 2]);
		at /= 2;
	}
	place(worker, at, node);
}

static void sift_down(struct worker *worker, size_t at)
{
	struct node *node = worker->heap[at];

	for (;;) {
		size_t child = 2 * at;

		if (child > worker->heap_count)
			break;
		if (child < worker->heap_count &&
		    worker->heap[child + 1]->next_due < worker->heap[child]->next_due)
			child++;
		if (worker->heap[child]->next_due >= node->next_due)
			break;
		place(worker, at, worker->heap[child]);
		at = child;
	}
	place(worker, at, node);
}

static void heap_remove(struct worker *worker, struct node *node)
{
	size_t at = node->heap;
	struct node *last = worker->heap[worker->heap_count--];

	node->heap = 0;
	if (last == node)
		return;
	place(worker, at, last);
	sift_up(worker, at);
	sift_down(worker, last->heap);
}

void worker_reschedule(struct worker *worker, struct node *node)
{
	if (node->next_due == 0) {
		if (node->heap)
			heap_remove(worker, node);
		return;
	}
	if (!node->heap)
		place(worker, ++worker->heap_count, node);
	sift_up(worker, node->heap);
	sift_down(worker, node->heap);
}

/* --- turns to connect --- */

void worker_queue(struct worker *worker, struct node *node)
{
	node->phase = NODE_WAITING;
	node->next_waiting = NULL;
	*worker->waiting_tail = node;
	worker->waiting_tail = &node->next_waiting;
}

void worker_connected(struct worker *worker)
{
	worker->connecting--;
}

static void admit(struct worker *worker)
{
	while (worker->waiting && worker->connecting < (size_t)worker->options->connecting) {
		struct node *node = worker->waiting;

		worker->waiting = node->next_waiting;
		if (!worker->waiting)
			worker->waiting_tail = &worker->waiting;
		worker->connecting++;
		node_connect(worker, node);
	}
}

/* --- preparing --- */

static bool resolve(const struct broker *broker, in_addr_t source, struct conn_target *out,
		    struct error *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *found;
	char port[8];

	snprintf(port, sizeof(port), "%d", broker->port);
	int code = getaddrinfo(broker->host, port, &hints, &found);
	if (code != 0)
		return error_set(err, ERR_UNAVAILABLE, "cannot find the broker %s: %s",
				 broker->host, gai_strerror(code));
	memcpy(&out->address, found->ai_addr, found->ai_addrlen);
	out->address_size = found->ai_addrlen;
	freeaddrinfo(found);
	const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)&out->address;
	/* On this machine there are as many source addresses as are wanted. */
	if (ipv4->sin_family == AF_INET && (ntohl(ipv4->sin_addr.s_addr) >> 24) == 127)
		out->source = source;
	return true;
}

static bool prepare_targets(struct worker *worker, size_t number, struct error *err)
{
	const struct fleet *fleet = worker->fleet;
	bool tls = false;

	worker->targets = xcalloc(fleet->broker_count, sizeof(*worker->targets));
	for (size_t i = 0; i < fleet->broker_count; i++) {
		/* 127.0.1.1 and on; each process has its own. */
		in_addr_t source = htonl((in_addr_t)(0x7f000101 + number));

		if (!resolve(&fleet->brokers[i], source, &worker->targets[i], err))
			return false;
		tls |= fleet->brokers[i].tls;
	}
	return !tls || tls_shared_new(fleet->ca, &worker->tls, err);
}

static bool prepare(struct worker *worker, size_t number, struct error *err)
{
	if (worker->count > NODES_PER_SOURCE)
		return error_set(err, ERR_INVALID, "%zu nodes in one process, at most %d",
				 worker->count, NODES_PER_SOURCE);
	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (worker->epoll < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot make an epoll");
	worker->waiting_tail = &worker->waiting;
	worker->heap = xcalloc(worker->count + 1, sizeof(*worker->heap));
	worker->nodes = xcalloc(worker->count ? worker->count : 1, sizeof(*worker->nodes));
	worker->contents = contents_new();
	worker->arena = arena_new();
	strbuf_init(&worker->out, NULL, OUT_BYTES_MAX);
	strbuf_init(&worker->text, NULL, TEXT_BYTES_MAX);
	worker->input_size = INPUT_BYTES;
	worker->input = xcalloc(1, worker->input_size);
	if (worker->options->log[0] &&
	    !record_open(worker->options->log, number, &worker->record, err))
		return false;
	return prepare_targets(worker, number, err);
}

static void read_clocks(struct worker *worker)
{
	worker->now = clock_monotonic();
	worker->now_utc = clock_now_utc();
}

static void begin_nodes(struct worker *worker)
{
	double ramp = (double)worker->options->ramp;
	/* This worker's part of the ramp. */
	double pause = ramp > 0 ? (double)USEC_PER_SEC / ramp * (double)worker->options->connected /
					  (double)worker->count
				: 0;

	for (size_t i = 0; i < worker->count; i++) {
		struct node *node = &worker->nodes[i];

		node_init(worker, node, &worker->fleet->nodes[worker->first + i],
			  (uint32_t)(worker->first + i));
		node_timer(worker, node, TIMER_CONNECT,
			   worker->now + 1 + (usec_t)(pause * (double)i));
	}
}

/* --- the loop --- */

static void handle_events(struct worker *worker)
{
	struct epoll_event events[EVENTS_MAX];
	int64_t wait_us = TURN_MS * USEC_PER_MSEC;

	if (worker->heap_count > 0 && worker->heap[1]->next_due - worker->now < wait_us)
		wait_us = worker->heap[1]->next_due - worker->now;
	int count = epoll_wait(worker->epoll, events, EVENTS_MAX,
			       wait_us <= 0 ? 0 : (int)((wait_us + 999) / USEC_PER_MSEC));
	read_clocks(worker);
	for (int i = 0; i < count; i++)
		node_event(worker, events[i].data.ptr, events[i].events);
}

static void handle_timers(struct worker *worker)
{
	/* Not more than a fleet: what comes must be heard, too. */
	for (size_t i = 0; i < 2000 && worker->heap_count > 0; i++) {
		struct node *node = worker->heap[1];

		if (node->next_due > worker->now)
			return;
		node_due(worker, node);
	}
}

static void cut_all(struct worker *worker)
{
	for (size_t i = 0; i < worker->count; i++)
		if (worker->nodes[i].conn.fd >= 0) {
			stats_add(worker->stats, COUNT_OUTAGES, 1);
			node_cut(worker, &worker->nodes[i], true, 0);
		}
}

/* Whoever is offline by our will returns, to say what it has to say. */
static void come_back(struct worker *worker)
{
	for (size_t i = 0; i < worker->count; i++)
		if (worker->nodes[i].phase == NODE_OFFLINE)
			node_timer(worker, &worker->nodes[i], TIMER_CONNECT, worker->now + 1);
}

static void obey(struct worker *worker)
{
	int storm = atomic_load(&worker->shared->storm);

	if (!worker->draining && atomic_load(&worker->shared->draining)) {
		worker->draining = true;
		come_back(worker);
	}
	if (!worker->running && atomic_load(&worker->shared->running)) {
		worker->running = true;
		for (size_t i = 0; i < worker->count; i++)
			node_arm(worker, &worker->nodes[i]);
	}
	if (storm != worker->storm) {
		worker->storm = storm;
		cut_all(worker);
	}
}

static void leave(struct worker *worker)
{
	for (size_t i = 0; i < worker->count; i++) {
		node_leave(worker, &worker->nodes[i]);
		node_flush(worker, &worker->nodes[i]);
	}
}

static bool save(struct worker *worker, struct error *err)
{
	const char *folder = worker->options->state;
	struct progress *progress = xcalloc(worker->count ? worker->count : 1, sizeof(*progress));

	for (size_t i = 0; i < worker->count; i++) {
		const struct node *node = &worker->nodes[i];

		progress[i] = node->progress;
		/* What was not acknowledged goes with us: its numbers must not stay empty. */
		for (size_t s = 0; s < STREAM_COUNT; s++)
			if (node->streams[s].kept > 0)
				progress[i].epoch[0] = '\0';
		if (!progress[i].epoch[0])
			memset(progress[i].produced, 0, sizeof(progress[i].produced));
	}
	bool ok = !folder[0] || progress_save(progress, worker->first, worker->count, folder, err);
	free(progress);
	return ok;
}

static void release(struct worker *worker)
{
	for (size_t i = 0; i < worker->count; i++)
		node_release(worker, &worker->nodes[i]);
	contents_free(worker->contents);
	arena_free(worker->arena);
	strbuf_release(&worker->out);
	strbuf_release(&worker->text);
	tls_shared_free(worker->tls);
	free(worker->targets);
	free(worker->input);
	free(worker->nodes);
	free(worker->heap);
	close(worker->epoll);
}

bool worker_run(const struct options *options, const struct fleet *fleet, struct shared *shared,
		size_t number, size_t first, size_t count, struct error *err)
{
	struct worker worker = {.options = options,
				.fleet = fleet,
				.shared = shared,
				.stats = &shared->stats[number],
				.first = first,
				.count = count};

	if (!prepare(&worker, number, err))
		return false;
	read_clocks(&worker);
	worker.begun = worker.now;
	begin_nodes(&worker);
	while (!atomic_load(&shared->stopping)) {
		handle_events(&worker);
		handle_timers(&worker);
		obey(&worker);
		admit(&worker);
	}
	leave(&worker);
	bool ok = save(&worker, err) && record_close(worker.record, err);
	release(&worker);
	return ok;
}
