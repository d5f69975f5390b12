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

/* Texts of the event: what happened, in the words of whoever saw it. */
static const char *event_text(enum supervisor_notice notice, const struct service_status *status,
			      struct arena *arena)
{
	switch (notice) {
	case NOTICE_STARTED:
		return arena_printf(arena, "started with pid %d", (int)status->pid);
	case NOTICE_EXITED:
		return status->exit.text ? status->exit.text : "exited";
	case NOTICE_RECOVERED:
		return "ready again";
	case NOTICE_RELOADED:
		return "has reloaded its files";
	default:
		return status->reason ? status->reason : "";
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

void notices_receive(enum supervisor_notice notice, const struct service_status *status, void *arg)
{
	struct app *app = arg;
	struct arena *arena = arena_new();

	for (size_t i = 0; i < ARRAY_SIZE(EVENTS); i++) {
		enum severity severity = EVENTS[i].severity;

		if (EVENTS[i].notice != notice)
			continue;
		if (notice == NOTICE_EXITED && status->exit.wanted)
			severity = SEVERITY_INFO;
		const char *text = event_text(notice, status, arena);
		log_info("%s: %s service=%s", EVENTS[i].kind, text, status->name);
		outgoing_event(&app->outgoing, severity, EVENTS[i].kind, status->name,
			       event_data(notice, status, arena), "%s", text);
	}
	arena_free(arena);
	if (app->reconcile)
		reconcile_notice(app->reconcile);
}
