/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "app_internal.h"
#include "state/spool.h"

static json_t *service_answer(const struct service_status *status)
{
	char since[TIME_TEXT_SIZE];

	time_format(status->since, since);
	return json_pack("{s:s, s:s, s:s, s:b, s:i, s:i, s:s}", "name", status->name, "state",
			 service_state_name(status->state), "reason",
			 status->reason ? status->reason : "", "ready", status->ready, "pid",
			 (int)status->pid, "restarts", status->restarts, "since", since);
}

json_t *status_answer(struct app *app)
{
	struct arena *arena = arena_new();
	struct error ignored = {0};
	json_t *services = json_array();
	int64_t waiting = 0;

	for (size_t i = 0; i < supervisor_count(app->supervisor); i++) {
		struct service_status status;

		supervisor_status_at(app->supervisor, i, &status);
		json_array_append_new(services, service_answer(&status));
	}
	if (!spool_bytes(app->state, &waiting, &ignored))
		waiting = -1;
	json_t *answer =
		json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:I, s:s, s:s, s:I, s:i, s:o}", "version",
			  MUSTER_VERSION, "node", app->identity.node_id, "name", app->identity.name,
			  "server", app->identity.server ? app->identity.server : "", "online",
			  link_online(app->link), "connection", link_reason(app->link),
			  "generation", (json_int_t)reconcile_generation(app->reconcile), "digest",
			  reconcile_digest(app->reconcile), "activity",
			  reconcile_activity(app->reconcile, arena), "unsent_bytes",
			  (json_int_t)waiting, "pid", (int)getpid(), "services", services);
	arena_free(arena);
	return answer;
}
