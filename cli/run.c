/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/settings.h"
#include "cli.h"
#include "client.h"
#include "help.h"
#include "profile.h"

enum {
	OPTIONS_MAX = 256,
	ARGUMENTS_MAX = 4096,
	TOKEN_FILE_MAX = 4096,
};

const struct option_spec GLOBAL_OPTIONS[] = {
	{"server", "URL", "https://host:port of musterd", false},
	{"token", "TOKEN", "API token; \"-\" reads it from standard input, @FILE from a file",
	 false},
	{"ca", "FILE", "certificate authority of the server, PEM", false},
	{"project", "NAME", "project, by id or name", false},
	{"output", "table|json", "what to print (-o; default: table)", false},
	{"quiet", NULL, "print results only", false},
	{"utc", NULL, "show times in UTC", false},
	{"help", NULL, "this text", false},
	{NULL, NULL, NULL, false},
};

const char *cli_option(const struct cli *cli, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < cli->option_count; i++)
		if (strcmp(cli->options[i].name, name) == 0)
			value = cli->options[i].value;
	return value;
}

bool cli_switch(const struct cli *cli, const char *name)
{
	return cli_option(cli, name) != NULL;
}

const char *const *cli_options(const struct cli *cli, const char *name, size_t *count)
{
	const char **values = arena_array(cli->arena, cli->option_count + 1, sizeof(*values));
	size_t n = 0;

	for (size_t i = 0; i < cli->option_count; i++)
		if (strcmp(cli->options[i].name, name) == 0)
			values[n++] = cli->options[i].value;
	*count = n;
	return values;
}

bool cli_option_int(const struct cli *cli, const char *name, long long preset, long long *out,
		    struct error *err)
{
	const char *text = cli_option(cli, name);
	char *end;

	*out = preset;
	if (text == NULL)
		return true;
	*out = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || *out < 0)
		return error_set(err, ERR_INVALID, "--%s takes a whole number, not \"%s\"", name,
				 text);
	return true;
}

bool bool_parse(const char *name, const char *text, bool *out, struct error *err)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0 && strcmp(text, "yes") != 0 &&
	    strcmp(text, "no") != 0)
		return error_set(err, ERR_INVALID, "--%s takes true or false, not \"%s\"", name,
				 text);
	*out = text[0] == 't' || text[0] == 'y';
	return true;
}

bool cli_option_ms(const struct cli *cli, const char *name, long long preset, long long *out,
		   struct error *err)
{
	const char *text = cli_option(cli, name);
	int64_t milliseconds;

	*out = preset;
	if (text == NULL)
		return true;
	if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0')
		return cli_option_int(cli, name, preset, out, err);
	if (!duration_parse(text, &milliseconds))
		return error_set(err, ERR_INVALID,
				 "--%s takes a time such as 500ms, 30s, 10m, 24h or 7d, not \"%s\"",
				 name, text);
	*out = milliseconds;
	return true;
}

static const struct option_spec *spec_find(const struct option_spec *specs, const char *name,
					   size_t length)
{
	for (; specs != NULL && specs->name != NULL; specs++)
		if (strlen(specs->name) == length && strncmp(specs->name, name, length) == 0)
			return specs;
	return NULL;
}

static bool no_option(const struct cli *cli, const char *name, struct error *err)
{
	const struct command *command = cli->command;
	const char *near;

	if (command == NULL)
		return error_set(err, ERR_INVALID,
				 "there is no option --%s before the command; see muster --help",
				 name);
	near = help_nearest_option(command, name);
	if (near != NULL)
		return error_set(err, ERR_INVALID, "there is no option --%s; did you mean --%s?",
				 name, near);
	return error_set(err, ERR_INVALID, "there is no option --%s; see muster %s%s%s --help",
			 name, command->group != NULL ? command->group : "",
			 command->group != NULL ? " " : "", command->name);
}

/* Takes argv[*i] and perhaps its value. command NULL: only global options are known yet. */
static bool take_option(struct cli *cli, int argc, char **argv, int *i, struct option *options,
			struct error *err)
{
	const char *text = argv[*i] + 2;
	size_t length = strcspn(text, "=");
	const struct option_spec *spec = spec_find(GLOBAL_OPTIONS, text, length);

