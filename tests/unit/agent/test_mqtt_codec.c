/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "supervise/mqtt_codec.h"

struct fixture {
	struct strbuf out;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	strbuf_init(&fixture->out, NULL, 1 << 20);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	strbuf_release(&fixture->out);
	free(fixture);
	return 0;
}

static void assert_bytes(const struct strbuf *out, const char *bytes, size_t size)
{
	assert_int_equal(out->length, size);
	assert_memory_equal(out->data, bytes, size);
}

static enum mqtt_read read_all(const struct strbuf *out, struct mqtt_packet *packet, size_t *used)
{
	return mqtt_packet_read((const uint8_t *)out->data, out->length, 1 << 20, packet, used);
}

/* The byte strings are those of the standard's figures. */
static void test_connect(void **state)
{
	struct fixture *fixture = *state;

	mqtt_connect_encode(&fixture->out, "ab", NULL, "ignored");
	assert_bytes(&fixture->out,
		     "\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02"
		     "ab",
		     16);
	strbuf_reset(&fixture->out);
	mqtt_connect_encode(&fixture->out, "c", "u", "pw");
	assert_bytes(&fixture->out,
		     "\x10\x14\x00\x04MQTT\x04\xc2\x00\x3c\x00\x01"
		     "c\x00\x01u\x00\x02pw",
		     22);
}

static void test_subscribe_publish_disconnect(void **state)
{
	struct fixture *fixture = *state;

	mqtt_subscribe_encode(&fixture->out, 1, "a/b");
	assert_bytes(&fixture->out,
		     "\x82\x08\x00\x01\x00\x03"
		     "a/b\x00",
		     10);
	strbuf_reset(&fixture->out);
	mqtt_publish_encode(&fixture->out, "a/b", "hi", 2);
	assert_bytes(&fixture->out,
		     "\x30\x07\x00\x03"
		     "a/bhi",
		     9);
	strbuf_reset(&fixture->out);
	mqtt_disconnect_encode(&fixture->out);
	assert_bytes(&fixture->out, "\xe0\x00", 2);
}

static void test_lengths_over_one_byte(void **state)
{
	struct fixture *fixture = *state;
	static const size_t SIZES[] = {0, 100, 122, 123, 16000, 16379, 70000, 300000};
	char *payload = calloc(1, 300000);

	for (size_t i = 0; i < ARRAY_SIZE(SIZES); i++) {
		struct mqtt_packet packet;
		size_t used = 0;

		strbuf_reset(&fixture->out);
		mqtt_publish_encode(&fixture->out, "abc", payload, SIZES[i]);
		assert_int_equal(read_all(&fixture->out, &packet, &used), MQTT_READ_PACKET);
		assert_int_equal(used, fixture->out.length);
		assert_true(mqtt_publish_is(&packet, "abc", payload, SIZES[i]));
		assert_false(mqtt_publish_is(&packet, "abd", payload, SIZES[i]));
		assert_false(mqtt_publish_is(&packet, "abc", payload, SIZES[i] + 1));
		/* Each prefix asks for more and nothing else. */
		for (size_t cut = 0; cut < fixture->out.length; cut += cut < 10 ? 1 : 9973)
			assert_int_equal(mqtt_packet_read((const uint8_t *)fixture->out.data, cut,
							  1 << 20, &packet, &used),
					 MQTT_READ_MORE);
	}
	free(payload);
}

static void test_bad_lengths_are_refused(void **state)
{
	struct mqtt_packet packet;
	size_t used;

	(void)state;
	assert_int_equal(mqtt_packet_read((const uint8_t *)"\x30\xff\xff\xff\xff\x01", 6, 1 << 30,
					  &packet, &used),
			 MQTT_READ_BAD);
	assert_int_equal(mqtt_packet_read((const uint8_t *)"\x30\xff\x7f", 3, 100, &packet, &used),
			 MQTT_READ_BAD);
}

static void test_answers(void **state)
{
	const struct mqtt_packet connack = {
		.type = MQTT_CONNACK, .body = (const uint8_t *)"\x00\x05", .size = 2};
	const struct mqtt_packet suback = {
		.type = MQTT_SUBACK, .body = (const uint8_t *)"\x00\x01\x80", .size = 3};
	/* CVE-2024-10525: a SUBACK without reason codes. */
	const struct mqtt_packet empty = {
		.type = MQTT_SUBACK, .body = (const uint8_t *)"\x00\x01", .size = 2};

	(void)state;
	assert_int_equal(mqtt_connack_code(&connack), 5);
	assert_string_equal(mqtt_connack_text(5), "not authorised");
	assert_string_equal(mqtt_connack_text(-1), "unknown reason");
	assert_string_equal(mqtt_connack_text(77), "unknown reason");
	assert_int_equal(mqtt_connack_code(&suback), -1);
	assert_int_equal(mqtt_suback_code(&suback), 0x80);
	assert_int_equal(mqtt_suback_code(&empty), -1);
	assert_int_equal(mqtt_suback_code(&connack), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_connect),
		TEST(test_subscribe_publish_disconnect),
		TEST(test_lengths_over_one_byte),
		TEST(test_bad_lengths_are_refused),
		TEST(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
