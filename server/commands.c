/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <stdio.h>
#include <string.h>

#include "api/routes.h"
#include "base/arena.h"
#include "base/crypto.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/log.h"
#include "config.h"
#include "domain/access/access.h"
#include "store/db.h"
#include "store/migrate.h"
#include "store/users.h"

enum { PASSWORD_BYTES = 15, SCOPES_MAX = 16, CONNINFO_MAX = 1024 };

/* Options of token and user, next to those of the server. */
struct options {
	const char *project;
	const char *user;
	const char *role;
	const char *name;
	const char *scopes;
	const char *login;
	const char *password;
	bool system_admin;
};

static const struct setting OPTIONS[] = {
	SETTING_STRING(struct options, project, "default", "name or id of the project"),
	SETTING_STRING(struct options, user, NULL, "login whose token it is"),
	SETTING_STRING(struct options, role, "viewer", "viewer, operator, approver or admin"),
	SETTING_STRING(struct options, name, NULL, "name of the token or person"),
	SETTING_STRING(struct options, scopes, "*", "scopes of the token, comma separated"),
	SETTING_STRING(struct options, login, NULL, "what the user signs in with"),
	SETTING_SECRET(struct options, password, "password of the user; default: a random one"),
	SETTING_BOOL(struct options, system_admin, "false", "may make projects and users in all"),
	SETTING_END,
};

struct command {
	struct arena *arena;
	struct config config;
	struct options options;
	struct db *db;
	struct ctx ctx;
	struct actor actor;
};

static bool is_option(const char *argument)
{
	char name[64];
	size_t length;

	if (strncmp(argument, "--", 2) != 0)
		return false;
	length = strcspn(argument + 2, "=");
	if (length >= sizeof(name))
		return false;
	memcpy(name, argument + 2, length);
	name[length] = '\0';
	for (char *c = name; *c != '\0'; c++)
		if (*c == '-')
			*c = '_';
	for (const struct setting *setting = OPTIONS; setting->name != NULL; setting++)
		if (strcmp(setting->name, name) == 0)
			return true;
	return false;
}

/* Sorts the arguments into those of the command and those of the server, and reads both. */
static bool read_arguments(struct command *command, int argc, char **argv, struct error *err)
{
	char **own = arena_array(command->arena, (size_t)argc + 1, sizeof(*own));
	char **rest = arena_array(command->arena, (size_t)argc + 1, sizeof(*rest));
	int own_count = 0;
	int rest_count = 0;
	int index = 0;

	for (int i = 1; i < argc; i++) {
		bool mine = is_option(argv[i]);
		bool separate = strchr(argv[i], '=') == NULL && i + 1 < argc &&
				strncmp(argv[i + 1], "--", 2) != 0;
		char **list = mine ? own : rest;
		int *count = mine ? &own_count : &rest_count;

		list[(*count)++] = argv[i];
		if (separate)
			list[(*count)++] = argv[++i];
	}
	if (!config_load(rest_count, rest, &index, command->arena, &command->config, err))
		return false;
	if (index < rest_count)
		return error_set(err, ERR_INVALID, "unexpected argument %.64s", rest[index]);
	index = 0;
	return settings_load(OPTIONS, "MUSTER_NEW", NULL, own_count, own, &index, command->arena,
			     &command->options, err);
}

/* A musterd standalone that uses the data directory says there how its database is reached. */
static bool find_database(struct command *command)
{
	const char *path = arena_printf(command->arena, "%s/run/database", command->config.data);
	struct error ignored;
	char *conninfo;
	size_t size;

	if (command->config.database_url != NULL ||
	    !file_read(path, CONNINFO_MAX, command->arena, &conninfo, &size, &ignored))
		return false;
	command->config.database_url = conninfo;
	return true;
}

static bool open_command(struct command *command, int argc, char **argv, struct error *err)
{
	*command = (struct command){.arena = arena_new()};
	if (!read_arguments(command, argc, argv, err))
		return false;
	bool found = find_database(command);
	if (command->config.database_url == NULL)
		return error_set(
			err, ERR_INVALID,
			"no database: give --data of a musterd standalone, or set "
			"MUSTER_DATABASE_URL, or database_url in the file that --config names");
	command->actor = (struct actor){.kind = ACTOR_SYSTEM, .id = "musterd", .name = "musterd"};
	command->ctx = (struct ctx){
		.arena = command->arena,
		.actor = &command->actor,
		.now = clock_now_utc(),
		.request_id = "command",
	};
	if (!db_open(command->config.database_url, "musterd command", &command->db, err))
		return found ? error_prefix(err, "is musterd standalone running on %s?",
					    command->config.data)
			     : false;
	command->ctx.db = command->db;
	return true;
}

static int close_command(struct command *command, bool ok, const struct error *err)
{
	if (!ok)
		fprintf(stderr, "musterd: %s\n", err->text);
	db_close(command->db);
	arena_free(command->arena);
	return ok ? 0 : 1;
}

int command_migrate(int argc, char **argv)
{
	struct command command;
	struct error err;
	size_t applied = 0;
	bool ok = open_command(&command, argc, argv, &err) &&
		  migrate_run(command.db, command.arena, &applied, &err);

	if (ok)
		printf("applied %zu migrations, the schema is up to date\n", applied);
	return close_command(&command, ok, &err);
}

static int print_routes(void)
{
	for (size_t i = 0; i < ROUTES_COUNT; i++) {
		const struct route *route = &ROUTES[i];

		printf("%s %s %s %s %s\n", route->method, route->pattern,
		       route->role == ROLE_NONE ? "-" : role_name(route->role),
		       route->scope == NULL ? "-" : route->scope,
		       (route->flags & ROUTE_PUBLIC) != 0 ? "public" : "private");
	}
	return 0;
}

