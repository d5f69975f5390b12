/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "domain/inventory/enroll.h"
#include "domain/inventory/explain.h"

#define NOW (INT64_C(1700000000) * USEC_PER_SEC)

static const struct node_task NO_TASK;

static void every_status_says_why_and_what_next(void **state)
{
	static const struct {
		const char *status;
		const char *reason; /* part of it */
		bool waits;
	} CASES[] = {
		{"pending", "has not reported", true},
		{"offline", "last heard from 2023-11-14 22:12:20 UTC", true},
		{"warning", "broker: exited with 1", true},
		{"updating", "runs generation 3, should run 4", true},
		{"retired", "retired", false},
		{"online", "", false},
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
		const struct node node = {.status = CASES[i].status,
					  .trouble = "broker: exited with 1",
					  .status_since = NOW - 300 * USEC_PER_SEC,
					  .last_seen_at = NOW - 60 * USEC_PER_SEC,
					  .reported_generation = 3,
					  .desired_generation = 4};
		struct explanation explanation;

		assert_contains(node_reason(&node, arena), CASES[i].reason);
		node_explain(&node, &NO_TASK, NOW, arena, &explanation);
		assert_true(explanation.since == node.status_since);
		assert_true((explanation.waits_for != NULL) == CASES[i].waits);
		assert_true(explanation.until == 0 && explanation.then == NULL);
		/* What waits says who helps. */
		assert_true(!CASES[i].waits || explanation.way_count > 0);
		assert_true(strlen(explanation.text) > 20);
	}
	arena_free(arena);
}

static void a_rollout_under_way_says_until_when(void **state)
{
	const struct node_task task = {7, "broker 2", "sent", NOW + 60 * USEC_PER_SEC};
	const struct node node = {.status = "offline", .status_since = NOW};
	struct arena *arena = arena_new();
	struct explanation explanation;

	(void)state;
	node_explain(&node, &task, NOW, arena, &explanation);
	assert_true(explanation.until == task.deadline_at);
	assert_contains(explanation.then, "rollout 7");
	assert_int_equal(explanation.way_count, 2);
	assert_string_equal(explanation.ways[0].by, "site");
	assert_string_equal(explanation.ways[1].by, "operator");
	assert_contains(explanation.ways[1].text, "broker 2");
	arena_free(arena);
}

static void never_heard_nodes_are_told_apart(void **state)
{
	const struct node node = {.status = "offline"};
	struct arena *arena = arena_new();

	(void)state;
	assert_string_equal(node_reason(&node, arena), "never heard from");
	arena_free(arena);
}

static void host_names_become_node_names(void **state)
{
	static const char *const CASES[][2] = {
		{"Plant-3.example.com", "plant-3"},
		{"gw", "gw"},
		{"", "gateway"},
		{"---", "gateway"},
		{"_x", "x"},
		{"a b", "a-b"},
		{"M\xc3\xbcller", "m--ller"},
		{".hidden", "gateway"},
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
		assert_string_equal(inventory_name_from_host(CASES[i][0], arena), CASES[i][1]);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status_says_why_and_what_next),
		cmocka_unit_test(a_rollout_under_way_says_until_when),
		cmocka_unit_test(never_heard_nodes_are_told_apart),
		cmocka_unit_test(host_names_become_node_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
