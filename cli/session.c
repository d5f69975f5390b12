/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/fields.h"
#include "base/x509.h"
#include "client.h"
#include "handlers.h"
#include "profile.h"

static bool ask(struct cli *cli, const char *prompt, bool hidden, const char **out,
		struct error *err)
{
	struct termios before, silent;
	char line[512];
	bool tty = isatty(STDIN_FILENO) != 0;

	if (tty)
		fprintf(stderr, "%s: ", prompt);
	if (tty && hidden && tcgetattr(STDIN_FILENO, &before) == 0) {
		silent = before;
		silent.c_lflag &= (tcflag_t)~ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	}
	char *got = fgets(line, sizeof(line), stdin);
	if (tty && hidden) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputs("\n", stderr);
	}
	if (got == NULL)
		return error_set(err, ERR_INVALID, "%s: nothing on standard input", prompt);
	*out = arena_strndup(cli->arena, line, strcspn(line, "\r\n"));
	secure_wipe(line, sizeof(line));
	return true;
}

bool ask_secret(struct cli *cli, const char *prompt, const char **out, struct error *err)
{
	return ask(cli, prompt, true, out, err);
}

/* Learns the server's authority and believes it only if its fingerprint is the expected one. */
static bool meet(struct cli *cli, const char *server, char **ca, struct error *err)
{
	const char *expected = cli_option(cli, "ca-fingerprint"), *answer;
	struct certificate certificate;

	if (!client_fetch_untrusted(arena_printf(cli->arena, "%s/api/v1/ca", server), cli->arena,
				    ca, err) ||
	    !certificate_parse(*ca, strlen(*ca), cli->arena, &certificate, err))
		return false;
	if (expected != NULL && strncmp(expected, "sha256:", 7) == 0)
		expected += 7;
	if (expected != NULL && strcasecmp(expected, certificate.fingerprint) != 0)
		return error_set(err, ERR_FORBIDDEN,
				 "the CA fingerprint of %s is %s, not the one given: you may be "
				 "talking to somebody else",
				 server, certificate.fingerprint);
	if (expected != NULL)
		return true;
	if (!isatty(STDIN_FILENO))
		return error_set(err, ERR_INVALID,
				 "whose server is it? give --ca-fingerprint (musterd prints it)");
	fprintf(stderr, "CA fingerprint of %s: %s\nDoes musterd print the same? ", server,
		certificate.fingerprint);
	if (!ask(cli, "yes or no", false, &answer, err))
		return false;
	return strcmp(answer, "yes") == 0 || error_set(err, ERR_FORBIDDEN, "not trusted");
}

/* Signs in with a password, only to make a token of its own for this machine. */
static bool trade_password(struct cli *cli, struct client *client, const char **token,
			   struct error *err)
{
	const char *user = cli_option(cli, "user"), *password;
	char host[128] = "somewhere";
	json_t *session, *made;

	if (user == NULL && !ask(cli, "User", false, &user, err))
		return false;
	if (!ask(cli, "Password", true, &password, err))
		return false;
	gethostname(host, sizeof(host) - 1);
	json_t *body =
		json_keep(json_pack("{s:s, s:s}", "login", user, "password", password), cli->arena);
	if (!client_call(client, "POST", "/api/v1/session", body, cli->arena, &session, err))
		return err->code == ERR_UNAUTHENTICATED
			       ? error_set(err, ERR_UNAUTHENTICATED, "login or password is wrong")
			       : false;
	client_header(client, "X-CSRF-Token", json_string_value(json_object_get(session, "csrf")));
	json_t *wish = json_keep(json_pack("{s:s, s:s}", "name",
					   arena_printf(cli->arena, "muster on %s", host), "role",
					   json_string_value(json_at(session, "project.role"))),
				 cli->arena);
	if (!client_call(client, "POST", "/api/v1/tokens", wish, cli->arena, &made, err))
		return false;
	*token = json_string_value(json_object_get(made, "token"));
	return *token != NULL || error_set(err, ERR_INTERNAL, "the server made no token");
}

bool login_command(struct cli *cli, struct error *err)
{
	struct profile profile = {.server = cli_option(cli, "server"),
				  .token = cli_option(cli, "token"),
				  .project = cli_option(cli, "project"),
				  .ca = cli_option(cli, "ca")};
	char *ca = NULL;
	json_t *reply;

	if (cli->argument_count > 0)
		profile.server = cli->arguments[0];
	if (profile.project == NULL)
		profile.project = getenv("MUSTER_PROJECT");
	if (profile.server == NULL)
		profile.server = getenv("MUSTER_SERVER");
	if (profile.server == NULL)
		return error_set(err, ERR_INVALID,
				 "which server? muster login https://host:port (musterd prints it "
				 "as \"dashboard\")");
	if (strstr(profile.server, "://") == NULL)
		profile.server = arena_printf(cli->arena, "https://%s", profile.server);
	if (profile.ca == NULL && strncmp(profile.server, "https://", 8) == 0 &&
	    !meet(cli, profile.server, &ca, err))
		return false;
	/* An earlier sign-in stays as it is until this one has succeeded. */
	if (ca != NULL && !profile_keep_ca(cli->arena, &profile, ca, err))
		return false;

	struct client_settings settings = {
		.server = profile.server, .ca_file = profile.ca, .project = profile.project};
	if (profile.token == NULL) {
		struct client *client = client_new(&settings);
		bool done = trade_password(cli, client, &profile.token, err);
		client_free(client);
		if (!done)
			return false;
	}
	settings.token = profile.token;
	struct client *client = client_new(&settings);
	bool done = client_call(client, "GET", "/api/v1/projects", NULL, cli->arena, &reply, err);
	client_free(client);
	if (!done || !profile_save(cli->arena, &profile, err))
		return false;
	json_t *project = json_array_get(json_object_get(reply, "items"), 0);
	cli_say(cli, "signed in to %s, project %s", profile.server,
		value_text(cli, json_object_get(project, "name"), COLUMN_TEXT));
	return true;
}

bool logout_command(struct cli *cli, struct error *err)
{
	if (!profile_forget(cli->arena, err))
		return false;
	cli_say(cli, "signed out here; the token itself lives until \"muster token revoke\"");
	return true;
}

bool whoami_command(struct cli *cli, struct error *err)
{
	return run_list(cli, "/api/v1/projects", PROJECTS, "the token reaches no project", err);
}

bool version_command(struct cli *cli, struct error *err)
{
	(void)err;
	if (cli->json)
		print_json(json_keep(json_pack("{s:s}", "version", MUSTER_VERSION), cli->arena));
	else
		printf("muster %s\n", MUSTER_VERSION);
	return true;
}
