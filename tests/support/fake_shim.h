/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shims without processes: included once by a test program, it replaces
 * agent/process/shim_client.c at link time. What a real shim would tell is queued, and
 * told when the test says so.
 */
#pragma once

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "process/shim_client.h"

enum { FAKE_MAX_SHIMS = 16, FAKE_MAX_EVENTS = 16 };

struct shim_client {
	char name[64];
	shim_event_fn handler;
	void *arg;
	bool running;
	bool stopping;
	bool leaving;
	unsigned run;
	pid_t pid;
	int signals; /* that were passed on */
	int stop_signal;
	int64_t grace_ms; /* of the last stop */
	char tag[SHIM_CLIENT_TAG_SIZE];
	char signalled_under[SHIM_CLIENT_TAG_SIZE]; /* the tag at the last signal */
	struct shim_event events[FAKE_MAX_EVENTS];
	int event_count;
};

/* What a test wants to see as it happens; NULL: nothing. */
static struct {
	void (*run)(struct shim_client *client);  /* a start; may set fake_exec_fails */
	void (*stop)(struct shim_client *client); /* a stop that has an effect */
	void (*told)(struct shim_client *client, const struct shim_event *event);
} fake_hooks;

static struct shim_client *fake_shims[FAKE_MAX_SHIMS];
static pid_t fake_next_pid = 1000;
static bool fake_spawn_fails;
static bool fake_exec_fails; /* a start ends with ENOENT, without having been one */
static int fake_spawns;	     /* of shims */
static int fake_runs;	     /* of services */

static inline struct shim_client *fake_shim(const char *name)
{
	for (int i = 0; i < FAKE_MAX_SHIMS; i++) {
		if (fake_shims[i] && strcmp(fake_shims[i]->name, name) == 0)
			return fake_shims[i];
	}
	return NULL;
}

static inline void fake_queue(struct shim_client *client, enum shim_event_kind kind)
{
	struct shim_event *event = &client->events[client->event_count++];

	*event = (struct shim_event){
		.kind = kind,
		.run = client->run,
		.phase = client->stopping  ? SHIM_STOPPING
			 : client->running ? SHIM_RUNNING
					   : SHIM_IDLE,
		.pid = client->pid,
		.code = -1,
		.wanted = client->stopping,
		.text = "",
	};
}

/* The process ends by itself or by a signal (then code is -1). */
static inline void fake_exit(struct shim_client *client, int code, int signal_number)
{
	fake_queue(client, SHIM_EVENT_EXIT);
	client->events[client->event_count - 1].code = code;
	client->events[client->event_count - 1].signal = signal_number;
	client->running = false;
	client->stopping = false;
	client->pid = 0;
}

/* The shim is killed. */
static inline void fake_lose(struct shim_client *client)
{
	client->event_count = 0;
	client->running = false;
	fake_queue(client, SHIM_EVENT_LOST);
}

/* Tells the oldest event of each shim. False: there was nothing to tell. */
static inline bool fake_pump(void)
{
	bool told = false;

	for (int i = 0; i < FAKE_MAX_SHIMS; i++) {
		struct shim_client *client = fake_shims[i];

		if (!client || client->event_count == 0)
			continue;
		struct shim_event event = client->events[0];
		client->event_count--;
		memmove(client->events, client->events + 1,
			(size_t)client->event_count * sizeof(client->events[0]));
		if (fake_hooks.told)
			fake_hooks.told(client, &event);
		client->handler(&event, client->arg);
		told = true;
	}
	return told;
}

#include "fake_shim_client.h"
