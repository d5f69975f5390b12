/* SPDX-License-Identifier: Apache-2.0 */
/* What a message from a node means, and when it means nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "domain/fleet/dedupe.h"
#include "domain/fleet/fleet.h"
#include "domain/fleet/memory.h"

static const char NODE[] = "nabcdefgh234567abcde";
static const char OTHER[] = "nzzzzzzzz234567abcde";

static int setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static struct fleet_message decoded(struct arena *arena, const char *topic, const char *payload)
{
	struct fleet_message message = {
		.topic = topic,
		.payload = payload,
		.size = strlen(payload),
		.kept = strlen(payload),
		.received_at = 1,
	};

	fleet_decode(&message, arena);
	return message;
}

static char *topic_of(struct arena *arena, const char *node, enum channel channel)
{
	char *topic = arena_alloc(arena, LIMIT_TOPIC);

	topic_format(topic, node, channel);
	return topic;
}

static void reads_a_stream_message(void **state)
{
	struct fleet_message message = decoded(
		*state, topic_of(*state, NODE, CHANNEL_LOGS),
		"{\"v\":1,\"epoch\":\"0123456789abcdef\",\"seq\":7,\"first\":5,\"service\":\"broker\","
		"\"lines\":[{\"at\":\"2026-01-02T03:04:05.000006Z\",\"stream\":\"stderr\","
		"\"text\":\"hot\"}],\"dropped\":3}");

	assert_null(message.refusal);
	assert_true(message.topic_valid && message.place_valid);
	assert_string_equal(message.at.node, NODE);
	assert_int_equal(message.at.channel, CHANNEL_LOGS);
	assert_int_equal(message.place.first, 5);
	assert_int_equal(message.place.seq, 7);
	assert_int_equal(message.body.logs.line_count, 1);
	assert_string_equal(message.body.logs.lines[0].text, "hot");
	assert_int_equal(message.body.logs.place.dropped, 3);
}

static void reads_a_last_will(void **state)
{
	struct fleet_message message = decoded(*state, topic_of(*state, NODE, CHANNEL_HEALTH),
					       "{\"v\":1,\"offline\":true}");

	assert_null(message.refusal);
	assert_true(message.body.health.offline);
	assert_false(message.place_valid);
}

static void keeps_the_place_of_a_message_that_is_otherwise_wrong(void **state)
{
	struct fleet_message message = decoded(
		*state, topic_of(*state, NODE, CHANNEL_LOGS),
		"{\"v\":1,\"epoch\":\"0123456789abcdef\",\"seq\":7,\"service\":5,\"lines\":[]}");

	assert_non_null(message.refusal);
	assert_true(message.place_valid);
	assert_int_equal(message.place.seq, 7);
}

static void refuses_what_names_another_node(void **state)
{
	char *payload = arena_printf(*state, "{\"v\":1,\"node\":\"%s\",\"offline\":true}", OTHER);
	struct fleet_message message =
		decoded(*state, topic_of(*state, NODE, CHANNEL_HEALTH), payload);

	assert_non_null(strstr(message.refusal, "another node"));
	message = decoded(*state, topic_of(*state, NODE, CHANNEL_HEALTH),
			  "{\"v\":1,\"node\":[],\"offline\":true}");
	assert_non_null(strstr(message.refusal, "another node"));
}

static void refuses_what_is_malformed(void **state)
{
	static const char *const payloads[] = {
		"",
		"null",
		"[]",
		"{",
		"{\"v\":2}",
		"{\"v\":1}",
		"{\"v\":1,\"epoch\":\"0123456789abcdef\",\"seq\":0}",
		"{\"v\":1,\"epoch\":\"0123456789abcdef\",\"seq\":-1}",
		"{\"v\":1,\"epoch\":\"0123456789abcdef\",\"seq\":1.5}",
		"{\"v\":1,\"epoch\":\"0123456789abcdef\",\"seq\":3,\"first\":4}",
		"{\"v\":1,\"epoch\":\"no\",\"seq\":3}",
		"{\"v\":1,\"v\":1}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
		struct fleet_message message =
			decoded(*state, topic_of(*state, NODE, CHANNEL_REPORTED), payloads[i]);

		assert_non_null(message.refusal);
		assert_true(message.topic_valid);
	}
}

static void refuses_foreign_topics(void **state)
{
	static const char *const topics[] = {
		"",
		"muster",
		"muster/2/00/nabcdefgh234567abcde/up/logs",
		"muster/1/99/nabcdefgh234567abcde/up/logs",
		"muster/1/00/../up/logs",
		"muster/1/00/nabcdefgh234567abcde/up/logs/more",
		"muster/1/00/nabcdefgh234567abcde/up/secret",
	};

	for (size_t i = 0; i < ARRAY_SIZE(topics); i++) {
		struct fleet_message message = decoded(*state, topics[i], "{\"v\":1}");

		assert_non_null(message.refusal);
		assert_false(message.topic_valid);
	}
	struct fleet_message down =
		decoded(*state, topic_of(*state, NODE, CHANNEL_ACK),
			"{\"v\":1,\"stream\":\"logs\",\"epoch\":\"0123456789abcdef\",\"upto\":1}");
	assert_non_null(down.refusal);
}

static void refuses_what_was_too_large_to_keep(void **state)
{
	struct fleet_message message = {
		.topic = topic_of(*state, NODE, CHANNEL_LOGS),
		.payload = "{",
		.size = LIMIT_UP_MESSAGE + 1,
		.kept = 1,
	};

	fleet_decode(&message, *state);
	assert_non_null(strstr(message.refusal, "limit"));
	assert_true(message.topic_valid);
}

static void judges_places(void **state)
{
	(void)state;
	assert_int_equal(dedupe_judge(0, 1, 1), DEDUPE_NEW);
	assert_int_equal(dedupe_judge(4, 5, 5), DEDUPE_NEW);
	assert_int_equal(dedupe_judge(4, 5, 9), DEDUPE_NEW);
	assert_int_equal(dedupe_judge(4, 3, 9), DEDUPE_NEW);
	assert_int_equal(dedupe_judge(4, 4, 4), DEDUPE_REPEATED);
	assert_int_equal(dedupe_judge(4, 1, 3), DEDUPE_REPEATED);
	assert_int_equal(dedupe_judge(4, 6, 6), DEDUPE_EARLY);
	assert_int_equal(dedupe_judge(0, 2, 2), DEDUPE_EARLY);
	assert_int_equal(dedupe_judge(0, 1, INT64_MAX), DEDUPE_NEW);
	assert_int_equal(dedupe_judge(INT64_MAX - 1, INT64_MAX, INT64_MAX), DEDUPE_NEW);
}

static void remembers_whom_it_told(void **state)
{
	struct fleet_memory *memory = fleet_memory_new();
	const usec_t now = 1000 * USEC_PER_SEC;

	(void)state;
	assert_true(fleet_memory_allows(memory, NODE, TELLING_DESIRED, now));
	fleet_memory_mark(memory, NODE, TELLING_DESIRED, now);
	assert_false(fleet_memory_allows(memory, NODE, TELLING_DESIRED, now + 9 * USEC_PER_SEC));
	assert_true(fleet_memory_allows(memory, NODE, TELLING_HEALTH, now));
	assert_true(fleet_memory_allows(memory, OTHER, TELLING_DESIRED, now));
	assert_true(fleet_memory_allows(memory, NODE, TELLING_DESIRED, now + 10 * USEC_PER_SEC));
	fleet_memory_free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_a_stream_message, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_a_last_will, setup, teardown),
		cmocka_unit_test_setup_teardown(
			keeps_the_place_of_a_message_that_is_otherwise_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_names_another_node, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_is_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_foreign_topics, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_was_too_large_to_keep, setup,
						teardown),
		cmocka_unit_test(judges_places),
		cmocka_unit_test(remembers_whom_it_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
