/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/fingerprint.h"

#include "protocol/limits.h"
#include "test.h"

static void what_differs_between_nodes_is_removed(void **state)
{
	static const char *const CASES[][2] = {
		{"", ""},
		{"plain words stay", "plain words stay"},
		{"  Two   blanks\t ", "two blanks"},
		{"exit 137 after 12 tries", "exit # after # tries"},
		{"2026-12-01T00:31:04.123Z broker: no", "# broker: no"},
		{"2026-12-01 00:31:04,123 broker: no", "# broker: no"},
		{"Dec  1 00:31:04 app[4711]: no", "# app[#]: no"},
		{"Tue Dec  1 00:31:04 UTC 2026: no", "# utc #: no"},
		{"01/Dec/2026:00:31:04 +0100 GET", "# get"},
		{"may fail on mon", "may fail on mon"},
		{"connect to 10.1.2.3:8883 refused", "connect to # refused"},
		{"connect to [fe80::1ff:fe23:4567:890a]:443", "connect to [#]:#"},
		{"device aa:bb:cc:dd:ee:ff gone", "device # gone"},
		{"std::bad_alloc", "std::bad_alloc"},
		{"at 0x7ffdc0ffee in eth0", "at # in eth#"},
		{"id 550e8400-e29b-41d4-a716-446655440000!", "id #!"},
		{"id eeeeeeee-aaaa-bbbb-cccc-dddddddddddd!", "id #!"},
		{"digest deadbeefdeadbeef", "digest #"},
		{"node nabcdefghijklmnopqrst", "node #"},
		{"open /tmp/tmpAbCdEf/x: denied", "open /tmp/#/x: denied"},
		{"open /var/tmp/tmpAbCdEf: denied", "open /var/tmp/#: denied"},
		{"open /opt/muster/services/broker/17/etc",
		 "open /opt/muster/services/broker/#/etc"},
		{"\x1b[31mred\x1b[0m alert", "red alert"},
		{"undefined variable `line_id`", "undefined variable `line_id`"},
		{"one\n\ntwo\none\ntwo\n", "one\ntwo"},
		{"1\n2 x\na\nb\nc\nd\n", "a\nb\nc\nd"},
		{"\xc3\xbc"
		 "ber 3 \x01\x02 ok",
		 "\xc3\xbc"
		 "ber # ok"},
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
		assert_string_equal(fingerprint_normalise(CASES[i][0], arena), CASES[i][1]);
	arena_free(arena);
}

static void it_is_bounded(void **state)
{
	struct arena *arena = arena_new();
	char *text = arena_alloc(arena, 100001);

	(void)state;
	for (int c = 1; c < 256; c++) {
		memset(text, c, 100000);
		text[100000] = '\0';
		assert_true(strlen(fingerprint_normalise(text, arena)) <= 1024);
	}
	/* Every cut of a text with everything in it. */
	static const char ALL[] = "\x1b[1;2 550e8400-e29b-41d4-a716-446655440000 fe80::1 /tmp/ab "
				  "0x12 Dec 1 01T02Z a::b \n aa:bb:cc \xff";
	for (size_t from = 0; from < sizeof(ALL); from++)
		for (size_t to = from; to < sizeof(ALL); to++) {
			/* On the heap, where one byte too far is seen. */
			char *cut = strndup(ALL + from, to - from);
			fingerprint_normalise(cut, arena);
			free(cut);
		}
	arena_free(arena);
}

static const char *print_of(struct arena *arena, const char *state, const char *code, int exit,
			    const char *text, const char *last)
{
	json_t *error =
		json_pack("{s:s, s:s, s:{s:i, s:i}, s:s, s:s}", "code", code, "service", "broker",
			  "exit", "code", exit, "signal", 0, "text", text, "stderr", last);
	char *out = arena_alloc(arena, FINGERPRINT_SIZE);

	fingerprint_make(state, error, NULL, arena, out);
	assert_int_equal(strlen(out), 16);
	json_decref(error);
	return out;
}

static void equal_causes_are_one_kind(void **state)
{
	struct arena *arena = arena_new();
	const char *first = print_of(arena, "rolled_back", "gate", 3, "broker exited with 3",
				     "12:00:01 cannot bind 10.0.0.7:1883\n");

	(void)state;
	assert_string_equal(first, print_of(arena, "rolled_back", "gate", 3, "other words",
					    "12:09:41 cannot bind 10.0.1.9:1883\n"));
	assert_string_not_equal(first, print_of(arena, "rolled_back", "gate", 4, "",
						"12:00:01 cannot bind 10.0.0.7:1883\n"));
	assert_string_not_equal(first, print_of(arena, "rolled_back", "digest", 3, "",
						"12:00:01 cannot bind 10.0.0.7:1883\n"));
	assert_string_not_equal(first, print_of(arena, "rollback_failed", "gate", 3, "",
						"12:00:01 cannot bind 10.0.0.7:1883\n"));
	assert_string_not_equal(
		first, print_of(arena, "rolled_back", "gate", 3, "", "12:00:01 no such user\n"));
	/* Without last words the text counts. */
	assert_string_equal(print_of(arena, "failed", "gate", 3, "exited with 3", " \n"),
			    print_of(arena, "failed", "gate", 3, "exited with 4", ""));
	/* The hash is stored: it must stay the same from release to release. */
	char known[FINGERPRINT_SIZE];
	fingerprint_make("failed", NULL, "the node is offline", arena, known);
	assert_string_equal(known, "ce0896eb6e4b48c2");
	arena_free(arena);
}

static void the_first_half_line_of_a_full_buffer_does_not_count(void **state)
{
	struct arena *arena = arena_new();
	char text[LIMIT_STDERR + 1];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text + LIMIT_STDERR - 6, "\nlast\n", 7);
	assert_string_equal(fingerprint_normalise(text, arena), "last");
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_differs_between_nodes_is_removed),
		cmocka_unit_test(it_is_bounded),
		cmocka_unit_test(equal_causes_are_one_kind),
		cmocka_unit_test(the_first_half_line_of_a_full_buffer_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
