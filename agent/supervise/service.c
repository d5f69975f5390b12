/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/service.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

enum {
	DEFAULT_GRACE_MS = 10000,
	MAX_AFTER_DEPTH = 16,
	/* Ready for so long after an exit or ill health, it counts as recovered. */
	RECOVERY_MS = 1000,
};

struct service *service_new(struct supervisor *supervisor, const char *name)
{
	struct service *service = xcalloc(1, sizeof(*service));

	service->supervisor = supervisor;
	service->arena = arena_new();
	snprintf(service->name, sizeof(service->name), "%s", name);
	snprintf(service->log_dir, sizeof(service->log_dir), "logs/%s", name);
	service->asked_for = SERVICE_EVENT_COUNT;
	service->ended = true;
	service->spec.name = service->name;
	service->spec.driver = "";
	service->spec.stop_signal = SIGTERM;
	service->spec.stop_grace_ms = DEFAULT_GRACE_MS;
	service->since = clock_now_utc();
	service->exit.code = -1;
	service->exit.text = service->exit_text;
	service->exit.stderr_tail = service->stderr_tail;
	return service;
}

void service_free(struct service *service)
{
	loop_timer_cancel(service->supervisor->options.loop, service->timer);
	service_probes_free(service);
	shim_client_free(service->client);
	arena_free(service->arena);
	free(service);
}

void service_set_reason(struct service *service, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(service->reason, sizeof(service->reason), format, arguments);
	va_end(arguments);
}

void service_notice(struct service *service, enum supervisor_notice notice)
{
	service->notices |= 1u << notice;
}

void service_fail_gate(struct service *service, const char *reason)
{
	if (service->gate_failed)
		return;
	service->gate_failed = true;
	snprintf(service->gate_reason, sizeof(service->gate_reason), "%s", reason);
}

bool service_has_process(const struct service *service)
{
	switch (service->state) {
	case SERVICE_STARTING:
	case SERVICE_RUNNING:
	case SERVICE_UNHEALTHY:
	case SERVICE_STOPPING:
	case SERVICE_RESTARTING:
		return true;
	default:
		return false;
	}
}

/* In a circle nobody would ever start: who waits for us, directly or not, does not count. */
static bool starts_after(const struct service *service, const char *name, int depth)
{
	for (size_t i = 0; depth > 0 && i < service->spec.after_count; i++) {
		const char *before = service->spec.after[i];
		const struct service *other = supervisor_find(service->supervisor, before);

		if (strcmp(before, name) == 0 || (other && starts_after(other, name, depth - 1)))
			return true;
	}
	return false;
}

static bool is_on_its_way(const struct service *service)
{
	if (service->asked_for == EVENT_RESTART)
		return true;
	switch (service->state) {
	case SERVICE_WAITING:
	case SERVICE_STARTING:
	case SERVICE_RESTARTING:
	case SERVICE_BACKOFF:
		return true;
	default:
		/* What has failed for good is no reason to keep the others down: "after" is an
		 * order, the health gate judges. */
		return false;
	}
}

const char *service_waits_for(const struct service *service)
{
	for (size_t i = 0; i < service->spec.after_count; i++) {
		const char *name = service->spec.after[i];
		const struct service *other = supervisor_find(service->supervisor, name);

		if (other && other != service && is_on_its_way(other) &&
		    !starts_after(other, service->name, MAX_AFTER_DEPTH))
			return name;
	}
	return NULL;
}

/* Has it a process that will end soon because it was asked for? */
static bool has_to_end(const struct service *service)
{
	return service_has_process(service) &&
	       (service->asked_for != SERVICE_EVENT_COUNT || service->state == SERVICE_STOPPING ||
		service->state == SERVICE_RESTARTING);
}

const struct service *service_ends_after(const struct service *service)
{
	const struct supervisor *supervisor = service->supervisor;

	for (size_t i = 0; i < supervisor->count; i++) {
		const struct service *other = supervisor->services[i];

		/* In a circle the order means nothing. */
		if (other != service && has_to_end(other) &&
		    starts_after(other, service->name, MAX_AFTER_DEPTH) &&
		    !starts_after(service, other->name, MAX_AFTER_DEPTH))
			return other;
	}
	return NULL;
}

void service_unask(struct service *service)
{
	service->asked_for = SERVICE_EVENT_COUNT;
	if (service->state == SERVICE_RUNNING)
		service->reason[0] = '\0';
}

void service_ask(struct service *service, enum service_event event)
{
	service->asked_for = SERVICE_EVENT_COUNT;
	if (!service_has_process(service) || service->state == SERVICE_STOPPING ||
	    service->state == SERVICE_RESTARTING) {
		service_dispatch(service, event);
		return;
	}
	/* Whoever has to end before it may be named within the same turn of the loop. */
	service->asked_for = event;
	supervisor_poke(service->supervisor);
}

static void begin(struct service *service)
{
	const char *name = service_waits_for(service);

	if (name)
		service_set_reason(service, "waits for %s", name);
	else if (service->asked)
		/* What it starts after may be named within the same turn of the loop. */
		service_set_reason(service, "waits for its turn");
	else
		service_dispatch(service, EVENT_CLEARED);
}

