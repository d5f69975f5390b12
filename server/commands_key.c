/* SPDX-License-Identifier: Apache-2.0 */
/* musterd key list, rotate, finish: the keys that sign desired states. Works beside a running server. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "commands.h"
#include "config.h"
#include "signer/confine.h"
#include "signer/rotation.h"

static bool list_keys(const char *folder, struct arena *arena, struct error *err)
{
	struct signer_keys keys = {0};
	const json_t *statement, *id;
	size_t i, j;

	if (!signer_keys_open(folder, clock_now_utc(), arena, &keys, err))
		return false;
	json_array_foreach (keys.statements, i, statement) {
		printf("statement %zu trusts", i + 1);
		json_array_foreach (json_object_get(statement, "ids"), j, id)
			printf(" %s", json_string_value(id));
		printf("\n");
	}
	printf("%s\n", keys.next != NULL ? "a rotation is under way: end it with \"musterd key "
					   "finish\" once the nodes have heard of it"
					 : "no rotation is under way");
	signer_keys_release(&keys);
	return true;
}

static bool rotate(const char *folder, struct arena *arena, struct error *err)
{
	int number;

	if (!rotation_begin(folder, clock_now_utc(), arena, &number, err))
		return false;
	printf("statement %d: everything is signed with the next key too. Nodes that are online "
	       "hear of it within seconds, the others when they come.\nEnd it with \"musterd key "
	       "finish\"; who comes later still follows.\n",
	       number);
	return true;
}

static bool finish(const char *folder, struct arena *arena, struct error *err)
{
	int number;

	if (!rotation_finish(folder, clock_now_utc(), arena, &number, err))
		return false;
	printf("statement %d: only the new key signs, the old one is gone.\n", number);
	return true;
}

static const struct key_action {
	const char *name;
	bool (*run)(const char *folder, struct arena *arena, struct error *err);
} ACTIONS[] = {{"list", list_keys}, {"rotate", rotate}, {"finish", finish}};

int command_key(int argc, char **argv)
{
	struct arena *arena = arena_new();
	const struct key_action *action = NULL;
	struct config config;
	struct error err = {0};
	int index = 0;

	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(ACTIONS); i++)
		if (strcmp(ACTIONS[i].name, argv[1]) == 0)
			action = &ACTIONS[i];
	bool ok = action != NULL ||
		  error_set(&err, ERR_INVALID, "say what to do: list, rotate or finish");
	ok = ok && config_load(argc - 2, argv + 2, &index, arena, &config, &err);
	if (ok) {
		const char *folder = arena_printf(arena, "%s/keys", config.data);

		/* The files stay those of the account that runs the server. */
		ok = confine_begin(folder, &err) && action->run(folder, arena, &err);
	}
	if (!ok)
		fprintf(stderr, "musterd: %s\n", err.text);
	arena_free(arena);
	return ok ? 0 : 1;
}
