/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/hook.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "supervise/service.h"

#define RUN_DIR "run/hooks"

enum {
	EXIT_TRY_AGAIN = 3,
	EXIT_TIMED_OUT = 4,
	STOP_GRACE_MS = 2000,
	SEGMENT_BYTES = 64 * 1024,
	SEGMENT_COUNT = 2,
	RATE_BYTES = 1024 * 1024,
	GROUP_NAME_SIZE = SPEC_MAX_NAME + 16,
};

struct hook {
	struct hook_job job;
	struct arena *arena;
	struct service_spec spec;
	char group[GROUP_NAME_SIZE]; /* no service has a name that begins with a dot */
	struct shim_client *client;
	bool stale; /* the shim is that of another hook, and is told to go */
	bool late;  /* its time was up */
	bool ended;
	uint64_t timer;
	struct hook_result result;
	char text[320];
	char tail[SUPERVISOR_STDERR_BYTES];
};

static void handle(const struct shim_event *event, void *arg);

static void finish(struct hook *hook)
{
	void (*done)(const struct hook_result *, void *) = hook->job.done;
	struct hook_result result = hook->result;
	void *arg = hook->job.arg;

	cgroups_kill(&hook->job.supervisor->cgroups, hook->group);
	cgroups_remove(&hook->job.supervisor->cgroups, hook->group);
	if (hook->late)
		result.end = HOOK_TIMED_OUT;
	done(&result, arg);
	hook_free(hook);
}

static enum hook_end judge(const struct shim_event *event)
{
	switch (event->error ? -1 : event->code) {
	case 0:
		return HOOK_DONE;
	case EXIT_TRY_AGAIN:
		return HOOK_TRY_AGAIN;
	case EXIT_TIMED_OUT:
		return HOOK_TIMED_OUT;
	default:
		return HOOK_FAILED;
	}
}

static void note_exit(struct hook *hook, const struct shim_event *event)
{
	size_t size = event->text_size < sizeof(hook->tail) ? event->text_size : sizeof(hook->tail);

	if (event->error)
		snprintf(hook->text, sizeof(hook->text), "could not start: %.60s: %s", event->step,
			 strerror(event->error));
	else if (event->signal)
		snprintf(hook->text, sizeof(hook->text), "was killed by signal %d", event->signal);
	else
		snprintf(hook->text, sizeof(hook->text), "exited with %d", event->code);
	if (size > 0)
		memcpy(hook->tail, event->text, size);
	hook->ended = true;
	hook->result = (struct hook_result){
		.end = judge(event),
		.code = event->code,
		.signal = event->signal,
		.text = hook->text,
		.stderr_tail = hook->tail,
		.stderr_size = size,
	};
}

static void time_is_up(void *arg)
{
	struct hook *hook = arg;

	hook->timer = 0;
	hook->late = true;
	shim_client_stop(hook->client, SIGTERM, STOP_GRACE_MS);
}

static void set_deadline(struct hook *hook)
{
	hook->timer = loop_timer_set(hook->job.supervisor->options.loop, hook->job.timeout_ms,
				     time_is_up, hook);
}

static const char *const *environment(const struct hook *hook)
{
	const char *const *more = hook->job.env;
	size_t count = 0, n = 0;

	while (more && more[count])
		count++;
	const char **list =
		arena_array(hook->arena, hook->spec.env_count + count + 1, sizeof(*list));
	for (size_t i = 0; i < hook->spec.env_count; i++)
		list[n++] = hook->spec.env[i];
	for (size_t i = 0; i < count; i++)
		list[n++] = more[i];
	return list;
}

static bool spawn_shim(struct hook *hook, struct error *err)
{
	const struct supervisor *supervisor = hook->job.supervisor;
	const struct limit_spec *limit = &hook->spec.limits;
	const char *log_dir = arena_printf(hook->arena, "logs/.hooks/%s", hook->spec.name);
	const struct cgroup_limits limits = {limit->memory_bytes, limit->cpu_percent, limit->pids};
	char groups[CGROUP_MAX_BASES][CGROUP_PATH_SIZE];
	const char *folders[CGROUP_MAX_BASES + 1] = {NULL};
	const char *rlimits[] = {NULL, NULL};
	struct user user = {0};

	if ((hook->spec.user && !user_find(hook->spec.user, &user, err)) ||
	    !spec_folders_make(&hook->spec, log_dir, &user, err) ||
	    !file_make_folders(RUN_DIR, 0700, err))
		return false;
	if (limit->files > 0)
		rlimits[0] = arena_printf(hook->arena, "nofile=%d", limit->files);
	size_t count = cgroups_prepare(&supervisor->cgroups, hook->group, &limits, groups);
	for (size_t i = 0; i < count; i++)
		folders[i] = groups[i];
	struct shim_start start = {
		.loop = supervisor->options.loop,
		.program = supervisor->shim,
		.name = hook->spec.name,
		.run_dir = RUN_DIR,
		.log_dir = log_dir,
		.cwd = hook->spec.cwd,
		.command = hook->spec.change.hooks[hook->job.kind].command,
		.env = environment(hook),
		.user = user_shim_text(&user, hook->arena),
		.limits = rlimits,
		.cgroups = folders,
		.stop_signal = SIGTERM,
		.grace_ms = STOP_GRACE_MS,
		.segment_bytes = SEGMENT_BYTES,
		.segment_count = SEGMENT_COUNT,
		.rate_bytes = RATE_BYTES,
		.handler = handle,
		.arg = hook,
	};
	if (!confinement_fill(&hook->spec, hook->arena, &start, err) ||
	    !shim_client_spawn(&start, &hook->client, err))
		return false;
	shim_client_run(hook->client, hook->job.tag);
	set_deadline(hook);
	return true;
}

