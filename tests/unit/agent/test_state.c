/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "base/clock.h"
#include "state/desired.h"
#include "state/log_position.h"
#include "state/packages.h"
#include "state/spool.h"
#include "state/trusted_time.h"
#include "temporary_folder.h"
#include "test.h"

struct fixture {
	void *folder;
	char path[256];
	struct arena *arena;
	struct state *state;
};

static int setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	struct error err = {0};

	if (temporary_folder_setup(&fixture->folder) != 0)
		return -1;
	snprintf(fixture->path, sizeof(fixture->path), "%s/state.db", (char *)fixture->folder);
	fixture->arena = arena_new();
	assert_success(state_open(fixture->path, &fixture->state, &err), &err);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	int result;

	state_close(fixture->state);
	arena_free(fixture->arena);
	result = temporary_folder_teardown(&fixture->folder);
	free(fixture);
	return result;
}

static void reopen(struct fixture *fixture)
{
	struct error err = {0};

	state_close(fixture->state);
	assert_success(state_open(fixture->path, &fixture->state, &err), &err);
}

static void keeps_values_and_rolls_back(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};
	char *value;
	int64_t number;

	assert_success(state_get(fixture->state, "a", fixture->arena, &value, &err), &err);
	assert_null(value);
	assert_success(state_set(fixture->state, "a", "x'\"", &err), &err);
	assert_success(state_set_int(fixture->state, "n", INT64_C(9007199254740993), &err), &err);
	assert_success(state_begin(fixture->state, &err), &err);
	assert_success(state_set(fixture->state, "a", "lost", &err), &err);
	assert_success(state_begin(fixture->state, &err), &err);
	error_set(&err, ERR_INVALID, "inner");
	assert_false(state_end(fixture->state, false, &err));
	assert_false(state_end(fixture->state, false, &err));
	reopen(fixture);
	assert_success(state_get(fixture->state, "a", fixture->arena, &value, &err), &err);
	assert_string_equal(value, "x'\"");
	assert_success(state_get_int(fixture->state, "n", 0, &number, &err), &err);
	assert_int_equal(number, INT64_C(9007199254740993));
}

static void refuses_a_newer_and_a_damaged_file(void **state)
{
	struct fixture *fixture = *state;
	struct state *other;
	struct error err = {0};
	char path[300];

	snprintf(path, sizeof(path), "%s/junk.db", (char *)fixture->folder);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "%4096s", "this is no database");
	fclose(file);
	assert_false(state_open(path, &other, &err));
	assert_contains(err.text, "junk.db");
}

static void add(struct fixture *fixture, enum channel stream, const char *text, int64_t items,
		int64_t budget)
{
	json_auto_t *body = json_pack("{s:i, s:s, s:s}", "v", 1, "seq", "9", "t", text);
	struct error err = {0};

	assert_success(spool_append(fixture->state, stream, body, items, budget, &err), &err);
}

static struct spool_message next(struct fixture *fixture, enum channel stream, int64_t seq)
{
	struct spool_message message = {0};
	struct error err = {0};
	bool found;

	assert_success(
		spool_next(fixture->state, stream, seq, fixture->arena, &message, &found, &err),
		&err);
	return found ? message : (struct spool_message){0};
}

static void numbers_and_drops_what_is_acknowledged(void **state)
{
	struct fixture *fixture = *state;
	struct spool_counters counters;
	struct error err = {0};

	for (int i = 0; i < 3; i++)
		add(fixture, CHANNEL_EVENTS, "x", 0, 1 << 20);
	add(fixture, CHANNEL_LOGS, "y", 1, 1 << 20);
	assert_int_equal(next(fixture, CHANNEL_EVENTS, 0).seq, 1);
	assert_int_equal(next(fixture, CHANNEL_LOGS, 0).seq, 1);
	assert_success(spool_ack(fixture->state, CHANNEL_EVENTS, 2, &err), &err);
	assert_success(spool_ack(fixture->state, CHANNEL_EVENTS, 99, &err), &err);
	reopen(fixture);
	assert_int_equal(next(fixture, CHANNEL_EVENTS, 0).seq, 3);
	assert_success(spool_counters(fixture->state, CHANNEL_EVENTS, &counters, &err), &err);
	assert_int_equal(counters.produced, 3);
	assert_int_equal(counters.acked, 2);
	add(fixture, CHANNEL_EVENTS, "z", 0, 1 << 20);
	assert_int_equal(next(fixture, CHANNEL_EVENTS, 3).seq, 4);
}

static void writes_the_message_as_it_travels(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, CHANNEL_EVENTS, "x", 0, 1 << 20);
	struct spool_message message = next(fixture, CHANNEL_EVENTS, 0);
	assert_string_equal(
		spool_text(fixture->arena, &message, "n1", "0123456789abcdef", message.first),
		"{\"v\":1,\"node\":\"n1\",\"epoch\":\"0123456789abcdef\",\"seq\":1,\"t\":\"x\"}");
	message.seq = 9;
	message.dropped = 4;
	assert_string_equal(spool_text(fixture->arena, &message, "n1", "0123456789abcdef", 3),
			    "{\"v\":1,\"node\":\"n1\",\"epoch\":\"0123456789abcdef\",\"seq\":9,"
			    "\"first\":3,\"dropped\":4,\"t\":\"x\"}");
}

