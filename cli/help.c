/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"

#include <stdio.h>
#include <string.h>

static bool first_of_group(size_t index)
{
	const char *group = COMMANDS[index].group;

	for (size_t i = 0; i < index; i++)
		if (COMMANDS[i].group != NULL && strcmp(COMMANDS[i].group, group) == 0)
			return false;
	return true;
}

static void print_options(const char *title, const struct option_spec *options)
{
	if (options == NULL || options->name == NULL)
		return;
	printf("\n%s:\n", title);
	for (; options->name != NULL; options++) {
		char left[64];
		snprintf(left, sizeof(left), "--%s%s%s", options->name,
			 options->value != NULL ? " " : "",
			 options->value != NULL ? options->value : "");
		/* A long one has its help below itself. */
		printf("  %-28s%s%*s%s%s\n", left, strlen(left) > 28 ? "\n" : " ",
		       strlen(left) > 28 ? 31 : 0, "", options->help,
		       options->repeatable ? " (repeatable)" : "");
	}
}

static void print_command_line(const struct command *command)
{
	char left[96];

	snprintf(left, sizeof(left), "%s%s%s %s", command->group != NULL ? command->group : "",
		 command->group != NULL ? " " : "", command->name, command->arguments);
	printf("  %-40s %s\n", left, command->summary);
}

static void print_all(void)
{
	printf("muster: configuration, upgrades and health of a fleet of edge gateways\n\n"
	       "usage: muster [OPTIONS] COMMAND ...\n\n");
	for (size_t i = 0; i < COMMANDS_COUNT; i++)
		if (COMMANDS[i].group == NULL)
			print_command_line(&COMMANDS[i]);
	for (size_t i = 0; i < COMMANDS_COUNT; i++) {
		if (COMMANDS[i].group == NULL || !first_of_group(i))
			continue;
		printf("  %s ", COMMANDS[i].group);
		const char *separator = "";
		for (size_t n = i; n < COMMANDS_COUNT; n++)
			if (COMMANDS[n].group != NULL &&
			    strcmp(COMMANDS[n].group, COMMANDS[i].group) == 0) {
				printf("%s%s", separator, COMMANDS[n].name);
				separator = "|";
			}
		printf("\n");
	}
	printf("\n\"muster GROUP --help\" and \"muster GROUP COMMAND --help\" say more.\n");
	print_options("options everywhere", GLOBAL_OPTIONS);
	printf("\nMUSTER_SERVER, MUSTER_TOKEN, MUSTER_CA and MUSTER_PROJECT stand for the options.\n"
	       "exit status: 0 done, 1 error, 2 wrong usage, 3 a rollout did not succeed, "
	       "4 waited too long\n");
}

void help_print(const char *group, const struct command *command)
{
	if (command != NULL) {
		printf("usage: muster %s%s%s [OPTIONS]%s%s\n\n%s\n",
		       command->group != NULL ? command->group : "",
		       command->group != NULL ? " " : "", command->name,
		       command->arguments[0] != '\0' ? " " : "", command->arguments,
		       command->summary);
		print_options("options", command->options);
		print_options("options everywhere", GLOBAL_OPTIONS);
		return;
	}
	if (group == NULL) {
		print_all();
		return;
	}
	printf("usage: muster %s COMMAND ...\n\n", group);
	for (size_t i = 0; i < COMMANDS_COUNT; i++)
		if (COMMANDS[i].group != NULL && strcmp(COMMANDS[i].group, group) == 0)
			print_command_line(&COMMANDS[i]);
}

/* Levenshtein distance of short words. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], len = strlen(b);

	if (len + 1 > sizeof(row) / sizeof(row[0]))
		return 99;
	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[len];
}

const char *help_nearest(const char *group, const char *typed)
{
	const char *nearest = NULL;
	size_t least = 3;

	for (size_t i = 0; i < COMMANDS_COUNT; i++) {
		const struct command *command = &COMMANDS[i];
		bool mine = group == NULL
				    ? true
				    : command->group != NULL && strcmp(command->group, group) == 0;
		const char *name =
			group == NULL && command->group != NULL ? command->group : command->name;
		if (mine && distance(typed, name) < least) {
			least = distance(typed, name);
			nearest = name;
		}
	}
	return nearest;
}

static const char *nearest_of(const struct option_spec *options, const char *typed, size_t *least)
{
	const char *nearest = NULL;

	for (; options != NULL && options->name != NULL; options++)
		if (distance(typed, options->name) < *least) {
			*least = distance(typed, options->name);
			nearest = options->name;
		}
	return nearest;
}

const char *help_nearest_option(const struct command *command, const char *typed)
{
	size_t least = 3;
	const char *own = nearest_of(command->options, typed, &least);
	const char *global = nearest_of(GLOBAL_OPTIONS, typed, &least);

	return global != NULL ? global : own;
}

static void print_words(const char *group)
{
	for (size_t i = 0; i < COMMANDS_COUNT; i++) {
		const struct command *command = &COMMANDS[i];
		if (group != NULL && command->group != NULL && strcmp(command->group, group) == 0)
			printf("%s ", command->name);
		if (group == NULL && command->group == NULL)
			printf("%s ", command->name);
		if (group == NULL && command->group != NULL && first_of_group(i))
			printf("%s ", command->group);
	}
}

static void print_option_words(const struct option_spec *options)
{
	for (; options != NULL && options->name != NULL; options++)
		printf("--%s ", options->name);
}

bool completion_command(struct cli *cli, struct error *err)
{
	const char *shell = cli->arguments[0];

	if (strcmp(shell, "bash") != 0 && strcmp(shell, "zsh") != 0)
		return error_set(err, ERR_INVALID, "completion is there for bash and zsh");
	if (shell[0] == 'z')
		printf("autoload -U +X bashcompinit && bashcompinit\n");
	printf("_muster() {\n  local cur=${COMP_WORDS[COMP_CWORD]} words=\n"
	       "  case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
	for (size_t i = 0; i < COMMANDS_COUNT; i++) {
		const struct command *command = &COMMANDS[i];
		printf("    \"%s%s%s\"*) words=\"", command->group != NULL ? command->group : "",
		       command->group != NULL ? " " : "", command->name);
		print_option_words(command->options);
		print_option_words(GLOBAL_OPTIONS);
		printf("\";;\n");
	}
	printf("  esac\n  if [ \"$COMP_CWORD\" = 1 ]; then words=\"");
	print_words(NULL);
	printf("\"; elif [ \"$COMP_CWORD\" = 2 ]; then\n    case \"${COMP_WORDS[1]}\" in\n");
	for (size_t i = 0; i < COMMANDS_COUNT; i++)
		if (COMMANDS[i].group != NULL && first_of_group(i)) {
			printf("      %s) words=\"", COMMANDS[i].group);
			print_words(COMMANDS[i].group);
			printf("\";;\n");
		}
	printf("    esac\n  fi\n  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n"
	       "complete -o default -F _muster muster\n");
	return true;
}
