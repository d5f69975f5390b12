/* SPDX-License-Identifier: Apache-2.0 */
#include "base/encoding.h"
#include "base/id.h"
#include "test.h"

static void test_known_vectors(void **state)
{
	static const struct {
		const char *plain, *base64, *base64url;
	} VECTORS[] = {
		{"", "", ""},
		{"f", "Zg==", "Zg"},
		{"fo", "Zm8=", "Zm8"},
		{"foo", "Zm9v", "Zm9v"},
		{"foob", "Zm9vYg==", "Zm9vYg"},
		{"fooba", "Zm9vYmE=", "Zm9vYmE"},
		{"foobar", "Zm9vYmFy", "Zm9vYmFy"},
		{"\xff\xef\xbf\xbe", "/++/vg==", "_--_vg"},
	};
	char text[32], plain[32];
	size_t size;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(VECTORS); i++) {
		size_t length = strlen(VECTORS[i].plain);

		base64_encode(VECTORS[i].plain, length, text);
		assert_string_equal(text, VECTORS[i].base64);
		assert_int_equal(strlen(text) + 1, BASE64_SIZE(length));
		assert_true(base64_decode(text, strlen(text), plain, length, &size));
		assert_int_equal(size, length);
		assert_memory_equal(plain, VECTORS[i].plain, length);

		base64url_encode(VECTORS[i].plain, length, text);
		assert_string_equal(text, VECTORS[i].base64url);
		assert_int_equal(strlen(text) + 1, BASE64URL_SIZE(length));
		assert_true(base64url_decode(text, strlen(text), plain, length, &size));
		assert_memory_equal(plain, VECTORS[i].plain, length);
	}
}

static void test_base64_is_strict(void **state)
{
	static const char *const WRONG[] = {"Zg",   "Zg=",  "Zg===", "Zh==",   "Zm9=", "=",
					    "====", "Z===", "Zm9v ", "Zm9v\n", "Zm-_", "Z"};
	char plain[32];
	size_t size = 77;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(WRONG); i++)
		assert_false(
			base64_decode(WRONG[i], strlen(WRONG[i]), plain, sizeof(plain), &size));
	assert_false(base64url_decode("Zg==", 4, plain, sizeof(plain), &size));
	assert_false(base64url_decode("Zh", 2, plain, sizeof(plain), &size));
	assert_false(base64url_decode("Zm9vY", 5, plain, sizeof(plain), &size));
	assert_false(base64_decode("Zm9v\0Zm9", 8, plain, sizeof(plain), &size));
	assert_false(base64_decode("Zm9vYmFy", 8, plain, 5, &size));
	assert_int_equal(size, 77);
}

static void test_hex(void **state)
{
	uint8_t bytes[4];
	char text[HEX_SIZE(4)];
	size_t size;

	(void)state;
	hex_encode("\x00\x7f\x80\xff", 4, text);
	assert_string_equal(text, "007f80ff");
	assert_true(hex_decode(text, 8, bytes, sizeof(bytes), &size));
	assert_int_equal(size, 4);
	assert_memory_equal(bytes, "\x00\x7f\x80\xff", 4);
	assert_false(hex_decode("0", 1, bytes, sizeof(bytes), &size));
	assert_false(hex_decode("0G", 2, bytes, sizeof(bytes), &size));
	assert_false(hex_decode("AB", 2, bytes, sizeof(bytes), &size));
	assert_false(hex_decode("0011223344", 10, bytes, sizeof(bytes), &size));
}

static void test_utf8(void **state)
{
	static const char *const VALID[] = {"",
					    "abc",
					    "\xc3\xa4",
					    "\xe4\xb8\xad\xe6\x96\x87",
					    "\xf0\x9f\x98\x80",
					    "\xf4\x8f\xbf\xbf"};
	static const char *const INVALID[] = {"\x80",
					      "\xc3",
					      "\xc0\xaf",
					      "\xe0\x80\x80",
					      "\xed\xa0\x80",
					      "\xf4\x90\x80\x80",
					      "\xf8\x88\x80\x80\x80",
					      "a\xff"};
	char text[] = "\xe4\xb8\xad\xe4\xb8";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(VALID); i++)
		assert_true(utf8_valid(VALID[i], strlen(VALID[i])));
	for (size_t i = 0; i < ARRAY_SIZE(INVALID); i++)
		assert_false(utf8_valid(INVALID[i], strlen(INVALID[i])));
	assert_false(utf8_valid("a\0b", 3));
	utf8_clean(text);
	assert_string_equal(text, "\xe4\xb8\xad??");
}

static void test_random_ids_are_node_ids_and_differ(void **state)
{
	char a[ID_SIZE], b[ID_SIZE];

	(void)state;
	id_random(a, "n");
	id_random(b, "n");
	assert_int_equal(strlen(a), 1 + ID_RANDOM_LENGTH);
	assert_int_equal(a[0], 'n');
	assert_true(id_valid_node(a));
	assert_true(id_valid_name(a));
	assert_string_not_equal(a, b);
}

static void test_names_are_safe_in_topics_and_paths(void **state)
{
	static const char *const WRONG[] = {"",	   ".",	 "..", "-a",  "a/b", "A",
					    "a b", "a+", "#",  "a\n", "_a",  "\xc3\xa4"};
	char longest[NAME_MAX_LENGTH + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(WRONG); i++)
		assert_false(id_valid_name(WRONG[i]));
	assert_true(id_valid_name("edge-0042.plant_3"));
	assert_false(id_valid_node("edge-1"));
	assert_false(id_valid_node(""));
	memset(longest, 'a', sizeof(longest));
	longest[NAME_MAX_LENGTH + 1] = '\0';
	assert_false(id_valid_name(longest));
	longest[NAME_MAX_LENGTH] = '\0';
	assert_true(id_valid_name(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_vectors),
		cmocka_unit_test(test_base64_is_strict),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_random_ids_are_node_ids_and_differ),
		cmocka_unit_test(test_names_are_safe_in_topics_and_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
