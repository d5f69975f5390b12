/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/mqtt.h"

#include "test.h"

enum { MAXIMUM = 1 << 20 };

static struct strbuf out;

static int setup(void **state)
{
	(void)state;
	strbuf_init(&out, NULL, 4 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	strbuf_release(&out);
	return 0;
}

static void assert_written(const char *bytes, size_t size)
{
	assert_int_equal(out.length, size);
	assert_memory_equal(out.data, bytes, size);
}

#define ASSERT_WRITTEN(text) assert_written(text, sizeof(text) - 1)

/* The examples are taken apart by hand along the standard, sections 3.1, 3.3, 3.4, 3.8. */
static void test_packets_are_those_of_the_standard(void **state)
{
	const struct mqtt_will will = {"t/w", "gone"};

	(void)state;
	mqtt_write_connect(&out, "n1", "u", 60, &will);
	ASSERT_WRITTEN("\x10\x1c\x00\x04MQTT\x04\x8e\x00\x3c\x00\x02n1\x00\x03t/w\x00\x04gone"
		       "\x00\x01u");
	strbuf_reset(&out);
	mqtt_write_connect(&out, "n1", NULL, 60, &will);
	ASSERT_WRITTEN("\x10\x19\x00\x04MQTT\x04\x0e\x00\x3c\x00\x02n1\x00\x03t/w\x00\x04gone");
	strbuf_reset(&out);
	mqtt_write_publish(&out, "a/b", "hi", 2, 0, 0);
	ASSERT_WRITTEN("\x30\x07\x00\x03"
		       "a/bhi");
	strbuf_reset(&out);
	mqtt_write_publish(&out, "a/b", "hi", 2, 1, 258);
	ASSERT_WRITTEN("\x32\x09\x00\x03"
		       "a/b\x01\x02hi");
	strbuf_reset(&out);
	mqtt_write_subscribe(&out, "a/+", 7);
	ASSERT_WRITTEN("\x82\x08\x00\x07\x00\x03"
		       "a/+\x01");
	strbuf_reset(&out);
	mqtt_write_puback(&out, 513);
	mqtt_write_pingreq(&out);
	mqtt_write_disconnect(&out);
	ASSERT_WRITTEN("\x40\x02\x02\x01\xc0\x00\xe0\x00");
}

static bool read_text(const char *bytes, size_t size, struct mqtt_packet *packet, size_t *used)
{
	struct error err = {0};

	return mqtt_read((const uint8_t *)bytes, size, MAXIMUM, packet, used, &err);
}

#define READ(text) read_text(text, sizeof(text) - 1, &packet, &used)

static void test_what_a_broker_sends_is_understood(void **state)
{
	struct mqtt_packet packet;
	size_t used;

	(void)state;
	assert_true(READ("\x20\x02\x00\x05rest"));
	assert_int_equal(used, 4);
	assert_int_equal(packet.type, MQTT_CONNACK);
	assert_int_equal(packet.code, 5);
	assert_true(READ("\x90\x03\x00\x07\x80"));
	assert_int_equal(packet.type, MQTT_SUBACK);
	assert_int_equal(packet.id, 7);
	assert_int_equal(packet.code, 128);
	assert_true(READ("\x40\x02\x01\x02"));
	assert_int_equal(packet.type, MQTT_PUBACK);
	assert_int_equal(packet.id, 258);
	assert_true(READ("\xd0\x00"));
	assert_int_equal(packet.type, MQTT_PINGRESP);
	assert_true(READ("\x3a\x09\x00\x03"
			 "a/b\x01\x02hi"));
	assert_int_equal(packet.type, MQTT_PUBLISH);
	assert_int_equal(packet.qos, 1);
	assert_true(packet.dup);
	assert_int_equal(packet.id, 258);
	assert_int_equal(packet.topic_length, 3);
	assert_memory_equal(packet.topic, "a/b", 3);
	assert_int_equal(packet.payload_size, 2);
	assert_memory_equal(packet.payload, "hi", 2);
}

static void test_a_message_of_any_size_comes_back(void **state)
{
	static const size_t SIZES[] = {0, 1, 120, 121, 122, 16374, 16376, 70000, 1000000};
	static char payload[1000000];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(SIZES); i++) {
		struct mqtt_packet packet;
		size_t used;

		strbuf_reset(&out);
		mqtt_write_publish(&out, "a/b", payload, SIZES[i], 1, 9);
		/* Nothing is taken before all of it is there. */
		for (size_t part = 0; part < out.length; part += 1 + out.length / 7) {
			assert_true(read_text(out.data, part, &packet, &used));
			assert_int_equal(used, 0);
		}
		assert_true(read_text(out.data, out.length, &packet, &used));
		assert_int_equal(used, out.length);
		assert_int_equal(packet.payload_size, SIZES[i]);
	}
}

static void test_what_no_broker_may_send_is_refused(void **state)
{
	struct mqtt_packet packet;
	size_t used;

	(void)state;
	assert_false(READ("\x10\x02\x00\x00"));		/* CONNECT */
	assert_false(READ("\x00\x00"));			/* no type */
	assert_false(READ("\x20\x03\x00\x00\x00"));	/* CONNACK too long */
	assert_false(READ("\x21\x02\x00\x00"));		/* with flags */
	assert_false(READ("\xd0\x01\x00"));		/* PINGRESP with a body */
	assert_false(READ("\x90\x04\x00\x07\x01\x01")); /* SUBACK for two */
	assert_false(READ("\x34\x07\x00\x03"
			  "a/bhi"));		 /* QoS 2 */
	assert_false(READ("\x30\x03\x00\x09x")); /* topic beyond the packet */
	assert_false(READ("\x30\x01\x00"));	 /* no topic */
	assert_false(READ("\x32\x05\x00\x03"
			  "a/b")); /* QoS 1 without id */
	assert_false(READ("\x32\x07\x00\x03"
			  "a/b\x00\x00"));		/* id 0 */
	assert_false(READ("\x30\xff\xff\xff\xff\x01")); /* length without end */
	assert_false(READ("\x30\xff\xff\xff\x7f"));	/* too large */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_packets_are_those_of_the_standard, setup,
						teardown),
		cmocka_unit_test(test_what_a_broker_sends_is_understood),
		cmocka_unit_test_setup_teardown(test_a_message_of_any_size_comes_back, setup,
						teardown),
		cmocka_unit_test(test_what_no_broker_may_send_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
