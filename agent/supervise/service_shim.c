/* SPDX-License-Identifier: Apache-2.0 */
/* A service and the shim that holds it. */
#include "supervise/service.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"
#include "supervise/user.h"

enum {
	DEFAULT_SEGMENT_BYTES = 1024 * 1024,
	DEFAULT_SEGMENT_COUNT = 4,
	RATE_BYTES = 2 * 1024 * 1024,
	MAX_LIMITS = 4,
	LEFTOVER_LOOK_MS = 20,
};

void service_tag(const struct service *service, char out[SHIM_CLIENT_TAG_SIZE])
{
	snprintf(out, SHIM_CLIENT_TAG_SIZE, "%s.%s", service->spec.process_digest,
		 service->spec.hot_digest);
}

static bool folder_make(const char *path, const struct user *user, struct error *err)
{
	if (!file_make_folders(path, 0750, err))
		return false;
	if (user->change && chown(path, user->uid, user->gid) < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not give %s away", path);
	return true;
}

bool spec_folders_make(const struct service_spec *spec, const char *log_dir,
		       const struct user *user, struct error *err)
{
	/* Another user has to get through the folders above its own. */
	return file_make_folders("data", 0755, err) &&
	       file_make_folders("run/services", 0755, err) &&
	       file_make_folders(SUPERVISOR_RUN_DIR, 0700, err) &&
	       file_make_folders(log_dir, 0750, err) && folder_make(spec->data_dir, user, err) &&
	       folder_make(spec->run_dir, user, err);
}

/* What can be limited without a cgroup, and the files, which no cgroup counts. */
static void limits_fill(const struct service *service, const struct user *user, struct arena *arena,
			const char *limits[MAX_LIMITS])
{
	const struct limit_spec *spec = &service->spec.limits;
	size_t count = 0;

	if (spec->files > 0)
		limits[count++] = arena_printf(arena, "nofile=%d", spec->files);
	/* Memory is not limited without a cgroup: RLIMIT_DATA and RLIMIT_AS count address space that
	 * is set aside, of which Node.js wants gigabytes to use fifty megabytes. */
	if (service->supervisor->cgroups.limits)
		return;
	/* Counts all processes of a user, so it only makes sense for one of its own. */
	if (spec->pids > 0 && user->change)
		limits[count++] = arena_printf(arena, "nproc=%d", spec->pids);
}

static void cgroups_fill(struct service *service, const char *folders[CGROUP_MAX_BASES + 1],
			 const char *within[CGROUP_MAX_BASES + 1])
{
	const struct cgroups *cgroups = &service->supervisor->cgroups;
	const struct cgroup_limits limits = {
		.memory_bytes = service->spec.limits.memory_bytes,
		.cpu_percent = service->spec.limits.cpu_percent,
		.pids = service->spec.limits.pids,
	};

	service->cgroup_count = cgroups_prepare(cgroups, service->name, &limits, service->cgroups);
	for (size_t i = 0; i < service->cgroup_count; i++) {
		const char *path = service->cgroups[i];

		*(cgroups_take_shim(cgroups, path, &limits) ? within++ : folders++) = path;
	}
}

static bool shim_start(struct service *service, struct error *err)
{
	const struct supervisor *supervisor = service->supervisor;
	const char *limits[MAX_LIMITS] = {NULL};
	const char *folders[CGROUP_MAX_BASES + 1] = {NULL};
	const char *within[CGROUP_MAX_BASES + 1] = {NULL};
	struct user user = {0};

	if (service->spec.user && !user_find(service->spec.user, &user, err))
		return false;
	if (!spec_folders_make(&service->spec, service->log_dir, &user, err))
		return false;
	limits_fill(service, &user, service->arena, limits);
	cgroups_fill(service, folders, within);
	struct shim_start start = {
		.loop = supervisor->options.loop,
		.program = supervisor->shim,
		.name = service->name,
		.run_dir = SUPERVISOR_RUN_DIR,
		.log_dir = service->log_dir,
		.cwd = service->spec.cwd,
		.command = service->spec.command,
		.env = service->spec.env,
		.user = user_shim_text(&user, service->arena),
		.limits = limits,
		.cgroups = folders,
		.within = within,
		.stop_signal = service->spec.stop_signal,
		.grace_ms = service->spec.stop_grace_ms,
		.segment_bytes = supervisor->options.segment_bytes
					 ? supervisor->options.segment_bytes
					 : DEFAULT_SEGMENT_BYTES,
		.segment_count = supervisor->options.segment_count
					 ? supervisor->options.segment_count
					 : DEFAULT_SEGMENT_COUNT,
		.rate_bytes = RATE_BYTES,
		.handler = service_shim_event,
		.arg = service,
	};
	return confinement_fill(&service->spec, service->arena, &start, err) &&
	       shim_client_spawn(&start, &service->client, err);
}

/* The end of a run, however it came about. The text of the exit is noted already. */
static void service_over(struct service *service, bool success)
{
	enum service_state state = service->state;
	int64_t ran_us = service->ready_at ? clock_boottime() - service->ready_at : service->ran_us;
	struct restart_decision decision = {.event = EVENT_EXITED_AGAIN};

	service_probes_stop(service);
	service->pid = 0;
	/* Or the next run would be credited with how long this one was ready. */
	service->ready_at = 0;
	service->ran_us = 0;
	service->ended = true;
	service_notice(service, NOTICE_EXITED);
	if (service->asked_for != SERVICE_EVENT_COUNT) {
		enum service_event event = service->asked_for;

		/* It had to end anyway, only its turn had not come. */
		service->asked_for = SERVICE_EVENT_COUNT;
		service_dispatch(service, event);
		return;
	}
	if (state != SERVICE_STOPPING && !(state == SERVICE_RESTARTING && service->asked)) {
		decision = restart_decide(&service->history, &service->spec.restart, success,
					  clock_boottime(), ran_us, random_below(1 << 20));
		service->was_ill = true;
		if (decision.event != EVENT_EXITED_COMPLETED)
			service_fail_gate(service, service->exit_text);
		service->asked = false;
	}
	service->delay_ms = decision.delay_ms;
	switch (decision.event) {
	case EVENT_EXITED_CRASH_LOOP:
		service_set_reason(service, "crash loop, last: %s; tried again after %lld s",
				   service->exit_text, (long long)decision.delay_ms / 1000);
		break;
	case EVENT_EXITED_AGAIN:
		service_set_reason(service, "%s; starts again after %lld ms", service->exit_text,
				   (long long)decision.delay_ms);
		break;
	default:
		service_set_reason(service, "%s", service->exit_text);
		break;
	}
	service_dispatch(service, decision.event);
}

static void start_failed(struct service *service, const struct error *err)
{
	service->exit = (struct exit_info){
		.known = true,
		.code = -1,
		.at = clock_now_utc(),
		.text = service->exit_text,
		.stderr_tail = service->stderr_tail,
	};
	snprintf(service->exit_text, sizeof(service->exit_text), "could not start: %s", err->text);
	service_over(service, false);
}

static void look_again(void *arg)
{
	struct service *service = arg;

	service->timer = 0;
	service_spawn(service);
}

/* Two copies of a program would spoil what they share: what a killed shim has left comes first. */
static bool leftovers(struct service *service)
{
	if (!cgroups_busy(&service->supervisor->cgroups, service->name))
		return false;
	cgroups_kill(&service->supervisor->cgroups, service->name);
	service_set_reason(service, "waits for the end of what its last run has left");
	service->timer = loop_timer_set(service->supervisor->options.loop, LEFTOVER_LOOK_MS,
					look_again, service);
	return true;
}

void service_spawn(struct service *service)
{
	char tag[SHIM_CLIENT_TAG_SIZE];
	struct error err = {0};

	if (service->client && !service->leaving &&
	    strcmp(service->shim_digest, service->spec.process_digest) != 0)
		service_release(service);
	if (service->leaving) {
		/* Its socket has the name that the next one needs. */
		service->spawn_pending = true;
		return;
	}
	if (!service->client && leftovers(service))
		return;
	service_probes_prepare(service);
	if (!service->client) {
		if (!shim_start(service, &err)) {
			start_failed(service, &err);
			return;
		}
		service->run = 0;
		memcpy(service->shim_digest, service->spec.process_digest,
		       sizeof(service->shim_digest));
	}
	memcpy(service->hot_digest, service->spec.hot_digest, sizeof(service->hot_digest));
	service_tag(service, tag);
	service->ended = false;
	if (!service->asked)
		service->restarts++;
	shim_client_run(service->client, tag);
}

void service_release(struct service *service)
{
	service->spawn_pending = false;
	if (!service->client || service->leaving)
		return;
	service->leaving = true;
	shim_client_leave(service->client);
}

void service_note_exit(struct service *service, const struct shim_event *event)
{
	size_t size = event->text_size;
	const char *tail = event->text;

	if (size > sizeof(service->stderr_tail)) {
		tail += size - sizeof(service->stderr_tail);
		size = sizeof(service->stderr_tail);
	}
	memcpy(service->stderr_tail, tail, size);
	service->exit = (struct exit_info){
		.known = true,
		.code = event->code,
		.signal = event->signal,
		.wanted = event->wanted,
		.at = event->at,
		.text = service->exit_text,
		.stderr_tail = service->stderr_tail,
		.stderr_size = size,
	};
	if (event->step[0])
		snprintf(service->exit_text, sizeof(service->exit_text),
			 "could not start: could not %s: %s", event->step, strerror(event->error));
	else if (event->signal)
		snprintf(service->exit_text, sizeof(service->exit_text),
			 "killed by signal %d (%s)%s", event->signal, strsignal(event->signal),
			 event->core ? ", core dumped" : "");
	else
		snprintf(service->exit_text, sizeof(service->exit_text), "exited with %d",
			 event->code);
}

static void status_received(struct service *service, const struct shim_event *event)
{
	if (event->phase != SHIM_RUNNING)
		return;
	bool started = service->run != event->run;
	service->run = event->run;
	/* The main process may change within a run, when it has put itself into the background. */
	service->pid = event->pid;
	if (!started || service->state != SERVICE_STARTING)
		return;
	service->asked = false;
	service_notice(service, NOTICE_STARTED);
	service_set_reason(service, "waits until it is ready");
	service_probes_start(service, false);
	service_probes_evaluate(service);
}

/* Nobody has told us yet what to do with this service. */
static void unclaimed_over(struct service *service)
{
	service->pid = 0;
	service->ended = true;
	service->state = SERVICE_STOPPED;
	service->since = clock_now_utc();
	service_set_reason(service, "%s", service->exit_text);
	service_notice(service, NOTICE_EXITED);
	service_deliver(service);
}

static void exit_received(struct service *service, const struct shim_event *event)
{
	service_note_exit(service, event);
	if (event->run < service->run) {
		/* One that an agent before us knew of and did not live to keep. */
		service_notice(service, NOTICE_EXITED);
		service_deliver(service);
	} else {
		service->run = event->run;
		if (service->claimed || service->state == SERVICE_STOPPING)
			service_over(service, event->code == 0 && !event->wanted);
		else
			unclaimed_over(service);
	}
	service->noticed_run = event->run;
	if (!service->supervisor->options.collects_later)
		service_collect(service);
}

void service_collect(struct service *service)
{
	if (service->client && service->noticed_run > 0)
		shim_client_collect(service->client, service->noticed_run);
	service->noticed_run = 0;
}

static void shim_lost(struct service *service)
{
	bool expected = service->leaving;
	bool again = service->spawn_pending;
	struct shim_event event = {.kind = SHIM_EVENT_EXIT,
				   .code = -1,
				   .wanted = false,
				   .at = clock_now_utc(),
				   .text = ""};

	shim_client_free(service->client);
	service->client = NULL;
	service->noticed_run = 0;
	service->leaving = false;
	service->spawn_pending = false;
	if (expected) {
		if (again)
			service_spawn(service);
		else
			cgroups_remove(&service->supervisor->cgroups, service->name);
		supervisor_poke(service->supervisor);
		return;
	}
	if (!service_has_process(service))
		return;
	/* The service died with its shim; what it had forked may not have. */
	cgroups_kill(&service->supervisor->cgroups, service->name);
	service_note_exit(service, &event);
	snprintf(service->exit_text, sizeof(service->exit_text), "its shim was killed");
	if (service->claimed || service->state == SERVICE_STOPPING)
		service_over(service, false);
	else
		unclaimed_over(service);
}

void service_shim_event(const struct shim_event *event, void *arg)
{
	struct service *service = arg;

	switch (event->kind) {
	case SHIM_EVENT_STATUS:
		status_received(service, event);
		break;
	case SHIM_EVENT_EXIT:
		exit_received(service, event);
		break;
	case SHIM_EVENT_ERROR:
		log_warn("shim refuses service=%s reason=%.*s", service->name,
			 (int)event->text_size, event->text);
		break;
	case SHIM_EVENT_LOST:
		shim_lost(service);
		break;
	}
}

void service_adopted(struct service *service, struct shim_client *client,
		     const struct shim_event *status)
{
	const char *dot = strchr(status->tag, '.');

	service->client = client;
	service->run = status->run;
	service->pid = status->pid;
	if (dot && dot - status->tag == SHA256_HEX_SIZE - 1 &&
	    strlen(dot + 1) == SHA256_HEX_SIZE - 1) {
		memcpy(service->shim_digest, status->tag, SHA256_HEX_SIZE - 1);
		memcpy(service->hot_digest, dot + 1, SHA256_HEX_SIZE - 1);
	}
	service_set_reason(service, "adopted without a process");
	service->ended = status->phase == SHIM_IDLE && !status->exit_pending;
	if (!service->ended)
		service_dispatch(service, EVENT_ADOPTED);
}
