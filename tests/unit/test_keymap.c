/* SPDX-License-Identifier: Apache-2.0 */
#include "base/keymap.h"

#include "test.h"

static void test_numbers_in_order_of_appearance(void **state)
{
	struct arena *arena = arena_new();
	struct keymap map;
	bool fresh;

	(void)state;
	keymap_init(&map, arena);
	assert_int_equal(keymap_number(&map, "a", 1, &fresh), 0);
	assert_true(fresh);
	assert_int_equal(keymap_number(&map, "", 0, &fresh), 1);
	assert_int_equal(keymap_number(&map, "a\0b", 3, &fresh), 2);
	assert_true(fresh);
	assert_int_equal(keymap_number(&map, "a", 1, &fresh), 0);
	assert_false(fresh);
	assert_int_equal(keymap_number(&map, "", 0, NULL), 1);
	assert_int_equal(map.count, 3);
	arena_free(arena);
}

static void test_many(void **state)
{
	struct arena *arena = arena_new();
	struct keymap map;

	(void)state;
	keymap_init(&map, arena);
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < 5000; i++) {
			char key[16];
			int length = snprintf(key, sizeof(key), "key %zu", i);
			assert_int_equal(keymap_number(&map, key, (size_t)length, NULL), i);
		}
	assert_int_equal(map.count, 5000);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_in_order_of_appearance),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
