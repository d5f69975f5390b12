/* SPDX-License-Identifier: Apache-2.0 */
#include "base/x509.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "base/x509_internal.h"

enum {
	KEY_FILE_MAX = 64 * 1024,
	SERIAL_BYTES = 16,
	CA_DAYS = 3653,
	MIN_RSA_BITS = 3072,
	MAX_NAME_BYTES = 64,
};

static const usec_t CLOCK_SLACK = USEC_PER_HOUR;

/* Of a short life no more than this part, so that "two thirds are over" keeps its sense. */
enum { SLACK_PART = 24 };

void x509_must(bool success, const char *what)
{
	if (success)
		return;
	log_error("OpenSSL failed, stopping: call=%s", what);
	abort();
}

static void pkey_cleanup(EVP_PKEY **pkey)
{
	EVP_PKEY_free(*pkey);
}

static void request_cleanup(X509_REQ **request)
{
	X509_REQ_free(*request);
}

static int no_password(char *buffer, int size, int writing, void *arg)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

BIO *x509_bio(const char *text, size_t length)
{
	BIO *bio = BIO_new_mem_buf(text, (int)length);

	x509_must(bio != NULL, "BIO_new_mem_buf");
	return bio;
}

char *x509_bio_text(BIO *bio, struct arena *arena)
{
	char *text;
	long size = BIO_get_mem_data(bio, &text);
	char *copy = arena_memdup(arena, text, (size_t)size);

	BIO_free(bio);
	return copy;
}

X509 *x509_read(const char *pem, size_t length)
{
	if (length > KEY_FILE_MAX)
		return NULL;
	BIO *bio = x509_bio(pem, length);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL);
	BIO_free(bio);
	ERR_clear_error();
	return certificate;
}

struct tls_key *tls_key_generate(void)
{
	struct tls_key *key = xcalloc(1, sizeof(*key));

	key->pkey = EVP_EC_gen("P-256");
	x509_must(key->pkey != NULL, "EVP_EC_gen");
	return key;
}

bool tls_key_parse(const char *pem, size_t length, struct tls_key **out, struct error *err)
{
	if (length > KEY_FILE_MAX)
		return error_set(err, ERR_TOO_LARGE, "private key is longer than %d bytes",
				 KEY_FILE_MAX);
	BIO *bio = x509_bio(pem, length);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (!pkey)
		return error_set(err, ERR_INVALID, "not a private key in PEM");
	struct tls_key *key = xcalloc(1, sizeof(*key));
	key->pkey = pkey;
	*out = key;
	return true;
}

bool tls_key_load(const char *path, struct tls_key **out, struct error *err)
{
	struct arena *arena = arena_new();
	size_t size;
	char *pem;

	bool done = file_read(path, KEY_FILE_MAX, arena, &pem, &size, err);
	if (done) {
		done = tls_key_parse(pem, size, out, err) || error_prefix(err, "%s", path);
		secure_wipe(pem, size);
	}
	arena_free(arena);
	return done;
}

static BIO *write_key(const struct tls_key *key)
{
	BIO *bio = BIO_new(BIO_s_secmem());

	x509_must(bio && PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) ==
				  1,
		  "PEM_write_bio_PKCS8PrivateKey");
	return bio;
}

bool tls_key_save(const struct tls_key *key, const char *path, struct error *err)
{
	BIO *bio = write_key(key);
	char *pem;
	long size = BIO_get_mem_data(bio, &pem);
	bool done = file_write_atomic(path, pem, (size_t)size, 0600, err);

	BIO_free(bio);
	return done;
}

char *tls_key_pem(const struct tls_key *key, struct arena *arena)
{
	return x509_bio_text(write_key(key), arena);
}

