/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/arena.h"
#include "base/crypto.h"
#include "base/strbuf.h"
#include "domain/config/diff.h"

static struct arena *arena;

/* The hunks in the form of "diff -u", without file names. */
static const char *unified(const char *from, const char *to)
{
	static const char OPS[] = {[DIFF_SAME] = ' ', [DIFF_ADDED] = '+', [DIFF_REMOVED] = '-'};
	struct diff diff;
	struct strbuf out;

	diff_lines((struct diff_text){from, strlen(from)}, (struct diff_text){to, strlen(to)},
		   arena, &diff);
	strbuf_init(&out, arena, 1 << 20);
	for (size_t i = 0; i < diff.hunk_count; i++) {
		const struct diff_hunk *hunk = &diff.hunks[i];

		strbuf_printf(&out, "@@ -%zu,%zu +%zu,%zu @@\n", hunk->old_start, hunk->old_count,
			      hunk->new_start, hunk->new_count);
		for (size_t j = 0; j < hunk->line_count; j++)
			strbuf_printf(&out, "%c%.*s\n", OPS[hunk->lines[j].op],
				      (int)hunk->lines[j].length, hunk->lines[j].text);
	}
	return out.data;
}

static void known_differences(void **state)
{
	(void)state;
	assert_string_equal(unified("a\nb\n", "a\nb\n"), "");
	assert_string_equal(unified("", ""), "");
	assert_string_equal(unified("", "a\n"), "@@ -1,0 +1,1 @@\n+a\n");
	assert_string_equal(unified("a\n", ""), "@@ -1,1 +1,0 @@\n-a\n");
	assert_string_equal(unified("a\nb\nc\n", "a\nx\nc\n"), "@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
	assert_string_equal(unified("1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\n5\n6\n7\n"),
			    "@@ -4,3 +4,4 @@\n 4\n 5\n 6\n+7\n");
}

static void far_changes_make_two_hunks(void **state)
{
	(void)state;
	assert_string_equal(
		unified("a\n1\n2\n3\n4\n5\n6\n7\n8\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\n8\nB\n"),
		"@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n"
		"@@ -7,4 +7,4 @@\n 6\n 7\n 8\n-b\n+B\n");
}

static void near_changes_share_a_hunk(void **state)
{
	(void)state;
	assert_string_equal(unified("a\n1\n2\nb\n", "A\n1\n2\nB\n"),
			    "@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n-b\n+B\n");
}

/* Random texts over few lines: applying the script to the old text must give the new one. */
static const char *random_text(struct strbuf *out)
{
	uint64_t lines = random_below(30);

	strbuf_init(out, arena, 1 << 16);
	for (uint64_t i = 0; i < lines; i++)
		strbuf_printf(out, "%c\n", (char)('a' + random_below(4)));
	return out->data;
}

static void replay(const char *from, const char *to)
{
	struct diff diff;
	struct strbuf made;
	size_t line = 1;
	const char *old = from;

	diff_lines((struct diff_text){from, strlen(from)}, (struct diff_text){to, strlen(to)},
		   arena, &diff);
	strbuf_init(&made, arena, 1 << 20);
	for (size_t i = 0; i < diff.hunk_count; i++) {
		const struct diff_hunk *hunk = &diff.hunks[i];

		for (; line < hunk->old_start; line++, old += 2)
			strbuf_append(&made, old, 2);
		for (size_t j = 0; j < hunk->line_count; j++) {
			const struct diff_line *entry = &hunk->lines[j];

			if (entry->op != DIFF_ADDED) {
				assert_memory_equal(old, entry->text, 1);
				old += 2;
				line++;
			}
			if (entry->op != DIFF_REMOVED)
				strbuf_printf(&made, "%.*s\n", (int)entry->length, entry->text);
		}
	}
	strbuf_append_string(&made, old);
	assert_string_equal(made.data, to);
}

static void script_turns_old_into_new(void **state)
{
	struct strbuf a, b;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		const char *from = random_text(&a);

		replay(from, random_text(&b));
		if (i % 100 == 0)
			arena_reset(arena);
	}
}

static void very_different_texts_are_replaced(void **state)
{
	struct strbuf a, b;

	(void)state;
	strbuf_init(&a, arena, 1 << 20);
	strbuf_init(&b, arena, 1 << 20);
	for (int i = 0; i < 2000; i++) {
		strbuf_append_string(&a, "a\n");
		strbuf_append_string(&b, "b\n");
	}
	replay(a.data, b.data);
}

static void versions_are_compared_by_path(void **state)
{
	struct config_file left[] = {{"a", "0644", "1", "x\n", 2},
				     {"b", "0644", "2", "same", 4},
				     {"c", "0644", "3", "old", 3}};
	struct config_file right[] = {{"b", "0644", "2", "same", 4},
				      {"c", "0644", "4", "new", 3},
				      {"d", "0644", "5", "\xff", 1}};
	const struct config_version from = {.files = left, .file_count = 3};
	const struct config_version to = {.files = right, .file_count = 3};
	static const char *const CHANGES[] = {"removed", "same", "modified", "added"};
	struct file_diff *diffs;
	size_t count;

	(void)state;
	diff_versions(&from, &to, arena, &diffs, &count);
	assert_int_equal(count, 4);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(diffs[i].change, CHANGES[i]);
	assert_int_equal(diffs[1].diff.hunk_count, 0);
	assert_int_equal(diffs[2].diff.hunk_count, 1);
	assert_true(diffs[3].binary);
}

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_differences),
		cmocka_unit_test(far_changes_make_two_hunks),
		cmocka_unit_test(near_changes_share_a_hunk),
		cmocka_unit_test(script_turns_old_into_new),
		cmocka_unit_test(very_different_texts_are_replaced),
		cmocka_unit_test(versions_are_compared_by_path),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
