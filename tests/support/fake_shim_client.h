/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of agent/process/shim_client.h over fake_shim.h, which includes this. */
#pragma once

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
	client->run++;
	fake_runs++;
	if (fake_hooks.run)
		fake_hooks.run(client);
	if (fake_exec_fails) {
		fake_queue(client, SHIM_EVENT_EXIT);
		client->events[client->event_count - 1].error = 2;
		snprintf(client->events[client->event_count - 1].step,
			 sizeof(client->events[0].step), "execute the program");
		return;
	}
	client->running = true;
	client->pid = fake_next_pid++;
	snprintf(client->tag, sizeof(client->tag), "%s", tag);
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
	snprintf(client->signalled_under, sizeof(client->signalled_under), "%s", client->tag);
}

void shim_client_stop(struct shim_client *client, int signal_number, int64_t grace_ms)
{
	if (!client->running || client->stopping)
		return;
	client->stop_signal = signal_number;
	client->grace_ms = grace_ms;
	client->stopping = true;
	if (fake_hooks.stop)
		fake_hooks.stop(client);
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
	client->leaving = true;
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
