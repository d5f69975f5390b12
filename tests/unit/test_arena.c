/* SPDX-License-Identifier: Apache-2.0 */
#include <stdalign.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "test.h"

static void test_pieces_are_zero_aligned_and_apart(void **state)
{
	struct arena *arena = arena_new();
	char *previous = NULL;

	(void)state;
	for (size_t size = 1; size < 3000; size += 7) {
		char *piece = arena_alloc(arena, size);

		assert_int_equal((uintptr_t)piece % alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(piece[i], 0);
		memset(piece, 0x5a, size);
		if (previous)
			assert_int_equal(previous[0], 0x5a);
		previous = piece;
	}
	arena_free(arena);
}

static void test_reset_reuses_memory_and_zeroes_it(void **state)
{
	struct arena *arena = arena_new();
	char *first = arena_alloc(arena, 100);

	(void)state;
	memset(first, 1, 100);
	arena_alloc(arena, 1 << 20);
	arena_reset(arena);
	assert_int_equal(arena_used_bytes(arena), 0);
	char *second = arena_alloc(arena, 100);
	assert_ptr_equal(second, first);
	assert_int_equal(second[99], 0);
	arena_free(arena);
}

static void test_large_pieces_do_not_end_the_current_block(void **state)
{
	struct arena *arena = arena_new();
	char *a = arena_alloc(arena, 16);

	(void)state;
	memset(arena_alloc(arena, 100000), 7, 100000);
	char *b = arena_alloc(arena, 16);
	assert_ptr_equal(b, a + 16);
	arena_free(arena);
}

static void test_strings(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_null(arena_strdup(arena, NULL));
	assert_string_equal(arena_strdup(arena, "abc"), "abc");
	assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
	assert_string_equal(arena_strndup(arena, "ab", 30), "ab");
	assert_string_equal(arena_printf(arena, "%s-%d", "x", 12), "x-12");
	assert_memory_equal(arena_memdup(arena, "a\0b", 3), "a\0b\0", 4);
	arena_free(arena);
}

static char order[8];

static void note(void *object)
{
	strncat(order, object, sizeof(order) - strlen(order) - 1);
}

static void test_deferred_calls_run_once_in_reverse(void **state)
{
	struct arena *arena = arena_new();
	char a[] = "a", b[] = "b", c[] = "c";

	(void)state;
	arena_defer(arena, note, a);
	arena_defer(arena, note, b);
	arena_reset(arena);
	assert_string_equal(order, "ba");
	arena_defer(arena, note, c);
	arena_free(arena);
	assert_string_equal(order, "bac");
	arena_free(NULL);
}

static void test_buffer_grows_up_to_its_maximum(void **state)
{
	struct strbuf buffer;

	(void)state;
	strbuf_init(&buffer, NULL, 1000);
	assert_string_equal(buffer.data, "");
	for (int i = 0; i < 1000; i++)
		assert_true(strbuf_append_char(&buffer, 'x'));
	assert_int_equal(buffer.length, 1000);
	assert_false(strbuf_append_char(&buffer, 'x'));
	assert_true(buffer.overflow);
	assert_int_equal(buffer.length, 1000);
	assert_int_equal(buffer.data[1000], 0);
	strbuf_reset(&buffer);
	assert_true(strbuf_append_string(&buffer, "again"));
	assert_string_equal(buffer.data, "again");
	strbuf_release(&buffer);
}

static void test_buffer_overflow_stays(void **state)
{
	struct arena *arena = arena_new();
	struct strbuf buffer;

	(void)state;
	strbuf_init(&buffer, arena, 4);
	assert_false(strbuf_append(&buffer, "12345", 5));
	assert_false(strbuf_append(&buffer, "1", 1));
	assert_int_equal(buffer.length, 0);
	strbuf_reset(&buffer);
	assert_true(strbuf_printf(&buffer, "%d", 1234));
	assert_false(strbuf_printf(&buffer, "%d", 5));
	assert_string_equal(buffer.data, "1234");
	arena_free(arena);
}

static void test_buffer_consume(void **state)
{
	struct strbuf buffer;

	(void)state;
	strbuf_init(&buffer, NULL, 100);
	strbuf_consume(&buffer, 0);
	strbuf_append_string(&buffer, "line\nrest");
	strbuf_consume(&buffer, 5);
	assert_string_equal(buffer.data, "rest");
	strbuf_consume(&buffer, 4);
	assert_string_equal(buffer.data, "");
	strbuf_release(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_are_zero_aligned_and_apart),
		cmocka_unit_test(test_reset_reuses_memory_and_zeroes_it),
		cmocka_unit_test(test_large_pieces_do_not_end_the_current_block),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_deferred_calls_run_once_in_reverse),
		cmocka_unit_test(test_buffer_grows_up_to_its_maximum),
		cmocka_unit_test(test_buffer_overflow_stays),
		cmocka_unit_test(test_buffer_consume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
