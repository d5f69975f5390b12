/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/strategy.h"

#include "base/fields.h"
#include "test.h"

static json_t *parse(struct arena *arena, const char *text)
{
	struct error err;
	json_t *json;

	if (!json_parse_limited(text, strlen(text), 16, &json, &err))
		fail_msg("%s: %s", text, err.text);
	return json_keep(json, arena);
}

static void refused_strategy(const char *text, const char *field)
{
	struct arena *arena = arena_new();
	struct strategy strategy;
	struct error err = {0};

	if (strategy_decode(parse(arena, text), arena, &strategy, &err))
		fail_msg("accepted %s", text);
	assert_string_equal(err.field, field);
	arena_free(arena);
}

static void test_strategy_defaults(void **state)
{
	struct arena *arena = arena_new();
	struct strategy strategy;
	struct error err;

	(void)state;
	assert_true(strategy_decode(NULL, arena, &strategy, &err));
	assert_int_equal(strategy.wave_count, 1);
	assert_int_equal(strategy.waves[0].percent, 100);
	assert_int_equal(strategy.health_gate_ms, 5000);
	assert_int_equal(strategy.on_failure, ON_FAILURE_PAUSE);
	json_auto_t *json = strategy_encode(&strategy);
	assert_string_equal(json_string_value(json_array_get(json_object_get(json, "waves"), 0)),
			    "100%");
	arena_free(arena);
}

static void test_strategy_refuses(void **state)
{
	(void)state;
	refused_strategy("{\"waves\":[]}", "strategy.waves");
	refused_strategy("{\"waves\":[1,0]}", "strategy.waves[1]");
	refused_strategy("{\"waves\":[\"101%\"]}", "strategy.waves[0]");
	refused_strategy("{\"waves\":[\"10\"]}", "strategy.waves[0]");
	refused_strategy("{\"waves\":[1.5]}", "strategy.waves[0]");
	refused_strategy("{\"max_failures\":-1}", "strategy.max_failures");
	refused_strategy("{\"on_failure\":\"shrug\"}", "strategy.on_failure");
	refused_strategy("{\"wavs\":[1]}", "strategy.wavs");
	refused_strategy("{\"health_gate_ms\":2000,\"deadline_ms\":2000}",
			 "strategy.health_gate_ms");
}

static void check_split(const char *waves, int64_t total, const int64_t *expected, size_t count)
{
	struct arena *arena = arena_new();
	struct strategy strategy;
	struct error err;
	int64_t sizes[ROLLOUT_WAVES_MAX], sum = 0;

	assert_true(strategy_decode(parse(arena, waves), arena, &strategy, &err));
	assert_int_equal(waves_split(&strategy, total, sizes), count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(sizes[i], expected[i]);
		sum += sizes[i];
	}
	assert_int_equal(sum, total);
	arena_free(arena);
}

static void test_waves_split(void **state)
{
	(void)state;
	check_split("{\"waves\":[1,2,2]}", 5, (const int64_t[]){1, 2, 2}, 3);
	check_split("{\"waves\":[1,2]}", 10, (const int64_t[]){1, 9}, 2);
	check_split("{\"waves\":[3,3,3]}", 4, (const int64_t[]){3, 1}, 2);
	check_split("{\"waves\":[\"1%\",\"50%\",\"100%\"]}", 5, (const int64_t[]){1, 3, 1}, 3);
	check_split("{\"waves\":[\"100%\"]}", 1, (const int64_t[]){1}, 1);
	check_split("{\"waves\":[5]}", 0, NULL, 0);
}

static void refused_changes(const char *text, const char *field)
{
	struct arena *arena = arena_new();
	struct rollout_change *changes;
	struct error err = {0};
	size_t count;

	if (changes_decode(parse(arena, text), arena, &changes, &count, &err))
		fail_msg("accepted %s", text);
	assert_string_equal(err.field, field);
	arena_free(arena);
}

static void test_changes_refuse(void **state)
{
	(void)state;
	refused_changes("{}", "changes");
	refused_changes("[]", "changes");
	refused_changes("[{\"run\":true}]", "changes[0].service");
	refused_changes("[{\"service\":\"a\"}]", "changes[0].service");
	refused_changes("[{\"service\":\"../a\",\"run\":true}]", "changes[0].service");
	refused_changes("[{\"service\":\"a\",\"run\":1}]", "changes[0].run");
	refused_changes("[{\"service\":\"a\",\"remove\":true,\"run\":true}]", "changes[0].remove");
	refused_changes("[{\"service\":\"a\",\"config\":{\"name\":\"c\",\"version\":\"new\"}}]",
			"changes[0].config.version");
	refused_changes("[{\"service\":\"a\",\"package\":{\"name\":\"c\"}}]",
			"changes[0].package.version");
	refused_changes("[{\"service\":\"a\",\"run\":true},{\"service\":\"a\",\"run\":false}]",
			"changes[1].service");
	refused_changes("[{\"service\":\"a\",\"parameters\":{\"command\":[\"/bin/sh\"]}}]",
			"changes[0].parameters");
	refused_changes("[{\"service\":\"a\",\"parameters\":{\"user\":\"root\"}}]",
			"changes[0].parameters");
	refused_changes("[{\"service\":\"a\",\"parameters\":{\"probes\":[]}}]",
			"changes[0].parameters");
	refused_changes("[{\"service\":\"a\",\"parameters\":{\"env\":{\"LD_PRELOAD\":\"x\"}}}]",
			"changes[0].parameters.env");
	refused_changes("[{\"service\":\"a\",\"driver\":\"magic\"}]", "changes[0].driver");
}

static void test_targets(void **state)
{
	struct arena *arena = arena_new();
	struct targets targets;
	struct error err = {0};

	(void)state;
	assert_true(targets_decode(parse(arena, "{\"selector\":\"\"}"), arena, &targets, &err));
	assert_string_equal(targets.selector, "");
	assert_false(targets_decode(parse(arena, "{}"), arena, &targets, &err));
	assert_false(targets_decode(parse(arena, "{\"selector\":\"a\",\"nodes\":[\"b\"]}"), arena,
				    &targets, &err));
	assert_string_equal(err.field, "targets");
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strategy_defaults), cmocka_unit_test(test_strategy_refuses),
		cmocka_unit_test(test_waves_split),	  cmocka_unit_test(test_changes_refuse),
		cmocka_unit_test(test_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