	if (spec == NULL && cli->command != NULL)
		spec = spec_find(cli->command->options, text, length);
	if (spec == NULL)
		return no_option(cli, arena_strndup(cli->arena, text, length), err);
	if (cli->option_count == OPTIONS_MAX)
		return error_set(err, ERR_TOO_LARGE, "more than %d options", OPTIONS_MAX);

	struct option *option = &options[cli->option_count++];
	option->name = spec->name;
	option->value = "";
	if (text[length] == '=' && spec->value == NULL)
		return error_set(err, ERR_INVALID, "--%s takes no value", spec->name);
	if (text[length] == '=')
		option->value = text + length + 1;
	else if (spec->value != NULL && *i + 1 >= argc)
		return error_set(err, ERR_INVALID, "--%s needs a value (%s)", spec->name,
				 spec->value);
	else if (spec->value != NULL)
		option->value = argv[++*i];
	return true;
}

static const struct command *command_find(const char *group, const char *name)
{
	for (size_t i = 0; i < COMMANDS_COUNT; i++) {
		const struct command *command = &COMMANDS[i];
		if (strcmp(command->name, name) == 0 &&
		    (group == NULL ? command->group == NULL
				   : command->group != NULL && strcmp(command->group, group) == 0))
			return command;
	}
	return NULL;
}

static bool group_known(const char *group)
{
	for (size_t i = 0; i < COMMANDS_COUNT; i++)
		if (COMMANDS[i].group != NULL && strcmp(COMMANDS[i].group, group) == 0)
			return true;
	return false;
}

struct words {
	const char *group; /* seen, but no command yet */
	bool options_ended;
	struct option *options;
	const char **arguments;
};

static bool take_word(struct cli *cli, struct words *words, const char *word, struct error *err)
{
	if (cli->command != NULL) {
		if (cli->argument_count == ARGUMENTS_MAX)
			return error_set(err, ERR_TOO_LARGE, "more than %d arguments",
					 ARGUMENTS_MAX);
		words->arguments[cli->argument_count++] = word;
		return true;
	}
	if (words->group == NULL && group_known(word)) {
		words->group = word;
		return true;
	}
	cli->command = command_find(words->group, word);
	if (cli->command != NULL)
		return true;
	const char *near = help_nearest(words->group, word);
	const char *group = words->group != NULL ? words->group : "";
	const char *space = words->group != NULL ? " " : "";
	if (near != NULL)
		return error_set(err, ERR_INVALID,
				 "there is no command \"%s%s%s\"; did you mean \"%s%s%s\"?", group,
				 space, word, group, space, near);
	return error_set(err, ERR_INVALID, "there is no command \"%s%s%s\"; see muster %s%s--help",
			 group, space, word, group, space);
}

static bool parse(struct cli *cli, struct words *words, int argc, char **argv, struct error *err)
{
	for (int i = 1; i < argc; i++) {
		bool good;
		if (strcmp(argv[i], "--") == 0 && !words->options_ended) {
			words->options_ended = true;
			continue;
		}
		if (strcmp(argv[i], "-h") == 0)
			argv[i] = arena_strdup(cli->arena, "--help");
		if (strcmp(argv[i], "-f") == 0)
			argv[i] = arena_strdup(cli->arena, "--follow");
		if (strcmp(argv[i], "-m") == 0)
			argv[i] = arena_strdup(cli->arena, "--message");
		if (strcmp(argv[i], "-o") == 0)
			argv[i] = arena_strdup(cli->arena, "--output");
		/* "muster help node list" and "muster --version", as habit has it. */
		if (i == 1 && strcmp(argv[i], "help") == 0)
			argv[i] = arena_strdup(cli->arena, "--help");
		if (i == 1 && strcmp(argv[i], "--version") == 0)
			argv[i] = arena_strdup(cli->arena, "version");
		if (strncmp(argv[i], "--", 2) == 0 && !words->options_ended)
			good = take_option(cli, argc, argv, &i, words->options, err);
		else
			good = take_word(cli, words, argv[i], err);
		if (!good)
			return false;
	}
	return true;
}

