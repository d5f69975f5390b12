/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/fields.h"
#include "client.h"
#include "handlers.h"

static const struct column NODES[] = {
	{"NAME", "name", COLUMN_TEXT},
	{"STATUS", "status", COLUMN_TEXT},
	{"SERVICES", "services", COLUMN_SERVICES},
	{"LABELS", "labels", COLUMN_LABELS},
	{"SEEN", "last_seen_at", COLUMN_TIME},
	{"REASON", "reason", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

static const struct column NODE[] = {
	{"id", "id", COLUMN_TEXT},
	{"name", "name", COLUMN_TEXT},
	{"labels", "labels", COLUMN_LABELS},
	{"status", "status", COLUMN_TEXT},
	{"reason", "reason", COLUMN_TEXT},
	{"since", "status_since", COLUMN_TIME},
	{"last seen", "last_seen_at", COLUMN_TIME},
	{"enrolled", "enrolled_at", COLUMN_TIME},
	{"host", "hostname", COLUMN_TEXT},
	{"platform", "platform", COLUMN_TEXT},
	{"agent", "agent_version", COLUMN_TEXT},
	{"desired generation", "desired_generation", COLUMN_TEXT},
	{"reported generation", "reported_generation", COLUMN_TEXT},
	{"drift", "drift", COLUMN_TEXT},
	{"limits held by", "health.host.limits", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

static const struct column SERVICES[] = {
	{"SERVICE", "name", COLUMN_TEXT},
	{"STATE", "state", COLUMN_TEXT},
	{"PACKAGE", "package.name", COLUMN_TEXT},
	{"VERSION", "package.version", COLUMN_TEXT},
	{"CONFIG", "config.name", COLUMN_TEXT},
	{"VERSION", "config.version", COLUMN_TEXT},
	{"PID", "pid", COLUMN_TEXT},
	{"RESTARTS", "restarts", COLUMN_TEXT},
	{"SINCE", "since", COLUMN_TIME},
	{"REASON", "reason", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

static const struct column PROBES[] = {
	{"SERVICE", "service", COLUMN_TEXT}, {"PROBE", "kind", COLUMN_TEXT},
	{"ASKS", "target", COLUMN_TEXT},     {"FOR", "for", COLUMN_TEXT},
	{"RESULT", "result", COLUMN_TEXT},   {"TOOK", "took", COLUMN_TEXT},
	{"REASON", "text", COLUMN_TEXT},     {NULL, NULL, COLUMN_TEXT},
};

static const struct column TIMELINE[] = {
	{"AT", "at", COLUMN_TIME},
	{"KIND", "kind", COLUMN_TEXT},
	{"SEVERITY", "severity", COLUMN_TEXT},
	{"SERVICE", "service", COLUMN_TEXT},
	{"TEXT", "text", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

bool node_list_command(struct cli *cli, struct error *err)
{
	const char *path =
		cli_query(cli, "/api/v1/nodes", "selector", cli_option(cli, "selector"), "status",
			  cli_option(cli, "status"), "text", cli_option(cli, "text"), "sort",
			  cli_option(cli, "sort"), NULL);

	return run_list(cli, path, NODES,
			cli->option_count > 0 ? "no node matches"
					      : "no node yet; \"muster enroll-token create\" "
						"lets the first one in",
			err);
}

/* {items} of all probes of all services, each with the name of its service. */
static json_t *probes_of(const struct cli *cli, const json_t *services)
{
	json_t *items = json_array();
	json_t *service, *probe;
	size_t i, j;

	json_array_foreach (services, i, service) {
		json_array_foreach (json_object_get(service, "probes"), j, probe) {
			json_int_t took = json_integer_value(json_object_get(probe, "duration_us"));
			json_t *item = json_copy(probe);

			json_object_set(item, "service", json_object_get(service, "name"));
			if (took > 0)
				json_object_set_new(item, "took",
						    json_sprintf("%.1f ms", (double)took / 1000.0));
			json_array_append_new(items, item);
		}
	}
	return json_keep(json_pack("{s:o}", "items", items), cli->arena);
}

bool node_show_command(struct cli *cli, struct error *err)
{
	json_t *node;

	if (!client_call(cli->client, "GET", cli_path(cli, "/api/v1/nodes/%s", cli->arguments[0]),
			 NULL, cli->arena, &node, err))
		return false;
	print_object(cli, node, NODE);
	if (cli->json)
		return true;
	json_t *services = json_keep(json_pack("{s:O}", "items", json_object_get(node, "services")),
				     cli->arena);
	cli_say(cli, "%s", "");
	print_list(cli, services, SERVICES,
		   "no service yet; \"muster rollout start\" gives it one");
	json_t *probes = probes_of(cli, json_object_get(node, "services"));
	if (json_array_size(json_object_get(probes, "items")) > 0) {
		cli_say(cli, "%s", "");
		print_list(cli, probes, PROBES, "");
	}
	return true;
}

static bool patch(struct cli *cli, json_t *body, const char *said, struct error *err)
{
	return run_change(cli, "PATCH", cli_path(cli, "/api/v1/nodes/%s", cli->arguments[0]),
			  json_keep(body, cli->arena), said, err);
}

bool node_rename_command(struct cli *cli, struct error *err)
{
	return patch(cli, json_pack("{s:s}", "name", cli->arguments[1]), "renamed", err);
}

/* "site=plant-3" sets, "spare-" takes away, as kubectl does. */
bool node_label_command(struct cli *cli, struct error *err)
{
	json_t *node;

	if (!client_call(cli->client, "GET", cli_path(cli, "/api/v1/nodes/%s", cli->arguments[0]),
			 NULL, cli->arena, &node, err))
		return false;
	json_t *labels = json_keep(json_deep_copy(json_object_get(node, "labels")), cli->arena);
	for (size_t i = 1; i < cli->argument_count; i++) {
		const char *text = cli->arguments[i];
		size_t length = strlen(text);
		if (length > 1 && text[length - 1] == '-' && strchr(text, '=') == NULL)
			json_object_del(labels, arena_strndup(cli->arena, text, length - 1));
		else if (strchr(text, '=') == NULL)
			return error_set(err, ERR_INVALID,
					 "expected KEY=VALUE to set or KEY- to take away, not "
					 "\"%s\"",
					 text);
		else if (!add_pair(labels, text, err))
			return false;
	}
	return patch(cli, json_pack("{s:O}", "labels", labels), "labelled", err);
}

bool node_retire_command(struct cli *cli, struct error *err)
{
	if (!cli_switch(cli, "yes"))
		return error_set(err, ERR_INVALID,
				 "a retired node is cut off for good; say --yes to retire %s",
				 cli->arguments[0]);
	return run_change(cli, "POST", cli_path(cli, "/api/v1/nodes/%s/retire", cli->arguments[0]),
			  NULL, "retired", err);
}

bool node_timeline_command(struct cli *cli, struct error *err)
{
	return run_list(cli, cli_path(cli, "/api/v1/nodes/%s/timeline", cli->arguments[0]),
			TIMELINE, "nothing has happened yet", err);
}

bool node_desired_command(struct cli *cli, struct error *err)
{
	json_t *reply;

	if (!client_call(cli->client, "GET",
			 cli_path(cli, "/api/v1/nodes/%s/desired", cli->arguments[0]), NULL,
			 cli->arena, &reply, err))
		return false;
	print_json(reply);
	return true;
}

static bool command(struct cli *cli, const char *kind, struct error *err)
{
	json_t *body = json_keep(json_pack("{s:s, s:s*}", "kind", kind, "service",
					   cli->argument_count > 1 ? cli->arguments[1] : NULL),
				 cli->arena);

	return run_change(cli, "POST",
			  cli_path(cli, "/api/v1/nodes/%s/commands", cli->arguments[0]), body,
			  "sent; \"muster node timeline\" shows when it was done", err);
}

bool node_restart_command(struct cli *cli, struct error *err)
{
	return command(cli, "restart", err);
}

bool node_start_command(struct cli *cli, struct error *err)
{
	return command(cli, "start", err);
}

bool node_retry_command(struct cli *cli, struct error *err)
{
	return command(cli, "retry", err);
}

bool node_stop_command(struct cli *cli, struct error *err)
{
	return command(cli, "stop", err);
}