int command_check(int argc, char **argv)
{
	struct command command;
	struct error err;
	bool ok;

	if (argc == 2 && strcmp(argv[1], "--routes") == 0)
		return print_routes();
	ok = open_command(&command, argc, argv, &err) &&
	     migrate_check(command.db, command.arena, &err);
	if (ok)
		printf("settings and database schema are in order\n");
	return close_command(&command, ok, &err);
}

static bool enter_project(struct command *command, struct error *err)
{
	struct project project;
	bool found;

	if (!projects_find(&command->ctx, command->options.project, NULL, &found, &project, err))
		return false;
	if (!found)
		return error_set(err, ERR_NOT_FOUND, "there is no project %.64s",
				 command->options.project);
	command->ctx.project_id = project.id;
	return true;
}

static size_t split_scopes(struct command *command, const char **out)
{
	const char *list = command->options.scopes;
	size_t count = 0;

	while (*list != '\0' && count < SCOPES_MAX) {
		size_t length = strcspn(list, ",");

		if (length > 0)
			out[count++] = arena_strndup(command->arena, list, length);
		list += length;
		list += *list == ',';
	}
	return count;
}

static bool create_token(struct command *command, struct error *err)
{
	const struct options *options = &command->options;
	const char *scopes[SCOPES_MAX];
	struct token_draft draft = {
		.name = options->name,
		.role = options->role,
		.scopes = scopes,
		.scope_count = split_scopes(command, scopes),
	};
	const char *ignored;
	struct api_token token;
	struct user user;
	bool found;

	if (options->name == NULL)
		return error_set(err, ERR_INVALID, "--name is missing");
	if (!enter_project(command, err))
		return false;
	if (options->user != NULL) {
		if (!users_find_login(&command->ctx, options->user, &found, &user, &ignored, err))
			return false;
		if (!found)
			return error_set(err, ERR_NOT_FOUND, "there is no user %.64s",
					 options->user);
		draft.user_id = user.id;
	}
	if (!access_create_token(&command->ctx, &draft, &token, err))
		return false;
	printf("%s\n", token.secret);
	return true;
}

static void make_password(char out[BASE64URL_SIZE(PASSWORD_BYTES)])
{
	uint8_t random[PASSWORD_BYTES];

	random_bytes(random, sizeof(random));
	base64url_encode(random, sizeof(random), out);
}

static bool create_user(struct command *command, struct error *err)
{
	const struct options *options = &command->options;
	char generated[BASE64URL_SIZE(PASSWORD_BYTES)];
	struct user_draft draft = {
		.login = options->login,
		.name = options->name,
		.password = options->password,
		.role = options->role,
		.system_admin = options->system_admin,
	};
	struct project project;
	struct user user;
	bool any;

	if (options->login == NULL)
		return error_set(err, ERR_INVALID, "--login is missing");
	if (draft.password == NULL) {
		make_password(generated);
		draft.password = generated;
	}
	if (!users_any(&command->ctx, &any, err))
		return false;
	/* The first user of an installation brings his project along. */
	if (!any && !access_create_project(&command->ctx, options->project, &project, err))
		return false;
	if (!enter_project(command, err) || !access_create_user(&command->ctx, &draft, &user, err))
		return false;
	printf("login: %s\n", user.login);
	if (draft.password == generated)
		printf("password: %s\n", generated);
	return true;
}

/* The way back in for who has lost the only administrator's password. It ends all his sessions. */
static bool set_password(struct command *command, struct error *err)
{
	char generated[BASE64URL_SIZE(PASSWORD_BYTES)];
	const char *login = command->options.login, *ignored;
	struct user_patch patch = {.password = command->options.password};
	struct user user;
	bool found;

	if (login == NULL)
		return error_set(err, ERR_INVALID, "--login is missing");
	if (patch.password == NULL) {
		make_password(generated);
		patch.password = generated;
	}
	if (!enter_project(command, err) ||
	    !users_find_login(&command->ctx, login, &found, &user, &ignored, err))
		return false;
	if (!found)
		return error_set(err, ERR_NOT_FOUND, "there is no user %.64s", login);
	if (!access_update_user(&command->ctx, user.id, &patch, &user, err))
		return false;
	printf("login: %s\n", user.login);
	if (patch.password == generated)
		printf("password: %s\n", generated);
	return true;
}

static const struct action {
	const char *command;
	const char *name;
	bool (*run)(struct command *command, struct error *err);
} ACTIONS[] = {
	{"token", "create", create_token},
	{"user", "create", create_user},
	{"user", "password", set_password},
};

static int run_action(int argc, char **argv)
{
	struct command command;
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(ACTIONS); i++) {
		if (strcmp(ACTIONS[i].command, argv[0]) != 0 || argc < 2 ||
		    strcmp(ACTIONS[i].name, argv[1]) != 0)
			continue;
		bool ok = open_command(&command, argc - 1, argv + 1, &err) &&
			  ACTIONS[i].run(&command, &err);
		return close_command(&command, ok, &err);
	}
	fprintf(stderr, "musterd: say what to do: ");
	for (size_t i = 0; i < ARRAY_SIZE(ACTIONS); i++)
		if (strcmp(ACTIONS[i].command, argv[0]) == 0)
			fprintf(stderr, "\"musterd %s %s\", ", argv[0], ACTIONS[i].name);
	fprintf(stderr, "see musterd --help\n");
	return 2;
}

int command_token(int argc, char **argv)
{
	return run_action(argc, argv);
}

int command_user(int argc, char **argv)
{
	return run_action(argc, argv);
}
