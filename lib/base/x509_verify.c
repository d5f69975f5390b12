/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and checking certificates, revocation lists, and data for a certificate's key. */
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/encoding.h"
#include "base/x509.h"
#include "base/x509_internal.h"

enum { SERIAL_BYTES = 16, CMS_MAX = 16 * 1024 * 1024 };

bool certificate_parse(const char *pem, size_t length, struct arena *arena, struct certificate *out,
		       struct error *err)
{
	CLEANUP(x509_cleanup) X509 *certificate = x509_read(pem, length);

	if (!certificate)
		return error_set(err, ERR_INVALID, "not a certificate in PEM");
	return x509_describe(certificate, arena, out, err);
}

static bool verify_chain(X509 *certificate, X509 *ca, unsigned usage, usec_t now, struct error *err)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	x509_must(store && ctx && X509_STORE_add_cert(store, ca) == 1 &&
			  X509_STORE_CTX_init(ctx, store, certificate, NULL) == 1,
		  "X509_STORE_CTX_init");
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), now / USEC_PER_SEC);
	if (usage & CERTIFICATE_CLIENT)
		X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT);
	else if (usage & CERTIFICATE_SERVER)
		X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER);
	bool good = X509_verify_cert(ctx) == 1;
	if (!good)
		error_set(err, ERR_INVALID, "certificate is not valid: %s",
			  X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	ERR_clear_error();
	return good;
}

bool certificate_verify(const char *pem, const char *ca_pem, unsigned usage, usec_t now,
			struct error *err)
{
	CLEANUP(x509_cleanup) X509 *certificate = x509_read(pem, strlen(pem));
	CLEANUP(x509_cleanup) X509 *ca = x509_read(ca_pem, strlen(ca_pem));

	if (!certificate || !ca)
		return error_set(err, ERR_INVALID, "not a certificate in PEM");
	return verify_chain(certificate, ca, usage, now, err);
}

bool certificate_matches_key(const char *pem, const struct tls_key *key)
{
	CLEANUP(x509_cleanup) X509 *certificate = x509_read(pem, strlen(pem));
	bool matches = certificate && X509_check_private_key(certificate, key->pkey) == 1;

	ERR_clear_error();
	return matches;
}

static bool revoke(X509_CRL *list, const char *serial, usec_t now, struct error *err)
{
	uint8_t bytes[SERIAL_BYTES];
	size_t size;

	if (!hex_decode(serial, strlen(serial), bytes, sizeof(bytes), &size) || size == 0)
		return error_set(err, ERR_INVALID, "serial \"%.40s\" is not lower hex", serial);
	X509_REVOKED *revoked = X509_REVOKED_new();
	BIGNUM *number = BN_bin2bn(bytes, (int)size, NULL);
	ASN1_INTEGER *value = number ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
	ASN1_TIME *time = ASN1_TIME_set(NULL, now / USEC_PER_SEC);
	x509_must(revoked && value && time && X509_REVOKED_set_serialNumber(revoked, value) == 1 &&
			  X509_REVOKED_set_revocationDate(revoked, time) == 1 &&
			  X509_CRL_add0_revoked(list, revoked) == 1,
		  "X509_REVOKED_new");
	ASN1_TIME_free(time);
	ASN1_INTEGER_free(value);
	BN_free(number);
	return true;
}

static void set_crl_times(X509_CRL *list, usec_t now, int days)
{
	/* From an hour ago, for brokers with a slow clock. */
	ASN1_TIME *last = ASN1_TIME_set(NULL, (now - USEC_PER_HOUR) / USEC_PER_SEC);
	ASN1_TIME *next = ASN1_TIME_set(NULL, (now + days * USEC_PER_DAY) / USEC_PER_SEC);

	x509_must(last && next && X509_CRL_set1_lastUpdate(list, last) == 1 &&
			  X509_CRL_set1_nextUpdate(list, next) == 1,
		  "X509_CRL_set1_lastUpdate");
	ASN1_TIME_free(last);
	ASN1_TIME_free(next);
}

static void crl_cleanup(X509_CRL **list)
{
	X509_CRL_free(*list);
}

