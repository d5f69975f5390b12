/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"
#include "state/desired.h"
#include "state/log_position.h"
#include "state/packages.h"
#include "state/rescue.h"
#include "state/trusted_time.h"
#include "state_fixture.h"

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

/* Writes text over a part of the file. */
static void overwrite(const char *path, long at, const char *text, size_t size)
{
	FILE *file = fopen(path, "r+");

	assert_non_null(file);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	assert_int_equal(fwrite(text, 1, size, file), size);
	fclose(file);
}

static const struct desired_record RECORD = {
	.generation = 4,
	.digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
	.content = "{}",
	.fetch = "{}",
};

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

static void put_in_force(struct fixture *fixture)
{
	struct error err = {0};

	assert_success(desired_update(fixture->state, DESIRED_CANDIDATE, &RECORD, &err), &err);
	assert_success(desired_commit(fixture->state, &err), &err);
	assert_null(state_trouble(fixture->state));
}

static void comes_back_from_damage(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};
	char *digest, name[300];

	put_in_force(fixture);
	state_close(fixture->state);
	overwrite(fixture->path, 0, "this is no database at all", 26);
	assert_failure(state_open_bare(fixture->path, &fixture->state, &err), &err, ERR_INTERNAL);
	assert_success(state_open(fixture->path, &fixture->state, &err), &err);
	assert_contains(state_trouble(fixture->state), "taken from its copy");
	assert_true(has_slot(fixture, DESIRED_CURRENT, 4));
	assert_success(state_get(fixture->state, "digest", fixture->arena, &digest, &err), &err);
	assert_string_equal(digest, RECORD.digest);
	snprintf(name, sizeof(name), "%s.damaged", fixture->path);
	assert_true(file_exists(name));
	reopen(fixture);
	assert_null(state_trouble(fixture->state));
	assert_true(has_slot(fixture, DESIRED_CURRENT, 4));
}

static void says_when_nothing_could_be_saved(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};
	char name[300];

	put_in_force(fixture);
	state_close(fixture->state);
	snprintf(name, sizeof(name), "%s.copy", fixture->path);
	overwrite(name, 20, "????????????????", 16);
	assert_int_equal(truncate(fixture->path, 5000), 0);
	assert_success(state_open(fixture->path, &fixture->state, &err), &err);
	assert_contains(state_trouble(fixture->state), "left alone");
	assert_false(has_slot(fixture, DESIRED_CURRENT, 4));
}

static void notices_an_emptied_and_an_older_file(void **state)
{
	struct fixture *fixture = *state;
	struct journal journal = {.phase = JOURNAL_APPLYING, .generation = 2, .digest = "sha256:x"};
	struct error err = {0};

	put_in_force(fixture);
	state_close(fixture->state);
	assert_int_equal(truncate(fixture->path, 0), 0);
	assert_success(state_open(fixture->path, &fixture->state, &err), &err);
	assert_non_null(state_trouble(fixture->state));
	assert_true(has_slot(fixture, DESIRED_CURRENT, 4));

	/* As if its log had been lost: an older generation is in force, and a change to it is under way. */
	struct desired_record older = RECORD;
	older.generation = 3;
	assert_success(desired_store(fixture->state, DESIRED_CURRENT, &older, &err), &err);
	assert_success(journal_update(fixture->state, &journal, &err), &err);
	reopen(fixture);
	assert_non_null(state_trouble(fixture->state));
	assert_true(has_slot(fixture, DESIRED_CURRENT, 4));
	assert_success(journal_find(fixture->state, fixture->arena, &journal, &err), &err);
	assert_int_equal(journal.phase, JOURNAL_NONE);
}

static void refuses_what_is_not_what_was_in_force(void **state)
{
	struct fixture *fixture = *state;
	struct desired_record other = RECORD;
	struct error err = {0};

	other.content = "{ }";
	assert_failure(desired_update(fixture->state, DESIRED_CURRENT, &other, &err), &err,
		       ERR_INVALID);
	assert_success(desired_store(fixture->state, DESIRED_CURRENT, &other, &err), &err);
	reopen(fixture);
	assert_contains(state_trouble(fixture->state), "left alone");
	assert_false(has_slot(fixture, DESIRED_CURRENT, 4));
}

/* A whole record with this number in its content; generations may fall. */
static struct desired_record numbered(struct arena *arena, int64_t generation, int number)
{
	const char *content = arena_printf(arena, "{\"number\":%d}", number);
	char hex[SHA256_HEX_SIZE];

	sha256_hex(content, strlen(content), hex);
	return (struct desired_record){.generation = generation,
				       .digest = arena_printf(arena, "sha256:%s", hex),
				       .content = content,
				       .fetch = "{}"};
}

