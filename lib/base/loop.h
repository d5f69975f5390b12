/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small single-threaded event loop: descriptors through poll(2) and timers on
 * CLOCK_BOOTTIME, so that a device that slept does not stretch its deadlines.
 * Handlers may add, change and remove anything, also themselves.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct loop;

/* events and revents as of poll(2): POLLIN, POLLOUT; POLLERR and POLLHUP always come. */
typedef void (*loop_fd_fn)(int fd, short revents, void *arg);
typedef void (*loop_timer_fn)(void *arg);

struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* One watcher per descriptor; adding it again is a programming error. */
void loop_add_fd(struct loop *loop, int fd, short events, loop_fd_fn handler, void *arg);
void loop_mod_fd(struct loop *loop, int fd, short events);
/* Does nothing when fd is not watched. Call before close(fd). */
void loop_remove_fd(struct loop *loop, int fd);

/*
 * Calls handler once after delay_ms (0: next turn, never from within this call).
 * Returns an id that is never 0 and never used twice. Timers that are due at the
 * same time run in the order of their setting.
 */
uint64_t loop_timer_set(struct loop *loop, int64_t delay_ms, loop_timer_fn handler, void *arg);
/* 0, fired and cancelled ids are ignored. */
void loop_timer_cancel(struct loop *loop, uint64_t id);

/* Runs until loop_stop. */
void loop_run(struct loop *loop);
/* Waits at most max_wait_ms (-1: no limit) for something and handles what is due. */
void loop_turn(struct loop *loop, int max_wait_ms);
void loop_stop(struct loop *loop);
