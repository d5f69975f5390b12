/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/follow.h"

#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/loop.h"
#include "protocol/limits.h"
#include "state/spool.h"
#include "temporary_folder.h"
#include "test.h"

struct fixture {
	void *folder;
	char old[4096];
	struct arena *arena;
	struct loop *loop;
	struct state *state;
	struct outgoing outgoing;
	struct follow *follow;
};

static void start(struct fixture *fixture)
{
	struct error err = {0};

	assert_success(state_open("state.db", &fixture->state, &err), &err);
	fixture->outgoing = (struct outgoing){.state = fixture->state, .budget_bytes = 64 << 20};
	const struct follow_options options = {
		.loop = fixture->loop,
		.state = fixture->state,
		.outgoing = &fixture->outgoing,
		.interval_ms = 1000,
	};
	fixture->follow = follow_new(&options);
}

static void stop(struct fixture *fixture)
{
	follow_free(fixture->follow);
	state_close(fixture->state);
}

static int setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	struct error err = {0};

	if (temporary_folder_setup(&fixture->folder) != 0)
		return -1;
	assert_non_null(getcwd(fixture->old, sizeof(fixture->old)));
	assert_int_equal(chdir(fixture->folder), 0);
	assert_success(file_make_folders("logs/app", 0755, &err), &err);
	fixture->arena = arena_new();
	fixture->loop = loop_new();
	start(fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	int result;

	stop(fixture);
	loop_free(fixture->loop);
	arena_free(fixture->arena);
	assert_int_equal(chdir(fixture->old), 0);
	result = temporary_folder_teardown(&fixture->folder);
	free(fixture);
	return result;
}

static void append(const char *segment, const char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "logs/app/%s.log", segment);
	FILE *file = fopen(path, "a");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	fclose(file);
}

static void append_text(const char *segment, const char *text)
{
	append(segment, text, strlen(text));
}

/* The message with this seq as it travels, "" when there is none. */
static const char *message(struct fixture *fixture, int64_t seq)
{
	struct spool_message found_message;
	struct error err = {0};
	bool found;

	assert_success(spool_next(fixture->state, CHANNEL_LOGS, seq - 1, fixture->arena,
				  &found_message, &found, &err),
		       &err);
	return found ? spool_text(fixture->arena, &found_message, "nabcdef", "0123456789abcdef",
				  found_message.first, 0)
		     : "";
}

static void uploads_whole_lines_once(void **state)
{
	struct fixture *fixture = *state;

	append_text("0000000001", "5 s 0\n1000000 o hello\n2000000 e \"quoted\"\n3000000 o to");
	follow_turn(fixture->follow);
	assert_contains(message(fixture, 1), "\"service\":\"app\"");
	assert_contains(message(fixture, 1), "\"text\":\"hello\"");
	assert_contains(message(fixture, 1), "\"stream\":\"stderr\"");
	assert_null(strstr(message(fixture, 1), "\"text\":\"to"));
	follow_turn(fixture->follow);
	assert_string_equal(message(fixture, 2), "");

	/* The rest of the line comes, and another agent reads on. */
	append_text("0000000001", "rn\n");
	stop(fixture);
	start(fixture);
	follow_turn(fixture->follow);
	assert_contains(message(fixture, 2), "\"text\":\"torn\"");
	assert_null(strstr(message(fixture, 2), "hello"));
}

static void goes_on_in_the_next_segment(void **state)
{
	struct fixture *fixture = *state;

	append_text("0000000001", "1 s 0\n1 o one\n");
	append_text("0000000002", "1 s 1\n2 o two\n");
	append_text("0000000003", "1 s 2\n3 o three\n");
	follow_turn(fixture->follow);
	assert_contains(message(fixture, 1), "one");
	assert_contains(message(fixture, 1), "two");
	assert_contains(message(fixture, 1), "three");
	assert_null(strstr(message(fixture, 1), "\"dropped\":1"));
}

static void counts_what_was_lost(void **state)
{
	struct fixture *fixture = *state;

	append_text("0000000001", "1 s 0\n1 o one\n");
	follow_turn(fixture->follow);
	assert_int_equal(unlink("logs/app/0000000001.log"), 0);
	/* Seven lines are gone with a segment that we never saw, two more by the shim. */
	append_text("0000000003", "1 s 8\n1 d 2\n1 o late\n");
	follow_turn(fixture->follow);
	assert_contains(message(fixture, 2), "\"dropped\":9");
	assert_contains(message(fixture, 2), "late");
}

static void makes_any_bytes_valid(void **state)
{
	struct fixture *fixture = *state;

	append("0000000001", "1 o a\xff\x01\xc3\xa9\x00z\n", 13);
	follow_turn(fixture->follow);
	assert_contains(message(fixture, 1), "a\xEF\xBF\xBD\xEF\xBF\xBD\xc3\xa9\xEF\xBF\xBDz");
}

static void cuts_floods_into_messages(void **state)
{
	struct fixture *fixture = *state;
	char line[4096 + 32];
	int messages = 0;

	memset(line, '"', sizeof(line));
	memcpy(line, "1 o ", 4);
	line[4100] = '\n';
	for (int i = 0; i < 100; i++)
		append("0000000001", line, 4101);
	while (follow_turn(fixture->follow))
		;
	for (int64_t seq = 1; message(fixture, seq)[0]; seq++) {
		assert_true(strlen(message(fixture, seq)) < LIMIT_UP_MESSAGE);
		messages++;
	}
	assert_true(messages > 5);
}

static void keeps_the_end_of_a_text(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(text_clean(fixture->arena, "abcdef", 6, 3, false), "abc");
	assert_string_equal(text_clean(fixture->arena, "abcdef", 6, 3, true), "def");
	assert_string_equal(text_clean(fixture->arena, "ab\xc3\xa9", 4, 1, true), "");
	assert_string_equal(text_clean(fixture->arena, "a\xc3\xa9", 3, 2, false), "a");
	assert_string_equal(text_clean(fixture->arena, "", 0, 2, false), "");
}

static void numbers_that_cannot_be_right_do_no_harm(void **state)
{
	struct fixture *fixture = *state;

	append_text("0000000001", "1 s 999999999999999999\n");
	for (int i = 0; i < 20; i++)
		append_text("0000000001", "1 d 999999999999999999\n");
	append_text("0000000001", "1 s 0\n1 d 999999999999999999\n2 o after\n");
	follow_turn(fixture->follow);
	assert_contains(message(fixture, 1), "after");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(uploads_whole_lines_once, setup, teardown),
		cmocka_unit_test_setup_teardown(goes_on_in_the_next_segment, setup, teardown),
		cmocka_unit_test_setup_teardown(counts_what_was_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_that_cannot_be_right_do_no_harm, setup,
						teardown),
		cmocka_unit_test_setup_teardown(makes_any_bytes_valid, setup, teardown),
		cmocka_unit_test_setup_teardown(cuts_floods_into_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_the_end_of_a_text, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
