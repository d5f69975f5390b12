/* SPDX-License-Identifier: Apache-2.0 */
/* What runs, and why: the answers to "status" and "explain". */
#include <string.h>
#include <unistd.h>

#include "app_internal.h"
#include "explain.h"
#include "state/spool.h"
#include "verbs.h"

static json_t *time_or_null(usec_t at)
{
	char text[TIME_TEXT_SIZE];

	if (at == 0)
		return json_null();
	time_format(at, text);
	return json_string(text);
}

static json_t *service_answer(const struct service_status *status)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:i, s:i, s:o, s:o}", "name", status->name, "state",
			 service_state_name(status->state), "reason",
			 status->reason ? status->reason : "", "ready", status->ready, "pid",
			 (int)status->pid, "restarts", status->restarts, "since",
			 time_or_null(status->since), "retry_at", time_or_null(status->retry_at));
}

static json_t *verdict_answer(const struct reconcile_status *status)
{
	if (!status->has_verdict)
		return json_null();
	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s?, s:s?}", "generation",
			 (json_int_t)status->failed, "state", RESULT_STATE_NAMES[status->verdict],
			 "phase", status->failure.phase, "code", status->failure.code, "text",
			 status->failure.text, "service", status->failure.service, "stderr",
			 status->failure.stderr_text);
}

json_t *status_answer(struct app *app)
{
	struct arena *arena = arena_new();
	struct error ignored = {0};
	struct reconcile_status status;
	json_t *services = json_array();
	int64_t waiting = 0;

	for (size_t i = 0; i < supervisor_count(app->supervisor); i++) {
		struct service_status service;

		supervisor_status_at(app->supervisor, i, &service);
		json_array_append_new(services, service_answer(&service));
	}
	if (!spool_bytes(app->state, &waiting, &ignored))
		waiting = -1;
	reconcile_status(app->reconcile, arena, &status);
	json_t *answer = json_pack(
		"{s:s, s:s, s:s, s:s, s:b, s:s, s:I, s:s, s:I, s:s, s:b, s:o, s:s, s:I, s:I, s:i, s:o}",
		"version", MUSTER_VERSION, "node", app->identity.node_id, "name",
		app->identity.name, "server", app->identity.server ? app->identity.server : "",
		"online", link_online(app->link), "connection", link_reason(app->link),
		"generation", (json_int_t)status.generation, "digest", status.digest, "accepted",
		(json_int_t)status.accepted, "accepted_digest", status.accepted_digest, "changing",
		status.changing, "verdict", verdict_answer(&status), "activity",
		reconcile_activity(app->reconcile, arena), "unsent_bytes", (json_int_t)waiting,
		"clock_offset_ms", (json_int_t)trusted_time_offset_ms(&app->time), "pid",
		(int)getpid(), "services", services);
	arena_free(arena);
	return answer;
}

void verb_status(struct control_client *client, json_t *request, void *arg)
{
	(void)request;
	control_end(client, status_answer(arg));
}

static json_t *explanation_answer(const char *name, const struct explanation *explanation)
{
	return json_pack("{s:s?, s:s, s:s, s:o, s:o, s:s, s:s}", "name", name, "state",
			 explanation->state, "text", explanation->text, "since",
			 time_or_null(explanation->since), "until",
			 time_or_null(explanation->until), "then", explanation->then, "change",
			 explanation->change);
}

json_t *explain_answer(struct app *app, const char *only)
{
	struct arena *arena = arena_new();
	struct reconcile_status status;
	struct explanation explanation;
	json_t *services = json_array();

	reconcile_status(app->reconcile, arena, &status);
	explain_generation(&status, link_online(app->link), clock_now_utc(), arena, &explanation);
	json_t *generation = explanation_answer(NULL, &explanation);
	for (size_t i = 0; i < supervisor_count(app->supervisor); i++) {
		struct service_status service;

		supervisor_status_at(app->supervisor, i, &service);
		if (only && strcmp(only, service.name) != 0)
			continue;
		explain_service(&service, arena, &explanation);
		json_array_append_new(services, explanation_answer(service.name, &explanation));
	}
	json_t *answer =
		json_pack("{s:b, s:s, s:o, s:o}", "online", link_online(app->link), "connection",
			  link_reason(app->link), "generation", generation, "services", services);
	arena_free(arena);
	return answer;
}

void verb_explain(struct control_client *client, json_t *request, void *arg)
{
	const char *only = json_string_value(json_object_get(request, "service"));
	struct service_status status;
	struct app *app = arg;
	struct error err = {0};

	if (only && !supervisor_status(app->supervisor, only, &status)) {
		error_set(&err, ERR_NOT_FOUND,
			  "there is no service \"%.63s\" here; \"muster-agent status\" shows them",
			  only);
		control_fail(client, &err);
		return;
	}
	control_end(client, explain_answer(app, only));
}
