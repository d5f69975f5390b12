/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fields.h"
#include "client.h"
#include "handlers.h"

enum { FOLLOW_MS = 1000 };

static void print_lines(const struct cli *cli, json_t *items)
{
	size_t i;
	json_t *line;

	json_array_foreach (items, i, line) {
		const char *text = value_text(cli, json_object_get(line, "text"), COLUMN_TEXT);
		/* "~": the node's clock was wrong, and it has put the time right. */
		printf("%s%s ", json_is_true(json_object_get(line, "corrected")) ? "~" : "",
		       value_text(cli, json_object_get(line, "at"), COLUMN_TIME));
		if (cli_option(cli, "node") == NULL)
			printf("%s ", value_text(cli, json_object_get(line, "node"), COLUMN_TEXT));
		printf("%s ", value_text(cli, json_object_get(line, "service"), COLUMN_TEXT));
		/* A device's bytes do not steer the terminal. */
		for (; *text != '\0'; text++)
			putchar((unsigned char)*text < ' ' && *text != '\t' ? '.' : *text);
		putchar('\n');
	}
	fflush(stdout);
}

/* What never ends cannot be one document: an object per line. */
static void print_json_lines(json_t *items)
{
	size_t i;
	json_t *line;

	json_array_foreach (items, i, line) {
		json_dumpf(line, stdout, JSON_COMPACT);
		putchar('\n');
	}
	fflush(stdout);
}

/* One page; after becomes the id of its last line. */
static bool print_page(struct cli *cli, char *after, size_t size, size_t *count, struct error *err)
{
	const char *limit = cli_option(cli, "limit");
	const char *path = cli_query(
		cli, "/api/v1/logs", "node", cli_option(cli, "node"), "service",
		cli_option(cli, "service"), "text", cli_option(cli, "text"), "after",
		after[0] != '\0' ? after : NULL, "limit", limit != NULL ? limit : "200", NULL);
	json_t *reply;

	if (!client_call(cli->client, "GET", path, NULL, cli->arena, &reply, err))
		return false;
	json_t *items = json_object_get(reply, "items");
	*count = json_array_size(items);
	if (cli->json && cli_switch(cli, "follow"))
		print_json_lines(items);
	else if (cli->json)
		print_json(reply);
	else if (*count == 0 && !cli_switch(cli, "follow"))
		cli_say(cli, "no line matches");
	else
		print_lines(cli, items);
	if (*count > 0)
		snprintf(after, size, "%s",
			 value_text(cli, json_at(json_array_get(items, *count - 1), "id"),
				    COLUMN_TEXT));
	return true;
}

bool logs_command(struct cli *cli, struct error *err)
{
	struct cli turn = *cli;
	char after[32] = "";
	bool good;

	turn.arena = arena_new();
	do {
		size_t count;
		arena_reset(turn.arena);
		good = print_page(&turn, after, sizeof(after), &count, err);
		if (good && count == 0 && cli_switch(cli, "follow"))
			usleep(FOLLOW_MS * 1000);
	} while (good && cli_switch(cli, "follow"));
	arena_free(turn.arena);
	return good;
}

static bool print_event(void *arg, const char *line)
{
	(void)arg;
	if (strncmp(line, "data: ", 6) == 0) {
		puts(line + 6);
		fflush(stdout);
	}
	return true;
}

bool events_command(struct cli *cli, struct error *err)
{
	return client_stream(
		cli->client,
		cli_query(cli, "/api/v1/events", "topics", cli_option(cli, "topics"), NULL),
		print_event, NULL, err);
}