static void lost(struct hook *hook)
{
	struct error err = {0};

	shim_client_free(hook->client);
	hook->client = NULL;
	if (hook->stale && !hook->ended) {
		hook->stale = false;
		if (spawn_shim(hook, &err))
			return;
		snprintf(hook->text, sizeof(hook->text), "could not start: %s", err.text);
	} else if (!hook->ended) {
		snprintf(hook->text, sizeof(hook->text), "was killed together with its shim");
	}
	if (!hook->ended)
		hook->result =
			(struct hook_result){.end = HOOK_FAILED, .code = -1, .text = hook->text};
	finish(hook);
}

static void handle(const struct shim_event *event, void *arg)
{
	struct hook *hook = arg;

	switch (event->kind) {
	case SHIM_EVENT_EXIT:
		if (!hook->stale)
			note_exit(hook, event);
		loop_timer_cancel(hook->job.supervisor->options.loop, hook->timer);
		hook->timer = 0;
		shim_client_collect(hook->client, event->run);
		shim_client_leave(hook->client);
		break;
	case SHIM_EVENT_LOST:
		lost(hook);
		break;
	case SHIM_EVENT_ERROR:
		log_warn("shim of a hook: %.*s service=%s", (int)event->text_size,
			 event->text ? event->text : "", hook->spec.name);
		break;
	case SHIM_EVENT_STATUS:
		break;
	}
}

/* The shim that an agent before us has left behind. */
static void go_on(struct hook *hook, const struct shim_event *status)
{
	bool ours = strcmp(status->tag, hook->job.tag) == 0;
	bool lives = status->phase != SHIM_IDLE;

	if (ours && (lives || status->exit_pending)) {
		set_deadline(hook);
		return;
	}
	hook->stale = true;
	if (lives)
		shim_client_kill(hook->client);
	else if (!status->exit_pending)
		shim_client_leave(hook->client);
}

/* What a power cut has left of an earlier one is of no use: this one runs again. */
static void drop_exit_file(const char *name)
{
	char buffer[SHIM_CLIENT_MAX_PACKET];
	struct shim_event event;

	if (shim_exit_file_take(RUN_DIR, name, buffer, &event))
		log_debug("dropped the end of an earlier hook service=%s", name);
}

bool hook_start(const struct hook_job *job, struct hook **out, struct error *err)
{
	struct hook *hook = xcalloc(1, sizeof(*hook));
	struct shim_event status;
	struct error absent = {0};

	hook->arena = arena_new();
	hook->job = *job;
	hook->job.tag = arena_strdup(hook->arena, job->tag);
	spec_copy(hook->arena, job->spec, &hook->spec);
	snprintf(hook->group, sizeof(hook->group), ".hook.%s", hook->spec.name);
	if (shim_client_connect(job->supervisor->options.loop, RUN_DIR, hook->spec.name, handle,
				hook, &hook->client, &status, &absent)) {
		go_on(hook, &status);
	} else {
		drop_exit_file(hook->spec.name);
		if (!spawn_shim(hook, err)) {
			hook_free(hook);
			return false;
		}
	}
	hook->job.env = NULL;
	hook->job.spec = NULL;
	*out = hook;
	return true;
}

static void ignore(const struct shim_event *event, void *arg)
{
	(void)event;
	(void)arg;
}

void hook_kill(struct supervisor *supervisor, const char *name)
{
	struct shim_client *client;
	struct shim_event status;
	struct error absent = {0};

	if (!shim_client_connect(supervisor->options.loop, RUN_DIR, name, ignore, NULL, &client,
				 &status, &absent))
		return;
	log_warn("killing a hook that nobody waits for any more service=%s", name);
	shim_client_kill(client);
	shim_client_free(client);
}

void hook_free(struct hook *hook)
{
	if (!hook)
		return;
	loop_timer_cancel(hook->job.supervisor->options.loop, hook->timer);
	shim_client_free(hook->client);
	arena_free(hook->arena);
	free(hook);
}
