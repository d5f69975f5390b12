/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fields.h"
#include "client.h"
#include "handlers.h"

static const struct column SERVICES[] = {
	{"SERVICE", "service", COLUMN_TEXT},
	{"RUN", "run", COLUMN_TEXT},
	{"PACKAGE", "package.name", COLUMN_TEXT},
	{"VERSION", "package.version", COLUMN_TEXT},
	{"CONFIG", "config.name", COLUMN_TEXT},
	{"NO", "config.version", COLUMN_TEXT},
	{"SINCE", "since", COLUMN_TIME},
	{"ROLLOUT", "rollout.number", COLUMN_TEXT},
	{"BY", "rollout.created_by", COLUMN_TEXT},
	{"REMOVED", "removed", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

static const struct column DRIFT[] = {
	{"NODE", "name", COLUMN_TEXT},	       {"STATUS", "status", COLUMN_TEXT},
	{"SERVICE", "service", COLUMN_TEXT},   {"CONFIG", "config.name", COLUMN_TEXT},
	{"NO", "config.version", COLUMN_TEXT}, {"SINCE", "since", COLUMN_TIME},
	{"FILES", "files", COLUMN_LIST},       {NULL, NULL, COLUMN_TEXT},
};

bool node_baseline_command(struct cli *cli, struct error *err)
{
	json_t *reply;

	if (!client_call(cli->client, "GET",
			 cli_path(cli, "/api/v1/nodes/%s/baseline", cli->arguments[0]), NULL,
			 cli->arena, &reply, err))
		return false;
	if (cli->json)
		print_json(reply);
	else
		print_list(
			cli,
			json_keep(json_pack("{s:O}", "items", json_object_get(reply, "services")),
				  cli->arena),
			SERVICES, "it was never told to run anything");
	return true;
}

bool node_history_command(struct cli *cli, struct error *err)
{
	return run_list(cli, cli_path(cli, "/api/v1/nodes/%s/history", cli->arguments[0]), SERVICES,
			"it was never told to run anything", err);
}

bool drift_list_command(struct cli *cli, struct error *err)
{
	return run_list(cli, "/api/v1/drift", DRIFT, "nothing differs", err);
}
