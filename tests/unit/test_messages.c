/* SPDX-License-Identifier: Apache-2.0 */
/* Both programs against the examples in schema/messages: what decodes must encode to the same. */
#include "protocol/messages.h"

#include <dirent.h>

#include "base/file.h"
#include "test.h"

#define EXAMPLES SOURCE_DIR "/schema/messages/examples/"

typedef json_t *(*round_trip_fn)(json_t *json, struct arena *arena, struct error *err);

#define ROUND_TRIP(name)                                                                       \
	static json_t *round_##name(json_t *json, struct arena *arena, struct error *err)      \
	{                                                                                      \
		struct msg_##name msg;                                                         \
                                                                                               \
		return msg_##name##_decode(json, arena, &msg, err) ? msg_##name##_encode(&msg) \
								   : NULL;                     \
	}

ROUND_TRIP(hello)
ROUND_TRIP(health)
ROUND_TRIP(reported)
ROUND_TRIP(events)
ROUND_TRIP(logs)
ROUND_TRIP(result)
ROUND_TRIP(ack)
ROUND_TRIP(desired)
ROUND_TRIP(command)

static const struct {
	const char *name;
	round_trip_fn run;
} ROUND_TRIPS[] = {
	{"hello", round_hello},	  {"health", round_health},   {"reported", round_reported},
	{"events", round_events}, {"logs", round_logs},	      {"result", round_result},
	{"ack", round_ack},	  {"desired", round_desired}, {"command", round_command},
};

/* hello-first.json is an example of hello; desired-content.json is none of ours. */
static round_trip_fn find(const char *file)
{
	if (strncmp(file, "desired-content", 15) == 0)
		return NULL;
	for (size_t i = 0; i < sizeof(ROUND_TRIPS) / sizeof(ROUND_TRIPS[0]); i++) {
		size_t len = strlen(ROUND_TRIPS[i].name);
		if (strncmp(file, ROUND_TRIPS[i].name, len) == 0 &&
		    (file[len] == '.' || file[len] == '-'))
			return ROUND_TRIPS[i].run;
	}
	return NULL;
}

/* Is every member of small in large, as deep as small goes? What encoding adds are defaults. */
static bool contains(json_t *large, json_t *small)
{
	const char *key;
	json_t *value;

	if (!json_is_object(small))
		return json_is_array(small) ? json_array_size(large) == json_array_size(small)
					    : json_equal(large, small);
	json_object_foreach (small, key, value)
		if (strcmp(key, "future") != 0 && !contains(json_object_get(large, key), value))
			return false;
	return true;
}

static json_t *read_example(const char *folder, const char *file, struct arena *arena,
			    struct error *err)
{
	char *text;
	size_t size;
	json_t *json = NULL;

	assert_true(file_read(arena_printf(arena, "%s%s", folder, file), LIMIT_DOWN_MESSAGE, arena,
			      &text, &size, err));
	return message_parse(text, size, LIMIT_DOWN_MESSAGE, arena, &json, err) ? json : NULL;
}

static void test_examples_round_trip(void **state)
{
	DIR *dir = opendir(EXAMPLES);
	struct dirent *entry;
	int count = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		struct arena *arena = arena_new();
		struct error err = {0};
		round_trip_fn run = find(entry->d_name);
		if (run != NULL) {
			json_t *json = read_example(EXAMPLES, entry->d_name, arena, &err);
			json_t *again = json != NULL ? run(json, arena, &err) : NULL;
			if (again == NULL)
				fail_msg("%s: %s", entry->d_name, err.text);
			if (!contains(again, json))
				fail_msg("%s lost something", entry->d_name);
			json_decref(again);
			count++;
		}
		arena_free(arena);
	}
	closedir(dir);
	assert_true(count >= 12);
}

static void test_invalid_examples_are_refused(void **state)
{
	DIR *dir = opendir(EXAMPLES "invalid");
	struct dirent *entry;
	int count = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		struct arena *arena = arena_new();
		struct error err = {0};
		round_trip_fn run = find(entry->d_name);
		/* Which ids are valid is for the topic to say: codecs bound the length only. */
		if (run != NULL && strcmp(entry->d_name, "hello-node-upper.json") != 0) {
			json_t *json =
				read_example(EXAMPLES "invalid/", entry->d_name, arena, &err);
			json_t *again = json != NULL ? run(json, arena, &err) : NULL;
			if (again != NULL)
				fail_msg("%s was accepted", entry->d_name);
			assert_true(err.code == ERR_INVALID || err.code == ERR_TOO_LARGE);
			count++;
		}
		arena_free(arena);
	}
	closedir(dir);
	assert_true(count >= 9);
}

static void test_place_defaults_and_bounds(void **state)
{
	struct arena *arena = arena_new();
	struct error err;
	struct msg_place place;
	json_t *json =
		json_keep(json_pack("{s:s, s:i}", "epoch", "0123456789abcdef", "seq", 7), arena);

	(void)state;
	assert_true(msg_place_decode(json, arena, &place, &err));
	assert_int_equal(place.first, 7);
	json_object_set_new(json, "first", json_integer(8));
	assert_false(msg_place_decode(json, arena, &place, &err));
	assert_string_equal(err.field, "first");
	arena_free(arena);
}

static void test_size_and_version_come_first(void **state)
{
	struct arena *arena = arena_new();
	struct error err;
	json_t *json;

	(void)state;
	assert_false(message_parse("{\"v\":1}", 7, 6, arena, &json, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	assert_false(message_parse("{\"v\":2}", 7, 100, arena, &json, &err));
	assert_int_equal(err.code, ERR_INVALID);
	assert_false(message_parse("{\"v\":1", 6, 100, arena, &json, &err));
	assert_int_equal(err.code, ERR_INVALID);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples_round_trip),
		cmocka_unit_test(test_invalid_examples_are_refused),
		cmocka_unit_test(test_place_defaults_and_bounds),
		cmocka_unit_test(test_size_and_version_come_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
