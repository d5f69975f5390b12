/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <jansson.h>

#include "base/arena.h"
#include "domain/config/render.h"

static struct arena *arena;

static const struct variable VARIABLES[] = {
	{"port", "1884", "node", 0},
	{"port", "1883", "project", 0},
	{"site", "plant-3", "project", 0},
};

static bool render(const char *text, const char *declarations, struct rendered_config *out,
		   struct error *err)
{
	json_auto_t *labels = json_loads("{\"zone\":\"a\"}", 0, NULL);
	struct node node = {.id = "nx", .name = "gw-1", .labels = labels};
	struct config_file files[2] = {
		{"broker.conf", "0644", "", text, (int64_t)strlen(text)},
		{"variables.json", "0644", "", declarations, 0},
	};
	struct config_version version = {
		.config = "broker", .no = 7, .files = files, .file_count = declarations ? 2 : 1};
	const struct render_input input = {.version = &version,
					   .node = &node,
					   .project = "main",
					   .variables = VARIABLES,
					   .variable_count = ARRAY_SIZE(VARIABLES)};

	if (declarations)
		files[1].size = (int64_t)strlen(declarations);
	return config_render_files(&input, arena, out, err);
}

static void assert_rendered(const char *text, const char *declarations, const char *expected)
{
	struct rendered_config rendered;
	struct error err = {0};

	assert_success(render(text, declarations, &rendered, &err), &err);
	assert_int_equal(rendered.file_count, 1);
	assert_string_equal(rendered.files[0].content, expected);
	assert_int_equal(rendered.files[0].size, strlen(expected));
}

static void closest_value_wins(void **state)
{
	(void)state;
	assert_rendered("listener ${port}\n", NULL, "listener 1884\n");
	assert_rendered("${site}", NULL, "plant-3");
	assert_rendered("${other:-fallback}", NULL, "fallback");
	assert_rendered("${port:-1}", NULL, "1884");
	assert_rendered("${other:-}", NULL, "");
	assert_rendered("${other:-x}", "{\"other\":{\"default\":\"declared\"}}", "declared");
	assert_rendered("${keep}", "{\"keep\":{\"default\":true,\"type\":\"bool\"}}", "true");
	assert_rendered("${n}", "{\"n\":{\"default\":5,\"type\":\"int\"}}", "5");
	assert_rendered("${node.id} ${node.name} ${node.label.zone} ${project}", NULL,
			"nx gw-1 a main");
}

static void literals_and_agent_variables_stay(void **state)
{
	(void)state;
	assert_rendered("$${port} $$ $x $", NULL, "${port} $$ $x $");
	assert_rendered("${muster.data}/db", NULL, "${muster.data}/db");
	assert_rendered("", NULL, "");
}

static void used_variables_are_listed(void **state)
{
	struct rendered_config rendered;
	struct error err = {0};

	(void)state;
	assert_success(render("${port} ${port} ${a:-1} ${node.id}", NULL, &rendered, &err), &err);
	assert_int_equal(rendered.variable_count, 3);
	assert_string_equal(rendered.variables[0].name, "port");
	assert_string_equal(rendered.variables[0].level, "node");
	assert_string_equal(rendered.variables[1].level, "inline");
	assert_string_equal(rendered.variables[2].level, "builtin");
}

static void errors_name_the_place(void **state)
{
	static const struct {
		const char *text;
		const char *declarations;
		const char *expected;
	} CASES[] = {
		{"a\n  b ${nothing}", NULL,
		 "config broker version 7 for node gw-1: broker.conf:2:5: variable \"nothing\" is "
		 "not defined"},
		{"${node.label.absent}", NULL, "broker.conf:1:1"},
		{"x ${port", NULL, "broker.conf:1:3"},
		{"${port:-x", NULL, "broker.conf:1:1"},
		{"${1}", NULL, "broker.conf:1:1"},
		{"${}", NULL, "broker.conf:1:1"},
		{"${a b}", NULL, "broker.conf:1:1"},
		{"x", "{\"must\":{\"required\":true}}", "variable \"must\" is required"},
		{"${site}", "{\"site\":{\"type\":\"int\"}}", "not of type int"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
		struct rendered_config rendered;
		struct error err = {0};

		assert_failure(render(CASES[i].text, CASES[i].declarations, &rendered, &err), &err,
			       ERR_INVALID);
		assert_contains(err.text, CASES[i].expected);
	}
}

static void binary_files_are_carried(void **state)
{
	static const char BYTES[] = "\xff${port}";
	struct rendered_config rendered;
	struct error err = {0};

	(void)state;
	assert_success(render(BYTES, NULL, &rendered, &err), &err);
	assert_memory_equal(rendered.files[0].content, BYTES, sizeof(BYTES) - 1);
}

static void digest_follows_the_values(void **state)
{
	struct rendered_config a, b, c;
	struct error err = {0};

	(void)state;
	assert_success(render("${port}", NULL, &a, &err), &err);
	assert_success(render("1884", NULL, &b, &err), &err);
	assert_success(render("1885", NULL, &c, &err), &err);
	assert_string_equal(a.digest, b.digest);
	assert_string_not_equal(a.digest, c.digest);
}

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closest_value_wins),
		cmocka_unit_test(literals_and_agent_variables_stay),
		cmocka_unit_test(used_variables_are_listed),
		cmocka_unit_test(errors_name_the_place),
		cmocka_unit_test(binary_files_are_carried),
		cmocka_unit_test(digest_follows_the_values),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
