/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/x509.h"
#include "temporary_folder.h"
#include "test.h"

static const usec_t NOW = INT64_C(1767323045000000);

struct fixture {
	struct arena *arena;
	struct tls_key *ca_key;
	char *ca;
	struct error err;
};

static int setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));

	fixture->arena = arena_new();
	fixture->ca_key = tls_key_generate();
	*state = fixture;
	return ca_create(fixture->ca_key, "Muster plant", NOW, fixture->arena, &fixture->ca,
			 &fixture->err)
		       ? 0
		       : -1;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	tls_key_free(fixture->ca_key);
	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

static char *request(struct fixture *fixture, const struct tls_key *key)
{
	char *csr;

	assert_success(csr_create(key, "anything", fixture->arena, &csr, &fixture->err),
		       &fixture->err);
	return csr;
}

static bool issue(struct fixture *fixture, const char *csr,
		  const struct certificate_template *template, struct certificate *out)
{
	return certificate_issue(fixture->ca, fixture->ca_key, csr, template, fixture->arena, out,
				 &fixture->err);
}

static const struct certificate_template CLIENT = {
	.common_name = "nabcdef",
	.alternative_names = (const char *const[]){"URI:urn:muster:node:nabcdef", NULL},
	.usage = CERTIFICATE_CLIENT,
	.lifetime = 90 * USEC_PER_DAY,
	.now = NOW,
};

static void test_issued_certificate_holds_the_template(void **state)
{
	struct fixture *fixture = *state;
	struct tls_key *key = tls_key_generate();
	struct certificate issued, parsed;
	char key_sha256[SHA256_HEX_SIZE];
	char *csr = request(fixture, key);

	assert_success(csr_verify(csr, strlen(csr), key_sha256, &fixture->err), &fixture->err);
	assert_success(issue(fixture, csr, &CLIENT, &issued), &fixture->err);
	assert_string_equal(issued.common_name, "nabcdef");
	assert_string_equal(issued.key_sha256, key_sha256);
	assert_int_equal(issued.not_before, NOW - USEC_PER_HOUR);
	assert_int_equal(issued.not_after, NOW + 90 * USEC_PER_DAY);
	assert_int_equal(strlen(issued.serial), 32);
	assert_true(certificate_matches_key(issued.pem, key));
	assert_false(certificate_matches_key(issued.pem, fixture->ca_key));
	assert_success(certificate_parse(issued.pem, strlen(issued.pem), fixture->arena, &parsed,
					 &fixture->err),
		       &fixture->err);
	assert_string_equal(parsed.fingerprint, issued.fingerprint);
	assert_string_equal(parsed.serial, issued.serial);

	BIO *bio = BIO_new_mem_buf(issued.pem, -1);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	assert_int_equal(X509_check_ca(certificate), 0);
	assert_int_equal(X509_get_extended_key_usage(certificate), XKU_SSL_CLIENT);
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	assert_int_equal(sk_GENERAL_NAME_num(names), 1);
	GENERAL_NAME *name = sk_GENERAL_NAME_value(names, 0);
	assert_int_equal(name->type, GEN_URI);
	assert_string_equal(ASN1_STRING_get0_data(name->d.uniformResourceIdentifier),
			    "urn:muster:node:nabcdef");
	GENERAL_NAMES_free(names);
	X509_free(certificate);
	BIO_free(bio);
	tls_key_free(key);
}

static void test_verification(void **state)
{
	struct fixture *fixture = *state;
	struct tls_key *key = tls_key_generate(), *other_key = tls_key_generate();
	struct certificate issued;
	struct error *err = &fixture->err;
	char *other_ca;

	assert_success(issue(fixture, request(fixture, key), &CLIENT, &issued), err);
	assert_success(certificate_verify(issued.pem, fixture->ca, CERTIFICATE_CLIENT, NOW, err),
		       err);
	assert_failure(certificate_verify(issued.pem, fixture->ca, CERTIFICATE_SERVER, NOW, err),
		       err, ERR_INVALID);
	assert_failure(certificate_verify(issued.pem, fixture->ca, CERTIFICATE_CLIENT,
					  NOW + 91 * USEC_PER_DAY, err),
		       err, ERR_INVALID);
	assert_contains(err->text, "expired");
	/* The same name, another key. */
	assert_success(ca_create(other_key, "Muster plant", NOW, fixture->arena, &other_ca, err),
		       err);
	assert_failure(certificate_verify(issued.pem, other_ca, CERTIFICATE_CLIENT, NOW, err), err,
		       ERR_INVALID);
	tls_key_free(key);
	tls_key_free(other_key);
}

