/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fields.h"
#include "client.h"
#include "handlers.h"

static const struct column TOKENS[] = {
	{"ID", "id", COLUMN_TEXT},
	{"NAME", "name", COLUMN_TEXT},
	{"ROLE", "role", COLUMN_TEXT},
	{"SCOPES", "scopes", COLUMN_LIST},
	{"USED", "last_used_at", COLUMN_TIME},
	{"EXPIRES", "expires_at", COLUMN_TIME},
	{NULL, NULL, COLUMN_TEXT},
};

static const struct column USERS[] = {
	{"ID", "id", COLUMN_TEXT},
	{"LOGIN", "login", COLUMN_TEXT},
	{"NAME", "name", COLUMN_TEXT},
	{"ROLE", "role", COLUMN_TEXT},
	{"DISABLED", "disabled_at", COLUMN_TIME},
	{NULL, NULL, COLUMN_TEXT},
};

static const char *const TOKEN_KEYS[] = {"name", NULL};
static const char *const USER_KEYS[] = {"login", NULL};

static const struct column AUDIT[] = {
	{"AT", "at", COLUMN_TIME},
	{"WHO", "actor_name", COLUMN_TEXT},
	{"ACTION", "action", COLUMN_TEXT},
	{"KIND", "object_kind", COLUMN_TEXT},
	{"OBJECT", "object_id", COLUMN_TEXT},
	{"FROM", "remote", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

bool token_list_command(struct cli *cli, struct error *err)
{
	return run_list(cli, "/api/v1/tokens", TOKENS, "no token", err);
}

bool token_create_command(struct cli *cli, struct error *err)
{
	size_t count;
	const char *const *scopes = cli_options(cli, "scope", &count);
	json_t *body = json_keep(json_pack("{s:s}", "name", cli->arguments[0]), cli->arena), *reply;
	long long expires_ms;

	if (!cli_option_ms(cli, "expires", 0, &expires_ms, err))
		return false;
	if (cli_option(cli, "role") != NULL)
		json_object_set_new(body, "role", json_string(cli_option(cli, "role")));
	if (expires_ms > 0)
		json_object_set_new(body, "expires_in_s", json_integer(expires_ms / 1000));
	if (count > 0) {
		json_t *list = json_array();
		for (size_t i = 0; i < count; i++)
			json_array_append_new(list, json_string(scopes[i]));
		json_object_set_new(body, "scopes", list);
	}
	if (!client_call(cli->client, "POST", "/api/v1/tokens", body, cli->arena, &reply, err))
		return false;
	if (cli->json)
		print_json(reply);
	cli_say(cli, "the token, shown this once: %s",
		value_text(cli, json_object_get(reply, "token"), COLUMN_TEXT));
	return true;
}

bool token_revoke_command(struct cli *cli, struct error *err)
{
	const char *id;

	return find_id(cli, "/api/v1/tokens", "token", TOKEN_KEYS, &id, err) &&
	       run_change(cli, "DELETE", cli_path(cli, "/api/v1/tokens/%s", id), NULL, "revoked",
			  err);
}

bool user_list_command(struct cli *cli, struct error *err)
{
	return run_list(cli, "/api/v1/users", USERS, "nobody", err);
}

bool user_create_command(struct cli *cli, struct error *err)
{
	const char *password, *role = cli_option(cli, "role");

	if (!ask_secret(cli, "Password for the new user", &password, err))
		return false;
	json_t *body =
		json_keep(json_pack("{s:s, s:s, s:s}", "login", cli->arguments[0], "password",
				    password, "role", role != NULL ? role : "viewer"),
			  cli->arena);
	if (cli_option(cli, "name") != NULL)
		json_object_set_new(body, "name", json_string(cli_option(cli, "name")));
	return run_change(cli, "POST", "/api/v1/users", body, "created", err);
}

bool user_set_command(struct cli *cli, struct error *err)
{
	json_t *body = json_keep(json_object(), cli->arena);
	const char *disabled = cli_option(cli, "disabled"), *password, *id;
	bool off = false;

	if ((disabled != NULL && !bool_parse("disabled", disabled, &off, err)) ||
	    !find_id(cli, "/api/v1/users", "user", USER_KEYS, &id, err))
		return false;
	if (cli_option(cli, "role") != NULL)
		json_object_set_new(body, "role", json_string(cli_option(cli, "role")));
	if (cli_option(cli, "name") != NULL)
		json_object_set_new(body, "name", json_string(cli_option(cli, "name")));
	if (disabled != NULL)
		json_object_set_new(body, "disabled", json_boolean(off));
	if (cli_switch(cli, "password")) {
		if (!ask_secret(cli, "New password", &password, err))
			return false;
		json_object_set_new(body, "password", json_string(password));
	}
	return run_change(cli, "PATCH", cli_path(cli, "/api/v1/users/%s", id), body, "changed",
			  err);
}

bool user_delete_command(struct cli *cli, struct error *err)
{
	const char *id;

	return find_id(cli, "/api/v1/users", "user", USER_KEYS, &id, err) &&
	       run_change(cli, "DELETE", cli_path(cli, "/api/v1/users/%s", id), NULL, "deleted",
			  err);
}

bool project_list_command(struct cli *cli, struct error *err)
{
	return run_list(cli, "/api/v1/projects", PROJECTS, "the token reaches no project", err);
}

bool audit_list_command(struct cli *cli, struct error *err)
{
	return run_list(cli, "/api/v1/audit", AUDIT, "nothing yet", err);
}
