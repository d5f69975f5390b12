/* SPDX-License-Identifier: Apache-2.0 */
#include "notify/guard.h"
#include "notify/signature.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "test.h"

static bool permits(const char *networks, const char *address)
{
	struct guard guard;
	struct error err;
	struct sockaddr_storage storage = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
	bool private_ok;

	assert_true(guard_parse(networks, &guard, &err));
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1)
		storage.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1)
		storage.ss_family = AF_INET6;
	return guard_permits(&guard, (struct sockaddr *)&storage, &private_ok);
}

static void test_private_is_refused(void **state)
{
	static const char *const refused[] = {
		"127.0.0.1",
		"127.9.9.9",
		"10.1.2.3",
		"172.16.0.1",
		"172.31.255.255",
		"192.168.1.1",
		"169.254.169.254",
		"100.64.0.1",
		"0.0.0.0",
		"224.0.0.1",
		"255.255.255.255",
		"::1",
		"::",
		"fc00::1",
		"fd12::1",
		"fe80::1",
		"ff02::1",
		"::ffff:10.0.0.1",
		"::ffff:127.0.0.1",
		"64:ff9b::7f00:1",
		"2002:7f00:1::",
		"::7f00:1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (permits("", refused[i]))
			fail_msg("%s is permitted", refused[i]);
}

static void test_public_is_permitted(void **state)
{
	(void)state;
	assert_true(permits("", "8.8.8.8"));
	assert_true(permits("", "172.32.0.1"));
	assert_true(permits("", "2606:4700::1111"));
	assert_true(permits("", "::ffff:8.8.8.8"));
}

static void test_allowed_networks(void **state)
{
	(void)state;
	assert_true(permits("127.0.0.0/8", "127.0.0.1"));
	assert_true(permits("127.0.0.0/8", "::ffff:127.0.0.1"));
	assert_false(permits("127.0.0.0/8", "10.0.0.1"));
	assert_true(permits("10.0.0.0/8, fd00::/8", "fd00::5"));
	assert_true(permits("10.1.2.3", "10.1.2.3"));
	assert_false(permits("10.1.2.3", "10.1.2.4"));
	assert_false(permits("192.168.0.0/17", "192.168.128.1"));
}

static void test_bad_networks_are_named(void **state)
{
	static const char *const bad[] = {"x",	      "10.0.0.0/33", "10.0.0.0/",
					  "10.0.0/8", "::1/129",     "10.0.0.0/8;::1"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct guard guard;
		struct error err;
		if (guard_parse(bad[i], &guard, &err))
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

/* The example of the Standard Webhooks specification. */
static void test_signature_of_the_specification(void **state)
{
	static const char key[] = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
	char signature[WEBHOOK_SIGNATURE_SIZE];
	uint8_t secret[64];
	size_t size;

	(void)state;
	assert_true(base64_decode(key, strlen(key), secret, sizeof(secret), &size));
	webhook_sign(secret, size, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
		     "{\"test\": 2432232314}", signature);
	assert_string_equal(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void test_backoff_grows_and_ends(void **state)
{
	usec_t before = 0;

	(void)state;
	for (int64_t attempt = 1; attempt < WEBHOOK_ATTEMPTS; attempt++) {
		usec_t least = webhook_backoff(attempt, 0), most = webhook_backoff(attempt, 999);
		assert_true(least > before);
		assert_true(most >= least && most < least * 2);
		before = least;
	}
	assert_int_equal(webhook_backoff(WEBHOOK_ATTEMPTS, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_private_is_refused),
		cmocka_unit_test(test_public_is_permitted),
		cmocka_unit_test(test_allowed_networks),
		cmocka_unit_test(test_bad_networks_are_named),
		cmocka_unit_test(test_signature_of_the_specification),
		cmocka_unit_test(test_backoff_grows_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
