/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "process/segment.h"
#include "process/shim_client.h"

static bool decode(const char *text, struct shim_event *event)
{
	return shim_packet_decode(text, strlen(text), event);
}

static void test_status(void **state)
{
	struct shim_event event;

	(void)state;
	assert_true(decode("status run=3 phase=running pid=42 started=1795619280896665 exit=1 "
			   "dropped=0 new=x tag=a.b",
			   &event));
	assert_int_equal(event.kind, SHIM_EVENT_STATUS);
	assert_int_equal(event.run, 3);
	assert_int_equal(event.phase, SHIM_RUNNING);
	assert_int_equal(event.pid, 42);
	assert_int_equal(event.at, INT64_C(1795619280896665));
	assert_true(event.exit_pending);
	assert_string_equal(event.tag, "a.b");
}

static void test_exit(void **state)
{
	struct shim_event event;
	static const char PACKET[] = "exit run=1 code=-1 signal=9 core=1 wanted=0 at=5 errno=2 "
				     "step=execute_the_program tag=\nlast\0line";

	(void)state;
	assert_true(shim_packet_decode(PACKET, sizeof(PACKET) - 1, &event));
	assert_int_equal(event.kind, SHIM_EVENT_EXIT);
	assert_int_equal(event.code, -1);
	assert_int_equal(event.signal, 9);
	assert_true(event.core);
	assert_false(event.wanted);
	assert_int_equal(event.error, 2);
	assert_string_equal(event.step, "execute the program");
	assert_int_equal(event.text_size, 9);
	assert_memory_equal(event.text, "last\0line", 9);
}

static void test_bad_packets(void **state)
{
	static const char *const BAD[] = {
		"",
		"status",
		"status run",
		"status run=",
		"status run=-1",
		"status run=99999999999",
		"exit run=1",
		"status phase=asleep",
		"status pid=x",
		"hello",
		"exit code=1e9\n",
		"status started=99999999999999999999",
	};
	struct shim_event event;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
		if (decode(BAD[i], &event))
			fail_msg("accepted: %s", BAD[i]);
	}
	char tag[400] = "status tag=";
	memset(tag + strlen(tag), 'x', 300);
	assert_false(decode(tag, &event));
}

static bool parse(const char *line, struct segment_record *record)
{
	return segment_parse(line, strlen(line), record);
}

static void test_segment_records(void **state)
{
	struct segment_record record;

	(void)state;
	assert_true(parse("17 o hello world", &record));
	assert_int_equal(record.at, 17);
	assert_int_equal(record.kind, 'o');
	assert_false(record.continues);
	assert_int_equal(record.text_length, 11);
	assert_true(parse("17 E ", &record));
	assert_int_equal(record.kind, 'e');
	assert_true(record.continues);
	assert_int_equal(record.text_length, 0);
	assert_true(parse("17 d 120", &record));
	assert_int_equal(record.number, 120);
	assert_null(record.text);
	assert_true(parse("17 s 0", &record));
}

static void test_bad_records(void **state)
{
	static const char *const BAD[] = {
		"",	  "17",	     "17 o",	"17 x y", " o x",  "-1 o x",
		"17 d x", "17 d 1x", "17  o x", "x o y",  "17 d ", "99999999999999999999 o x"};
	struct segment_record record;
	uint64_t number;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
		if (parse(BAD[i], &record))
			fail_msg("accepted: %s", BAD[i]);
	}
	assert_true(segment_number("0000000012.log", &number));
	assert_int_equal(number, 12);
	assert_false(segment_number("12.log", &number));
	assert_false(segment_number("0000000012.log.gz", &number));
	assert_false(segment_number("..", &number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),	    cmocka_unit_test(test_exit),
		cmocka_unit_test(test_bad_packets), cmocka_unit_test(test_segment_records),
		cmocka_unit_test(test_bad_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