static void stop(struct service *service)
{
	service_probes_stop(service);
	if (service->client && !service->leaving && !service->ended) {
		shim_client_stop(service->client, service->spec.stop_signal,
				 service->spec.stop_grace_ms);
		return;
	}
	/* It has ended already, or was not started yet: the last shim is still on its way out. */
	service->spawn_pending = false;
	service->delay_ms = 0;
	service_dispatch(service, EVENT_EXITED_AGAIN);
}

static void timer_fired(void *arg)
{
	struct service *service = arg;

	service->timer = 0;
	service->retry_at = 0;
	service_dispatch(service, EVENT_TIMER);
}

static void wait_then_start(struct service *service, int64_t delay_ms)
{
	if (delay_ms == 0) {
		service_dispatch(service, EVENT_TIMER);
		return;
	}
	service->retry_at = clock_now_utc() + delay_ms * USEC_PER_MSEC;
	service->timer =
		loop_timer_set(service->supervisor->options.loop, delay_ms, timer_fired, service);
}

static void act(struct service *service, enum service_action action)
{
	switch (action) {
	case ACTION_NONE:
	case SERVICE_ACTION_COUNT:
		break;
	case ACTION_BEGIN:
		begin(service);
		break;
	case ACTION_SPAWN:
		service_set_reason(service, "starts");
		service_spawn(service);
		break;
	case ACTION_STOP:
		stop(service);
		break;
	case ACTION_BACKOFF:
	case ACTION_HOLD:
		wait_then_start(service, service->delay_ms);
		break;
	case ACTION_RELEASE:
		service_release(service);
		break;
	case ACTION_WATCH:
		service_set_reason(service, "adopted, waits for its spec");
		break;
	}
}

static const char *why_stopped(const struct service *service)
{
	if (service->supervisor->stopping_all)
		return "everything is stopped";
	if (service->removing)
		return "is removed";
	return service->halted ? "stopped by command" : "is not to run";
}

static void recovered(void *arg)
{
	struct service *service = arg;

	service->timer = 0;
	service->was_ill = false;
	service_notice(service, NOTICE_RECOVERED);
	service_deliver(service);
}

static void state_entered(struct service *service, enum service_state before)
{
	loop_timer_cancel(service->supervisor->options.loop, service->timer);
	service->timer = 0;
	service->retry_at = 0;
	service->since = clock_now_utc();
	if (service->ready_at)
		service->ran_us = clock_boottime() - service->ready_at;
	service->ready_at = service->state == SERVICE_RUNNING ? clock_boottime() : 0;
	if (service->state == SERVICE_RUNNING) {
		service->reason[0] = '\0';
		if (service->was_ill)
			service->timer = loop_timer_set(service->supervisor->options.loop,
							RECOVERY_MS, recovered, service);
	}
	if (service->state == SERVICE_UNHEALTHY) {
		service->was_ill = true;
		service_notice(service, NOTICE_UNHEALTHY);
	}
	if (service->state == SERVICE_HELD)
		service_notice(service, NOTICE_CRASH_LOOP);
	if (service->state == SERVICE_STOPPED)
		service_set_reason(service, "%s", why_stopped(service));
	if (service->state == SERVICE_STOPPING)
		service_set_reason(service, "%s; has %lld ms to end", why_stopped(service),
				   (long long)service->spec.stop_grace_ms);
	if (service->state == SERVICE_RESTARTING && before == SERVICE_STOPPING)
		service_set_reason(service, "starts again when it has ended");
	if (service->state == SERVICE_RESTARTING && !service->reason[0])
		service_set_reason(service, "stops, to start again");
	service_notice(service, NOTICE_STATE);
}

void service_deliver(struct service *service)
{
	const struct supervisor_options *options = &service->supervisor->options;
	/* In the order in which they happen, the general one last. */
	static const enum supervisor_notice ORDER[] = {
		NOTICE_EXITED,	  NOTICE_CRASH_LOOP, NOTICE_STARTED, NOTICE_RELOADED,
		NOTICE_UNHEALTHY, NOTICE_RECOVERED,  NOTICE_STATE,
	};

	/* Notices wait until the chain of events has come to rest. */
	if (service->depth > 0)
		return;
	supervisor_poke(service->supervisor);
	for (size_t i = 0; i < ARRAY_SIZE(ORDER); i++) {
		struct service_status status;

		if (!(service->notices & 1u << ORDER[i]))
			continue;
		service->notices &= ~(1u << ORDER[i]);
		if (!options->notice)
			continue;
		service_status_fill(service, &status);
		options->notice(ORDER[i], &status, options->arg);
	}
}

void service_dispatch(struct service *service, enum service_event event)
{
	const struct transition *transition = machine_find(service->state, event);
	enum service_state before = service->state;

	if (transition->defined) {
		service->depth++;
		service->state = transition->next;
		state_entered(service, before);
		act(service, transition->action);
		service->depth--;
	}
	service_deliver(service);
}
