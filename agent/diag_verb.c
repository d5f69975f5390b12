/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of a diagnosis, one after the other, at the pace at which they are taken. */
#include <stdlib.h>
#include <string.h>

#include "app_internal.h"
#include "base/fields.h"
#include "diag.h"
#include "state/desired.h"
#include "state/spool.h"
#include "verbs.h"

enum { BUSY_BYTES = 64 * 1024, STEP_MS = 10 };

enum stage { STAGE_AGENT, STAGE_PIECES, STAGE_LOGS };

struct diagnosis {
	struct app *app;
	struct control_client *client;
	uint64_t timer;
	enum stage stage;
	size_t index;
	bool logs;
};

static void diagnosis_free(void *arg)
{
	struct diagnosis *diagnosis = arg;

	loop_timer_cancel(diagnosis->app->loop, diagnosis->timer);
	free(diagnosis);
}

static bool send_piece(struct diagnosis *diagnosis, const char *name, const char *text)
{
	return control_send(diagnosis->client, json_pack("{s:s, s:s}", "file", name, "text", text));
}

static json_t *stream_answer(struct app *app)
{
	static const enum channel STREAMS[] = {CHANNEL_REPORTED, CHANNEL_RESULT, CHANNEL_EVENTS,
					       CHANNEL_LOGS};
	json_t *streams = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(STREAMS); i++) {
		struct spool_counters counters = {0};
		struct error ignored = {0};

		if (spool_counters(app->state, STREAMS[i], &counters, &ignored))
			json_object_set_new(streams, channel_info(STREAMS[i])->name,
					    json_pack("{s:I, s:I}", "produced",
						      (json_int_t)counters.produced, "acknowledged",
						      (json_int_t)counters.acked));
	}
	return streams;
}

static json_t *journal_answer(struct app *app, struct arena *arena)
{
	struct error ignored = {0};
	struct journal journal;

	if (!journal_find(app->state, arena, &journal, &ignored) || journal.phase == JOURNAL_NONE)
		return json_null();
	return json_pack("{s:I, s:i, s:s}", "generation", (json_int_t)journal.generation,
			 "attempts", journal.attempts, "phase",
			 journal.phase == JOURNAL_APPLYING ? "applying" : "rolling back");
}

/* What the content in force is made of: names and digests, never what is in files or parameters. */
static json_t *content_answer(struct app *app, struct arena *arena)
{
	struct desired_record record;
	struct error ignored = {0};
	json_t *services = json_object(), *content, *service;
	const char *name;
	bool found;

	if (!desired_find(app->state, DESIRED_CURRENT, arena, &record, &found, &ignored) ||
	    !found ||
	    !json_parse_limited(record.content, strlen(record.content), 32, &content, &ignored))
		return services;
	json_keep(content, arena);
	json_object_foreach (json_object_get(content, "services"), name, service) {
		json_t *package = json_object_get(service, "package");
		json_t *config = json_object_get(service, "config");

		json_object_set_new(services, name,
				    json_pack("{s:O?, s:O?, s:O?, s:O?, s:O?, s:O?}", "driver",
					      json_object_get(service, "driver"), "run",
					      json_object_get(service, "run"), "package",
					      json_object_get(package, "name"), "version",
					      json_object_get(package, "version"), "config",
					      json_object_get(config, "name"), "config_version",
					      json_object_get(config, "version")));
	}
	return services;
}

static bool send_agent(struct diagnosis *diagnosis)
{
	struct arena *arena = arena_new();
	struct app *app = diagnosis->app;
	char trusted[TIME_TEXT_SIZE];

	time_format(trusted_time_now(&app->time), trusted);
	json_auto_t *status = status_answer(app), *explain = explain_answer(app, NULL);
	json_auto_t *own = json_pack("{s:o, s:o, s:o, s:s}", "streams", stream_answer(app),
				     "journal", journal_answer(app, arena), "services",
				     content_answer(app, arena), "trusted_time", trusted);
	bool wanted = send_piece(diagnosis, "status.json", json_text(status, arena)) &&
		      send_piece(diagnosis, "explain.json", json_text(explain, arena)) &&
		      send_piece(diagnosis, "agent.json", json_text(own, arena));
	arena_free(arena);
	return wanted;
}

/* False: the client is gone, and the diagnosis with it. *more: there may be another step. */
static bool step(struct diagnosis *diagnosis, bool *more)
{
	struct arena *arena = arena_new();
	struct diag_piece piece;
	bool wanted = true, found = false;

	*more = true;
	if (diagnosis->stage == STAGE_AGENT) {
		wanted = send_agent(diagnosis);
		if (wanted)
			diagnosis->stage = STAGE_PIECES;
		arena_free(arena);
		return wanted;
	}
	found = diagnosis->stage == STAGE_PIECES ? diag_piece_at(diagnosis->index, arena, &piece)
						 : diag_log_at(diagnosis->index, arena, &piece);
	if (found) {
		wanted = send_piece(diagnosis, piece.name, piece.text);
		if (wanted)
			diagnosis->index++;
	} else if (diagnosis->stage == STAGE_PIECES && diagnosis->logs) {
		diagnosis->stage = STAGE_LOGS;
		diagnosis->index = 0;
	} else {
		*more = false;
	}
	arena_free(arena);
	return wanted;
}

static void go_on(void *arg)
{
	struct diagnosis *diagnosis = arg;
	bool more = true;

	diagnosis->timer = 0;
	if (control_backlog(diagnosis->client) < BUSY_BYTES && !step(diagnosis, &more))
		return;
	if (more) {
		diagnosis->timer = loop_timer_set(diagnosis->app->loop, STEP_MS, go_on, diagnosis);
		return;
	}
	control_end(diagnosis->client, json_pack("{s:s}", "done", diagnosis->app->identity.name));
	diagnosis_free(diagnosis);
}

void verb_diag(struct control_client *client, json_t *request, void *arg)
{
	struct diagnosis *diagnosis = xcalloc(1, sizeof(*diagnosis));

	diagnosis->app = arg;
	diagnosis->client = client;
	diagnosis->logs = !json_is_false(json_object_get(request, "logs"));
	control_on_gone(client, diagnosis_free, diagnosis);
	diagnosis->timer = loop_timer_set(diagnosis->app->loop, 0, go_on, diagnosis);
}
