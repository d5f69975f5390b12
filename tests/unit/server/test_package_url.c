/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/arena.h"
#include "domain/package/url.h"

#define ARCHIVE "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER "baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct server SERVER = {.public_url = "https://plant:8443", .url_key = {1, 2, 3}};

static void address_is_good_for_what_it_says(void **state)
{
	static const char START[] =
		"https://plant:8443/download/" ARCHIVE "?node=nx&expires=2000&sig=";
	struct arena *arena = arena_new();
	struct server stranger = SERVER;
	usec_t now = 1000 * USEC_PER_SEC;
	const char *url = package_url_make(&SERVER, ARCHIVE, "nx", 2000 * USEC_PER_SEC, arena);

	(void)state;
	assert_memory_equal(url, START, strlen(START));
	const char *signature = url + strlen(START);
	assert_true(package_url_verify(&SERVER, ARCHIVE, "nx", "2000", signature, now));
	assert_false(package_url_verify(&SERVER, OTHER, "nx", "2000", signature, now));
	assert_false(package_url_verify(&SERVER, ARCHIVE, "ny", "2000", signature, now));
	assert_false(package_url_verify(&SERVER, ARCHIVE, "nx", "2001", signature, now));
	assert_false(package_url_verify(&SERVER, ARCHIVE, "nx", "2000", signature, 2 * now));
	assert_false(package_url_verify(&SERVER, ARCHIVE, "nx", "2000", "", now));
	assert_false(package_url_verify(&SERVER, ARCHIVE, "nx", "2000", NULL, now));
	assert_false(package_url_verify(&SERVER, ARCHIVE, "nx", NULL, signature, now));
	assert_false(package_url_verify(&SERVER, ARCHIVE, NULL, "2000", signature, now));
	assert_false(package_url_verify(&SERVER, ARCHIVE, "nx", "-2000", signature, now));
	assert_false(
		package_url_verify(&SERVER, ARCHIVE, "nx", "99999999999999999999", signature, now));
	stranger.url_key[0] = 9;
	assert_false(package_url_verify(&stranger, ARCHIVE, "nx", "2000", signature, now));
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_is_good_for_what_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
