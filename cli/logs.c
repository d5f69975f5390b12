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
		printf("%s %s ", value_text(cli, json_object_get(line, "at"), COLUMN_TIME),
		       value_text(cli, json_object_get(line, "service"), COLUMN_TEXT));
		/* A device's bytes do not steer the terminal. */
		for (; *text != '\0'; text++)
			putchar((unsigned char)*text < ' ' && *text != '\t' ? '.' : *text);
		putchar('\n');
	}
	fflush(stdout);
}

bool logs_command(struct cli *cli, struct error *err)
{
	const char *after = NULL, *limit = cli_option(cli, "limit");
	bool follow = cli_switch(cli, "follow");

	for (;;) {
		const char *path =
			cli_query(cli, "/api/v1/logs", "node", cli_option(cli, "node"), "service",
				  cli_option(cli, "service"), "text", cli_option(cli, "text"),
				  "after", after, "limit", limit != NULL ? limit : "200", NULL);
		json_t *reply;
		if (!client_call(cli->client, "GET", path, NULL, cli->arena, &reply, err))
			return false;
		json_t *items = json_object_get(reply, "items");
		size_t count = json_array_size(items);
		if (cli->json)
			print_json(reply);
		else if (count == 0 && !follow)
			cli_say(cli, "no line matches");
		else
			print_lines(cli, items);
		if (!follow)
			return true;
		if (count > 0)
			after = value_text(cli,
					   json_object_get(json_array_get(items, count - 1), "id"),
					   COLUMN_TEXT);
		else
			usleep(FOLLOW_MS * 1000);
	}
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
