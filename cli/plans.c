/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/fields.h"
#include "client.h"
#include "handlers.h"

static const struct column GROUPS[] = {
	{"GROUP", "no", COLUMN_TEXT},
	{"NODES", "count", COLUMN_TEXT},
	{"KIND", "kind", COLUMN_TEXT},
	{"CHANGES", "services", COLUMN_PLAN},
	{"FETCH", "fetch_bytes", COLUMN_SIZE},
	{"TAKES", "duration.median_ms", COLUMN_DURATION},
	{"LIKE", "nodes", COLUMN_LIST},
	{"BLOCKED", "blocked", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

static const struct column NODES[] = {
	{"NODE", "name", COLUMN_TEXT},
	{"ID", "node", COLUMN_TEXT},
	{"STATUS", "status", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

static void print_file(struct cli *cli, json_t *service, json_t *file)
{
	const char *diff = json_string_value(json_object_get(file, "diff"));

	cli_say(cli, "%s %s: %s%s", json_string_value(json_object_get(service, "service")),
		json_string_value(json_object_get(file, "path")),
		json_string_value(json_object_get(file, "change")),
		json_is_true(json_object_get(file, "binary")) ? ", not text" : "");
	while (diff != NULL && *diff != '\0') {
		size_t length = strcspn(diff, "\n");

		cli_say(cli, "  %.*s", (int)length, diff);
		diff += length + (diff[length] == '\n');
	}
	if (json_is_true(json_object_get(file, "truncated")))
		cli_say(cli, "  ... and more");
}

static void print_diffs(struct cli *cli, json_t *plan)
{
	json_t *group, *service, *file;
	size_t g, s, f;

	json_array_foreach (json_object_get(plan, "groups"), g, group) {
		if (strcmp(json_string_value(json_object_get(group, "kind")), "change") != 0)
			continue;
		cli_say(cli, "\ngroup %s: %s nodes",
			value_text(cli, json_object_get(group, "no"), COLUMN_TEXT),
			value_text(cli, json_object_get(group, "count"), COLUMN_TEXT));
		json_array_foreach (json_object_get(group, "services"), s, service)
			json_array_foreach (json_at(service, "config.files"), f, file)
				print_file(cli, service, file);
	}
}

static void print_held(struct cli *cli, json_t *plan)
{
	json_t *held;
	size_t i;

	json_array_foreach (json_object_get(plan, "held"), i, held)
		cli_say(cli, "rollout %s (%s, %s) has %s of these nodes in hand; the newer wins",
			value_text(cli, json_object_get(held, "number"), COLUMN_TEXT),
			value_text(cli, json_object_get(held, "name"), COLUMN_TEXT),
			value_text(cli, json_object_get(held, "state"), COLUMN_TEXT),
			value_text(cli, json_object_get(held, "count"), COLUMN_TEXT));
}

void print_plan(struct cli *cli, json_t *plan)
{
	json_t *groups = json_object_get(plan, "groups");
	json_int_t all = json_integer_value(json_at(plan, "counts.groups"));

	print_list(cli, json_keep(json_pack("{s:O}", "items", groups), cli->arena), GROUPS,
		   "no node matches");
	if (all > (json_int_t)json_array_size(groups))
		cli_say(cli, "... and %lld smaller groups",
			(long long)(all - (json_int_t)json_array_size(groups)));
	if (cli_switch(cli, "diff"))
		print_diffs(cli, plan);
	print_held(cli, plan);
	cli_say(cli, "plan %s: %s nodes change, %s stay, %s blocked, %s offline",
		value_text(cli, json_at(plan, "plan_hash"), COLUMN_TEXT),
		value_text(cli, json_at(plan, "counts.change"), COLUMN_TEXT),
		value_text(cli, json_at(plan, "counts.same"), COLUMN_TEXT),
		value_text(cli, json_at(plan, "counts.blocked"), COLUMN_TEXT),
		value_text(cli, json_at(plan, "counts.offline"), COLUMN_TEXT));
	if (json_is_integer(json_at(plan, "expected_ms")))
		cli_say(cli, "expected to take %s while no node is away",
			value_text(cli, json_at(plan, "expected_ms"), COLUMN_DURATION));
	if (json_is_true(json_at(plan, "everything")))
		cli_say(cli, "this is every node: start it with --confirm %s",
			value_text(cli, json_at(plan, "counts.nodes"), COLUMN_TEXT));
}

bool plan_nodes_command(struct cli *cli, struct error *err)
{
	return run_list(cli,
			cli_query(cli, cli_path(cli, "/api/v1/plans/%s/nodes", cli->arguments[0]),
				  "list", cli_option(cli, "list"), NULL),
			NODES, "no node", err);
}
