/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks around a change: when they run, what their exit status means, and that they run once. */
#include "world_messages.h"

/* "hooks" as further parameters of a service: a line of shell each, NULL for none. */
static char *hooks(struct world *world, const char *before, const char *after, const char *more)
{
	const char *scripts[] = {before, after}, *names[] = {"before", "after"};
	char *text = arena_strdup(world->fixture->arena, "");

	for (size_t i = 0; i < 2; i++)
		if (scripts[i])
			text = arena_printf(
				world->fixture->arena,
				"%s%s\"%s\":{\"command\":[\"/bin/sh\",\"-c\",\"%s\"]%s}", text,
				*text ? "," : "", names[i], scripts[i], more);
	return arena_printf(world->fixture->arena, ",\"hooks\":{%s}", text);
}

static void runs_hooks_around_the_switch(void **state)
{
	struct world *world = *state;
	char *one = shell(world, "a", SLEEP, "one",
			  hooks(world,
				"echo $MUSTER_HOOK $(cat $MUSTER_CONFIG/f) >> ../hooks;"
				" [ ! -e ../../services/a/current ]",
				"echo $MUSTER_HOOK $MUSTER_SERVICE $MUSTER_GENERATION >> ../hooks;"
				" [ -e ../../services/a/current ]",
				""));

	send_services(world, 1, one, 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	assert_string_equal(read_file(world, "data/hooks"), "before one\nafter a 1\n");
	/* Nothing that is not touched runs one. */
	send_services(world, 2,
		      arena_printf(world->fixture->arena, "%s,%s", one,
				   shell(world, "b", SLEEP, "one", "")),
		      0);
	wait_for(world->fixture, has_result(world, 2, "succeeded"));
	assert_string_equal(read_file(world, "data/hooks"), "before one\nafter a 1\n");
}

static void a_hook_that_fails_undoes_the_change(void **state)
{
	struct world *world = *state;
	char *old = shell(world, "a", "[ -e $D/db ] || echo old > $D/db; exec sleep 1000", "1",
			  ",\"env\":{\"D\":\"${muster.data}\"},\"snapshot\":[\"db\"]");
	char *bad = shell(
		world, "a", SLEEP, "2",
		arena_printf(world->fixture->arena, ",\"snapshot\":[\"db\"]%s",
			     hooks(world, "echo new > db; echo no room >&2; exit 2", NULL, "")));
	char *ill = shell(world, "a", SLEEP, "3", hooks(world, NULL, "kill -9 $$", ""));
	char *slow = shell(world, "a", SLEEP, "4",
			   hooks(world, "sleep 1000 & sleep 1000", NULL, ",\"timeout_ms\":300"));
	char *said = shell(world, "a", SLEEP, "5", hooks(world, "exit 4", NULL, ""));

	send_services(world, 1, old, 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded") &&
					 strcmp(read_file(world, "data/a/db"), "old\n") == 0);
	send_services(world, 2, bad, 0);
	wait_for(world->fixture, has_result(world, 2, "rolled_back"));
	assert_true(has_message(world, CHANNEL_RESULT, "\"code\":\"hook_failed\""));
	assert_true(has_message(world, CHANNEL_RESULT, "\"phase\":\"hook_before\""));
	assert_true(has_message(world, CHANNEL_RESULT, "\"stderr\":\"no room\\n\""));
	assert_true(has_message(world, CHANNEL_RESULT, "\"exit\":{\"code\":2,\"signal\":0}"));
	assert_string_equal(read_file(world, "data/a/db"), "old\n");
	assert_false(has_result(world, 2, "verifying"));
	/* It is final: not again by itself. */
	send_services(world, 3, bad, 0);
	wait_for(world->fixture, has_result(world, 3, "rolled_back"));
	assert_false(has_result(world, 3, "applying"));

	send_services(world, 4, ill, 0);
	wait_for(world->fixture, has_result(world, 4, "rolled_back"));
	assert_true(has_message(world, CHANNEL_RESULT, "\"phase\":\"hook_after\""));
	assert_true(has_message(world, CHANNEL_RESULT, "\"exit\":{\"code\":-1,\"signal\":9}"));
	send_services(world, 5, slow, 0);
	wait_for(world->fixture, has_result(world, 5, "rolled_back"));
	assert_true(has_message(world, CHANNEL_RESULT, "\"code\":\"hook_timed_out\""));
	send_services(world, 6, said, 0);
	wait_for(world->fixture, has_result(world, 6, "rolled_back"));
	assert_true(has_message(world, CHANNEL_RESULT, "the hook before exited with 4: it took"));
	assert_true(status_of(world->fixture, "a").ready);
	assert_string_equal(read_file(world, "services/a/current/config/f"), "1");
}

static void a_hook_may_ask_to_be_tried_again(void **state)
{
	struct world *world = *state;
	char *second = shell(
		world, "a", SLEEP, "1",
		hooks(world, "[ -e seen ] || { touch seen; exit 3; }", NULL, ",\"delay_ms\":20"));
	char *never = shell(world, "a", SLEEP, "2",
			    hooks(world, "[ -e ready ] || { echo x >> tries; exit 3; }", NULL,
				  ",\"attempts\":2,\"delay_ms\":20"));

	send_services(world, 1, second, 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	send_services(world, 2, never, 0);
	wait_for(world->fixture, has_result(world, 2, "rolled_back"));
	assert_true(has_message(world, CHANNEL_RESULT, "\"code\":\"hook_try_again\""));
	assert_string_equal(read_file(world, "data/a/tries"), "x\nx\n");
	/* The content is not to blame, so it may come again. */
	struct error err = {0};
	assert_success(file_write_atomic("data/a/ready", "", 0, 0644, &err), &err);
	send_services(world, 3, never, 0);
	wait_for(world->fixture, has_result(world, 3, "succeeded"));
}

static void a_hook_outlives_the_agent_and_runs_once(void **state)
{
	struct world *world = *state;
	char *one = shell(world, "a", SLEEP, "one",
			  hooks(world,
				"echo x >> runs; while [ ! -e go ]; do sleep 0.05; done; echo y >> "
				"runs",
				NULL, ""));
	struct error err = {0};

	send_services(world, 1, one, 0);
	wait_for(world->fixture, file_exists("data/a/runs"));
	stop_agent(world);
	start_agent(world);
	wait_for(world->fixture, has_result(world, 1, "applying"));
	assert_success(file_write_atomic("data/a/go", "", 0, 0644, &err), &err);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	assert_string_equal(read_file(world, "data/a/runs"), "x\ny\n");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(runs_hooks_around_the_switch, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hook_that_fails_undoes_the_change, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_hook_may_ask_to_be_tried_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hook_outlives_the_agent_and_runs_once, setup,
						teardown),
	};
	int child = world_child(argc, argv);

	return child >= 0 ? child : cmocka_run_group_tests(tests, NULL, NULL);
}
