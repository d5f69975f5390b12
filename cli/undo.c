/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fields.h"
#include "client.h"
#include "handlers.h"

static json_t *nodes_of(struct cli *cli)
{
	size_t count;
	const char *const *nodes = cli_options(cli, "node", &count);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(nodes[i]));
	return json_keep(list, cli->arena);
}

/* What of a rollout is taken back. */
static bool part_of(struct cli *cli, json_t *body, struct error *err)
{
	json_t *nodes = nodes_of(cli);
	long long wave;

	if (!cli_option_int(cli, "wave", 0, &wave, err))
		return false;
	if (cli_option(cli, "selector") != NULL || cli_option(cli, "selection") != NULL)
		return error_set(err, ERR_INVALID,
				 "a rollout is taken back on --node or --wave; --selector and "
				 "--selection go with --at");
	if (wave > 0)
		json_object_set_new(body, "wave", json_integer(wave));
	if (json_array_size(nodes) > 0)
		json_object_set(body, "nodes", nodes);
	if (cli_switch(cli, "failed"))
		json_object_set_new(body, "only", json_string("failed"));
	return true;
}

/* To which moment, and where. */
static bool moment_of(struct cli *cli, json_t *body, struct error *err)
{
	json_t *nodes = nodes_of(cli), *targets = json_keep(json_object(), cli->arena);
	long long confirm;

	if (!cli_option_int(cli, "confirm", -1, &confirm, err))
		return false;
	if (cli_option(cli, "selector") != NULL)
		json_object_set_new(targets, "selector", json_string(cli_option(cli, "selector")));
	if (cli_option(cli, "selection") != NULL)
		json_object_set_new(targets, "selection",
				    json_string(cli_option(cli, "selection")));
	if (json_array_size(nodes) > 0)
		json_object_set(targets, "nodes", nodes);
	if (json_object_size(targets) == 0)
		return error_set(err, ERR_INVALID,
				 "where? --selector (\"*\" is every node), --node or --selection");
	if (confirm >= 0)
		json_object_set_new(targets, "confirm_count", json_integer(confirm));
	json_object_set(body, "targets", targets);
	json_object_set_new(body, "restore", json_pack("{s:s}", "at", cli_option(cli, "at")));
	return true;
}

bool rollout_undo_command(struct cli *cli, struct error *err)
{
	bool moment = cli_option(cli, "at") != NULL, foresee = cli_switch(cli, "plan");
	json_t *body = json_keep(json_object(), cli->arena), *strategy = json_object(), *reply;

	json_object_set_new(body, "strategy", strategy);
	if (moment == (cli->argument_count > 0))
		return error_set(err, ERR_INVALID, "what is taken back? either ROLLOUT or --at");
	if (!rollout_strategy(cli, strategy, err) ||
	    !(moment ? moment_of(cli, body, err) : part_of(cli, body, err)))
		return false;
	if (cli_option(cli, "plan-hash") != NULL)
		json_object_set_new(body, "plan_hash", json_string(cli_option(cli, "plan-hash")));
	const char *path =
		moment ? "/api/v1/rollouts"
		       : cli_path(cli, "/api/v1/rollouts/%s/rollback", rollout_argument(cli));
	if (foresee)
		path = arena_printf(cli->arena, "%s/plan", path);
	if (!client_call(cli->client, "POST", path, body, cli->arena, &reply, err))
		return false;
	if (!foresee)
		return rollout_finish(cli, reply, err);
	if (cli->json)
		print_json(reply);
	else
		print_plan(cli, reply);
	return true;
}