bool crl_create(const char *ca_pem, const struct tls_key *ca_key, const char *const *serials,
		int days, usec_t now, struct arena *arena, char **pem, struct error *err)
{
	CLEANUP(x509_cleanup) X509 *ca = x509_read(ca_pem, strlen(ca_pem));
	CLEANUP(crl_cleanup) X509_CRL *list = X509_CRL_new();

	if (!ca || X509_check_private_key(ca, ca_key->pkey) != 1) {
		ERR_clear_error();
		return error_set(err, ERR_INTERNAL, "authority certificate and key do not match");
	}
	x509_must(list && X509_CRL_set_version(list, X509_CRL_VERSION_2) == 1 &&
			  X509_CRL_set_issuer_name(list, X509_get_subject_name(ca)) == 1,
		  "X509_CRL_new");
	set_crl_times(list, now, days);
	for (size_t i = 0; serials[i]; i++) {
		if (!revoke(list, serials[i], now, err))
			return false;
	}
	X509_CRL_sort(list);
	x509_must(X509_CRL_sign(list, ca_key->pkey, x509_digest_of(ca_key->pkey)) > 0,
		  "X509_CRL_sign");
	BIO *bio = BIO_new(BIO_s_mem());
	x509_must(bio && PEM_write_bio_X509_CRL(bio, list) == 1, "PEM_write_bio_X509_CRL");
	*pem = x509_bio_text(bio, arena);
	return true;
}

static void cms_cleanup(CMS_ContentInfo **cms)
{
	CMS_ContentInfo_free(*cms);
}

bool cms_encrypt(const char *certificate_pem, const void *data, size_t size, struct arena *arena,
		 uint8_t **out, size_t *out_size, struct error *err)
{
	CLEANUP(x509_cleanup)
	X509 *certificate = x509_read(certificate_pem, strlen(certificate_pem));

	if (!certificate)
		return error_set(err, ERR_INVALID, "not a certificate in PEM");
	if (size > CMS_MAX)
		return error_set(err, ERR_TOO_LARGE, "more than %d bytes to encrypt", CMS_MAX);
	STACK_OF(X509) *receivers = sk_X509_new_null();
	x509_must(receivers && sk_X509_push(receivers, certificate) > 0, "sk_X509_push");
	BIO *bio = x509_bio(data, size);
	CLEANUP(cms_cleanup)
	CMS_ContentInfo *cms = CMS_encrypt(receivers, bio, EVP_aes_256_cbc(), CMS_BINARY);
	BIO_free(bio);
	sk_X509_free(receivers);
	if (!cms) {
		ERR_clear_error();
		return error_set(err, ERR_INVALID, "cannot encrypt for a key of this kind");
	}
	unsigned char *der = NULL;
	int length = i2d_CMS_ContentInfo(cms, &der);
	x509_must(length > 0, "i2d_CMS_ContentInfo");
	*out = arena_memdup(arena, der, (size_t)length);
	*out_size = (size_t)length;
	OPENSSL_free(der);
	return true;
}

bool cms_decrypt(const char *certificate_pem, const struct tls_key *key, const uint8_t *data,
		 size_t size, struct arena *arena, uint8_t **out, size_t *out_size,
		 struct error *err)
{
	CLEANUP(x509_cleanup)
	X509 *certificate = x509_read(certificate_pem, strlen(certificate_pem));

	if (!certificate)
		return error_set(err, ERR_INVALID, "not a certificate in PEM");
	if (size > CMS_MAX)
		return error_set(err, ERR_TOO_LARGE, "more than %d bytes to decrypt", CMS_MAX);
	const unsigned char *place = data;
	CLEANUP(cms_cleanup)
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &place, (long)size);
	BIO *bio = BIO_new(BIO_s_secmem());
	x509_must(bio != NULL, "BIO_new");
	bool good = cms && CMS_decrypt(cms, key->pkey, certificate, NULL, bio, 0) == 1;
	ERR_clear_error();
	if (!good) {
		BIO_free(bio);
		return error_set(err, ERR_INVALID, "cannot decrypt: not for this key, or damaged");
	}
	char *plain;
	long length = BIO_get_mem_data(bio, &plain);
	*out = arena_memdup(arena, plain, (size_t)length);
	*out_size = (size_t)length;
	BIO_free(bio);
	return true;
}
