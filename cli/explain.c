/* SPDX-License-Identifier: Apache-2.0 */
/* "Why?" in words: what it waits for, until when, and who can change it. */
#include <jansson.h>

#include "base/fields.h"
#include "client.h"
#include "handlers.h"
#include "output.h"

static const struct column WHY[] = {
	{"why", "text", COLUMN_TEXT},	 {"waits for", "waits_for", COLUMN_TEXT},
	{"since", "since", COLUMN_TIME}, {"until", "until", COLUMN_TIME},
	{"then", "then", COLUMN_TEXT},	 {NULL, NULL, COLUMN_TEXT},
};
static const struct column WAYS[] = {
	{"WHO", "by", COLUMN_TEXT},
	{"ACTION", "action", COLUMN_TEXT},
	{"WHAT IT DOES", "text", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

static bool explain(struct cli *cli, const char *path, struct error *err)
{
	json_t *why;

	if (!client_call(cli->client, "GET", path, NULL, cli->arena, &why, err))
		return false;
	print_object(cli, why, WHY);
	if (cli->json || json_array_size(json_object_get(why, "ways")) == 0)
		return true;
	cli_say(cli, "%s", "");
	print_list(cli,
		   json_keep(json_pack("{s:O}", "items", json_object_get(why, "ways")), cli->arena),
		   WAYS, "");
	return true;
}

bool node_explain_command(struct cli *cli, struct error *err)
{
	return explain(cli, cli_path(cli, "/api/v1/nodes/%s/explain", cli->arguments[0]), err);
}

bool rollout_explain_command(struct cli *cli, struct error *err)
{
	return explain(cli, cli_path(cli, "/api/v1/rollouts/%s/explain", cli->arguments[0]), err);
}

bool step_explain_command(struct cli *cli, struct error *err)
{
	return explain(cli,
		       cli_path(cli, "/api/v1/rollouts/%s/steps/%s/explain", cli->arguments[0],
				cli->arguments[1]),
		       err);
}
