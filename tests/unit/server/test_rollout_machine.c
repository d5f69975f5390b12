/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks both tables: nothing is a dead end, nothing goes backward but a retry. With --print the
 * program writes the diagrams that stand in docs/rollout-states.md, which is compared here.
 */
#include "domain/rollout/machine.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/strbuf.h"

#include "protocol/messages.h"
#include "test.h"

/* What can be reached from state, in any number of events. */
static unsigned int reach_rollout(enum rollout_state state)
{
	unsigned int seen = 1u << state, before;

	do {
		before = seen;
		for (int s = 0; s < ROLLOUT_STATE_COUNT; s++)
			for (int e = 0; (seen & 1u << s) && e < ROLLOUT_EVENT_COUNT; e++) {
				enum rollout_state next;
				if (rollout_next((enum rollout_state)s, (enum rollout_event)e,
						 &next))
					seen |= 1u << next;
			}
	} while (seen != before);
	return seen;
}

static void test_every_rollout_state_is_reached_and_left(void **state)
{
	unsigned int from_draft = reach_rollout(ROLLOUT_DRAFT);

	(void)state;
	assert_int_equal(from_draft, (1u << ROLLOUT_STATE_COUNT) - 1);
	for (int s = 0; s < ROLLOUT_STATE_COUNT; s++) {
		unsigned int reached = reach_rollout((enum rollout_state)s);
		bool ends = false;
		for (int f = 0; f < ROLLOUT_STATE_COUNT; f++)
			ends |= (reached & 1u << f) && rollout_state_final((enum rollout_state)f);
		assert_true(ends);
	}
}

static void test_every_refusal_has_words(void **state)
{
	(void)state;
	for (int s = 0; s < ROLLOUT_STATE_COUNT; s++)
		for (int e = 0; e < ROLLOUT_EVENT_COUNT; e++) {
			enum rollout_state next;
			struct error err;
			bool can =
				rollout_next((enum rollout_state)s, (enum rollout_event)e, &next);
			const char *why =
				rollout_obstacle((enum rollout_state)s, (enum rollout_event)e);
			assert_true(can == (why == NULL));
			if (!can) {
				assert_false(rollout_refuse((enum rollout_state)s,
							    (enum rollout_event)e, &err));
				assert_int_equal(err.code, ERR_CONFLICT);
			}
		}
}

static void test_steps_move_forward_only(void **state)
{
	(void)state;
	for (int s = 0; s < STEP_STATE_COUNT; s++)
		for (int e = 0; e < STEP_EVENT_COUNT; e++) {
			enum step_state next;
			/* What a person does, and no report. */
			if (e == STEP_EVENT_RETRY || e == STEP_EVENT_EXCLUDE ||
			    !step_next((enum step_state)s, (enum step_event)e, &next))
				continue;
			assert_true((int)next > s);
			assert_false(step_state_final((enum step_state)s));
		}
}

static void test_only_failures_are_retried(void **state)
{
	(void)state;
	for (int s = 0; s < STEP_STATE_COUNT; s++) {
		enum step_state next;
		bool can = step_next((enum step_state)s, STEP_EVENT_RETRY, &next);
		assert_true(can == step_state_failure((enum step_state)s));
	}
}

static void test_what_has_not_succeeded_can_be_excluded(void **state)
{
	(void)state;
	for (int s = 0; s < STEP_STATE_COUNT; s++) {
		enum step_state next;
		bool can = step_next((enum step_state)s, STEP_EVENT_EXCLUDE, &next);
		assert_true(can ==
			    (s != STEP_SUCCEEDED && s != STEP_SUPERSEDED && s != STEP_SKIPPED));
	}
}

static void test_every_step_ends(void **state)
{
	(void)state;
	for (int s = 0; s < STEP_STATE_COUNT; s++) {
		bool ends = step_state_final((enum step_state)s);
		for (int e = 0; !ends && e < STEP_EVENT_COUNT; e++) {
			enum step_state next;
			ends = step_next((enum step_state)s, (enum step_event)e, &next) &&
			       step_state_final(next);
		}
		assert_true(ends);
	}
}

static void test_sources_agree_with_table(void **state)
{
	(void)state;
	for (int e = 0; e < STEP_EVENT_COUNT; e++) {
		const char *sources[STEP_STATE_COUNT];
		size_t count = step_sources((enum step_event)e, sources), found = 0;
		for (int s = 0; s < STEP_STATE_COUNT; s++) {
			enum step_state next;
			if (!step_next((enum step_state)s, (enum step_event)e, &next))
				continue;
			assert_string_equal(sources[found++], STEP_STATE_NAMES[s]);
			assert_int_equal(next, step_target((enum step_event)e));
		}
		assert_int_equal(found, count);
		assert_true(count > 0);
	}
}

static const char BEGIN_MARK[] = "<!-- begin: printed by test_rollout_machine --print -->\n";
static const char END_MARK[] = "<!-- end -->";

static void diagrams_print(struct strbuf *out)
{
	strbuf_append_string(out, "```mermaid\nstateDiagram-v2\n    [*] --> draft\n");
	for (int s = 0; s < ROLLOUT_STATE_COUNT; s++)
		for (int e = 0; e < ROLLOUT_EVENT_COUNT; e++) {
			enum rollout_state next;
			if (rollout_next((enum rollout_state)s, (enum rollout_event)e, &next))
				strbuf_printf(out, "    %s --> %s: %s\n", ROLLOUT_STATE_NAMES[s],
					      ROLLOUT_STATE_NAMES[next], ROLLOUT_EVENT_NAMES[e]);
		}
	strbuf_append_string(out, "```\n\n```mermaid\nstateDiagram-v2\n    [*] --> pending\n");
	for (int s = 0; s < STEP_STATE_COUNT; s++)
		for (int e = 0; e < STEP_EVENT_COUNT; e++) {
			enum step_state next;
			if (step_next((enum step_state)s, (enum step_event)e, &next))
				strbuf_printf(out, "    %s --> %s: %s\n", STEP_STATE_NAMES[s],
					      STEP_STATE_NAMES[next], STEP_EVENT_NAMES[e]);
		}
	strbuf_append_string(out, "```\n");
}

static void test_docs_show_the_tables(void **state)
{
	struct arena *arena = arena_new();
	struct strbuf diagrams;
	struct error err;
	char *text;

	(void)state;
	strbuf_init(&diagrams, arena, 1 << 16);
	strbuf_append_string(&diagrams, BEGIN_MARK);
	diagrams_print(&diagrams);
	strbuf_append_string(&diagrams, END_MARK);
	assert_true(
		file_read(SOURCE_DIR "/docs/rollout-states.md", 1 << 20, arena, &text, NULL, &err));
	assert_non_null(strstr(text, diagrams.data));
	arena_free(arena);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_rollout_state_is_reached_and_left),
		cmocka_unit_test(test_every_refusal_has_words),
		cmocka_unit_test(test_steps_move_forward_only),
		cmocka_unit_test(test_only_failures_are_retried),
		cmocka_unit_test(test_what_has_not_succeeded_can_be_excluded),
		cmocka_unit_test(test_every_step_ends),
		cmocka_unit_test(test_sources_agree_with_table),
		cmocka_unit_test(test_docs_show_the_tables),
	};

	if (argc > 1 && strcmp(argv[1], "--print") == 0) {
		struct strbuf diagrams;

		strbuf_init(&diagrams, NULL, 1 << 16);
		diagrams_print(&diagrams);
		fputs(diagrams.data, stdout);
		strbuf_release(&diagrams);
		return 0;
	}

	return cmocka_run_group_tests(tests, NULL, NULL);
}