void tls_key_free(struct tls_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

/* EdDSA has its hash built in. */
const EVP_MD *x509_digest_of(EVP_PKEY *pkey)
{
	return EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
}

void x509_key_hash(EVP_PKEY *pkey, char out[SHA256_HEX_SIZE])
{
	unsigned char *der = NULL;
	int size = i2d_PUBKEY(pkey, &der);

	x509_must(size > 0, "i2d_PUBKEY");
	sha256_hex(der, (size_t)size, out);
	OPENSSL_free(der);
}

static bool valid_common_name(const char *name, struct error *err)
{
	size_t length = strlen(name);

	if (length == 0 || length > MAX_NAME_BYTES)
		return error_set(err, ERR_INVALID, "common name must have 1 to %d characters",
				 MAX_NAME_BYTES);
	for (const char *c = name; *c; c++) {
		/* Brokers take the name as a user name: plain ASCII, no wildcards of MQTT. */
		if (*c < 0x20 || *c > 0x7e || strchr("+#/", *c))
			return error_set(err, ERR_INVALID,
					 "common name \"%s\" has a character "
					 "that is not allowed",
					 name);
	}
	return true;
}

static void add_common_name(X509_NAME *name, const char *text)
{
	x509_must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text,
					     -1, -1, 0) == 1,
		  "X509_NAME_add_entry_by_txt");
}

static void set_random_serial(X509 *certificate)
{
	uint8_t bytes[SERIAL_BYTES];

	random_bytes(bytes, sizeof(bytes));
	/* Positive, and always 128 bits long. */
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40);
	BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	x509_must(number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)),
		  "BN_to_ASN1_INTEGER");
	BN_free(number);
}

static void set_validity(X509 *certificate, usec_t from, usec_t until)
{
	x509_must(ASN1_TIME_set(X509_getm_notBefore(certificate), from / USEC_PER_SEC) &&
			  ASN1_TIME_set(X509_getm_notAfter(certificate), until / USEC_PER_SEC),
		  "ASN1_TIME_set");
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value,
			  struct error *err)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ERR_clear_error();
	if (!extension)
		return error_set(err, ERR_INVALID, "certificate extension %s cannot be \"%.120s\"",
				 OBJ_nid2sn(nid), value);
	x509_must(X509_add_ext(certificate, extension, -1) == 1, "X509_add_ext");
	X509_EXTENSION_free(extension);
	return true;
}

static char *certificate_text(X509 *certificate, struct arena *arena)
{
	BIO *bio = BIO_new(BIO_s_mem());

	x509_must(bio && PEM_write_bio_X509(bio, certificate) == 1, "PEM_write_bio_X509");
	return x509_bio_text(bio, arena);
}

bool ca_create(const struct tls_key *key, const char *common_name, usec_t now, struct arena *arena,
	       char **pem, struct error *err)
{
	if (!valid_common_name(common_name, err))
		return false;
	CLEANUP(x509_cleanup) X509 *certificate = X509_new();
	x509_must(certificate && X509_set_version(certificate, X509_VERSION_3) == 1 &&
			  X509_set_pubkey(certificate, key->pkey) == 1,
		  "X509_new");
	set_random_serial(certificate);
	set_validity(certificate, now - CLOCK_SLACK, now + CA_DAYS * USEC_PER_DAY);
	add_common_name(X509_get_subject_name(certificate), common_name);
	x509_must(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1,
		  "X509_set_issuer_name");
	if (!add_extension(certificate, certificate, NID_basic_constraints,
			   "critical,CA:TRUE,pathlen:0", err) ||
	    !add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign",
			   err) ||
	    !add_extension(certificate, certificate, NID_subject_key_identifier, "hash", err))
		return false;
	x509_must(X509_sign(certificate, key->pkey, x509_digest_of(key->pkey)) > 0, "X509_sign");
	*pem = certificate_text(certificate, arena);
	return true;
}

bool csr_create(const struct tls_key *key, const char *common_name, struct arena *arena, char **pem,
		struct error *err)
{
	if (!valid_common_name(common_name, err))
		return false;
	CLEANUP(request_cleanup) X509_REQ *request = X509_REQ_new();
	x509_must(request && X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
			  X509_REQ_set_pubkey(request, key->pkey) == 1,
		  "X509_REQ_new");
	add_common_name(X509_REQ_get_subject_name(request), common_name);
	x509_must(X509_REQ_sign(request, key->pkey, x509_digest_of(key->pkey)) > 0,
		  "X509_REQ_sign");
	BIO *bio = BIO_new(BIO_s_mem());
	x509_must(bio && PEM_write_bio_X509_REQ(bio, request) == 1, "PEM_write_bio_X509_REQ");
	*pem = x509_bio_text(bio, arena);
	return true;
}

