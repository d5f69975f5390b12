/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"

struct watcher {
	int fd;
	short events;
	uint64_t serial; /* tells a new watcher from a removed one with the same descriptor */
	loop_fd_fn handler;
	void *arg;
};

struct timer {
	usec_t due;
	uint64_t id;
	loop_timer_fn handler;
	void *arg;
};

struct loop {
	struct watcher *watchers;
	size_t watcher_count;
	size_t watcher_capacity;
	uint64_t next_serial;

	struct timer *timers; /* a binary heap, soonest first */
	size_t timer_count;
	size_t timer_capacity;
	uint64_t next_timer;

	struct pollfd *polls; /* [0] is the timerfd */
	uint64_t *serials;
	size_t poll_capacity;

	int timerfd;
	bool stop;
};

struct loop *loop_new(void)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));

	loop->next_timer = 1;
	loop->next_serial = 1;
	/* poll's own timeout does not count suspend, a boot time timerfd does. */
	loop->timerfd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->timerfd < 0) {
		log_error("could not create a timer, stopping: %s", strerror(errno));
		abort();
	}
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	close(loop->timerfd);
	free(loop->watchers);
	free(loop->timers);
	free(loop->polls);
	free(loop->serials);
	free(loop);
}

static struct watcher *find_watcher(struct loop *loop, int fd)
{
	for (size_t i = 0; i < loop->watcher_count; i++) {
		if (loop->watchers[i].fd == fd)
			return &loop->watchers[i];
	}
	return NULL;
}

void loop_add_fd(struct loop *loop, int fd, short events, loop_fd_fn handler, void *arg)
{
	assert(fd >= 0 && !find_watcher(loop, fd));
	if (loop->watcher_count == loop->watcher_capacity) {
		loop->watcher_capacity = loop->watcher_capacity ? 2 * loop->watcher_capacity : 16;
		loop->watchers =
			xrealloc(loop->watchers, loop->watcher_capacity * sizeof(*loop->watchers));
	}
	loop->watchers[loop->watcher_count++] = (struct watcher){
		.fd = fd,
		.events = events,
		.serial = loop->next_serial++,
		.handler = handler,
		.arg = arg,
	};
}

void loop_mod_fd(struct loop *loop, int fd, short events)
{
	struct watcher *watcher = find_watcher(loop, fd);

	assert(watcher);
	watcher->events = events;
}

void loop_remove_fd(struct loop *loop, int fd)
{
	struct watcher *watcher = find_watcher(loop, fd);

	if (watcher)
		*watcher = loop->watchers[--loop->watcher_count];
}

static bool sooner(const struct timer *a, const struct timer *b)
{
	return a->due != b->due ? a->due < b->due : a->id < b->id;
}

static void swap_timers(struct loop *loop, size_t a, size_t b)
{
	struct timer timer = loop->timers[a];

	loop->timers[a] = loop->timers[b];
	loop->timers[b] = timer;
}

static void sift_up(struct loop *loop, size_t i)
{
	while (i > 0 && sooner(&loop->timers[i], &loop->timers[(i - 1) / 2])) {
		swap_timers(loop, i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

static void sift_down(struct loop *loop, size_t i)
{
	for (;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++) {
			if (child < loop->timer_count &&
			    sooner(&loop->timers[child], &loop->timers[least]))
				least = child;
		}
		if (least == i)
			return;
		swap_timers(loop, i, least);
		i = least;
	}
}

static void remove_timer(struct loop *loop, size_t i)
{
	loop->timer_count--;
	if (i == loop->timer_count)
		return;
	loop->timers[i] = loop->timers[loop->timer_count];
	sift_up(loop, i);
	sift_down(loop, i);
}

uint64_t loop_timer_set(struct loop *loop, int64_t delay_ms, loop_timer_fn handler, void *arg)
{
	uint64_t id = loop->next_timer++;

	if (loop->timer_count == loop->timer_capacity) {
		loop->timer_capacity = loop->timer_capacity ? 2 * loop->timer_capacity : 16;
		loop->timers = xrealloc(loop->timers, loop->timer_capacity * sizeof(*loop->timers));
	}
	if (delay_ms < 0)
		delay_ms = 0;
	loop->timers[loop->timer_count] = (struct timer){
		.due = clock_boottime() + delay_ms * USEC_PER_MSEC,
		.id = id,
		.handler = handler,
		.arg = arg,
	};
	sift_up(loop, loop->timer_count++);
	return id;
}

void loop_timer_cancel(struct loop *loop, uint64_t id)
{
	for (size_t i = 0; i < loop->timer_count; i++) {
		if (loop->timers[i].id == id) {
			remove_timer(loop, i);
			return;
		}
	}
}

static void run_due_timers(struct loop *loop)
{
	usec_t now = clock_boottime();
	uint64_t limit = loop->next_timer; /* a timer set by a handler waits for the next turn */

	while (loop->timer_count && loop->timers[0].due <= now && loop->timers[0].id < limit &&
	       !loop->stop) {
		struct timer timer = loop->timers[0];

		remove_timer(loop, 0);
		timer.handler(timer.arg);
	}
}

/* Arms the timerfd for the first timer; returns poll's timeout. */
static int prepare_wait(struct loop *loop, int max_wait_ms)
{
	struct itimerspec wait = {0};

	if (loop->timer_count) {
		usec_t delay = loop->timers[0].due - clock_boottime();

		if (delay <= 0)
			return 0;
		wait.it_value.tv_sec = delay / USEC_PER_SEC;
		wait.it_value.tv_nsec = (long)(delay % USEC_PER_SEC * 1000);
	}
	timerfd_settime(loop->timerfd, 0, &wait, NULL);
	return max_wait_ms;
}

static void fill_polls(struct loop *loop)
{
	size_t needed = loop->watcher_count + 1;

	if (needed > loop->poll_capacity) {
		loop->poll_capacity = 2 * needed;
		loop->polls = xrealloc(loop->polls, loop->poll_capacity * sizeof(*loop->polls));
		loop->serials =
			xrealloc(loop->serials, loop->poll_capacity * sizeof(*loop->serials));
	}
	loop->polls[0] = (struct pollfd){.fd = loop->timerfd, .events = POLLIN};
	loop->serials[0] = 0;
	for (size_t i = 0; i < loop->watcher_count; i++) {
		loop->polls[i + 1] = (struct pollfd){.fd = loop->watchers[i].fd,
						     .events = loop->watchers[i].events};
		loop->serials[i + 1] = loop->watchers[i].serial;
	}
}

void loop_turn(struct loop *loop, int max_wait_ms)
{
	int timeout = prepare_wait(loop, max_wait_ms);

	fill_polls(loop);
	size_t count = loop->watcher_count + 1;
	int ready = poll(loop->polls, count, timeout);
	for (size_t i = 1; ready > 0 && i < count && !loop->stop; i++) {
		short revents = loop->polls[i].revents;
		struct watcher *watcher = revents ? find_watcher(loop, loop->polls[i].fd) : NULL;

		/* A handler of this turn may have removed it, even replaced it. */
		if (watcher && watcher->serial == loop->serials[i])
			watcher->handler(watcher->fd, revents, watcher->arg);
	}
	run_due_timers(loop);
}

void loop_run(struct loop *loop)
{
	while (!loop->stop)
		loop_turn(loop, -1);
	loop->stop = false;
}

void loop_stop(struct loop *loop)
{
	loop->stop = true;
}
