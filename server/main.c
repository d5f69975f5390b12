/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "commands.h"
#include "config.h"
#include "domain/package/patch.h"
#include "serve.h"
#include "signer/process.h"
#include "standalone/standalone.h"

enum { HELP_MAX = 64 << 10 };

static int print_help(FILE *out);

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

static int run_server(int argc, char **argv, int (*run)(const struct config *))
{
	struct arena *arena = arena_new();
	enum log_level level;
	struct config config;
	struct error err;
	int index = 1;
	int status = 2;

	/* Before any thread: the seed is global. */
	json_object_seed(0);
	if (!config_load(argc, argv, &index, arena, &config, &err)) {
		fprintf(stderr, "musterd: %s\n", err.text);
	} else if (index < argc) {
		fprintf(stderr, "musterd: unexpected argument %.64s\n", argv[index]);
	} else {
		if (log_level_parse(config.log_level, &level))
			log_set_level(level);
		status = run(&config);
	}
	arena_free(arena);
	return status;
}

static int command_standalone(int argc, char **argv)
{
	return run_server(argc, argv, standalone_run);
}

static int command_serve(int argc, char **argv)
{
	return run_server(argc, argv, serve_run);
}

/* Started by the server itself, with a socket on descriptor 3. */
static int command_signer(int argc, char **argv)
{
	if (argc != 3 || strcmp(argv[1], "--data") != 0) {
		fprintf(stderr, "musterd: signer is started by the server itself\n");
		return 2;
	}
	log_set_component("signer");
	return signer_run(argv[2]);
}

static int command_make_patch(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "musterd: make-patch OLD NEW OUT\n");
		return 2;
	}
	return patch_main(argc - 1, argv + 1);
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} COMMANDS[] = {
	{"standalone", command_standalone,
	 "everything on this machine: own PostgreSQL, broker and authority"},
	{"serve", command_serve, "on an existing PostgreSQL and an existing broker"},
	{"migrate", command_migrate, "bring the database to the schema of this program"},
	{"check", command_check,
	 "whether settings and schema are right (--routes: list endpoints)"},
	{"token", command_token, "create --name NAME [--project P] [--role R] [--user LOGIN]"},
	{"user", command_user,
	 "create --login LOGIN [--project P] [--role R] [--system-admin]; "
	 "password --login LOGIN"},
	{"key", command_key,
	 "list; rotate: sign with a second key too; finish: with that one only"},
	{"signer", command_signer, "the process with the keys; the server starts it by itself"},
	{"make-patch", command_make_patch,
	 "OLD NEW OUT: the difference of two archives; the server does so by itself"},
};

static int print_help(FILE *out)
{
	struct strbuf text;

	fprintf(out, "musterd %s: the server of Muster\n\nusage: musterd COMMAND [OPTIONS]\n\n",
		MUSTER_VERSION);
	for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++)
		fprintf(out, "  %-11s %s\n", COMMANDS[i].name, COMMANDS[i].help);
	fprintf(out, "\nEach option can also be \"name = value\" in the file that --config FILE or "
		     "MUSTER_CONFIG\nnames, or the environment variable MUSTER_NAME.\n\n");
	strbuf_init(&text, NULL, HELP_MAX);
	settings_help(CONFIG_SETTINGS, &text);
	fputs(text.data, out);
	strbuf_release(&text);
	return out == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	log_set_component("musterd");
	if (argc < 2)
		return print_help(stderr);
	if (strcmp(argv[1], "help") == 0 || asks_for_help(argc, argv))
		return print_help(stdout);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
		printf("musterd %s\n", MUSTER_VERSION);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++)
		if (strcmp(argv[1], COMMANDS[i].name) == 0)
			return COMMANDS[i].run(argc - 1, argv + 1);
	fprintf(stderr, "musterd: there is no command \"%.32s\"; see musterd --help\n", argv[1]);
	return 2;
}
