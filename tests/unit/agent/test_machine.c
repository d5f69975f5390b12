/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the table of service states. With --print the program writes the diagram
 * that stands in docs/agent-states.md, which is compared here.
 */
#include "test.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "supervise/machine.h"

static const char BEGIN_MARK[] = "<!-- begin: printed by test_machine --print -->\n";
static const char END_MARK[] = "<!-- end -->";

static void diagram_print(struct strbuf *out)
{
	strbuf_append_string(out, "```mermaid\nstateDiagram-v2\n    [*] --> stopped\n");
	for (int state = 0; state < SERVICE_STATE_COUNT; state++) {
		for (int event = 0; event < SERVICE_EVENT_COUNT; event++) {
			const struct transition *transition =
				machine_find((enum service_state)state, (enum service_event)event);

			if (!transition->defined)
				continue;
			strbuf_printf(out, "    %s --> %s: %s",
				      service_state_name((enum service_state)state),
				      service_state_name(transition->next),
				      service_event_name((enum service_event)event));
			if (transition->action != ACTION_NONE)
				strbuf_printf(out, " / %s",
					      service_action_name(transition->action));
			strbuf_append_char(out, '\n');
		}
	}
	strbuf_append_string(out, "```\n");
}

static enum service_state next(enum service_state state, enum service_event event)
{
	const struct transition *transition = machine_find(state, event);

	return transition->defined ? transition->next : state;
}

static void test_everything_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < SERVICE_STATE_COUNT; i++)
		assert_non_null(service_state_name((enum service_state)i));
	for (int i = 0; i < SERVICE_EVENT_COUNT; i++)
		assert_non_null(service_event_name((enum service_event)i));
	for (int i = 0; i < SERVICE_ACTION_COUNT; i++)
		assert_non_null(service_action_name((enum service_action)i));
}

/* Marks what can be reached from state on. */
static void reach(enum service_state state, bool seen[SERVICE_STATE_COUNT])
{
	if (seen[state])
		return;
	seen[state] = true;
	for (int event = 0; event < SERVICE_EVENT_COUNT; event++)
		reach(next(state, (enum service_event)event), seen);
}

static void test_no_state_is_a_dead_end(void **state)
{
	(void)state;
	for (int from = 0; from < SERVICE_STATE_COUNT; from++) {
		bool seen[SERVICE_STATE_COUNT] = {false};

		reach((enum service_state)from, seen);
		for (int to = 0; to < SERVICE_STATE_COUNT; to++) {
			if (!seen[to])
				fail_msg("%s cannot be reached from %s",
					 service_state_name((enum service_state)to),
					 service_state_name((enum service_state)from));
		}
	}
}

/* The desired state says run or not; both lead to the right place from everywhere. */
static void test_every_desired_state_is_answered(void **state)
{
	(void)state;
	for (int i = 0; i < SERVICE_STATE_COUNT; i++) {
		enum service_state from = (enum service_state)i;
		enum service_state stopped = next(from, EVENT_STOP);
		enum service_state started = next(from, EVENT_START);

		if (stopped == SERVICE_STOPPING)
			stopped = next(stopped, EVENT_EXITED_AGAIN);
		assert_int_equal(stopped, SERVICE_STOPPED);
		assert_true(started == SERVICE_WAITING || started == SERVICE_RESTARTING ||
			    started == SERVICE_STARTING || started == SERVICE_RUNNING ||
			    started == SERVICE_UNHEALTHY);
		assert_int_equal(next(from, EVENT_RESTART),
				 started == SERVICE_WAITING ? SERVICE_WAITING : SERVICE_RESTARTING);
	}
}

static bool has_process(enum service_state state)
{
	return state == SERVICE_STARTING || state == SERVICE_RUNNING ||
	       state == SERVICE_UNHEALTHY || state == SERVICE_STOPPING ||
	       state == SERVICE_RESTARTING;
}

/* A process that ends is noticed wherever there can be one, and nowhere else. */
static void test_every_exit_is_answered(void **state)
{
	static const enum service_event EXITS[] = {EVENT_EXITED_AGAIN, EVENT_EXITED_CRASH_LOOP,
						   EVENT_EXITED_FAILED, EVENT_EXITED_COMPLETED};

	(void)state;
	for (int i = 0; i < SERVICE_STATE_COUNT; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(EXITS); j++) {
			const struct transition *transition =
				machine_find((enum service_state)i, EXITS[j]);

			assert_int_equal(transition->defined, has_process((enum service_state)i));
			if (transition->defined)
				assert_false(has_process(transition->next));
		}
	}
}

/* Only SPAWN (and finding one) leads from no process to a process. */
static void test_processes_come_from_spawn_only(void **state)
{
	(void)state;
	for (int i = 0; i < SERVICE_STATE_COUNT; i++) {
		for (int event = 0; event < SERVICE_EVENT_COUNT; event++) {
			const struct transition *transition =
				machine_find((enum service_state)i, (enum service_event)event);

			if (!transition->defined || has_process((enum service_state)i) ||
			    !has_process(transition->next))
				continue;
			assert_true(transition->action == ACTION_SPAWN ||
				    transition->action == ACTION_WATCH);
		}
	}
}

static void test_diagram_in_the_docs_is_this_one(void **state)
{
	struct arena *arena = arena_new();
	struct error err = {0};
	struct strbuf diagram;
	char *text;

	(void)state;
	strbuf_init(&diagram, arena, 1 << 16);
	strbuf_append_string(&diagram, BEGIN_MARK);
	diagram_print(&diagram);
	strbuf_append_string(&diagram, END_MARK);
	assert_success(
		file_read(SOURCE_DIR "/docs/agent-states.md", 1 << 20, arena, &text, NULL, &err),
		&err);
	assert_contains(text, diagram.data);
	arena_free(arena);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_has_a_name),
		cmocka_unit_test(test_no_state_is_a_dead_end),
		cmocka_unit_test(test_every_desired_state_is_answered),
		cmocka_unit_test(test_every_exit_is_answered),
		cmocka_unit_test(test_processes_come_from_spawn_only),
		cmocka_unit_test(test_diagram_in_the_docs_is_this_one),
	};

	if (argc > 1 && strcmp(argv[1], "--print") == 0) {
		struct strbuf diagram;

		strbuf_init(&diagram, NULL, 1 << 16);
		diagram_print(&diagram);
		fputs(diagram.data, stdout);
		strbuf_release(&diagram);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
