/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges, quality values, and where a request begins and ends. */
#include "test.h"

#include "http/accept.h"
#include "http/framing.h"
#include "http/limits.h"
#include "http/range.h"

static void ranges(void **state)
{
	static const struct {
		const char *header;
		enum range_result result;
		int64_t first;
		int64_t last;
	} CASES[] = {
		{NULL, RANGE_WHOLE, 0, 0},
		{"bytes=0-9", RANGE_PART, 0, 9},
		{"bytes=0-", RANGE_PART, 0, 99},
		{"bytes=99-", RANGE_PART, 99, 99},
		{"bytes=90-1000", RANGE_PART, 90, 99},
		{"bytes=-10", RANGE_PART, 90, 99},
		{"bytes=-1000", RANGE_PART, 0, 99},
		{"Bytes= 5-6 ", RANGE_PART, 5, 6},
		{"bytes=100-", RANGE_UNSATISFIABLE, 0, 0},
		{"bytes=9223372036854775807-", RANGE_WHOLE, 0, 0},
		{"bytes=-0", RANGE_UNSATISFIABLE, 0, 0},
		{"bytes=9-5", RANGE_WHOLE, 0, 0},
		{"bytes=0-1,5-6", RANGE_WHOLE, 0, 0},
		{"bytes=", RANGE_WHOLE, 0, 0},
		{"bytes=-", RANGE_WHOLE, 0, 0},
		{"bytes=a-b", RANGE_WHOLE, 0, 0},
		{"bytes=1", RANGE_WHOLE, 0, 0},
		{"items=0-1", RANGE_WHOLE, 0, 0},
		{"bytes=99999999999999999999-", RANGE_WHOLE, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
		int64_t first = -1;
		int64_t last = -1;

		if (range_parse(CASES[i].header, 100, &first, &last) != CASES[i].result)
			fail_msg("%s", CASES[i].header);
		if (CASES[i].result != RANGE_PART)
			continue;
		assert_int_equal(first, CASES[i].first);
		assert_int_equal(last, CASES[i].last);
	}
}

static void nothing_of_an_empty_file(void **state)
{
	int64_t first;
	int64_t last;

	(void)state;
	assert_int_equal(range_parse("bytes=0-", 0, &first, &last), RANGE_UNSATISFIABLE);
	assert_int_equal(range_parse("bytes=-5", 0, &first, &last), RANGE_UNSATISFIABLE);
}

static void qualities(void **state)
{
	static const struct {
		const char *header;
		const char *coding;
		int quality;
	} CASES[] = {
		{NULL, "gzip", 0},
		{NULL, "identity", 1000},
		{"gzip", "gzip", 1000},
		{"gzip", "br", 0},
		{"gzip", "identity", 1},
		{"gzip, deflate, br", "br", 1000},
		{"GZIP;q=0.5", "gzip", 500},
		{"gzip; Q=0.123", "gzip", 123},
		{"gzip;q=0", "gzip", 0},
		{"*;q=0.3, gzip;q=0", "gzip", 0},
		{"*;q=0.3", "br", 300},
		{"*;q=0", "identity", 0},
		{"identity;q=0", "identity", 0},
		{"gzip;q=1.5", "gzip", 0},
		{"gzip;q=", "gzip", 0},
		{"gzip;q=0.1234", "gzip", 0},
		{"gzip;level=9;q=0.2", "gzip", 200},
		{" , ,br ", "br", 1000},
		{"brotli", "br", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
		int quality = accept_encoding_quality(CASES[i].header, CASES[i].coding);

		if (quality != CASES[i].quality)
			fail_msg("%s of \"%s\" is %d", CASES[i].coding, CASES[i].header, quality);
	}
}

static void pages_are_asked_for_by_name(void **state)
{
	(void)state;
	assert_true(accept_names_type("text/html,application/xml;q=0.9,*/*;q=0.8", "text/html"));
	assert_false(accept_names_type("*/*", "text/html"));
	assert_false(accept_names_type("text/html;q=0", "text/html"));
	assert_false(accept_names_type(NULL, "text/html"));
}

/*
 * Headers as the library keeps them: name, zero byte, value, in one buffer. A fold is a value that
 * stands elsewhere. lines is "Name: value" each; returns the verdict.
 */
static unsigned int judge(const char *version, const char *const *lines, struct framing *framing)
{
	static char memory[64][512];
	size_t i;

	framing_init(framing);
	for (i = 0; lines[i] != NULL; i++) {
		char *value;

		strcpy(memory[i], lines[i]);
		value = strchr(memory[i], ':');
		*value++ = '\0';
		value += strspn(value, " ");
		framing_header(framing, memory[i], strlen(memory[i]), value, strlen(value));
	}
	framing_finish(framing, version, "POST");
	return framing->status;
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void good_requests_pass(void **state)
{
	struct framing framing;

	(void)state;
	assert_int_equal(judge("HTTP/1.1", LINES("Host: a:8443", "Content-Length: 12"), &framing),
			 0);
	assert_int_equal(framing.content_length, 12);
	assert_false(framing.chunked);
	assert_int_equal(
		judge("HTTP/1.1", LINES("host: [::1]", "transfer-encoding: Chunked"), &framing), 0);
	assert_true(framing.chunked);
	assert_int_equal(framing.content_length, -1);
	assert_int_equal(judge("HTTP/1.0", LINES("User-Agent: x\ty"), &framing), 0);
	assert_int_equal(judge("HTTP/1.1", LINES("Host: a", "Expect: 100-continue"), &framing), 0);
}

static void ambiguous_requests_are_refused(void **state)
{
	struct framing f;

	(void)state;
	assert_int_equal(judge("HTTP/1.1",
			       LINES("Host: a", "Content-Length: 3", "Transfer-Encoding: chunked"),
			       &f),
			 400);
	assert_int_equal(judge("HTTP/1.1",
			       LINES("Host: a", "Transfer-Encoding: chunked", "Content-Length: 3"),
			       &f),
			 400);
	assert_int_equal(
		judge("HTTP/1.1", LINES("Host: a", "Content-Length: 3", "Content-Length: 3"), &f),
		400);
	assert_int_equal(judge("HTTP/1.1", LINES("Host: a", "Host: a"), &f), 400);
	assert_int_equal(judge("HTTP/1.1", LINES("Content-Length: 3"), &f), 400);
	assert_int_equal(judge("HTTP/1.0", LINES("Transfer-Encoding: chunked"), &f), 400);
	assert_int_equal(
		judge("HTTP/1.1",
		      LINES("Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
		      &f),
		400);
	assert_int_equal(
		judge("HTTP/1.1", LINES("Host: a", "Transfer-Encoding: gzip, chunked"), &f), 400);
	assert_int_equal(judge("HTTP/1.1", LINES("Host: a", "Transfer-Encoding: identity"), &f),
			 400);
	assert_int_equal(judge("HTTP/1.2", LINES("Host: a"), &f), 505);
	assert_int_equal(judge("HTTP/2.0", LINES("Host: a"), &f), 505);
}

static void malformed_headers_are_refused(void **state)
{
	static const char *const BAD[] = {
		"Content-Length : 3",
		"Content-Length: +3",
		"Content-Length: -3",
		"Content-Length: 0x3",
		"Content-Length: 3, 3",
		"Content-Length: ",
		"Content Length: 3",
		": x",
		"X\x01: y",
		"X: a\rb",
		"X: a\x7f",
		"Host: a b",
		"Host: user@a",
		"X(y): z",
	};
	struct framing framing;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(BAD); i++)
		if (judge("HTTP/1.1", LINES("Accept: */*", BAD[i]), &framing) != 400)
			fail_msg("\"%s\" passed", BAD[i]);
	assert_int_equal(judge("HTTP/1.1", LINES("Host: a", "Expect: wonders"), &framing), 417);
}

static void unknown_lengths_are_refused(void **state)
{
	struct framing framing;

	(void)state;
	/* 2^64-1 is the library's own word for "unknown". */
	assert_int_equal(judge("HTTP/1.1", LINES("Host: a", "Content-Length: 18446744073709551615"),
			       &framing),
			 413);
}

static void folded_headers_are_refused(void **state)
{
	/* In one array: where two of them lie is up to the compiler. */
	char value_before[] = "3\0Content-Length";
	char memory[600] = "X";
	struct framing framing;

	(void)state;
	framing_init(&framing);
	assert_false(framing_header(&framing, value_before + 2, 14, value_before, 1));
	assert_int_equal(framing.status, 400);
	framing_init(&framing);
	assert_false(framing_header(&framing, memory, 1, memory + 400, 1));
	framing_init(&framing);
	assert_true(framing_header(&framing, memory, 1, memory + 3, 0));
}

static void header_count_is_limited(void **state)
{
	char memory[] = "X\0y";
	struct framing framing;

	(void)state;
	framing_init(&framing);
	for (size_t i = 0; i < HTTP_HEADERS_MAX; i++)
		assert_true(framing_header(&framing, memory, 1, memory + 2, 1));
	assert_false(framing_header(&framing, memory, 1, memory + 2, 1));
	assert_int_equal(framing.status, 431);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test(nothing_of_an_empty_file),
		cmocka_unit_test(qualities),
		cmocka_unit_test(pages_are_asked_for_by_name),
		cmocka_unit_test(good_requests_pass),
		cmocka_unit_test(ambiguous_requests_are_refused),
		cmocka_unit_test(malformed_headers_are_refused),
		cmocka_unit_test(unknown_lengths_are_refused),
		cmocka_unit_test(folded_headers_are_refused),
		cmocka_unit_test(header_count_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
