/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for the server, as a file that can be carried there (protocol/report.h). */
#include <string.h>

#include "app_internal.h"
#include "protocol/report.h"
#include "state/spool.h"
#include "verbs.h"

/* A share for each, so that many events do not hide how a change went. It must fit into an answer. */
static const struct {
	enum channel channel;
	size_t bytes;
} SHARES[] = {
	{CHANNEL_RESULT, 192 * 1024},
	{CHANNEL_REPORTED, 128 * 1024},
	{CHANNEL_EVENTS, 192 * 1024},
};

enum { MAX_MESSAGES = 4000 };

struct gathering {
	struct app *app;
	struct arena *arena;
	char epoch[SPOOL_EPOCH_SIZE];
	struct report_message *messages;
	size_t count;
	bool truncated;
};

/* The oldest first, since the server takes a stream in order only. */
static bool gather(struct gathering *gathering, enum channel channel, size_t room,
		   struct error *err)
{
	struct state *state = gathering->app->state;
	struct spool_message message;
	int64_t seq = 0;
	bool found = true;

	while (found) {
		usec_t correction;

		if (!spool_next(state, channel, seq, gathering->arena, &message, &found, err))
			return false;
		if (!found)
			break;
		if (!boots_correction(state, &message.made, &correction, err))
			return false;
		const char *text =
			spool_text(gathering->arena, &message, gathering->app->identity.node_id,
				   gathering->epoch, message.first, correction);
		if (strlen(text) > room || gathering->count == MAX_MESSAGES) {
			gathering->truncated = true;
			break;
		}
		room -= strlen(text);
		gathering->messages[gathering->count++] =
			(struct report_message){channel_info(channel)->name, text};
		seq = message.seq;
	}
	return true;
}

static bool make(struct app *app, struct arena *arena, char **text, bool *truncated,
		 struct error *err)
{
	struct gathering gathering = {.app = app, .arena = arena};
	struct tls_key *key;

	gathering.messages = arena_array(arena, MAX_MESSAGES, sizeof(*gathering.messages));
	if (!spool_epoch(app->state, gathering.epoch, err))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(SHARES); i++)
		if (!gather(&gathering, SHARES[i].channel, SHARES[i].bytes, err))
			return false;
	const struct report report = {
		.node = app->identity.node_id,
		.made_at = trusted_time_now(&app->time),
		.generation = reconcile_generation(app->reconcile),
		.digest = reconcile_digest(app->reconcile),
		.messages = gathering.messages,
		.message_count = gathering.count,
	};
	if (!tls_key_load(IDENTITY_KEY_FILE, &key, err))
		return false;
	bool ok = report_seal(&report, key, arena, text, err);
	tls_key_free(key);
	*truncated = gathering.truncated;
	return ok;
}

void verb_report(struct control_client *client, json_t *request, void *arg)
{
	struct arena *arena = arena_new();
	struct app *app = arg;
	struct error err = {0};
	bool truncated = false;
	char *text;

	(void)request;
	if (make(app, arena, &text, &truncated, &err))
		control_end(client, json_pack("{s:s, s:s, s:b}", "report", text, "name",
					      app->identity.name, "truncated", truncated));
	else
		control_fail(client, &err);
	arena_free(arena);
}
