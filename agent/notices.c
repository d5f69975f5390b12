/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to services becomes events for the server, and work for reconcile. */
#include "app_internal.h"
#include "base/log.h"
#include "protocol/limits.h"

static const struct {
	enum supervisor_notice notice;
	enum severity severity;
	const char *kind;
} EVENTS[] = {
	{NOTICE_STARTED, SEVERITY_INFO, "service.started"},
	{NOTICE_EXITED, SEVERITY_WARNING, "service.exited"},
	{NOTICE_UNHEALTHY, SEVERITY_WARNING, "service.unhealthy"},
	{NOTICE_RECOVERED, SEVERITY_INFO, "service.recovered"},
	{NOTICE_CRASH_LOOP, SEVERITY_ERROR, "service.crash_loop"},
	{NOTICE_RELOADED, SEVERITY_INFO, "service.reloaded"},
};

struct notice_event {
	struct notice_event *next;
	enum severity severity;
	const char *kind;
	const char *service;
	const char *text;
	json_t *data; /* NULL: none */
};

/* Texts of the event: what happened, in the words of whoever saw it. */
static const char *event_text(enum supervisor_notice notice, const struct service_status *status,
			      struct arena *arena)
{
	switch (notice) {
	case NOTICE_STARTED:
		return arena_printf(arena, "started with pid %d", (int)status->pid);
	case NOTICE_EXITED:
		return arena_strdup(arena, status->exit.text ? status->exit.text : "exited");
	case NOTICE_RECOVERED:
		return "ready again";
	case NOTICE_RELOADED:
		return "has reloaded its files";
	default:
		return arena_strdup(arena, status->reason ? status->reason : "");
	}
}

static json_t *event_data(enum supervisor_notice notice, const struct service_status *status,
			  struct arena *arena)
{
	json_t *data;

	if (notice != NOTICE_EXITED && notice != NOTICE_CRASH_LOOP)
		return NULL;
	data = json_pack("{s:i, s:i, s:i, s:b}", "code", status->exit.code, "signal",
			 status->exit.signal, "restarts", status->restarts, "wanted",
			 status->exit.wanted);
	if (status->exit.stderr_size > 0 && !status->exit.wanted)
		json_object_set_new(
			data, "stderr",
			json_string(text_clean(arena, status->exit.stderr_tail,
					       status->exit.stderr_size, LIMIT_STDERR, true)));
	return data;
}

static void flush_due(void *arg)
{
	struct app *app = arg;

	app->notices.timer = 0;
	notices_flush(app);
}

void notices_flush(struct app *app)
{
	struct notices *notices = &app->notices;
	struct error err = {0};

	loop_timer_cancel(app->loop, notices->timer);
	notices->timer = 0;
	if (!notices->arena)
		return;
	/* One step on the disk for all of them, however many services have ended together. */
	bool begun = state_begin(app->state, &err);
	for (const struct notice_event *event = notices->first; event; event = event->next)
		outgoing_event(&app->outgoing, event->severity, event->kind, event->service,
			       event->data, "%s", event->text);
	if (!begun || !state_end(app->state, true, &err))
		log_error("could not keep events of services: %s", err.text);
	arena_free(notices->arena);
	*notices = (struct notices){0};
	supervisor_collect(app->supervisor);
}

/*
 * Written down in the next turn only: the services that have ended start again first, and a slow disk
 * costs them nothing. Until then the exits stay with their shims.
 */
static void notice_add(struct app *app, const struct notice_event *event)
{
	struct notices *notices = &app->notices;
	struct notice_event *copy = arena_alloc(notices->arena, sizeof(*copy));

	*copy = *event;
	*(notices->last ? &notices->last->next : &notices->first) = copy;
	notices->last = copy;
	if (notices->timer == 0)
		notices->timer = loop_timer_set(app->loop, 0, flush_due, app);
}

void notices_receive(enum supervisor_notice notice, const struct service_status *status, void *arg)
{
	struct app *app = arg;

	for (size_t i = 0; i < ARRAY_SIZE(EVENTS); i++) {
		if (EVENTS[i].notice != notice)
			continue;
		if (!app->notices.arena)
			app->notices.arena = arena_new();
		struct arena *arena = app->notices.arena;
		const struct notice_event event = {
			.severity = notice == NOTICE_EXITED && status->exit.wanted
					    ? SEVERITY_INFO
					    : EVENTS[i].severity,
			.kind = EVENTS[i].kind,
			.service = arena_strdup(arena, status->name),
			.text = event_text(notice, status, arena),
			.data = event_data(notice, status, arena),
		};
		log_info("%s: %s service=%s", event.kind, event.text, event.service);
		notice_add(app, &event);
	}
	if (app->reconcile)
		reconcile_notice(app->reconcile);
}
