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
	unsigned run;
	pid_t pid;
	int signals; /* that were passed on */
	char tag[SHIM_CLIENT_TAG_SIZE];
	struct shim_event events[FAKE_MAX_EVENTS];
	int event_count;
};

static struct shim_client *fake_shims[FAKE_MAX_SHIMS];
static pid_t fake_next_pid = 1000;
static bool fake_spawn_fails;
static int fake_spawns; /* of shims */
static int fake_runs;	/* of services */

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
		client->handler(&event, client->arg);
		told = true;
	}
	return told;
}

bool shim_client_spawn(const struct shim_start *start, struct shim_client **out, struct error *err)
{
	int i = 0;

	if (fake_spawn_fails)
		return error_set(err, ERR_INTERNAL, "fake failure");
	/* A second shim of one name would fight for the socket. */
	if (fake_shim(start->name))
		return error_set(err, ERR_CONFLICT, "there is a shim of this name");
	while (fake_shims[i])
		i++;
	struct shim_client *client = xcalloc(1, sizeof(*client));
	snprintf(client->name, sizeof(client->name), "%s", start->name);
	client->handler = start->handler;
	client->arg = start->arg;
	fake_shims[i] = client;
	fake_spawns++;
	*out = client;
	return true;
}

bool shim_client_connect(struct loop *loop, const char *run_dir, const char *name,
			 shim_event_fn handler, void *arg, struct shim_client **out,
			 struct shim_event *status, struct error *err)
{
	(void)loop, (void)run_dir, (void)handler, (void)arg, (void)out, (void)status;
	return error_set(err, ERR_NOT_FOUND, "no shim holds %s", name);
}

void shim_client_free(struct shim_client *client)
{
	for (int i = 0; i < FAKE_MAX_SHIMS; i++) {
		if (fake_shims[i] == client)
			fake_shims[i] = NULL;
	}
	free(client);
}

void shim_client_run(struct shim_client *client, const char *tag)
{
	if (client->running) {
		fake_queue(client, SHIM_EVENT_ERROR);
		return;
	}
	client->running = true;
	client->run++;
	client->pid = fake_next_pid++;
	snprintf(client->tag, sizeof(client->tag), "%s", tag);
	fake_runs++;
	fake_queue(client, SHIM_EVENT_STATUS);
}

void shim_client_tag(struct shim_client *client, const char *tag)
{
	snprintf(client->tag, sizeof(client->tag), "%s", tag);
}

void shim_client_signal(struct shim_client *client, int signal_number)
{
	(void)signal_number;
	client->signals++;
}

void shim_client_stop(struct shim_client *client, int signal_number, int64_t grace_ms)
{
	(void)signal_number;
	(void)grace_ms;
	if (!client->running || client->stopping)
		return;
	client->stopping = true;
	fake_queue(client, SHIM_EVENT_STATUS);
}

void shim_client_kill(struct shim_client *client)
{
	shim_client_stop(client, 9, 0);
}

void shim_client_collect(struct shim_client *client, unsigned run)
{
	(void)client, (void)run;
}

void shim_client_leave(struct shim_client *client)
{
	fake_queue(client, SHIM_EVENT_LOST);
}

bool shim_client_upgrade(struct shim_client *client, const char *program)
{
	return !client || !program;
}

bool shim_exit_file_take(const char *run_dir, const char *name, char buffer[SHIM_CLIENT_MAX_PACKET],
			 struct shim_event *event)
{
	(void)run_dir, (void)name, (void)buffer, (void)event;
	return false;
}
