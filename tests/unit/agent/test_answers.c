/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "supervise/answers.h"

/* Plays answers ('+' good, '-' bad) and gives the verdict after each: 'g', 'b' or '?'. */
static const char *play(const struct probe_spec *spec, bool forgiving, const char *text)
{
	static char verdicts[256];
	struct answers answers = {0};
	enum probe_verdict verdict = PROBE_UNKNOWN;
	size_t at = 0;

	for (; text[at]; at++) {
		answers_add(&answers, text[at] == '+');
		verdict = answers_verdict(&answers, spec, forgiving, verdict);
		verdicts[at] = verdict == PROBE_GOOD ? 'g' : verdict == PROBE_BAD ? 'b' : '?';
	}
	verdicts[at] = '\0';
	return verdicts;
}

static void test_in_a_row(void **state)
{
	const struct probe_spec spec = {
		.success = 2, .success_of = 2, .failure = 3, .failure_of = 3};

	(void)state;
	assert_string_equal(play(&spec, false, "+++"), "?gg");
	assert_string_equal(play(&spec, false, "---"), "??b");
	/* One that comes and goes is not seen: it takes three in a row. */
	assert_string_equal(play(&spec, false, "++--+--+--"), "?ggggggggg");
	assert_string_equal(play(&spec, false, "++---+-++"), "?gggbbbbg");
}

static void test_so_many_of_the_last(void **state)
{
	const struct probe_spec spec = {
		.success = 1, .success_of = 1, .failure = 3, .failure_of = 5};

	(void)state;
	/* Flapping is ill health, and stays so until it has been good for a while. */
	assert_string_equal(play(&spec, false, "+--+-"), "ggggb");
	assert_string_equal(play(&spec, false, "+--+-+++"), "ggggbbgg");
	assert_string_equal(play(&spec, false, "+-+-+++++"), "ggggggggg");
	const struct probe_spec slow = {
		.success = 3, .success_of = 4, .failure = 2, .failure_of = 2};
	assert_string_equal(play(&slow, false, "++-+"), "???g");
}

static void test_nothing_counts_against_it_while_it_starts(void **state)
{
	const struct probe_spec spec = {
		.success = 1, .success_of = 1, .failure = 1, .failure_of = 1};

	(void)state;
	assert_string_equal(play(&spec, true, "------+"), "??????g");
	assert_string_equal(play(&spec, false, "-"), "b");
}

static void test_the_ring_is_long_enough(void **state)
{
	struct probe_spec spec = {.success = 1,
				  .success_of = 1,
				  .failure = SPEC_MAX_ANSWERS,
				  .failure_of = SPEC_MAX_ANSWERS};
	struct answers answers = {0};

	(void)state;
	answers_add(&answers, true);
	for (int i = 1; i < SPEC_MAX_ANSWERS; i++) {
		answers_add(&answers, false);
		assert_int_equal(answers_verdict(&answers, &spec, false, PROBE_GOOD), PROBE_GOOD);
		assert_int_equal(answers_count(&answers, SPEC_MAX_ANSWERS, false), i);
	}
	answers_add(&answers, false);
	assert_int_equal(answers_verdict(&answers, &spec, false, PROBE_GOOD), PROBE_BAD);
	assert_int_equal(answers_count(&answers, SPEC_MAX_ANSWERS, true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_a_row),
		cmocka_unit_test(test_so_many_of_the_last),
		cmocka_unit_test(test_nothing_counts_against_it_while_it_starts),
		cmocka_unit_test(test_the_ring_is_long_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
