/* SPDX-License-Identifier: Apache-2.0 */
#include "redact.h"

#include "base/compiler.h"
#include "test.h"

static void masks_what_looks_like_a_secret(void **state)
{
	static const char *const ROWS[][2] = {
		{"password=hunter2 user=x", "password=*** user=x"},
		{"Password: hunter2", "Password: ***"},
		{"{\"token\": \"abc\", \"n\": 1}", "{\"token\": \"***\", \"n\": 1}"},
		{"MQTT_PASSWORD='hunter2'", "MQTT_PASSWORD='***'"},
		{"Authorization: Bearer abc.def", "Authorization: Bearer ***"},
		{"authorization: Basic dXNlcjpwdw==", "authorization: Basic ***"},
		{"api_key=1&x=2", "api_key=***&x=2"},
		{"mqtt://user:pw@broker:1883/x", "mqtt://***@broker:1883/x"},
		{"client_secret_id = 5", "client_secret_id = ***"},
		{"set-cookie: sid=1", "set-cookie: ***"},
		{"password=\"correct horse battery\" user=x", "password=\"***\" user=x"},
		{"password = 'a \\' b' c", "password = '***' c"},
		{"password: a,b}c", "password: ***"},
		{"{\"body\":\"{\\\"token\\\":\\\"a b\\\",\\\"n\\\":1}\"}",
		 "{\"body\":\"{\\\"token\\\":\\\"***\\\",\\\"n\\\":1}\"}"},
		{"mqtt://user:p@ss@broker:1883/x", "mqtt://***@broker:1883/x"},
		{"password=\"never closed", "password=\"***"},
		/* What is none stays readable. */
		{"no space left on device", "no space left on device"},
		{"see https://host/path?x=1", "see https://host/path?x=1"},
		{"the password", "the password"},
		{"", ""},
	};
	struct arena *arena = arena_new();
	bool in_key = false;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
		assert_string_equal(redact_line(arena, ROWS[i][0], &in_key), ROWS[i][1]);
		assert_false(in_key);
	}
	arena_free(arena);
}

static void masks_private_keys_as_a_whole(void **state)
{
	static const char *const LINES[] = {"-----BEGIN PRIVATE KEY-----", "MC4CAQAwBQYDK2Vw",
					    "-----END PRIVATE KEY-----"};
	struct arena *arena = arena_new();
	bool in_key = false;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(LINES); i++)
		assert_string_equal(redact_line(arena, LINES[i], &in_key), "***");
	assert_string_equal(redact_line(arena, "after", &in_key), "after");
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(masks_what_looks_like_a_secret),
		cmocka_unit_test(masks_private_keys_as_a_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