static bool check_arguments(const struct cli *cli, struct error *err)
{
	const struct command *command = cli->command;
	int count = (int)cli->argument_count;

	if (count >= command->least && (command->most < 0 || count <= command->most))
		return true;
	return error_set(err, ERR_INVALID, "usage: muster %s%s%s %s",
			 command->group != NULL ? command->group : "",
			 command->group != NULL ? " " : "", command->name, command->arguments);
}

/* A token on the command line is seen by every user of the machine: it may come otherwise. */
static bool read_token(struct arena *arena, const char **token, struct error *err)
{
	char line[512];

	if (*token == NULL)
		return true;
	if (strcmp(*token, "-") == 0) {
		if (fgets(line, sizeof(line), stdin) == NULL)
			return error_set(err, ERR_INVALID, "no token on standard input");
		*token = arena_strndup(arena, line, strcspn(line, "\r\n"));
	} else if ((*token)[0] == '@') {
		char *text;
		if (!file_read(*token + 1, TOKEN_FILE_MAX, arena, &text, NULL, err))
			return false;
		*token = arena_strndup(arena, text, strcspn(text, "\r\n"));
	}
	return true;
}

static bool connect_server(struct cli *cli, struct error *err)
{
	struct profile profile;

	if (!profile_load(cli->arena, &profile, err))
		return false;
	if (cli_option(cli, "server") != NULL)
		profile.server = cli_option(cli, "server");
	if (cli_option(cli, "ca") != NULL)
		profile.ca = cli_option(cli, "ca");
	if (cli_option(cli, "token") != NULL)
		profile.token = cli_option(cli, "token");
	if (cli_option(cli, "project") != NULL)
		profile.project = cli_option(cli, "project");
	/* MUSTER_CA= is how a shell says that there is none. */
	if (profile.ca != NULL && profile.ca[0] == '\0')
		profile.ca = NULL;
	if (profile.server == NULL)
		return error_set(err, ERR_INVALID,
				 "which server? sign in with \"muster login --server URL\", or set "
				 "MUSTER_SERVER and MUSTER_TOKEN");
	if (!read_token(cli->arena, &profile.token, err))
		return false;
	struct client_settings settings = {.server = profile.server,
					   .ca_file = profile.ca,
					   .token = profile.token,
					   .project = profile.project};
	cli->client = client_new(&settings);
	return true;
}

static bool choose_output(struct cli *cli, struct error *err)
{
	const char *output = cli_option(cli, "output");

	cli->json = output != NULL && strcmp(output, "json") == 0;
	cli->quiet = cli_switch(cli, "quiet");
	cli->utc = cli_switch(cli, "utc");
	cli->tty = isatty(STDOUT_FILENO) != 0;
	if (output == NULL || cli->json || strcmp(output, "table") == 0)
		return true;
	return error_set(err, ERR_INVALID, "--output takes table or json, not \"%s\"", output);
}

static void say_error(const struct cli *cli, const struct error *err)
{
	(void)cli;
	fprintf(stderr, "muster: %s\n", err->text);
}

int cli_run(int argc, char **argv)
{
	struct arena *arena = arena_new();
	struct cli cli = {.arena = arena};
	struct error err;
	struct words words = {
		.options = arena_array(arena, OPTIONS_MAX, sizeof(*words.options)),
		.arguments = arena_array(arena, ARGUMENTS_MAX, sizeof(*words.arguments)),
	};

	cli.options = words.options;
	cli.arguments = words.arguments;
	bool parsed = parse(&cli, &words, argc, argv, &err);
	if (cli_switch(&cli, "help") || (parsed && cli.command == NULL)) {
		help_print(words.group, cli.command);
		cli.status = cli_switch(&cli, "help") ? EXIT_DONE : EXIT_USAGE;
	} else if (!parsed || !choose_output(&cli, &err) || !check_arguments(&cli, &err)) {
		say_error(&cli, &err);
		cli.status = EXIT_USAGE;
	} else if ((!cli.command->offline && !connect_server(&cli, &err)) ||
		   !cli.command->run(&cli, &err)) {
		say_error(&cli, &err);
		if (cli.status == EXIT_DONE)
			cli.status = EXIT_ERROR;
	}
	client_free(cli.client);
	arena_free(arena);
	return (int)cli.status;
}
