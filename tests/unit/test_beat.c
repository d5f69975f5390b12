/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/beat.h"

#include "test.h"

/* The one in schema/beat.md. */
static const uint8_t EXAMPLE[] = {0xb1, 0x19, 0x4b, 0xff, 0x12, 0x34, 0xac, 0x02};

static bool decodes(const void *bytes, size_t size, struct msg_beat *out)
{
	struct error err = {0};

	if (msg_beat_decode(bytes, size, out, &err))
		return true;
	assert_true(err.code == ERR_INVALID || err.code == ERR_TOO_LARGE);
	return false;
}

static void test_reads_and_writes_the_example(void **state)
{
	uint8_t out[BEAT_MAX_SIZE];
	struct msg_beat beat;

	(void)state;
	assert_true(decodes(EXAMPLE, sizeof(EXAMPLE), &beat));
	assert_int_equal(beat.cpu, 25);
	assert_int_equal(beat.memory, 75);
	assert_int_equal(beat.disk, BEAT_UNKNOWN);
	assert_int_equal(beat.mark, 4660);
	assert_int_equal(beat.generation, 300);
	assert_int_equal(msg_beat_encode(&beat, out), sizeof(EXAMPLE));
	assert_memory_equal(out, EXAMPLE, sizeof(EXAMPLE));
}

static void test_generations_survive(void **state)
{
	static const int64_t GENERATIONS[] = {0, 1, 127, 128, 16383, 16384, LIMIT_GENERATION};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(GENERATIONS); i++) {
		struct msg_beat beat = {.mark = 1, .generation = GENERATIONS[i]}, again;
		uint8_t out[BEAT_MAX_SIZE];
		size_t size = msg_beat_encode(&beat, out);

		assert_true(decodes(out, size, &again));
		assert_true(again.generation == GENERATIONS[i]);
		assert_false(decodes(out, size - 1, &again));
	}
}

static void test_ignores_what_newer_agents_add(void **state)
{
	uint8_t longer[BEAT_MAX_SIZE] = {0};
	struct msg_beat beat;

	(void)state;
	memcpy(longer, EXAMPLE, sizeof(EXAMPLE));
	assert_true(decodes(longer, sizeof(longer), &beat));
	assert_int_equal(beat.generation, 300);
}

static void test_refuses_what_is_no_beat(void **state)
{
	uint8_t bytes[BEAT_MAX_SIZE + 1] = {0};
	struct msg_beat beat;

	(void)state;
	memcpy(bytes, EXAMPLE, sizeof(EXAMPLE));
	assert_false(decodes(bytes, sizeof(bytes), &beat));
	for (size_t size = 0; size < sizeof(EXAMPLE); size++)
		assert_false(decodes(EXAMPLE, size, &beat));
	bytes[0] = 0xb2;
	assert_false(decodes(bytes, sizeof(EXAMPLE), &beat));
	bytes[0] = 0xb1;
	bytes[1] = BEAT_FULL + 1;
	assert_false(decodes(bytes, sizeof(EXAMPLE), &beat));
	bytes[1] = 0;
	bytes[4] = bytes[5] = 0;
	assert_false(decodes(bytes, sizeof(EXAMPLE), &beat));
	bytes[5] = 1;
	memset(bytes + 6, 0xff, 8);
	assert_false(decodes(bytes, 15, &beat));
	bytes[13] = 0x10; /* 2^53 */
	memset(bytes + 6, 0x80, 7);
	assert_false(decodes(bytes, 14, &beat));
}

static void test_figures_are_half_percents(void **state)
{
	(void)state;
	assert_int_equal(beat_figure(0, 0), BEAT_UNKNOWN);
	assert_int_equal(beat_figure(-1, 100), 0);
	assert_int_equal(beat_figure(12.4, 100), 25);
	assert_int_equal(beat_figure(250, 100), BEAT_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_and_writes_the_example),
		cmocka_unit_test(test_generations_survive),
		cmocka_unit_test(test_ignores_what_newer_agents_add),
		cmocka_unit_test(test_refuses_what_is_no_beat),
		cmocka_unit_test(test_figures_are_half_percents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
