/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "base/fields.h"
#include "base/log.h"
#include "control_ask.h"
#include "enroll.h"
#include "fetch/download.h"
#include "fetch/import.h"
#include "fetch/unpack.h"
#include "init.h"
#include "local.h"
#include "reconcile/snapshot.h"
#include "reconcile/take_over.h"
#include "renewal.h"
#include "upgrade/watch.h"

enum { EXIT_USAGE = 2, MAX_HELP = 64 * 1024 };

struct command {
	const char *name;
	const char *help; /* NULL: internal, not shown */
	int (*run)(int argc, char **argv);
};

static int fail(const struct error *err)
{
	fprintf(stderr, "muster-agent: %s\n", err->text);
	return err->code == ERR_INVALID && err->field[0] == '\0' ? EXIT_USAGE : EXIT_FAILURE;
}

static bool load(int argc, char **argv, struct arena *arena, struct config *config,
		 struct error *err)
{
	enum log_level level;

	if (!config_load(argc, argv, arena, config, err))
		return false;
	if (!log_level_parse(config->log_level, &level))
		return error_set(err, ERR_INVALID,
				 "log_level \"%s\" is not debug, info, warn or error",
				 config->log_level);
	log_set_level(level);
	return true;
}

/* Runs the agent; *watch: another one is to be tried now. */
static bool run_agent(const struct config *config, struct arena *arena, bool *watch,
		      struct error *err)
{
	const char *program = NULL;

	if (!app_run(config, arena, &program, err))
		return false;
	*watch = program != NULL;
	if (program && !upgrade_prepare(config->dir, program, err))
		/* The watcher finds nothing to try and begins again, until the change gives up. */
		log_error("could not prepare the trial of another agent: %s", err->text);
	return true;
}

/* Told to end during a trial: in a container that is the end of the services too. */
static int watch_trial(const struct upgrade_start *start, const struct config *config,
		       struct arena *arena)
{
	struct error err = {0};
	int result = upgrade_watch(start);

	if (config->contained && !app_stop_services(config, arena, &err))
		return fail(&err);
	return result;
}

/* Process 1 is our parent, or the parent of the agent that became us. */
static bool hold_container(void)
{
	if (init_hold())
		setenv(UPGRADE_ENV_CONTAINED, "1", 1);
	return getenv(UPGRADE_ENV_CONTAINED) != NULL;
}

