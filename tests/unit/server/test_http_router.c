/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/routes.h"
#include "base/arena.h"
#include "http/route.h"
#include "http/uri.h"

static const struct route ROWS[] = {
	{"GET", "/things", ROLE_VIEWER, NULL, 0, NULL},
	{"POST", "/things", ROLE_OPERATOR, NULL, 0, NULL},
	{"GET", "/things/{id}", ROLE_VIEWER, NULL, 0, NULL},
	{"GET", "/things/new", ROLE_VIEWER, NULL, 0, NULL},
	{"DELETE", "/things/{id}/parts/{part}", ROLE_OPERATOR, NULL, 0, NULL},
};

static const struct route_table TABLE = {ROWS, ARRAY_SIZE(ROWS)};

static long find(const char *method, const char *path, struct route_match *match)
{
	route_find(&TABLE, method, path, match);
	return match->route == NULL ? -1 : match->route - ROWS;
}

static void finds_by_method_and_path(void **state)
{
	struct route_match match;

	(void)state;
	assert_int_equal(find("GET", "/things", &match), 0);
	assert_int_equal(find("HEAD", "/things", &match), 0);
	assert_int_equal(find("POST", "/things", &match), 1);
	assert_int_equal(find("GET", "/things/x", &match), 2);
	assert_int_equal(match.arg_count, 1);
	assert_memory_equal(match.args[0].text, "x", match.args[0].length);
	assert_int_equal(find("DELETE", "/things/a/parts/bc", &match), 4);
	assert_int_equal(match.args[1].length, 2);
}

static void literal_wins_over_placeholder(void **state)
{
	struct route_match match;

	(void)state;
	assert_int_equal(find("GET", "/things/new", &match), 3);
	assert_int_equal(match.arg_count, 0);
}

static void near_misses_are_not_found(void **state)
{
	static const char *const PATHS[] = {
		"/",
		"/thing",
		"/things/",
		"/things//parts/x",
		"/things/a/parts/",
		"/Things",
		"/things/a/parts",
		"things",
		"",
	};
	struct route_match match;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(PATHS); i++) {
		assert_int_equal(find("GET", PATHS[i], &match), -1);
		assert_string_equal(match.allow, "");
	}
}

static void other_methods_are_told(void **state)
{
	struct route_match match;

	(void)state;
	assert_int_equal(find("PUT", "/things", &match), -1);
	assert_string_equal(match.allow, "GET, POST");
	assert_int_equal(find("POST", "/things/new", &match), -1);
	assert_string_equal(match.allow, "GET");
}

static void decodes_strictly(void **state)
{
	static const struct {
		const char *text;
		const char *decoded; /* NULL: malformed */
	} CASES[] = {
		{"", ""},	  {"abc", "abc"},	  {"a%20b", "a b"},
		{"%2F%2e", "/."}, {"%c3%a9", "\xc3\xa9"}, {"%", NULL},
		{"%4", NULL},	  {"%4g", NULL},	  {"a%", NULL},
		{"a%4", NULL},	  {"%00", NULL},	  {"%0a", NULL},
		{"%7f", NULL},	  {"%ff", NULL},	  {"%c0%af", NULL},
		{"a+b", "a+b"},	  {"%41", "A"},		  {"x%41", "xA"},
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
		const char *out = uri_decode(arena, CASES[i].text, strlen(CASES[i].text));

		if (CASES[i].decoded == NULL)
			assert_null(out);
		else
			assert_string_equal(out, CASES[i].decoded);
	}
	arena_free(arena);
}

static void refuses_odd_paths(void **state)
{
	static const char *const BAD[] = {
		"",	   "*",	     "http://x/", "/a/../b", "/..",    "/a/%2e%2E/b",
		"/.%2e/x", "/a/./b", "/a b",	  "/a\\b",   "/a\x7f",
	};
	static const char *const GOOD[] = {"/", "/a", "/a/", "/.well-known/x", "/...", "/a%2Fb"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(BAD); i++)
		assert_false(uri_path_valid(BAD[i]));
	for (size_t i = 0; i < ARRAY_SIZE(GOOD); i++)
		assert_true(uri_path_valid(GOOD[i]));
}

/* The table of the product: what every row must satisfy, whoever adds it. */
static void every_route_is_sound(void **state)
{
	struct route_table table = {ROUTES, ROUTES_COUNT};

	(void)state;
	for (size_t i = 0; i < ROUTES_COUNT; i++) {
		const struct route *route = &ROUTES[i];
		bool open = (route->flags & (ROUTE_PUBLIC | ROUTE_NO_PROJECT)) != 0;
		struct route_match match;

		assert_non_null(route->handler);
		if (open != (route->role == ROLE_NONE))
			fail_msg("%s %s: role and flags disagree", route->method, route->pattern);
		if (!open && strcmp(route->method, "GET") != 0 && route->scope == NULL)
			fail_msg("%s %s: a change needs a scope", route->method, route->pattern);
		route_find(&table, route->method, route->pattern, &match);
		if (match.route != route)
			fail_msg("%s %s is hidden by %s", route->method, route->pattern,
				 match.route == NULL ? "nothing" : match.route->pattern);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_by_method_and_path),
		cmocka_unit_test(literal_wins_over_placeholder),
		cmocka_unit_test(near_misses_are_not_found),
		cmocka_unit_test(other_methods_are_told),
		cmocka_unit_test(decodes_strictly),
		cmocka_unit_test(refuses_odd_paths),
		cmocka_unit_test(every_route_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
