/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/fields.h"
#include "client.h"
#include "handlers.h"

static const struct column SELECTION[] = {
	{"id", "id", COLUMN_TEXT},
	{"selector", "selector", COLUMN_TEXT},
	{"nodes", "count", COLUMN_TEXT},
	{"every node", "everything", COLUMN_TEXT},
	{"nodes now", "now.count", COLUMN_TEXT},
	{"new", "now.added", COLUMN_TEXT},
	{"gone", "now.gone", COLUMN_TEXT},
	{"until", "expires_at", COLUMN_TIME},
	{NULL, NULL, COLUMN_TEXT},
};

bool selection_create_command(struct cli *cli, struct error *err)
{
	const char *selector = cli_option(cli, "selector");
	size_t count;
	const char *const *nodes = cli_options(cli, "node", &count);
	json_t *body = json_keep(json_object(), cli->arena), *selection;

	if ((selector != NULL) == (count > 0))
		return error_set(err, ERR_INVALID,
				 "which nodes? either --selector (\"*\" is every node) or --node");
	if (selector != NULL)
		json_object_set_new(body, "selector", json_string(selector));
	if (count > 0) {
		json_t *list = json_array();
		for (size_t i = 0; i < count; i++)
			json_array_append_new(list, json_string(nodes[i]));
		json_object_set_new(body, "nodes", list);
	}
	if (!client_call(cli->client, "POST", "/api/v1/selections", body, cli->arena, &selection,
			 err))
		return false;
	if (cli->json)
		print_json(selection);
	else
		cli_say(cli, "selection %s: %s nodes, for an hour",
			value_text(cli, json_object_get(selection, "id"), COLUMN_TEXT),
			value_text(cli, json_object_get(selection, "count"), COLUMN_TEXT));
	return true;
}

bool selection_show_command(struct cli *cli, struct error *err)
{
	return run_show(cli, cli_path(cli, "/api/v1/selections/%s", cli->arguments[0]), SELECTION,
			err);
}

bool selection_delete_command(struct cli *cli, struct error *err)
{
	return run_change(cli, "DELETE", cli_path(cli, "/api/v1/selections/%s", cli->arguments[0]),
			  NULL, "forgotten", err);
}

static bool act(struct cli *cli, const char *action, json_t *body, const char *said,
		struct error *err)
{
	long long confirm;
	json_t *reply;

	if (!cli_option_int(cli, "confirm", -1, &confirm, err))
		return false;
	if (confirm >= 0)
		json_object_set_new(body, "confirm_count", json_integer(confirm));
	if (!client_call(cli->client, "POST",
			 cli_path(cli, "/api/v1/selections/%s/%s", cli->arguments[0], action), body,
			 cli->arena, &reply, err))
		return false;
	if (cli->json)
		print_json(reply);
	else
		cli_say(cli, "%s nodes %s",
			value_text(cli, json_object_get(reply, "changed"), COLUMN_TEXT), said);
	return true;
}

bool selection_retire_command(struct cli *cli, struct error *err)
{
	if (!cli_switch(cli, "yes"))
		return error_set(
			err, ERR_INVALID,
			"retired nodes are cut off for good; say --yes to retire those of %s",
			cli->arguments[0]);
	return act(cli, "retire", json_keep(json_object(), cli->arena), "retired", err);
}

bool selection_label_command(struct cli *cli, struct error *err)
{
	json_t *set = json_object(), *remove = json_array();
	json_t *body = json_keep(json_pack("{s:o, s:o}", "set", set, "remove", remove), cli->arena);

	for (size_t i = 1; i < cli->argument_count; i++) {
		const char *text = cli->arguments[i];
		size_t length = strlen(text);
		if (length > 1 && text[length - 1] == '-' && strchr(text, '=') == NULL)
			json_array_append_new(remove, json_stringn(text, length - 1));
		else if (!add_pair(set, text, err))
			return false;
	}
	return act(cli, "labels", body, "labelled", err);
}