static void gives_up_the_oldest_logs_first(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};
	int64_t bytes;

	for (int i = 0; i < 10; i++)
		add(fixture, CHANNEL_LOGS, "0123456789012345678901234567890123456789", 5, 10000);
	for (int i = 0; i < 4; i++)
		add(fixture, CHANNEL_EVENTS, "0123456789012345678901234567890123456789", 0, 400);
	assert_success(spool_bytes(fixture->state, &bytes, &err), &err);
	assert_true(bytes <= 400);
	struct spool_message message = next(fixture, CHANNEL_LOGS, 0);
	assert_int_equal(message.first, 1);
	assert_true(message.seq > 1);
	assert_int_equal(message.dropped, (message.seq - 1) * 5);
	assert_int_equal(next(fixture, CHANNEL_EVENTS, 0).seq, 1);

	/* Nothing but events is left to give: then they go too, but the last one stays. */
	for (int i = 0; i < 10; i++)
		add(fixture, CHANNEL_EVENTS, "0123456789012345678901234567890123456789", 0, 10);
	message = next(fixture, CHANNEL_EVENTS, 0);
	assert_int_equal(message.seq, 14);
	assert_int_equal(message.first, 1);
	assert_int_equal(next(fixture, CHANNEL_LOGS, 0).seq, 10);
}

static off_t file_size(struct fixture *fixture)
{
	struct stat status;

	reopen(fixture); /* brings the write-ahead log into the file */
	assert_int_equal(stat(fixture->path, &status), 0);
	return status.st_size;
}

static void gives_space_back(void **state)
{
	struct fixture *fixture = *state;
	char text[4096];
	struct error err = {0};

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_success(state_begin(fixture->state, &err), &err);
	for (int i = 0; i < 2000; i++)
		add(fixture, CHANNEL_LOGS, text, 1, 64 << 20);
	assert_success(state_end(fixture->state, true, &err), &err);
	off_t full = file_size(fixture);
	assert_true(full > 8 << 20);
	for (int i = 1; i <= 40; i++)
		assert_success(spool_ack(fixture->state, CHANNEL_LOGS, i * 50, &err), &err);
	assert_true(file_size(fixture) < full / 2);
}

static void keeps_only_the_newest_report(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};

	for (int i = 0; i < 3; i++)
		add(fixture, CHANNEL_REPORTED, "x", 0, 1 << 20);
	assert_int_equal(next(fixture, CHANNEL_REPORTED, 0).seq, 3);
	assert_int_equal(next(fixture, CHANNEL_REPORTED, 0).first, 1);
	assert_success(spool_ack(fixture->state, CHANNEL_REPORTED, 3, &err), &err);
	add(fixture, CHANNEL_REPORTED, "x", 0, 1 << 20);
	assert_int_equal(next(fixture, CHANNEL_REPORTED, 0).first, 4);
}

static void renumbers_for_a_new_epoch(void **state)
{
	struct fixture *fixture = *state;
	char before[SPOOL_EPOCH_SIZE], after[SPOOL_EPOCH_SIZE];
	struct spool_counters counters;
	struct error err = {0};

	assert_success(spool_epoch(fixture->state, before, &err), &err);
	reopen(fixture);
	assert_success(spool_epoch(fixture->state, after, &err), &err);
	assert_string_equal(before, after);
	for (int i = 0; i < 6; i++)
		add(fixture, CHANNEL_EVENTS, "x", 0, 1 << 20);
	add(fixture, CHANNEL_LOGS, "x", 0, 1 << 20);
	assert_success(spool_ack(fixture->state, CHANNEL_EVENTS, 3, &err), &err);
	assert_success(spool_renumber(fixture->state, &err), &err);
	assert_success(spool_epoch(fixture->state, after, &err), &err);
	assert_string_not_equal(before, after);
	for (int64_t seq = 0; seq < 3; seq++)
		assert_int_equal(next(fixture, CHANNEL_EVENTS, seq).seq, seq + 1);
	assert_int_equal(next(fixture, CHANNEL_EVENTS, 3).seq, 0);
	assert_success(spool_counters(fixture->state, CHANNEL_EVENTS, &counters, &err), &err);
	assert_int_equal(counters.produced, 3);
	assert_int_equal(counters.acked, 0);
}

static const struct desired_record RECORD = {
	.generation = 4, .digest = "sha256:x", .content = "{}", .fetch = "{}"};

static bool has_slot(struct fixture *fixture, enum desired_slot slot, int64_t generation)
{
	struct desired_record record;
	struct error err = {0};
	bool found;

	assert_success(desired_find(fixture->state, slot, fixture->arena, &record, &found, &err),
		       &err);
	return found && record.generation == generation;
}

