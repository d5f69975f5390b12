/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the table of service states. With --print the program writes the diagram
 * that stands in docs/agent-states.md, which is compared here.
 */
#include "test.h"

#include "base/arena.h"
#include "base/fields.h"
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

/* All that the server can say of a service, as the event that it becomes and where that leads. */
static const struct {
	const char *word; /* of schema/messages/command.json, or of the desired state */
	enum service_event event;
	enum service_state goal;
} ORDERS[] = {
	{"run: true", EVENT_START, SERVICE_RUNNING},
	{"run: false", EVENT_STOP, SERVICE_STOPPED},
	{"absent", EVENT_STOP, SERVICE_STOPPED},
	{"another process", EVENT_RESTART, SERVICE_RUNNING},
	{"start", EVENT_START, SERVICE_RUNNING},
	{"stop", EVENT_STOP, SERVICE_STOPPED},
	{"restart", EVENT_RESTART, SERVICE_RUNNING},
};

/* What follows by itself when nothing goes wrong. */
static enum service_event natural(enum service_state state)
{
	switch (state) {
	case SERVICE_WAITING:
		return EVENT_CLEARED;
	case SERVICE_STARTING:
	case SERVICE_UNHEALTHY:
		return EVENT_READY;
	case SERVICE_STOPPING:
	case SERVICE_RESTARTING:
		return EVENT_EXITED_AGAIN;
	case SERVICE_BACKOFF:
	case SERVICE_HELD:
		return EVENT_TIMER;
	default:
		return SERVICE_EVENT_COUNT;
	}
}

static void test_every_order_of_the_server_is_followed(void **state)
{
	(void)state;
	for (int from = 0; from < SERVICE_STATE_COUNT; from++) {
		for (size_t i = 0; i < ARRAY_SIZE(ORDERS); i++) {
			enum service_state at = next((enum service_state)from, ORDERS[i].event);

			for (int j = 0; j < SERVICE_STATE_COUNT && at != ORDERS[i].goal; j++) {
				if (natural(at) == SERVICE_EVENT_COUNT)
					break;
				at = next(at, natural(at));
			}
			if (at != ORDERS[i].goal)
				fail_msg("\"%s\" leads from %s to %s instead of %s", ORDERS[i].word,
					 service_state_name((enum service_state)from),
					 service_state_name(at),
					 service_state_name(ORDERS[i].goal));
		}
	}
}

static bool is_an_order(const char *word)
{
	/* Nothing that the life of a service has to do with. */
	static const char *const OTHERS[] = {"log_level", "resend", "time", "renew", "retry"};

	for (size_t i = 0; i < ARRAY_SIZE(ORDERS); i++) {
		if (strcmp(ORDERS[i].word, word) == 0)
			return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(OTHERS); i++) {
		if (strcmp(OTHERS[i], word) == 0)
			return true;
	}
	return false;
}

/* Who adds a command has to say above what becomes of it. */
static void test_every_command_of_the_protocol_is_known(void **state)
{
	struct arena *arena = arena_new();
	struct error err = {0};
	json_t *schema, *word;
	char *text;
	size_t size, i, count = 0;

	(void)state;
	assert_success(file_read(SOURCE_DIR "/schema/messages/command.json", 1 << 20, arena, &text,
				 &size, &err),
		       &err);
	assert_success(json_parse_limited(text, size, 16, &schema, &err), &err);
	json_t *words = json_object_get(
		json_object_get(json_object_get(schema, "properties"), "kind"), "enum");
	json_array_foreach (words, i, word) {
		count++;
		if (!is_an_order(json_string_value(word)))
			fail_msg("command %s is not known here", json_string_value(word));
	}
	assert_true(count >= 7);
	json_decref(schema);
	arena_free(arena);
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
		cmocka_unit_test(test_every_order_of_the_server_is_followed),
		cmocka_unit_test(test_every_command_of_the_protocol_is_known),
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