static int number_in_force(struct fixture *fixture)
{
	struct desired_record record;
	struct error err = {0};
	bool found;
	int number = -1;

	assert_success(desired_find(fixture->state, DESIRED_CURRENT, fixture->arena, &record,
				    &found, &err),
		       &err);
	if (found && sscanf(record.content, "{\"number\":%d}", &number) != 1)
		return -1;
	return number;
}

static void finds_what_was_put_in_force_last(void **state)
{
	struct fixture *fixture = *state;
	const struct desired_record records[] = {
		numbered(fixture->arena, 4, 1),
		numbered(fixture->arena, 4, 2), /* other content of the same generation */
		numbered(fixture->arena, 3, 3), /* and a lower one than the copy has */
	};
	struct error err = {0};

	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		assert_success(desired_update(fixture->state, DESIRED_CURRENT, &records[i], &err),
			       &err);
		reopen(fixture);
		assert_null(state_trouble(fixture->state));
		assert_int_equal(number_in_force(fixture), (int)i + 1);
		state_close(fixture->state);
		assert_int_equal(truncate(fixture->path, 5000), 0);
		assert_success(state_open(fixture->path, &fixture->state, &err), &err);
		assert_int_equal(number_in_force(fixture), (int)i + 1);
	}
	/* A step that is undone leaves the copy of what it would have replaced. */
	const struct desired_record never = numbered(fixture->arena, 9, 9);
	assert_success(state_begin(fixture->state, &err), &err);
	assert_success(desired_update(fixture->state, DESIRED_CURRENT, &never, &err), &err);
	assert_false(state_end(fixture->state, false, &err));
	state_close(fixture->state);
	assert_int_equal(truncate(fixture->path, 5000), 0);
	assert_success(state_open(fixture->path, &fixture->state, &err), &err);
	assert_int_equal(number_in_force(fixture), 3);
}

/* Counts up what is in force and says each number when it is written, until it is killed. */
static void write_until_killed(const char *path, int told, int number)
{
	struct arena *arena = arena_new();
	struct error err = {0};
	struct state *state;

	if (!state_open(path, &state, &err))
		_exit(1);
	for (;; number++) {
		struct desired_record record = numbered(arena, 1 + number / 3, number);
		enum desired_slot slot = number % 2 ? DESIRED_CURRENT : DESIRED_CANDIDATE;

		if (!desired_update(state, slot, &record, &err) ||
		    (slot == DESIRED_CANDIDATE && !desired_commit(state, &err)) ||
		    write(told, &number, sizeof(number)) != sizeof(number))
			_exit(1);
	}
}

static void loses_no_write_when_it_is_killed(void **state)
{
	enum { KILLS = 40 };
	struct fixture *fixture = *state;
	struct error err = {0};
	int last = 0, told[2];

	for (int i = 0; i < KILLS; i++) {
		state_close(fixture->state);
		assert_int_equal(pipe(told), 0);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0)
			write_until_killed(fixture->path, told[1], last + 1);
		close(told[1]);
		for (int heard = 0; heard <= i % 4; heard++)
			assert_int_equal(read(told[0], &last, sizeof(last)), sizeof(last));
		/* Not between two writes only. */
		assert_int_equal(usleep((unsigned)(i % 7) * 1000), 0);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
		for (int more; read(told[0], &more, sizeof(more)) == sizeof(more);)
			last = more;
		close(told[0]);
		assert_success(state_open(fixture->path, &fixture->state, &err), &err);
		assert_null(state_trouble(fixture->state));
		int found = number_in_force(fixture);
		/* The one that was being written may be there as well. */
		assert_true(found == last || found == last + 1);
		last = found;
	}
}

static void keeps_some_ballast(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;
	char name[300];

	snprintf(name, sizeof(name), "%s.ballast", fixture->path);
	assert_int_equal(stat(name, &status), 0);
	assert_true(status.st_size > 0 && status.st_blocks * 512 >= status.st_size);
	assert_int_equal(truncate(name, 0), 0);
	state_keep_ballast(fixture->state);
	assert_int_equal(stat(name, &status), 0);
	assert_true(status.st_size > 0);
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
		cmocka_unit_test_setup_teardown(comes_back_from_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(says_when_nothing_could_be_saved, setup, teardown),
		cmocka_unit_test_setup_teardown(notices_an_emptied_and_an_older_file, setup,
						teardown),
		cmocka_unit_test_setup_teardown(refuses_what_is_not_what_was_in_force, setup,
						teardown),
		cmocka_unit_test_setup_teardown(finds_what_was_put_in_force_last, setup, teardown),
		cmocka_unit_test_setup_teardown(loses_no_write_when_it_is_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_some_ballast, setup, teardown),
		cmocka_unit_test_setup_teardown(moves_a_candidate_through_its_life, setup,
						teardown),
		cmocka_unit_test_setup_teardown(lets_a_command_run_once, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_two_versions_before_the_current, setup,
						teardown),
		cmocka_unit_test_setup_teardown(never_sets_the_time_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