static void test_server_certificate(void **state)
{
	struct fixture *fixture = *state;
	struct tls_key *key = tls_key_generate();
	const char *const names[] = {"DNS:plant.example", "IP:127.0.0.1", "IP:::1", NULL};
	struct certificate_template template = {
		.common_name = "plant.example",
		.alternative_names = names,
		.usage = CERTIFICATE_SERVER,
		.lifetime = 5000 * USEC_PER_DAY,
		.now = NOW,
	};
	struct certificate issued, ca;

	assert_success(issue(fixture, request(fixture, key), &template, &issued), &fixture->err);
	assert_success(
		certificate_verify(issued.pem, fixture->ca, CERTIFICATE_SERVER, NOW, &fixture->err),
		&fixture->err);
	assert_success(certificate_parse(fixture->ca, strlen(fixture->ca), fixture->arena, &ca,
					 &fixture->err),
		       &fixture->err);
	assert_int_equal(issued.not_after, ca.not_after);
	const char *const injected[] = {"DNS:a,DNS:b", NULL};
	template.alternative_names = injected;
	assert_failure(issue(fixture, request(fixture, key), &template, &issued), &fixture->err,
		       ERR_INVALID);
	template.alternative_names = NULL;
	template.common_name = "a/#";
	assert_failure(issue(fixture, request(fixture, key), &template, &issued), &fixture->err,
		       ERR_INVALID);
	tls_key_free(key);
}

/* A signing request for any kind of key. */
static char *foreign_request(struct fixture *fixture, EVP_PKEY *pkey, EVP_PKEY *signer)
{
	X509_REQ *csr = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;

	X509_REQ_set_pubkey(csr, pkey);
	assert_true(X509_REQ_sign(csr, signer,
				  EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519
					  ? NULL
					  : EVP_sha256()) > 0);
	PEM_write_bio_X509_REQ(bio, csr);
	long size = BIO_get_mem_data(bio, &text);
	char *copy = arena_strndup(fixture->arena, text, (size_t)size);
	BIO_free(bio);
	X509_REQ_free(csr);
	return copy;
}

static void test_requests_that_are_refused(void **state)
{
	struct fixture *fixture = *state;
	EVP_PKEY *p256 = EVP_EC_gen("P-256"), *p384 = EVP_EC_gen("P-384");
	EVP_PKEY *rsa = EVP_RSA_gen(2048);
	EVP_PKEY *ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	char hash[SHA256_HEX_SIZE];
	char *csr;

	csr = foreign_request(fixture, p384, p384);
	assert_failure(csr_verify(csr, strlen(csr), hash, &fixture->err), &fixture->err,
		       ERR_INVALID);
	assert_contains(fixture->err.text, "P-256");
	csr = foreign_request(fixture, rsa, rsa);
	assert_failure(csr_verify(csr, strlen(csr), hash, &fixture->err), &fixture->err,
		       ERR_INVALID);
	assert_contains(fixture->err.text, "3072");
	/* Somebody else's public key. */
	csr = foreign_request(fixture, p256, ed25519);
	assert_failure(csr_verify(csr, strlen(csr), hash, &fixture->err), &fixture->err,
		       ERR_INVALID);
	csr = foreign_request(fixture, ed25519, ed25519);
	assert_success(csr_verify(csr, strlen(csr), hash, &fixture->err), &fixture->err);
	assert_failure(csr_verify("", 0, hash, &fixture->err), &fixture->err, ERR_INVALID);
	assert_failure(csr_verify(fixture->ca, strlen(fixture->ca), hash, &fixture->err),
		       &fixture->err, ERR_INVALID);
	EVP_PKEY_free(p256);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ed25519);
}

static void test_keys_as_text_and_files(void **state)
{
	struct fixture *fixture = *state;
	struct tls_key *again;
	void *folder = NULL;

	assert_int_equal(temporary_folder_setup(&folder), 0);
	char *path = arena_printf(fixture->arena, "%s/ca.key", (char *)folder);
	assert_success(tls_key_save(fixture->ca_key, path, &fixture->err), &fixture->err);
	assert_success(tls_key_load(path, &again, &fixture->err), &fixture->err);
	assert_true(certificate_matches_key(fixture->ca, again));
	tls_key_free(again);
	char *pem = tls_key_pem(fixture->ca_key, fixture->arena);
	assert_success(tls_key_parse(pem, strlen(pem), &again, &fixture->err), &fixture->err);
	assert_true(certificate_matches_key(fixture->ca, again));
	tls_key_free(again);
	assert_failure(tls_key_parse("x", 1, &again, &fixture->err), &fixture->err, ERR_INVALID);
	assert_int_equal(temporary_folder_teardown(&folder), 0);
}

