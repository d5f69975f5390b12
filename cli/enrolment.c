/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fields.h"
#include "client.h"
#include "handlers.h"

static const struct column TOKENS[] = {
	{"ID", "id", COLUMN_TEXT},
	{"NAME", "name", COLUMN_TEXT},
	{"LABELS", "labels", COLUMN_LABELS},
	{"USES LEFT", "uses_left", COLUMN_TEXT},
	{"EXPIRES", "expires_at", COLUMN_TIME},
	{NULL, NULL, COLUMN_TEXT},
};

bool enroll_token_create_command(struct cli *cli, struct error *err)
{
	long long uses, expires_ms;
	json_t *labels = json_keep(json_object(), cli->arena), *reply;
	size_t count;
	const char *const *pairs = cli_options(cli, "label", &count);

	if (!cli_option_int(cli, "uses", 1, &uses, err) ||
	    !cli_option_ms(cli, "expires", 24LL * 3600 * 1000, &expires_ms, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!add_pair(labels, pairs[i], err))
			return false;
	json_t *body =
		json_keep(json_pack("{s:I, s:I, s:O}", "uses", (json_int_t)uses, "expires_in_s",
				    (json_int_t)(expires_ms / 1000), "labels", labels),
			  cli->arena);
	if (cli_option(cli, "name") != NULL)
		json_object_set_new(body, "name", json_string(cli_option(cli, "name")));
	if (!client_call(cli->client, "POST", "/api/v1/enroll-tokens", body, cli->arena, &reply,
			 err))
		return false;
	if (cli->json) {
		print_json(reply);
		return true;
	}
	const char *install = json_string_value(json_object_get(reply, "install_command"));
	cli_say(cli, "The token is shown this once. %s",
		install ? "On a gateway without an agent run as root:" : "On the gateway run:");
	cli_say(cli, "%s", "");
	if (install)
		cli_say(cli, "  %s\n\nWhere muster-agent is installed already:\n", install);
	cli_say(cli, "  %s", value_text(cli, json_object_get(reply, "command"), COLUMN_TEXT));
	cli_say(cli, "  muster-agent run --dir /var/lib/muster-agent");
	if (cli->quiet)
		print_object(cli, reply,
			     (const struct column[]){{"token", "token", COLUMN_TEXT},
						     {NULL, NULL, COLUMN_TEXT}});
	return true;
}

bool enroll_token_list_command(struct cli *cli, struct error *err)
{
	return run_list(cli, "/api/v1/enroll-tokens", TOKENS,
			"no enrolment token; \"muster enroll-token create\" makes one", err);
}

bool enroll_token_revoke_command(struct cli *cli, struct error *err)
{
	return run_change(cli, "DELETE",
			  cli_path(cli, "/api/v1/enroll-tokens/%s", cli->arguments[0]), NULL,
			  "revoked", err);
}
