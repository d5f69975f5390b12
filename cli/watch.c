/* SPDX-License-Identifier: Apache-2.0 */
/* Follows a rollout: a live line for people, an exit status for pipelines. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fields.h"
#include "client.h"
#include "handlers.h"

enum { POLL_MS = 300 };

static bool one_of(const char *state, const char *const *states)
{
	return names_find(states, state) >= 0;
}

static void show(const struct cli *cli, json_t *rollout, char *before, size_t size)
{
	char line[256];
	const char *reason = json_string_value(json_object_get(rollout, "reason"));

	if (cli->quiet || cli->json)
		return;
	snprintf(line, sizeof(line),
		 "rollout %s %s  wave %s  ok %s  failed %s  in progress %s  offline %s  pending "
		 "%s%s%.80s",
		 value_text(cli, json_at(rollout, "number"), COLUMN_TEXT),
		 value_text(cli, json_at(rollout, "state"), COLUMN_TEXT),
		 value_text(cli, json_at(rollout, "current_wave"), COLUMN_TEXT),
		 value_text(cli, json_at(rollout, "counts.succeeded"), COLUMN_TEXT),
		 value_text(cli, json_at(rollout, "counts.failed"), COLUMN_TEXT),
		 value_text(cli, json_at(rollout, "counts.in_progress"), COLUMN_TEXT),
		 value_text(cli, json_at(rollout, "counts.offline"), COLUMN_TEXT),
		 value_text(cli, json_at(rollout, "counts.pending"), COLUMN_TEXT),
		 reason != NULL ? "  " : "", reason != NULL ? reason : "");
	if (strcmp(line, before) == 0)
		return;
	snprintf(before, size, "%s", line);
	/* On a terminal the line changes in place, in a log every change is a line. */
	printf("%s%s%s", cli->tty ? "\r\033[K" : "", line, cli->tty ? "" : "\n");
	fflush(stdout);
}

bool rollout_watch(struct cli *cli, const char *id, json_t **rollout, struct error *err)
{
	static const char *const good[] = {"succeeded", "rolled_back", NULL};
	static const char *const bad[] = {"failed", "aborted", "paused", NULL};
	const char *path = cli_path(cli, "/api/v1/rollouts/%s", id);
	struct arena *turn = arena_new();
	char line[256] = "";
	long long timeout_ms;
	usec_t began = clock_monotonic();
	bool done = false;

	if (!cli_option_ms(cli, "timeout", 0, &timeout_ms, err)) {
		arena_free(turn);
		return false;
	}
	for (;;) {
		json_t *now;
		arena_reset(turn);
		if (!client_call(cli->client, "GET", path, NULL, turn, &now, err))
			break;
		show(cli, now, line, sizeof(line));
		const char *state = json_string_value(json_object_get(now, "state"));
		bool late =
			timeout_ms > 0 && clock_monotonic() - began > timeout_ms * USEC_PER_MSEC;
		if (state == NULL || one_of(state, good) || one_of(state, bad) || late) {
			*rollout = json_keep(json_incref(now), cli->arena);
			if (state == NULL || one_of(state, bad))
				cli->status = EXIT_NOT_SUCCEEDED;
			else if (late && !one_of(state, good))
				cli->status = EXIT_WAITED_TOO_LONG;
			done = true;
			break;
		}
		usleep(POLL_MS * 1000);
	}
	if (cli->tty && line[0] != '\0')
		putchar('\n');
	arena_free(turn);
	return done;
}
