/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/fields.h"
#include "client.h"
#include "handlers.h"

static const struct column ALERTS[] = {
	{"ID", "id", COLUMN_TEXT},
	{"STATE", "state", COLUMN_TEXT},
	{"SEVERITY", "severity", COLUMN_TEXT},
	{"RULE", "rule_name", COLUMN_TEXT},
	{"SINCE", "started_at", COLUMN_TIME},
	{"SUMMARY", "summary", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

static const struct column RULES[] = {
	{"ID", "id", COLUMN_TEXT},	    {"NAME", "name", COLUMN_TEXT},
	{"KIND", "kind", COLUMN_TEXT},	    {"SEVERITY", "severity", COLUMN_TEXT},
	{"FOR", "for_ms", COLUMN_DURATION}, {"ENABLED", "enabled", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

static const struct column WEBHOOKS[] = {
	{"ID", "id", COLUMN_TEXT},	     {"NAME", "name", COLUMN_TEXT},
	{"URL", "url", COLUMN_TEXT},	     {"EVENTS", "events", COLUMN_LIST},
	{"ENABLED", "enabled", COLUMN_TEXT}, {NULL, NULL, COLUMN_TEXT},
};

static const struct column DELIVERIES[] = {
	{"ID", "id", COLUMN_TEXT},
	{"EVENT", "event_type", COLUMN_TEXT},
	{"STATE", "state", COLUMN_TEXT},
	{"ATTEMPT", "attempt", COLUMN_TEXT},
	{"STATUS", "last_status", COLUMN_TEXT},
	{"CREATED", "created_at", COLUMN_TIME},
	{"ERROR", "last_error", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

bool alert_list_command(struct cli *cli, struct error *err)
{
	const char *state = cli_option(cli, "state");

	if (state == NULL)
		state = "open";
	return run_list(cli,
			cli_query(cli, "/api/v1/alerts", "state",
				  strcmp(state, "all") == 0 ? NULL : state, "node",
				  cli_option(cli, "node"), NULL),
			ALERTS, "no alert", err);
}

bool alert_ack_command(struct cli *cli, struct error *err)
{
	return run_change(cli, "POST",
			  cli_path(cli, "/api/v1/alerts/%s/acknowledge", cli->arguments[0]), NULL,
			  "acknowledged", err);
}

bool alert_rule_list_command(struct cli *cli, struct error *err)
{
	return run_list(cli, "/api/v1/alert-rules", RULES, "no rule", err);
}

/* A project begins with one rule of each kind, so the kind will do. */
static const char *const RULE_KEYS[] = {"kind", "name", NULL};
static const char *const WEBHOOK_KEYS[] = {"name", NULL};

static bool find_webhook(struct cli *cli, const char **id, struct error *err)
{
	return find_id(cli, "/api/v1/webhooks", "webhook", WEBHOOK_KEYS, id, err);
}

bool alert_rule_set_command(struct cli *cli, struct error *err)
{
	json_t *body = json_keep(json_object(), cli->arena);
	const char *enabled = cli_option(cli, "enabled"), *id;
	long long for_ms;
	bool on = true;

	if ((enabled != NULL && !bool_parse("enabled", enabled, &on, err)) ||
	    !cli_option_ms(cli, "for", -1, &for_ms, err) ||
	    !find_id(cli, "/api/v1/alert-rules", "rule", RULE_KEYS, &id, err))
		return false;
	if (for_ms >= 0)
		json_object_set_new(body, "for_ms", json_integer(for_ms));
	if (enabled != NULL)
		json_object_set_new(body, "enabled", json_boolean(on));
	if (cli_option(cli, "severity") != NULL)
		json_object_set_new(body, "severity", json_string(cli_option(cli, "severity")));
	if (cli_option(cli, "name") != NULL)
		json_object_set_new(body, "name", json_string(cli_option(cli, "name")));
	return run_change(cli, "PATCH", cli_path(cli, "/api/v1/alert-rules/%s", id), body,
			  "changed", err);
}

bool webhook_list_command(struct cli *cli, struct error *err)
{
	return run_list(cli, "/api/v1/webhooks", WEBHOOKS,
			"no webhook; \"muster webhook create\" makes one", err);
}

bool webhook_create_command(struct cli *cli, struct error *err)
{
	size_t count;
	const char *const *events = cli_options(cli, "event", &count);
	const char *url = cli_option(cli, "url");
	json_t *list = json_keep(json_array(), cli->arena), *reply;

	if (url == NULL)
		return error_set(err, ERR_INVALID, "where to? --url URL");
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(events[i]));
	if (count == 0)
		json_array_append_new(list, json_string("*"));
	json_t *body = json_keep(
		json_pack("{s:s, s:s, s:O}", "name", cli->arguments[0], "url", url, "events", list),
		cli->arena);
	if (!client_call(cli->client, "POST", "/api/v1/webhooks", body, cli->arena, &reply, err))
		return false;
	if (cli->json)
		print_json(reply);
	cli_say(cli, "created %s; its secret, shown this once: %s",
		value_text(cli, json_object_get(reply, "id"), COLUMN_TEXT),
		value_text(cli, json_object_get(reply, "secret"), COLUMN_TEXT));
	return true;
}

bool webhook_set_command(struct cli *cli, struct error *err)
{
	json_t *body = json_keep(json_object(), cli->arena), *list;
	const char *enabled = cli_option(cli, "enabled"), *id;
	size_t count;
	const char *const *events = cli_options(cli, "event", &count);
	bool on = true;

	if ((enabled != NULL && !bool_parse("enabled", enabled, &on, err)) ||
	    !find_webhook(cli, &id, err))
		return false;
	if (enabled != NULL)
		json_object_set_new(body, "enabled", json_boolean(on));
	if (cli_option(cli, "name") != NULL)
		json_object_set_new(body, "name", json_string(cli_option(cli, "name")));
	if (cli_option(cli, "url") != NULL)
		json_object_set_new(body, "url", json_string(cli_option(cli, "url")));
	if (count > 0) {
		list = json_array();
		for (size_t i = 0; i < count; i++)
			json_array_append_new(list, json_string(events[i]));
		json_object_set_new(body, "events", list);
	}
	return run_change(cli, "PATCH", cli_path(cli, "/api/v1/webhooks/%s", id), body, "changed",
			  err);
}

bool webhook_test_command(struct cli *cli, struct error *err)
{
	const char *id;

	return find_webhook(cli, &id, err) &&
	       run_change(cli, "POST", cli_path(cli, "/api/v1/webhooks/%s/test", id), NULL,
			  "queued; \"muster webhook deliveries\" shows how it went", err);
}

bool webhook_deliveries_command(struct cli *cli, struct error *err)
{
	const char *id;

	return find_webhook(cli, &id, err) &&
	       run_list(cli, cli_path(cli, "/api/v1/webhooks/%s/deliveries", id), DELIVERIES,
			"nothing was sent yet", err);
}

bool webhook_redeliver_command(struct cli *cli, struct error *err)
{
	return run_change(cli, "POST",
			  cli_path(cli, "/api/v1/deliveries/%s/redeliver", cli->arguments[0]), NULL,
			  "queued", err);
}

bool webhook_delete_command(struct cli *cli, struct error *err)
{
	const char *id;

	return find_webhook(cli, &id, err) &&
	       run_change(cli, "DELETE", cli_path(cli, "/api/v1/webhooks/%s", id), NULL, "deleted",
			  err);
}
