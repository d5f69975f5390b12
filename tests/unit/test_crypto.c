/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "base/crypto.h"
#include "base/encoding.h"
#include "temporary_folder.h"
#include "test.h"

static void test_known_hashes(void **state)
{
	char text[SHA256_HEX_SIZE];
	uint8_t digest[SHA256_SIZE], again[SHA256_SIZE];

	(void)state;
	sha256_hex("abc", 3, text);
	assert_string_equal(text,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	struct sha256 *hash = sha256_new();
	sha256_update(hash, "a", 1);
	sha256_update(hash, "bc", 2);
	sha256_final(hash, again);
	sha256_free(hash);
	sha256("abc", 3, digest);
	assert_memory_equal(digest, again, sizeof(digest));

	/* RFC 4231, test case 2, and RFC 2202, test case 2. */
	hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, digest);
	hex_encode(digest, sizeof(digest), text);
	assert_string_equal(text,
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	hmac_sha1("Jefe", 4, "what do ya want for nothing?", 28, digest);
	hex_encode(digest, 20, text);
	assert_string_equal(text, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	hmac_sha256("", 0, "", 0, digest);
	hex_encode(digest, sizeof(digest), text);
	assert_string_equal(text,
			    "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_hash_of_a_file(void **state)
{
	char path[256], text[SHA256_HEX_SIZE];
	struct error err;
	int64_t size;

	snprintf(path, sizeof(path), "%s/f", (char *)*state);
	assert_success(file_write_atomic(path, "abc", 3, 0600, &err), &err);
	assert_success(sha256_file(path, text, &size, &err), &err);
	assert_int_equal(size, 3);
	assert_memory_equal(text, "ba7816bf", 8);
	assert_failure(sha256_file("/nonexistent", text, NULL, &err), &err, ERR_NOT_FOUND);
	assert_failure(sha256_file("/dev/null", text, NULL, &err), &err, ERR_INVALID);
}

static void test_sealed_data_cannot_be_changed(void **state)
{
	static const char PLAIN[] = "the secret";
	uint8_t key[SEAL_KEY_SIZE], sealed[sizeof(PLAIN) + SEAL_OVERHEAD], plain[sizeof(PLAIN)];
	struct error err;

	(void)state;
	random_bytes(key, sizeof(key));
	seal(key, "webhook1", 8, PLAIN, sizeof(PLAIN), sealed);
	assert_success(unseal(key, "webhook1", 8, sealed, sizeof(sealed), plain, &err), &err);
	assert_string_equal(plain, PLAIN);
	assert_failure(unseal(key, "webhook2", 8, sealed, sizeof(sealed), plain, &err), &err,
		       ERR_INVALID);
	for (size_t i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 1;
		assert_false(unseal(key, "webhook1", 8, sealed, sizeof(sealed), plain, &err));
		sealed[i] ^= 1;
	}
	assert_failure(unseal(key, NULL, 0, sealed, SEAL_OVERHEAD - 1, plain, &err), &err,
		       ERR_INVALID);
	key[0] ^= 1;
	assert_failure(unseal(key, "webhook1", 8, sealed, sizeof(sealed), plain, &err), &err,
		       ERR_INVALID);
	seal(key, NULL, 0, NULL, 0, sealed);
	assert_success(unseal(key, NULL, 0, sealed, SEAL_OVERHEAD, plain, &err), &err);
}

static void test_signatures(void **state)
{
	struct signing_key *key = signing_key_generate();
	uint8_t public_key[ED25519_PUBLIC_SIZE], signature[ED25519_SIGNATURE_SIZE];

	(void)state;
	signing_key_public(key, public_key);
	signing_key_sign(key, "message", 7, signature);
	assert_true(ed25519_verify(public_key, "message", 7, signature));
	assert_false(ed25519_verify(public_key, "messagE", 7, signature));
	assert_false(ed25519_verify(public_key, "message", 6, signature));
	signature[5] ^= 1;
	assert_false(ed25519_verify(public_key, "message", 7, signature));
	signature[5] ^= 1;
	public_key[0] ^= 1;
	assert_false(ed25519_verify(public_key, "message", 7, signature));
	signing_key_free(key);
	signing_key_free(NULL);
}

static void test_rfc8032_vector(void **state)
{
	uint8_t public_key[ED25519_PUBLIC_SIZE], signature[ED25519_SIGNATURE_SIZE];
	size_t size;

	(void)state;
	assert_true(hex_decode("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
			       64, public_key, sizeof(public_key), &size));
	assert_true(hex_decode("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
			       "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
			       128, signature, sizeof(signature), &size));
	assert_true(ed25519_verify(public_key, "\x72", 1, signature));
	assert_false(ed25519_verify(public_key, "\x73", 1, signature));
}

static void test_keys_as_files(void **state)
{
	struct signing_key *key = signing_key_generate(), *again;
	uint8_t a[ED25519_PUBLIC_SIZE], b[ED25519_PUBLIC_SIZE];
	char path[256], id[KEY_ID_SIZE];
	struct arena *arena = arena_new();
	struct stat status;
	struct error err;

	snprintf(path, sizeof(path), "%s/key", (char *)*state);
	assert_success(signing_key_save(key, path, &err), &err);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_success(signing_key_load(path, &again, &err), &err);
	signing_key_public(key, a);
	signing_key_public(again, b);
	assert_memory_equal(a, b, sizeof(a));

	char *pem = ed25519_public_pem(a, arena);
	memset(b, 0, sizeof(b));
	assert_success(ed25519_public_parse(pem, strlen(pem), b, &err), &err);
	assert_memory_equal(a, b, sizeof(a));
	assert_failure(ed25519_public_parse("nonsense", 8, b, &err), &err, ERR_INVALID);
	key_id(a, id);
	assert_int_equal(strlen(id), 16);

	assert_success(file_write_atomic(path, pem, strlen(pem), 0600, &err), &err);
	struct signing_key *none = NULL;
	assert_failure(signing_key_load(path, &none, &err), &err, ERR_INVALID);
	assert_null(none);
	arena_free(arena);
	signing_key_free(key);
	signing_key_free(again);
}

static void test_random(void **state)
{
	bool seen[7] = {false};
	uint8_t a[300] = {0}, b[300] = {0};

	(void)state;
	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	assert_memory_not_equal(a + 256, b + 256, 44);
	assert_int_equal(random_below(1), 0);
	/* That one of seven stays away 2000 times has a chance below 1 in 10^133. */
	for (int i = 0; i < 2000; i++) {
		uint64_t value = random_below(7);

		assert_true(value < 7);
		seen[value] = true;
	}
	for (size_t i = 0; i < 7; i++)
		assert_true(seen[i]);
	assert_true(constant_time_equal("abc", "abc", 3));
	assert_false(constant_time_equal("abc", "abd", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_hashes),
		cmocka_unit_test_setup_teardown(test_hash_of_a_file, temporary_folder_setup,
						temporary_folder_teardown),
		cmocka_unit_test(test_sealed_data_cannot_be_changed),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_rfc8032_vector),
		cmocka_unit_test_setup_teardown(test_keys_as_files, temporary_folder_setup,
						temporary_folder_teardown),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
