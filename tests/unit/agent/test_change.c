/* SPDX-License-Identifier: Apache-2.0 */
/* What a spec says about its own change: what is taken, and what is refused by name. */
#include "test.h"

#include "base/fields.h"
#include "drivers/change.h"
#include "drivers/spec.h"

#define ROOT "/var/lib/muster-agent"

static bool decode(struct arena *arena, const char *text, struct change_spec *out,
		   struct error *err)
{
	json_t *json;

	*err = (struct error){0};
	assert_success(json_parse_limited(text, strlen(text), 8, &json, err), err);
	return change_decode(arena, json_keep(json, arena), ROOT, out, err);
}

static void takes_defaults(void **state)
{
	struct arena *arena = arena_new();
	struct change_spec change;
	struct error err;

	(void)state;
	assert_success(decode(arena, "{}", &change, &err), &err);
	assert_int_equal(change.hooks[HOOK_BEFORE].command_count, 0);
	assert_false(change.adopts);
	assert_success(decode(arena, "{\"hooks\":{\"after\":{\"command\":[\"/bin/x\",\"-v\"]}}}",
			      &change, &err),
		       &err);
	assert_int_equal(change.hooks[HOOK_BEFORE].command_count, 0);
	assert_int_equal(change.hooks[HOOK_AFTER].command_count, 2);
	assert_int_equal(change.hooks[HOOK_AFTER].timeout_ms, 60000);
	assert_int_equal(change.hooks[HOOK_AFTER].attempts, 3);
	assert_success(decode(arena, "{\"in_place\":{\"b\":\"/etc/b\",\"a\":\"/etc/sub/a\"}}",
			      &change, &err),
		       &err);
	assert_true(change.adopts);
	assert_string_equal(change_path(&change, "a"), "/etc/sub/a");
	assert_null(change_path(&change, "c"));
	arena_free(arena);
}

static void refuses_what_cannot_be(void **state)
{
	static const struct {
		const char *text, *field;
	} CASES[] = {
		{"{\"hooks\":{\"before\":{}}}", "hooks"},
		{"{\"hooks\":{\"before\":{\"command\":[\"run\"]}}}", "hooks"},
		{"{\"hooks\":{\"before\":{\"command\":[\"/x\"],\"timeout_ms\":1}}}",
		 "hooks.before.timeout_ms"},
		{"{\"hooks\":[]}", "hooks"},
		{"{\"in_place\":[]}", "in_place"},
		{"{\"in_place\":{\"a\":1}}", "in_place"},
		{"{\"in_place\":{\"a\":\"etc/a\"}}", "in_place"},
		{"{\"in_place\":{\"a\":\"/etc/./a\"}}", "in_place"},
		{"{\"in_place\":{\"a\":\"/etc/a/\"}}", "in_place"},
		{"{\"in_place\":{\"a\":\"/\"}}", "in_place"},
		{"{\"in_place\":{\"a\":\"/etc/a\",\"b\":\"/etc/a\"}}", "in_place"},
		{"{\"in_place\":{\"a\":\"" ROOT "/state.db\"}}", "in_place"},
		{"{\"in_place\":{\"a\":\"/dev/sda\"}}", "in_place"},
		{"{\"take_over\":{}}", "take_over"},
		{"{\"take_over\":{\"unit\":\"a\",\"pid_file\":\"/a\"}}", "take_over"},
		{"{\"take_over\":{\"unit\":\"--all\"}}", "take_over.unit"},
		{"{\"take_over\":{\"unit\":\"a b\"}}", "take_over.unit"},
		{"{\"take_over\":{\"pid_file\":\"a\"}}", "take_over.pid_file"},
		{"{\"take_over\":{\"pid_file\":\"/a\",\"start\":[\"x\"]}}", "take_over.start"},
	};
	struct arena *arena = arena_new();
	struct change_spec change;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
		assert_failure(decode(arena, CASES[i].text, &change, &err), &err, ERR_INVALID);
		assert_string_equal(err.field, CASES[i].field);
	}
	arena_free(arena);
}

/* Beside a signed manifest nobody else may bring programs or paths along. */
static void only_the_manifest_may_say_it(void **state)
{
	static const char *const KEYS[] = {"hooks", "in_place", "take_over"};
	struct arena *arena = arena_new();
	struct error err = {0};
	struct service_spec spec;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(KEYS); i++) {
		json_auto_t *service = json_pack("{s:s, s:b, s:{s:{}}}", "driver", "generic", "run",
						 1, "parameters", KEYS[i]);
		json_auto_t *manifest = json_pack("{s:{s:[s]}}", "service", "command", "/bin/true");
		const struct spec_input input = {.root = ROOT,
						 .node = "n1",
						 .name = "a",
						 .service = service,
						 .manifest = manifest};

		assert_failure(spec_build(arena, &input, &spec, &err), &err, ERR_INVALID);
		assert_contains(err.text, "may only come from the signed manifest");
		json_object_set_new(service, "parameters", json_object());
		assert_success(spec_build(arena, &input, &spec, &err), &err);
	}
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_defaults),
		cmocka_unit_test(refuses_what_cannot_be),
		cmocka_unit_test(only_the_manifest_may_say_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