static bool acceptable_key(EVP_PKEY *pkey, struct error *err)
{
	char group[32] = "";

	switch (EVP_PKEY_get_base_id(pkey)) {
	case EVP_PKEY_ED25519:
		return true;
	case EVP_PKEY_EC:
		if (EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
		    strcmp(group, "prime256v1") == 0)
			return true;
		return error_set(err, ERR_INVALID, "elliptic curve must be P-256, is \"%s\"",
				 group);
	case EVP_PKEY_RSA:
		if (EVP_PKEY_get_bits(pkey) >= MIN_RSA_BITS)
			return true;
		return error_set(err, ERR_INVALID, "RSA key must have at least %d bits, has %d",
				 MIN_RSA_BITS, EVP_PKEY_get_bits(pkey));
	default:
		return error_set(err, ERR_INVALID, "key must be P-256, Ed25519 or RSA");
	}
}

/* The public key of a request that proves possession of the private one. */
static bool request_key(const char *pem, size_t length, EVP_PKEY **out, struct error *err)
{
	if (length > KEY_FILE_MAX)
		return error_set(err, ERR_TOO_LARGE, "signing request is longer than %d bytes",
				 KEY_FILE_MAX);
	BIO *bio = x509_bio(pem, length);
	CLEANUP(request_cleanup)
	X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, no_password, NULL);
	BIO_free(bio);
	CLEANUP(pkey_cleanup) EVP_PKEY *pkey = request ? X509_REQ_get_pubkey(request) : NULL;
	if (!pkey) {
		ERR_clear_error();
		return error_set(err, ERR_INVALID, "not a certificate signing request in PEM");
	}
	if (!acceptable_key(pkey, err))
		return false;
	int verified = X509_REQ_verify(request, pkey);
	ERR_clear_error();
	if (verified != 1)
		return error_set(err, ERR_INVALID, "signing request is not signed by its own key");
	*out = pkey;
	pkey = NULL;
	return true;
}

bool csr_verify(const char *pem, size_t length, char key_sha256[SHA256_HEX_SIZE], struct error *err)
{
	CLEANUP(pkey_cleanup) EVP_PKEY *pkey = NULL;

	if (!request_key(pem, length, &pkey, err))
		return false;
	x509_key_hash(pkey, key_sha256);
	return true;
}

static const char *extended_usage(unsigned usage)
{
	switch (usage) {
	case CERTIFICATE_CLIENT:
		return "clientAuth";
	case CERTIFICATE_SERVER:
		return "serverAuth";
	default:
		return "clientAuth,serverAuth";
	}
}

static bool add_alternative_names(X509 *certificate, const char *const *names, struct error *err)
{
	struct strbuf list;

	if (!names || !names[0])
		return true;
	strbuf_init(&list, NULL, KEY_FILE_MAX);
	for (size_t i = 0; names[i]; i++) {
		/* A comma would begin another name. */
		if (strpbrk(names[i], ",\n")) {
			strbuf_release(&list);
			return error_set(err, ERR_INVALID, "alternative name \"%s\" has a comma",
					 names[i]);
		}
		strbuf_printf(&list, "%s%s", i ? "," : "", names[i]);
	}
	bool done = add_extension(certificate, NULL, NID_subject_alt_name, list.data, err);
	strbuf_release(&list);
	return done;
}

