/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands is whole, and what is built on it does what it says. */
#include "cli.h"

#include "base/fields.h"
#include "handlers.h"
#include "help.h"
#include "output.h"
#include "test.h"

static void test_commands_are_unique_and_described(void **state)
{
	(void)state;
	for (size_t i = 0; i < COMMANDS_COUNT; i++) {
		const struct command *command = &COMMANDS[i];
		assert_true(command->summary[0] != '\0');
		assert_non_null(command->run);
		assert_true(command->most < 0 || command->least <= command->most);
		/* "usage" shows an argument where one is taken, and none where none is. */
		assert_true((command->most == 0) == (command->arguments[0] == '\0'));
		for (size_t n = 0; n < i; n++)
			assert_false(strcmp(COMMANDS[n].name, command->name) == 0 &&
				     (COMMANDS[n].group == NULL) == (command->group == NULL) &&
				     (command->group == NULL ||
				      strcmp(COMMANDS[n].group, command->group) == 0));
	}
}

static void test_options_do_not_shadow_each_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < COMMANDS_COUNT; i++)
		for (const struct option_spec *a = COMMANDS[i].options;
		     a != NULL && a->name != NULL; a++) {
			for (const struct option_spec *b = COMMANDS[i].options; b < a; b++)
				if (strcmp(a->name, b->name) == 0)
					fail_msg("%s has --%s twice", COMMANDS[i].name, a->name);
			for (const struct option_spec *b = GLOBAL_OPTIONS; b->name != NULL; b++)
				if (strcmp(a->name, b->name) == 0)
					fail_msg("%s hides the global --%s", COMMANDS[i].name,
						 a->name);
		}
}

static void test_nearest_helps_and_does_not_guess_wildly(void **state)
{
	(void)state;
	assert_string_equal(help_nearest(NULL, "rollot"), "rollout");
	assert_string_equal(help_nearest("rollout", "rolback"), "rollback");
	assert_string_equal(help_nearest(NULL, "nodes"), "node");
	assert_null(help_nearest(NULL, "frobnicate"));
}

static void test_paths_are_encoded(void **state)
{
	struct cli cli = {.arena = arena_new()};

	(void)state;
	assert_string_equal(cli_path(&cli, "/a/%s/b/%s", "x/y?z", "1 2"), "/a/x%2Fy%3Fz/b/1%202");
	assert_string_equal(cli_query(&cli, "/a", "k", "v&w", "none", (char *)NULL, "l", "2", NULL),
			    "/a?k=v%26w&l=2");
	assert_string_equal(cli_query(&cli, "/a?b=1", "k", "v", NULL), "/a?b=1&k=v");
	arena_free(cli.arena);
}

static void test_options_are_read(void **state)
{
	static const struct option options[] = {{"soak", "90s"}, {"wait", ""},	{"limit", "12"},
						{"gate", "250"}, {"node", "a"}, {"node", "b"},
						{"bad", "12x"}};
	struct cli cli = {.arena = arena_new(),
			  .options = options,
			  .option_count = sizeof(options) / sizeof(options[0])};
	struct error err;
	long long value;
	size_t count;

	(void)state;
	assert_true(cli_option_ms(&cli, "soak", 0, &value, &err));
	assert_int_equal(value, 90000);
	assert_true(cli_option_ms(&cli, "gate", 0, &value, &err));
	assert_int_equal(value, 250);
	assert_true(cli_option_ms(&cli, "absent", 7, &value, &err));
	assert_int_equal(value, 7);
	assert_true(cli_option_int(&cli, "limit", 0, &value, &err));
	assert_int_equal(value, 12);
	assert_false(cli_option_int(&cli, "bad", 0, &value, &err));
	assert_non_null(strstr(err.text, "--bad"));
	assert_false(cli_option_ms(&cli, "bad", 0, &value, &err));
	assert_true(cli_switch(&cli, "wait"));
	assert_false(cli_switch(&cli, "quiet"));
	assert_string_equal(cli_option(&cli, "node"), "b");
	assert_string_equal(cli_options(&cli, "node", &count)[0], "a");
	assert_int_equal(count, 2);
	arena_free(cli.arena);
}

static void test_values_become_text(void **state)
{
	struct cli cli = {.arena = arena_new(), .utc = true};
	json_t *json =
		json_keep(json_pack("{s:i, s:s, s:b, s:n, s:{s:s}, s:[s,s], s:s}", "size", 1536000,
				    "at", "2026-11-25T10:00:00.000000Z", "on", 1, "none", "labels",
				    "site", "p1", "list", "a", "b", "empty", ""),
			  cli.arena);

	(void)state;
	assert_string_equal(value_text(&cli, json_at(json, "size"), COLUMN_SIZE), "1.5 MB");
	assert_string_equal(value_text(&cli, json_at(json, "size"), COLUMN_TEXT), "1536000");
	assert_string_equal(value_text(&cli, json_at(json, "at"), COLUMN_TIME),
			    "2026-11-25 10:00:00Z");
	assert_string_equal(value_text(&cli, json_at(json, "on"), COLUMN_TEXT), "yes");
	assert_string_equal(value_text(&cli, json_at(json, "none"), COLUMN_TEXT), "-");
	assert_string_equal(value_text(&cli, json_at(json, "empty"), COLUMN_TEXT), "-");
	assert_string_equal(value_text(&cli, json_at(json, "labels"), COLUMN_LABELS), "site=p1");
	assert_string_equal(value_text(&cli, json_at(json, "list"), COLUMN_LIST), "a,b");
	assert_string_equal(value_text(&cli, json_at(json, "labels.site"), COLUMN_TEXT), "p1");
	assert_null(json_at(json, "labels.site.deeper"));
	arena_free(cli.arena);
}

static void test_pairs(void **state)
{
	struct error err;
	json_auto_t *object = json_object();

	(void)state;
	assert_true(add_pair(object, "a=b=c", &err));
	assert_string_equal(json_string_value(json_object_get(object, "a")), "b=c");
	assert_false(add_pair(object, "a", &err));
	assert_false(add_pair(object, "=b", &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands_are_unique_and_described),
		cmocka_unit_test(test_options_do_not_shadow_each_other),
		cmocka_unit_test(test_nearest_helps_and_does_not_guess_wildly),
		cmocka_unit_test(test_paths_are_encoded),
		cmocka_unit_test(test_options_are_read),
		cmocka_unit_test(test_values_become_text),
		cmocka_unit_test(test_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
