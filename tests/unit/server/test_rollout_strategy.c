/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/strategy.h"

#include "base/fields.h"
#include "domain/rollout/waves.h"
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
	refused_strategy("{\"max_failed_percent\":101}", "strategy.max_failed_percent");
	refused_strategy("{\"max_unreachable_percent\":-1}", "strategy.max_unreachable_percent");
	refused_strategy("{\"stop_on_alert\":\"loud\"}", "strategy.stop_on_alert");
	refused_strategy("{\"waves\":{\"order\":[\"a\"]}}", "strategy.waves.label");
	refused_strategy("{\"waves\":{\"label\":\"site\",\"order\":[\"a\",\"b\",\"a\"]}}",
			 "strategy.waves.order[2]");
	refused_strategy("{\"windows\":[{\"cron\":\"0 2 * * *\"}]}",
			 "strategy.windows[0].duration_ms");
	refused_strategy("{\"windows\":[{\"cron\":\"0 2 * * *\",\"duration_ms\":60000},"
			 "{\"cron\":\"0 2 30 2 *\",\"duration_ms\":60000}]}",
			 "strategy.windows[1].cron");
	refused_strategy("{\"windows\":[{\"cron\":\"0 25 * * *\",\"duration_ms\":60000}]}",
			 "strategy.windows[0].cron");
	refused_strategy("{\"follow\":true,\"rollout_deadline_ms\":3600000}",
			 "strategy.rollout_deadline_ms");
	refused_strategy("{\"rollout_deadline_ms\":1000}", "strategy.rollout_deadline_ms");
	refused_strategy("{\"retries\":{\"max\":101}}", "strategy.retries.max");
	refused_strategy("{\"priority\":101}", "strategy.priority");
}

/* What is stored is what is read again. */
static void test_strategy_stays_what_it_is(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"max_failed_percent\":5,\"max_unreachable_percent\":20,"
		"\"stop_on_alert\":\"critical\",\"on_failure\":\"rollback_wave\"}",
		"{\"max_failures\":3,\"max_failed_percent\":5,\"offline\":\"wait\",\"apart\":null}",
		"{\"waves\":{\"label\":\"site\",\"order\":[\"a\",\"b\"]},\"priority\":-5,"
		"\"follow\":true,\"start_at\":\"2027-01-01T00:00:00Z\"}",
		"{\"windows\":[{\"cron\":\"0 22 * * mon-fri\",\"duration_ms\":3600000}],"
		"\"timezone\":\"Europe/Berlin\",\"retries\":{\"max\":0}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct arena *arena = arena_new();
		struct strategy first, again;
		struct error err;
		assert_true(strategy_decode(parse(arena, texts[i]), arena, &first, &err));
		json_t *json = json_keep(strategy_encode(&first), arena);
		if (!strategy_decode(json, arena, &again, &err))
			fail_msg("%s: %s: %s", texts[i], err.field, err.text);
		json_auto_t *second = strategy_encode(&again);
		if (!json_equal(json, second))
			fail_msg("%s became %s", texts[i], json_text(second, arena));
		arena_free(arena);
	}
}

static void test_a_share_alone_leaves_no_count(void **state)
{
	struct arena *arena = arena_new();
	struct strategy strategy;
	struct error err;

	(void)state;
	assert_true(strategy_decode(parse(arena, "{\"max_failed_percent\":5}"), arena, &strategy,
				    &err));
	assert_int_equal(strategy.gate.max_failures, -1);
	assert_int_equal(strategy.gate.max_failed_percent, 5);
	arena_free(arena);
}

static void test_waves_by_label(void **state)
{
	static const char *const values[] = {"north", NULL, "south", "east", "north", NULL};
	static const int64_t expected[] = {2, 4, 1, 3, 2, 4};
	struct arena *arena = arena_new();
	struct strategy strategy;
	struct waves waves;
	struct error err;
	int64_t of_node[6];

	(void)state;
	assert_true(strategy_decode(parse(arena, "{\"waves\":{\"label\":\"site\","
						 "\"order\":[\"south\",\"north\"]}}"),
				    arena, &strategy, &err));
	assert_true(waves_deal(&strategy, arena, values, 6, of_node, &waves, &err));
	assert_memory_equal(of_node, expected, sizeof(expected));
	assert_int_equal(waves.count, 4);
	assert_string_equal(waves.labels[0], "south");
	assert_string_equal(waves.labels[2], "east");
	assert_null(waves.labels[3]);
	assert_int_equal(waves.sizes[3], 2);
	arena_free(arena);
}

static void test_too_many_label_values(void **state)
{
	const char *values[ROLLOUT_WAVES_MAX + 1];
	int64_t of_node[ROLLOUT_WAVES_MAX + 1];
	struct arena *arena = arena_new();
	struct strategy strategy;
	struct waves waves;
	struct error err;

	(void)state;
	assert_true(strategy_decode(parse(arena, "{\"waves\":{\"label\":\"site\"}}"), arena,
				    &strategy, &err));
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		values[i] = arena_printf(arena, "site-%zu", i);
	assert_false(
		waves_deal(&strategy, arena, values, ARRAY_SIZE(values), of_node, &waves, &err));
	assert_string_equal(err.field, "strategy.waves.label");
	arena_free(arena);
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
		cmocka_unit_test(test_strategy_defaults),
		cmocka_unit_test(test_strategy_refuses),
		cmocka_unit_test(test_strategy_stays_what_it_is),
		cmocka_unit_test(test_a_share_alone_leaves_no_count),
		cmocka_unit_test(test_waves_by_label),
		cmocka_unit_test(test_too_many_label_values),
		cmocka_unit_test(test_waves_split),
		cmocka_unit_test(test_changes_refuse),
		cmocka_unit_test(test_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