static void test_revocation_list(void **state)
{
	struct fixture *fixture = *state;
	struct tls_key *key = tls_key_generate();
	struct certificate issued;
	char *pem;

	assert_success(issue(fixture, request(fixture, key), &CLIENT, &issued), &fixture->err);
	const char *const serials[] = {issued.serial, NULL};
	assert_success(crl_create(fixture->ca, fixture->ca_key, serials, 30, NOW, fixture->arena,
				  &pem, &fixture->err),
		       &fixture->err);
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509_CRL *list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
	BIO_free(bio);
	bio = BIO_new_mem_buf(issued.pem, -1);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	X509_REVOKED *found = NULL;
	assert_int_equal(X509_CRL_get0_by_cert(list, &found, certificate), 1);
	X509_free(certificate);
	X509_CRL_free(list);
	const char *const wrong[] = {"xyz", NULL};
	assert_failure(crl_create(fixture->ca, fixture->ca_key, wrong, 30, NOW, fixture->arena,
				  &pem, &fixture->err),
		       &fixture->err, ERR_INVALID);
	tls_key_free(key);
}

static void test_short_lives_begin_shortly_before(void **state)
{
	struct fixture *fixture = *state;
	struct tls_key *key = tls_key_generate();
	struct certificate_template template = CLIENT;
	struct certificate issued;

	template.lifetime = 48 * USEC_PER_SEC;
	assert_success(issue(fixture, request(fixture, key), &template, &issued), &fixture->err);
	assert_int_equal(issued.not_before, NOW - 2 * USEC_PER_SEC);
	assert_int_equal(issued.not_after, NOW + 48 * USEC_PER_SEC);
	tls_key_free(key);
}

static void test_possession_of_a_key_can_be_proved(void **state)
{
	struct fixture *fixture = *state;
	struct tls_key *key = tls_key_generate();
	struct certificate issued;
	uint8_t *signature;
	size_t size;

	assert_success(issue(fixture, request(fixture, key), &CLIENT, &issued), &fixture->err);
	assert_success(
		tls_key_sign(key, "words", 5, fixture->arena, &signature, &size, &fixture->err),
		&fixture->err);
	assert_true(certificate_has_signed(issued.pem, "words", 5, signature, size));
	assert_false(certificate_has_signed(issued.pem, "Words", 5, signature, size));
	assert_false(certificate_has_signed(issued.pem, "words", 5, signature, size - 1));
	assert_false(certificate_has_signed(issued.pem, "words", 5, signature, 0));
	assert_false(certificate_has_signed("no certificate", "words", 5, signature, size));
	assert_success(tls_key_sign(fixture->ca_key, "words", 5, fixture->arena, &signature, &size,
				    &fixture->err),
		       &fixture->err);
	assert_false(certificate_has_signed(issued.pem, "words", 5, signature, size));
	tls_key_free(key);
}

static void test_only_the_node_can_decrypt(void **state)
{
	struct fixture *fixture = *state;
	struct tls_key *key = tls_key_generate();
	struct certificate issued;
	uint8_t *sealed, *plain;
	size_t sealed_size, size;

	assert_success(issue(fixture, request(fixture, key), &CLIENT, &issued), &fixture->err);
	assert_success(cms_encrypt(issued.pem, "secret\0x", 8, fixture->arena, &sealed,
				   &sealed_size, &fixture->err),
		       &fixture->err);
	assert_success(cms_decrypt(issued.pem, key, sealed, sealed_size, fixture->arena, &plain,
				   &size, &fixture->err),
		       &fixture->err);
	assert_int_equal(size, 8);
	assert_memory_equal(plain, "secret\0x", 8);
	assert_failure(cms_decrypt(issued.pem, fixture->ca_key, sealed, sealed_size, fixture->arena,
				   &plain, &size, &fixture->err),
		       &fixture->err, ERR_INVALID);
	assert_failure(cms_decrypt(issued.pem, key, sealed, 20, fixture->arena, &plain, &size,
				   &fixture->err),
		       &fixture->err, ERR_INVALID);
	tls_key_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_issued_certificate_holds_the_template, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_verification, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server_certificate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_requests_that_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys_as_text_and_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_revocation_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_lives_begin_shortly_before, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_possession_of_a_key_can_be_proved, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_only_the_node_can_decrypt, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