static int run_command(int argc, char **argv)
{
	struct arena *arena = arena_new();
	struct config config = {0};
	struct error err = {0};
	char root[PATH_MAX];
	bool watch = false;
	struct upgrade_start start = {
		.root = root,
		.argv = argv - 2,
		.origin = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	int result = EXIT_SUCCESS;

	upgrade_remember(&start, arena);
	/* Name resolution is the one thing that may block the loop: not for long. */
	setenv("RES_OPTIONS", "timeout:2 attempts:1", 0);
	bool ok = load(argc, argv, arena, &config, &err);
	if (ok)
		config.contained = hold_container();
	ok = ok && app_enter_folder(&config, &err);
	if (ok && !getcwd(root, sizeof(root)))
		ok = error_set_errno(&err, ERR_INTERNAL, errno, "cannot tell the folder");
	config.dir = root;
	start.deadline_ms = config.upgrade_deadline_ms;
	if (!ok || !upgrade_launch(&start, &watch, &err) ||
	    (!watch && !run_agent(&config, arena, &watch, &err)))
		result = fail(&err);
	else if (watch)
		result = watch_trial(&start, &config, arena);
	arena_free(arena);
	return result;
}

static int enroll_command(int argc, char **argv)
{
	struct arena *arena = arena_new();
	struct enroll_config config;
	struct error err = {0};
	int result = EXIT_SUCCESS;

	if (!enroll_config_load(argc, argv, arena, &config, &err) ||
	    !enroll_run(&config, arena, &err))
		result = fail(&err);
	arena_free(arena);
	return result;
}

static int shutdown_command(int argc, char **argv)
{
	struct arena *arena = arena_new();
	struct config config = {0};
	struct error err = {0};
	json_auto_t *request = json_pack("{s:s}", "do", "shutdown");
	json_t *answer;
	char root[PATH_MAX];
	bool ok = load(argc, argv, arena, &config, &err) && app_enter_folder(&config, &err);

	/* A relative folder means another one from inside of it. */
	if (ok && getcwd(root, sizeof(root)) != NULL)
		config.dir = root;
	if (ok && !control_ask(request, arena, &answer, &err))
		ok = err.code == ERR_NOT_FOUND && app_stop_services(&config, arena, &err);
	int result = ok ? EXIT_SUCCESS : fail(&err);
	if (ok)
		printf("all services are stopped\n");
	arena_free(arena);
	return result;
}

static int renew_command(int argc, char **argv)
{
	struct arena *arena = arena_new();
	struct config config = {0};
	struct error err = {0};
	int result = EXIT_SUCCESS;

	if (!load(argc, argv, arena, &config, &err) || !app_enter_folder(&config, &err) ||
	    !renewal_rescue(arena, &err))
		result = fail(&err);
	else
		printf("there is a new certificate; the agent takes it by itself\n");
	arena_free(arena);
	return result;
}

static int fetch_command(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return download_main();
}

static int snapshot_command(int argc, char **argv)
{
	return snapshot_main(false, argc, argv);
}

static int restore_command(int argc, char **argv)
{
	return snapshot_main(true, argc, argv);
}

static const struct command COMMANDS[] = {
	{"run", "keep the services as the server wants them", run_command},
	{"enroll", "make this machine a node of a server", enroll_command},
	{"status", "what runs, and since when", local_status},
	{"explain", "[NAME]: why each is in its state, and what would change it", local_explain},
	{"logs", "NAME [-f] [-n LINES]: what a service writes", local_logs},
	{"restart", "NAME: restart a service", local_restart},
	{"retry", "try again what has failed", local_retry},
	{"apply", "BUNDLE [--report FILE] [--no-wait]: what a bundle brings", local_apply},
	{"diag", "[FILE] [--no-logs]: an archive that tells how this gateway is", local_diag},
	{"report", "[FILE]: what waits for the server, to be carried there", local_report},
	{"shutdown", "stop all services in order, then the agent", shutdown_command},
	{"renew", "get a new certificate for one that has ended", renew_command},
	{"fetch", NULL, fetch_command},
	{"unpack", NULL, unpack_main},
	{"import", NULL, import_main},
	{"patch", NULL, unpack_patch_main},
	{"snapshot", NULL, snapshot_command},
	{"restore", NULL, restore_command},
	{"take-over", NULL, take_over_main},
	{"give-back", NULL, give_back_main},
};

static int print_help(void)
{
	struct arena *arena = arena_new();
	struct strbuf text;

	strbuf_init(&text, arena, MAX_HELP);
	strbuf_append_string(&text, "Usage: muster-agent COMMAND [OPTION...]\n\nCommands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++)
		if (COMMANDS[i].help)
			strbuf_printf(&text, "  %-10s %s\n", COMMANDS[i].name, COMMANDS[i].help);
	strbuf_append_string(&text, "\nOptions of enroll:\n");
	enroll_config_help(&text);
	strbuf_append_string(&text, "\nOptions of the other commands:\n");
	config_help(&text);
	strbuf_append_string(&text,
			     "\nEach option may also stand in DIR/agent.conf (name = value) or "
			     "in the environment\n(MUSTER_AGENT_NAME). Services outlive the "
			     "agent: only shutdown stops them.\n");
	printf("%s", text.data);
	arena_free(arena);
	return EXIT_SUCCESS;
}

/* A small process stays small: give memory back, and no arenas for threads that do not exist. */
static void tune_memory(void)
{
#ifdef __GLIBC__
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TRIM_THRESHOLD, 64 * 1024);
	mallopt(M_MMAP_THRESHOLD, 64 * 1024);
#endif
}

int main(int argc, char **argv)
{
	tune_memory();
	json_require_memory();
	log_set_component("muster-agent");
	if (argc < 2) {
		print_help();
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0 || (argc > 2 && strcmp(argv[2], "--help") == 0))
		return print_help();
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
		printf("muster-agent %s\n", MUSTER_VERSION);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++)
		if (strcmp(argv[1], COMMANDS[i].name) == 0)
			return COMMANDS[i].run(argc - 2, argv + 2);
	fprintf(stderr, "muster-agent: no command is called \"%s\"; see muster-agent --help\n",
		argv[1]);
	return EXIT_USAGE;
}
