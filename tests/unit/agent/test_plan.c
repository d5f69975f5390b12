/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "reconcile/plan.h"
#include "test.h"

static int setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static const struct content_place PLACE = {
	.root = "/r", .node = "nabcdef", .platform = "linux-amd64"};

/* services is the JSON of content.services. */
static struct content *make(struct arena *arena, const char *services)
{
	struct content *content = arena_alloc(arena, sizeof(*content));
	char *text =
		arena_printf(arena, "{\"v\":1,\"release_keys\":[],\"services\":{%s}}", services);
	const char *service;
	struct error err = {0};

	assert_success(content_decode(text, strlen(text), arena, content, &err), &err);
	assert_success(content_specify(content, &PLACE, arena, &service, &err), &err);
	return content;
}

/* more is ",\"key\":value" of the parameters. */
static char *service(struct arena *arena, const char *name, const char *file, bool run,
		     const char *more)
{
	return arena_printf(
		arena,
		"\"%s\":{\"driver\":\"generic\",\"run\":%s,\"package\":null,\"config\":{\"name\":"
		"\"c\",\"version\":1,\"digest\":\"sha256:0\",\"files\":[{\"path\":\"%s\","
		"\"content\":\"%s\"}]},\"parameters\":{\"command\":[\"/bin/x\"],\"reload\":{"
		"\"signal\":\"SIGHUP\",\"files\":[\"hot*\"]}%s}}",
		name, run ? "true" : "false", file, file, more);
}

static enum plan_action action_of(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->count; i++)
		if (strcmp(plan->steps[i].name, name) == 0)
			return plan->steps[i].action;
	fail_msg("%s is not in the plan", name);
	return PLAN_KEEP;
}

static struct plan plan_of(struct arena *arena, const char *from, const char *to)
{
	struct plan plan;

	plan_make(arena, from ? make(arena, from) : NULL, make(arena, to), &plan);
	return plan;
}

static void judges_generations(void **state)
{
	(void)state;
	assert_int_equal(generation_judge(0, "", 1, "a"), GENERATION_NEW);
	assert_int_equal(generation_judge(4, "a", 9, "a"), GENERATION_NEW);
	assert_int_equal(generation_judge(4, "a", 4, "a"), GENERATION_REPEATED);
	assert_int_equal(generation_judge(4, "a", 4, "b"), GENERATION_EQUIVOCATION);
	assert_int_equal(generation_judge(4, "a", 3, "a"), GENERATION_OLD);
	assert_int_equal(generation_judge(INT64_MAX, "a", 1, "a"), GENERATION_OLD);
}

static void adds_keeps_and_removes(void **state)
{
	struct arena *arena = *state;
	char *a = service(arena, "a", "f", true, "");
	char *b = service(arena, "b", "f", true, "");
	struct plan plan = plan_of(arena, NULL, a);

	assert_int_equal(plan.count, 1);
	assert_int_equal(plan.touched, 1);
	assert_int_equal(action_of(&plan, "a"), PLAN_ADD);
	plan = plan_of(arena, a, b);
	assert_int_equal(action_of(&plan, "a"), PLAN_REMOVE);
	assert_int_equal(action_of(&plan, "b"), PLAN_ADD);
	plan = plan_of(arena, a, arena_printf(arena, "%s,%s", b, a));
	assert_int_equal(action_of(&plan, "a"), PLAN_KEEP);
	assert_int_equal(plan.touched, 1);
	plan = plan_of(arena, a, "");
	assert_int_equal(plan.count, 1);
}

static void touches_no_more_than_the_difference_needs(void **state)
{
	struct arena *arena = *state;
	char *old = service(arena, "a", "f", true, "");
	char *hot = service(arena, "a", "hot1", true, "");
	struct plan plan = plan_of(arena, old, service(arena, "a", "g", true, ""));

	assert_int_equal(action_of(&plan, "a"), PLAN_RESTART);
	plan = plan_of(arena, hot, service(arena, "a", "hot2", true, ""));
	assert_int_equal(action_of(&plan, "a"), PLAN_RELOAD);
	plan = plan_of(arena, old, service(arena, "a", "f", true, ",\"restart\":{\"burst\":9}"));
	assert_int_equal(action_of(&plan, "a"), PLAN_UPDATE);
	plan = plan_of(arena, old, service(arena, "a", "f", false, ""));
	assert_int_equal(action_of(&plan, "a"), PLAN_RESTART);
	plan = plan_of(arena, old, service(arena, "a", "f", true, ",\"env\":{\"A\":\"1\"}"));
	assert_int_equal(action_of(&plan, "a"), PLAN_RESTART);
}

static void orders_by_after_even_in_circles(void **state)
{
	struct arena *arena = *state;
	char *a = service(arena, "a", "f", true, ",\"after\":[\"c\",\"nobody\"]");
	char *b = service(arena, "b", "f", true, ",\"after\":[\"a\"]");
	char *c = service(arena, "c", "f", true, "");
	struct plan plan = plan_of(arena, NULL, arena_printf(arena, "%s,%s,%s", a, b, c));

	assert_string_equal(plan.steps[0].name, "c");
	assert_string_equal(plan.steps[1].name, "a");
	assert_string_equal(plan.steps[2].name, "b");
	c = service(arena, "c", "f", true, ",\"after\":[\"b\"]");
	plan = plan_of(arena, NULL, arena_printf(arena, "%s,%s,%s", a, b, c));
	assert_int_equal(plan.count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_generations),
		cmocka_unit_test_setup_teardown(adds_keeps_and_removes, setup, teardown),
		cmocka_unit_test_setup_teardown(touches_no_more_than_the_difference_needs, setup,
						teardown),
		cmocka_unit_test_setup_teardown(orders_by_after_even_in_circles, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