static bool add_extensions(X509 *certificate, X509 *ca, const struct certificate_template *template,
			   struct error *err)
{
	return add_extension(certificate, ca, NID_basic_constraints, "critical,CA:FALSE", err) &&
	       add_extension(certificate, ca, NID_key_usage, "critical,digitalSignature", err) &&
	       add_extension(certificate, ca, NID_ext_key_usage, extended_usage(template->usage),
			     err) &&
	       add_extension(certificate, ca, NID_subject_key_identifier, "hash", err) &&
	       add_extension(certificate, ca, NID_authority_key_identifier, "keyid:always", err) &&
	       add_alternative_names(certificate, template->alternative_names, err);
}

static usec_t time_of(const ASN1_TIME *time)
{
	struct tm parts = {0};

	x509_must(ASN1_TIME_to_tm(time, &parts) == 1, "ASN1_TIME_to_tm");
	return (usec_t)timegm(&parts) * USEC_PER_SEC;
}

bool x509_describe(X509 *certificate, struct arena *arena, struct certificate *out,
		   struct error *err)
{
	struct certificate result = {0};
	uint8_t digest[SHA256_SIZE];

	BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
	if (!serial || BN_num_bytes(serial) > SERIAL_BYTES || BN_is_negative(serial)) {
		BN_free(serial);
		ERR_clear_error();
		return error_set(err, ERR_INVALID, "certificate has a serial of more than %d bytes",
				 SERIAL_BYTES);
	}
	uint8_t bytes[SERIAL_BYTES];
	BN_bn2binpad(serial, bytes, sizeof(bytes));
	BN_free(serial);
	hex_encode(bytes, sizeof(bytes), result.serial);

	unsigned size = sizeof(digest);
	x509_must(X509_digest(certificate, EVP_sha256(), digest, &size) == 1, "X509_digest");
	hex_encode(digest, sizeof(digest), result.fingerprint);
	if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
				      result.common_name, sizeof(result.common_name)) < 0)
		result.common_name[0] = '\0';
	EVP_PKEY *pkey = X509_get0_pubkey(certificate);
	if (!pkey) {
		ERR_clear_error();
		return error_set(err, ERR_INVALID, "certificate has a key of an unknown kind");
	}
	x509_key_hash(pkey, result.key_sha256);
	result.not_before = time_of(X509_get0_notBefore(certificate));
	result.not_after = time_of(X509_get0_notAfter(certificate));
	result.pem = certificate_text(certificate, arena);
	*out = result;
	return true;
}

bool certificate_issue(const char *ca_pem, const struct tls_key *ca_key, const char *csr_pem,
		       const struct certificate_template *template, struct arena *arena,
		       struct certificate *out, struct error *err)
{
	CLEANUP(pkey_cleanup) EVP_PKEY *pkey = NULL;
	CLEANUP(x509_cleanup) X509 *ca = x509_read(ca_pem, strlen(ca_pem));

	if (!ca || X509_check_private_key(ca, ca_key->pkey) != 1) {
		ERR_clear_error();
		return error_set(err, ERR_INTERNAL, "authority certificate and key do not match");
	}
	if (!valid_common_name(template->common_name, err) ||
	    !request_key(csr_pem, strlen(csr_pem), &pkey, err))
		return false;
	usec_t until = template->now + template->lifetime;
	usec_t slack = template->lifetime / SLACK_PART;
	usec_t ca_until = time_of(X509_get0_notAfter(ca));
	CLEANUP(x509_cleanup) X509 *certificate = X509_new();
	x509_must(certificate && X509_set_version(certificate, X509_VERSION_3) == 1 &&
			  X509_set_pubkey(certificate, pkey) == 1 &&
			  X509_set_issuer_name(certificate, X509_get_subject_name(ca)) == 1,
		  "X509_new");
	set_random_serial(certificate);
	set_validity(certificate, template->now - (slack < CLOCK_SLACK ? slack : CLOCK_SLACK),
		     until < ca_until ? until : ca_until);
	add_common_name(X509_get_subject_name(certificate), template->common_name);
	if (!add_extensions(certificate, ca, template, err))
		return false;
	x509_must(X509_sign(certificate, ca_key->pkey, x509_digest_of(ca_key->pkey)) > 0,
		  "X509_sign");
	return x509_describe(certificate, arena, out, err);
}