static void moves_a_candidate_through_its_life(void **state)
{
	struct fixture *fixture = *state;
	struct desired_record next_one = RECORD;
	struct journal journal = {
		.phase = JOURNAL_APPLYING, .generation = 4, .digest = "sha256:x", .attempts = 1};
	struct error err = {0};
	bool promoted;

	assert_success(desired_update(fixture->state, DESIRED_CANDIDATE, &RECORD, &err), &err);
	assert_success(journal_update(fixture->state, &journal, &err), &err);
	next_one.generation = 5;
	assert_success(desired_update(fixture->state, DESIRED_NEXT, &next_one, &err), &err);
	reopen(fixture);
	assert_success(journal_find(fixture->state, fixture->arena, &journal, &err), &err);
	assert_int_equal(journal.phase, JOURNAL_APPLYING);
	assert_success(desired_commit(fixture->state, &err), &err);
	assert_success(journal_find(fixture->state, fixture->arena, &journal, &err), &err);
	assert_int_equal(journal.phase, JOURNAL_NONE);
	assert_true(has_slot(fixture, DESIRED_CURRENT, 4));
	assert_success(desired_promote(fixture->state, &promoted, &err), &err);
	assert_true(promoted);
	assert_true(has_slot(fixture, DESIRED_CANDIDATE, 5));
	assert_success(desired_promote(fixture->state, &promoted, &err), &err);
	assert_false(promoted);

	const struct verdict verdict = {.generation = 5, .state = "rolled_back", .error = "{}"};
	struct verdict found_verdict;
	bool found;
	assert_success(verdict_insert(fixture->state, "sha256:y", &verdict, &err), &err);
	assert_false(has_slot(fixture, DESIRED_CANDIDATE, 5));
	assert_true(has_slot(fixture, DESIRED_CURRENT, 4));
	assert_success(verdict_find(fixture->state, "sha256:y", fixture->arena, &found_verdict,
				    &found, &err),
		       &err);
	assert_true(found);
	assert_string_equal(found_verdict.state, "rolled_back");
	assert_success(verdict_find(fixture->state, "sha256:x", fixture->arena, &found_verdict,
				    &found, &err),
		       &err);
	assert_false(found);
}

static void lets_a_command_run_once(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};
	bool known;

	assert_success(command_insert(fixture->state, "c", 100, 1, &known, &err), &err);
	assert_false(known);
	assert_success(command_insert(fixture->state, "c", 100, 50, &known, &err), &err);
	assert_true(known);
	assert_success(command_insert(fixture->state, "d", 300, 200, &known, &err), &err);
	assert_false(known);
}

static void keeps_two_versions_before_the_current(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};
	const char **old;
	int64_t counter;
	size_t count;

	for (int i = 1; i <= 5; i++) {
		char sha256[4] = {'a', (char)('0' + i), 0};

		assert_success(packages_use(fixture->state, sha256, "broker", "1", i, &err), &err);
	}
	assert_success(packages_use(fixture->state, "b1", "other", "1", 1, &err), &err);
	/* An old one that came back is current again. */
	assert_success(packages_use(fixture->state, "a1", "broker", "1", 6, &err), &err);
	assert_success(packages_list_old(fixture->state, 3, fixture->arena, &old, &count, &err),
		       &err);
	assert_int_equal(count, 2);
	assert_string_equal(old[0], "a3");
	assert_string_equal(old[1], "a2");
	assert_success(release_note(fixture->state, "broker", 7, false, &err), &err);
	assert_success(release_note(fixture->state, "broker", 3, false, &err), &err);
	assert_success(release_find(fixture->state, "broker", &counter, &err), &err);
	assert_int_equal(counter, 7);
}

static void never_sets_the_time_back(void **state)
{
	struct fixture *fixture = *state;
	struct trusted_time time;
	struct error err = {0};
	usec_t issued = 1000 * USEC_PER_DAY;

	assert_success(trusted_time_init(&time, fixture->state, 5, &err), &err);
	assert_int_equal(trusted_time_offset_ms(&time), 0);
	assert_success(trusted_time_learn(&time, issued, &err), &err);
	assert_true(trusted_time_now(&time) >= issued);
	assert_success(trusted_time_learn(&time, 10, &err), &err);
	assert_true(trusted_time_now(&time) >= issued);
	assert_true(trusted_time_offset_ms(&time) != 0);
	reopen(fixture);
	assert_success(trusted_time_init(&time, fixture->state, 5, &err), &err);
	assert_true(trusted_time_now(&time) >= issued);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keeps_values_and_rolls_back, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_a_newer_and_a_damaged_file, setup,
						teardown),
		cmocka_unit_test_setup_teardown(numbers_and_drops_what_is_acknowledged, setup,
						teardown),
		cmocka_unit_test_setup_teardown(writes_the_message_as_it_travels, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_up_the_oldest_logs_first, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_space_back, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_only_the_newest_report, setup, teardown),
		cmocka_unit_test_setup_teardown(renumbers_for_a_new_epoch, setup, teardown),
		cmocka_unit_test_setup_teardown(moves_a_candidate_through_its_life, setup,
						teardown),
		cmocka_unit_test_setup_teardown(lets_a_command_run_once, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_two_versions_before_the_current, setup,
						teardown),
		cmocka_unit_test_setup_teardown(never_sets_the_time_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
