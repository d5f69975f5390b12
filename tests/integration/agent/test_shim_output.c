/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include "process/segment.h"

struct totals {
	int64_t lines;	 /* whole ones */
	int64_t pieces;	 /* that go on in the next record */
	int64_t dropped; /* said by d records */
	int64_t skipped; /* before the oldest segment */
	int64_t bytes;	 /* of all segment files */
	int64_t bad;	 /* that are no records */
	size_t longest;
	int64_t text_bytes;
};

static void segment_count(struct fixture *fixture, const char *path, bool first,
			  struct totals *totals)
{
	struct error err = {0};
	char *data;
	size_t size;

	assert_success(file_read(path, 64 << 20, fixture->arena, &data, &size, &err), &err);
	totals->bytes += (int64_t)size;
	for (char *line = data; line < data + size;) {
		char *end = memchr(line, '\n', (size_t)(data + size - line));
		struct segment_record record;

		assert_non_null(end);
		if (!segment_parse(line, (size_t)(end - line), &record)) {
			totals->bad++;
		} else if (record.kind == 's') {
			/* Each segment says how far the count is: nothing is lost unseen. */
			if (first)
				totals->skipped = record.number;
			else
				assert_int_equal(record.number,
						 totals->skipped + totals->lines + totals->dropped);
			first = false;
		} else if (record.kind == 'd') {
			totals->dropped += record.number;
		} else {
			totals->lines += !record.continues;
			totals->pieces += record.continues;
			totals->text_bytes += (int64_t)record.text_length;
			if (record.text_length > totals->longest)
				totals->longest = record.text_length;
		}
		line = end + 1;
	}
}

static struct totals count(struct fixture *fixture, const char *folder)
{
	struct totals totals = {0};
	uint64_t oldest, newest;
	struct error err = {0};

	assert_success(segment_range(folder, &oldest, &newest, &err), &err);
	for (uint64_t i = oldest; i <= newest; i++) {
		char path[256];

		assert_true(segment_path(folder, i, path, sizeof(path)));
		segment_count(fixture, path, i == oldest, &totals);
	}
	return totals;
}

static void run_to_end(struct fixture *fixture, const char *name, const char *script)
{
	set_shell(fixture, name, script, ",\"restart\":{\"policy\":\"never\"}", 1);
	wait_for(fixture, state_of(fixture, name) == SERVICE_COMPLETED);
}

static void test_flood_neither_blocks_nor_fills_the_disk(void **state)
{
	struct fixture *fixture = *state;

	/* 300 MB as fast as it goes; 6 MB/s is what would be kept of it at most. */
	run_to_end(fixture, "flood",
		   "yes 0123456789012345678901234567890123456789012345678 | "
		   "head -c 300000000");
	struct totals totals = count(fixture, "logs/flood");
	assert_int_equal(totals.skipped + totals.lines + totals.dropped, 300000000 / 50);
	assert_true(totals.dropped > 0);
	assert_true(totals.bytes < 4 * 64 * 1024);
	assert_int_equal(totals.bad, 0);
}

static void test_long_lines_are_split_and_marked(void **state)
{
	struct fixture *fixture = *state;

	run_to_end(fixture, "long",
		   "head -c 10000 /dev/zero | tr '\\0' x; echo; echo short;"
		   "printf unfinished");
	struct totals totals = count(fixture, "logs/long");
	assert_int_equal(totals.lines, 3);
	assert_int_equal(totals.pieces, 2);
	assert_int_equal(totals.longest, SEGMENT_MAX_TEXT);
	assert_int_equal(totals.text_bytes, 10000 + 5 + 10);
}

static void test_binary_junk_passes_through(void **state)
{
	struct fixture *fixture = *state;

	run_to_end(fixture, "junk", "head -c 50000 /dev/urandom > junk; cat junk >&2");
	struct totals totals = count(fixture, "logs/junk");
	assert_int_equal(totals.bad, 0);
	/* Newlines and nothing else are missing from the text. */
	struct error err = {0};
	char *data;
	size_t size;
	int64_t newlines = 0;
	assert_success(file_read("data/junk/junk", 1 << 20, fixture->arena, &data, &size, &err),
		       &err);
	for (size_t i = 0; i < size; i++)
		newlines += data[i] == '\n';
	assert_int_equal(totals.text_bytes, 50000 - newlines);
}

static void test_streams_are_told_apart(void **state)
{
	struct fixture *fixture = *state;

	run_to_end(fixture, "both", "echo out; echo err >&2");
	const char *log = read_text(fixture, "logs/both/0000000001.log");
	assert_contains(log, " o out\n");
	assert_contains(log, " e err\n");
	assert_string_equal(fixture->last_stderr, "err\n");
}

static void test_count_goes_on_with_the_next_shim(void **state)
{
	struct fixture *fixture = *state;

	run_to_end(fixture, "twice", "seq 1 5000");
	wait_for(fixture, !file_exists("run/shim/twice.sock"));
	set_shell(fixture, "twice", "seq 1 5000; true", ",\"restart\":{\"policy\":\"never\"}", 2);
	wait_for(fixture, fixture->notices[NOTICE_EXITED] == 2);
	/* The s records are checked against the running count on the way. */
	struct totals totals = count(fixture, "logs/twice");
	assert_int_equal(totals.skipped + totals.lines + totals.dropped, 10000);
}

static void test_full_disk_costs_lines_only(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(mkdir("logs", 0755), 0);
	assert_int_equal(mkdir("logs/full", 0755), 0);
	if (mount("tmpfs", "logs/full", "tmpfs", 0, "size=64k") != 0)
		skip(); /* needs root */
	set_shell(fixture, "full", "seq 1 40000; touch done; exec sleep 1000",
		  ",\"probes\":[{\"kind\":\"exec\",\"command\":[\"test\",\"-e\",\"done\"]}]", 1);
	wait_for(fixture, state_of(fixture, "full") == SERVICE_RUNNING);
	supervisor_remove(fixture->supervisor, "full");
	wait_for(fixture, state_of(fixture, "full") == SERVICE_STATE_COUNT);
	struct totals totals = count(fixture, "logs/full");
	assert_true(totals.lines > 0);
	assert_true(totals.lines < 40000);
	assert_int_equal(totals.bad, 0);
	assert_int_equal(umount("logs/full"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_flood_neither_blocks_nor_fills_the_disk),
		TEST(test_long_lines_are_split_and_marked),
		TEST(test_binary_junk_passes_through),
		TEST(test_streams_are_told_apart),
		TEST(test_count_goes_on_with_the_next_shim),
		TEST(test_full_disk_costs_lines_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
