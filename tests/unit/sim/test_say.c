/* SPDX-License-Identifier: Apache-2.0 */
/* What simulated nodes write as text is what an agent's encoder would write. */
#include "sim/say.h"

#include <string.h>

#include "base/fields.h"
#include "test.h"

#define DIGEST "sha256:abababababababababababababababababababababababababababababababab"
#define AT INT64_C(1764547200000006)

static const struct say_place PLACE = {.epoch = "0123456789abcdef", .seq = 8, .at = AT};
static struct arena *arena;
static struct strbuf text;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	strbuf_init(&text, arena, 1 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static json_t *parsed(void)
{
	struct error err = {0};
	json_t *json;

	assert_false(text.overflow);
	if (!message_parse(text.data, text.length, LIMIT_UP_MESSAGE, arena, &json, &err))
		fail_msg("%s in %s", err.text, text.data);
	return json;
}

/* Is all of what was said in what the encoder says, which adds what is absent? */
static bool part_of(json_t *said, json_t *encoded)
{
	const char *name;
	json_t *value;
	size_t i;

	if (json_is_array(said)) {
		if (json_array_size(said) != json_array_size(encoded))
			return false;
		json_array_foreach (said, i, value)
			if (!part_of(value, json_array_get(encoded, i)))
				return false;
		return true;
	}
	if (!json_is_object(said))
		return json_equal(said, encoded);
	json_object_foreach (said, name, value)
		if (!part_of(value, json_object_get(encoded, name)))
			return false;
	return true;
}

/* Decodes what was said and encodes it again: nothing may be lost or changed. */
#define ASSERT_AS_ENCODED(kind)                                                           \
	do {                                                                              \
		struct msg_##kind decoded;                                                \
		struct error problem = {0};                                               \
		json_t *said = parsed();                                                  \
                                                                                          \
		if (!msg_##kind##_decode(said, arena, &decoded, &problem))                \
			fail_msg("%s %s in %s", problem.field, problem.text, text.data);  \
		json_t *again = json_keep(msg_##kind##_encode(&decoded), arena);          \
		if (!part_of(said, again))                                                \
			fail_msg("said %s\nbut  %s", text.data, json_text(again, arena)); \
	} while (0)

static void test_hello(void **state)
{
	const int64_t produced[] = {7, 120, 31, 12};
	const struct say_hello hello = {.node = "nq3x7k2m5p",
					.hostname = "sim-1",
					.boot_id = "b",
					.epoch = PLACE.epoch,
					.generation = 41,
					.digest = DIGEST,
					.produced = produced};
	struct msg_hello message;
	struct error err;

	(void)state;
	say_hello(&text, &hello);
	ASSERT_AS_ENCODED(hello);
	assert_true(msg_hello_decode(parsed(), arena, &message, &err));
	assert_int_equal(message.streams.reported, 7);
	assert_int_equal(message.streams.logs, 120);
	assert_int_equal(message.streams.events, 31);
	assert_int_equal(message.streams.result, 12);
}

static void test_health(void **state)
{
	const struct say_health health = {
		.node = "nq3x7k2m5p",
		.boot_id = "b",
		.generation = 41,
		.digest = DIGEST,
		.at = AT,
		.mark = 9,
		.uptime_s = 5,
		.cpu_percent = 7,
		.services = "{\"tool\":{\"state\":\"running\",\"ready\":true,"
			    "\"since\":\"2026-11-25T10:00:00.000000Z\",\"pid\":8,\"restarts\":0,"
			    "\"cpu_percent\":0.4,\"mem_bytes\":9437184}}",
	};

	(void)state;
	say_health(&text, &health);
	ASSERT_AS_ENCODED(health);
	strbuf_reset(&text);
	struct msg_beat heard, beat = {.mark = 4660, .generation = 12, .cpu = 25};
	struct error err;
	say_beat(&text, &beat);
	assert_true(msg_beat_decode(text.data, text.length, &heard, &err));
	assert_int_equal(heard.mark, 4660);
	strbuf_reset(&text);
	strbuf_append_string(&text, SAY_FAREWELL);
	ASSERT_AS_ENCODED(health);
}

static void test_reported(void **state)
{
	(void)state;
	say_reported(&text, &PLACE, 41, DIGEST,
		     "{\"tool\":{\"state\":\"running\",\"reason\":\"\","
		     "\"since\":\"2026-11-25T10:00:00.000000Z\",\"ready\":true,\"pid\":8,"
		     "\"restarts\":0,\"run\":true,\"driver\":\"generic\",\"package\":null,"
		     "\"config\":{\"name\":\"c\",\"version\":3,\"digest\":\"" DIGEST
		     "\"},\"drift\":false}}");
	ASSERT_AS_ENCODED(reported);
	strbuf_reset(&text);
	say_reported(&text, &PLACE, 0, "", "{}");
	ASSERT_AS_ENCODED(reported);
}

static void test_results_with_every_cause(void **state)
{
	struct say_result result = {.generation = 42,
				    .digest = DIGEST,
				    .rollout = "abcdefgh234567abcdef",
				    .state = RESULT_SUCCEEDED,
				    .service = ""};

	(void)state;
	say_result(&text, &PLACE, &result);
	ASSERT_AS_ENCODED(result);
	result.rollout = "";
	result.service = "tool";
	result.state = RESULT_ROLLED_BACK;
	result.number = 4711;
	for (size_t i = 0; i < SAY_CAUSE_COUNT; i++) {
		result.cause = &SAY_CAUSES[i];
		strbuf_reset(&text);
		say_result(&text, &PLACE, &result);
		ASSERT_AS_ENCODED(result);
		assert_null(strstr(text.data, "%d"));
	}
}

static void test_logs_and_events(void **state)
{
	struct msg_logs logs;
	struct error err;

	(void)state;
	say_logs(&text, &PLACE, "tool", "nq3x7k2m5p", 3, 200);
	ASSERT_AS_ENCODED(logs);
	assert_true(msg_logs_decode(parsed(), arena, &logs, &err));
	assert_int_equal(logs.line_count, 3);
	assert_int_equal(strlen(logs.lines[1].text), 200);
	/* What the checker finds lines by. */
	assert_string_equal(logs.lines[1].text + 200 - strlen("nq3x7k2m5p 8/1"), "nq3x7k2m5p 8/1");
	strbuf_reset(&text);
	say_event(&text, &PLACE, "nq3x7k2m5p");
	ASSERT_AS_ENCODED(events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hello, setup, teardown),
		cmocka_unit_test_setup_teardown(test_health, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(test_results_with_every_cause, setup, teardown),
		cmocka_unit_test_setup_teardown(test_logs_and_events, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
