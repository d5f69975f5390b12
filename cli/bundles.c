/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fields.h"
#include "client.h"
#include "handlers.h"

static const struct column REPORT[] = {
	{"node", "name", COLUMN_TEXT},
	{"made", "made_at", COLUMN_TIME},
	{"generation", "generation", COLUMN_TEXT},
	{"last result", "state", COLUMN_TEXT},
	{"new messages", "stored", COLUMN_TEXT},
	{"known before", "repeated", COLUMN_TEXT},
	{"refused", "refused", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

/* The names of all nodes that a selector matches, page by page. */
static bool add_selected(struct cli *cli, const char *selector, json_t *nodes, struct error *err)
{
	const char *cursor = NULL;
	size_t index;
	json_t *reply, *node;

	do {
		const char *path = cli_query(cli, "/api/v1/nodes", "selector",
					     strcmp(selector, "*") == 0 ? NULL : selector, "limit",
					     "500", "cursor", cursor, NULL);

		if (!client_call(cli->client, "GET", path, NULL, cli->arena, &reply, err))
			return false;
		json_array_foreach (json_object_get(reply, "items"), index, node)
			if (strcmp(json_string_value(json_object_get(node, "status")), "retired") !=
			    0)
				json_array_append(nodes, json_object_get(node, "name"));
		cursor = json_string_value(json_object_get(reply, "next_cursor"));
	} while (cursor != NULL);
	return true;
}

bool bundle_create_command(struct cli *cli, struct error *err)
{
	const char *selector = cli_option(cli, "selector"), *out = cli_option(cli, "out");
	json_t *nodes = json_keep(json_array(), cli->arena);
	long long days;

	for (size_t i = 0; i < cli->argument_count; i++)
		json_array_append_new(nodes, json_string(cli->arguments[i]));
	if (!cli_option_int(cli, "valid", 14, &days, err) ||
	    (selector != NULL && !add_selected(cli, selector, nodes, err)))
		return false;
	if (json_array_size(nodes) == 0)
		return error_set(err, ERR_INVALID,
				 selector != NULL ? "no node matches"
						  : "for which nodes? name them, or --selector");
	if (out == NULL)
		out = arena_printf(cli->arena, "%s.mst",
				   json_array_size(nodes) == 1
					   ? json_string_value(json_array_get(nodes, 0))
					   : "nodes");
	json_t *body =
		json_keep(json_pack("{s:O, s:I}", "nodes", nodes, "valid_days", (json_int_t)days),
			  cli->arena);
	struct client_download download = {.file = out,
					   .header = "Muster-Expires-At",
					   .show = !cli->quiet && isatty(STDERR_FILENO)};
	if (!client_receive_file(cli->client, "/api/v1/bundles", body, &download, cli->arena, err))
		return false;
	if (cli->json)
		print_json(json_keep(json_pack("{s:s, s:I, s:s?, s:O}", "file", out, "size",
					       (json_int_t)download.size_bytes, "expires_at",
					       download.value, "nodes", nodes),
				     cli->arena));
	cli_say(cli,
		"%s: %.1f MB for %zu node%s, good until %.10s; on the device: muster-agent apply %s",
		out, (double)download.size_bytes / 1e6, json_array_size(nodes),
		json_array_size(nodes) == 1 ? "" : "s", download.value ? download.value : "?", out);
	return true;
}

bool bundle_report_command(struct cli *cli, struct error *err)
{
	for (size_t i = 0; i < cli->argument_count; i++) {
		struct stat status;
		json_t *reply;

		if (stat(cli->arguments[i], &status) != 0)
			return error_set(err, ERR_INVALID, "could not read %s", cli->arguments[i]);
		struct client_upload upload = {.file = cli->arguments[i], .size = status.st_size};
		if (!client_send_file(cli->client, "POST", "/api/v1/bundle-reports", &upload,
				      cli->arena, &reply, err))
			return error_prefix(err, "%s", cli->arguments[i]);
		print_object(cli, reply, REPORT);
	}
	return true;
}
