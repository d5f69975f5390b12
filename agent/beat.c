/* SPDX-License-Identifier: Apache-2.0 */
#include "app_internal.h"

/* Without a watchdog the line on how things are is still renewed so often. */
enum { STATUS_MS = 60000 };

static const char *status_line(const struct app *app, struct arena *arena)
{
	size_t count = supervisor_count(app->supervisor), ready = 0;

	for (size_t i = 0; i < count; i++) {
		struct service_status status;

		supervisor_status_at(app->supervisor, i, &status);
		ready += status.ready;
	}
	return arena_printf(arena, "%zu of %zu services ready, generation %lld, server: %s", ready,
			    count, (long long)reconcile_generation(app->reconcile),
			    link_reason(app->link));
}

static void beat(void *arg)
{
	struct app *app = arg;
	struct arena *arena = arena_new();
	int64_t watchdog_ms = app->notify.watchdog_ms;

	notify_send(&app->notify, "WATCHDOG=1\nSTATUS=%s", status_line(app, arena));
	arena_free(arena);
	app->beat_timer =
		loop_timer_set(app->loop, watchdog_ms > 0 ? watchdog_ms / 2 : STATUS_MS, beat, app);
}

void beat_start(struct app *app)
{
	if (app->notify.fd < 0)
		return;
	notify_send(&app->notify, "READY=1");
	beat(app);
}

void beat_end(struct app *app)
{
	notify_send(&app->notify, "STOPPING=1");
}
