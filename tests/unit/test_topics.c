/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/topics.h"

#include "base/clock.h"
#include "test.h"

static void test_format_and_parse_agree(void **state)
{
	(void)state;
	for (int c = 0; c < CHANNEL_COUNT; c++) {
		char text[LIMIT_TOPIC];
		struct topic topic;
		struct error err;

		topic_format(text, "nq3x7k2m5p", (enum channel)c);
		assert_true(topic_parse(text, &topic, &err));
		assert_int_equal(topic.channel, c);
		assert_string_equal(topic.node, "nq3x7k2m5p");
		assert_int_equal(topic.shard, topic_shard("nq3x7k2m5p"));
		assert_int_equal(channel_find(channel_info((enum channel)c)->name), c);
	}
}

static void test_shards_spread(void **state)
{
	int seen[SHARD_COUNT] = {0};

	(void)state;
	for (int i = 0; i < 6400; i++) {
		char node[24];
		snprintf(node, sizeof(node), "nnode%d", i);
		seen[topic_shard(node)]++;
	}
	for (int s = 0; s < SHARD_COUNT; s++)
		assert_in_range(seen[s], 50, 160);
}

static void test_refuses_what_is_not_ours(void **state)
{
	static const char *const bad[] = {
		"",
		"muster/1",
		"muster/1/",
		"muster/2/00/nq3x7k2m5p/up/hello",
		"muster/1/xx/nq3x7k2m5p/up/hello",
		"muster/1/00/+/up/hello",
		"muster/1/00/nq3x7k2m5p/up/hello/",
		"muster/1/00/nq3x7k2m5p/up/hello/x",
		"muster/1/00//up/hello",
		"muster/1/00/Nq3x7k2m5p/up/hello",
		"muster/1/00/xq3x7k2m5p/up/hello",
		"muster/1/00/nq3x7k2m5pnq3x7k2m5pnq3x7k2m5pabcdef/up/hello",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct topic topic;
		struct error err;
		if (topic_parse(bad[i], &topic, &err))
			fail_msg("accepted %s", bad[i]);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void test_refuses_another_shard_and_direction(void **state)
{
	char text[LIMIT_TOPIC];
	struct topic topic;
	struct error err;

	(void)state;
	snprintf(text, sizeof(text), "muster/1/%02d/nq3x7k2m5p/up/hello",
		 (topic_shard("nq3x7k2m5p") + 1) % SHARD_COUNT);
	assert_false(topic_parse(text, &topic, &err));
	assert_non_null(strstr(err.text, "shard"));
	snprintf(text, sizeof(text), "muster/1/%02d/nq3x7k2m5p/down/hello",
		 topic_shard("nq3x7k2m5p"));
	assert_false(topic_parse(text, &topic, &err));
	snprintf(text, sizeof(text), "muster/1/%02d/nq3x7k2m5p/up/desired",
		 topic_shard("nq3x7k2m5p"));
	assert_false(topic_parse(text, &topic, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format_and_parse_agree),
		cmocka_unit_test(test_shards_spread),
		cmocka_unit_test(test_refuses_what_is_not_ours),
		cmocka_unit_test(test_refuses_another_shard_and_direction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
