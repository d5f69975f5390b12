/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypto.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/log.h"

enum { KEY_FILE_MAX = 64 * 1024, NONCE_BYTES = 12, TAG_BYTES = 16 };

struct sha256 {
	EVP_MD_CTX *ctx;
};

struct signing_key {
	EVP_PKEY *pkey;
};

/* OpenSSL calls that fail only without memory or with a broken library. */
static void must(bool success, const char *what)
{
	if (success)
		return;
	log_error("OpenSSL failed, stopping: call=%s", what);
	abort();
}

void sha256(const void *data, size_t size, uint8_t out[SHA256_SIZE])
{
	must(EVP_Digest(data, size, out, NULL, EVP_sha256(), NULL) == 1, "EVP_Digest");
}

void sha256_hex(const void *data, size_t size, char out[SHA256_HEX_SIZE])
{
	uint8_t digest[SHA256_SIZE];

	sha256(data, size, digest);
	hex_encode(digest, sizeof(digest), out);
}

struct sha256 *sha256_new(void)
{
	struct sha256 *hash = xcalloc(1, sizeof(*hash));

	hash->ctx = EVP_MD_CTX_new();
	must(hash->ctx && EVP_DigestInit_ex(hash->ctx, EVP_sha256(), NULL) == 1, "EVP_DigestInit");
	return hash;
}

void sha256_update(struct sha256 *hash, const void *data, size_t size)
{
	must(EVP_DigestUpdate(hash->ctx, data, size) == 1, "EVP_DigestUpdate");
}

void sha256_final(struct sha256 *hash, uint8_t out[SHA256_SIZE])
{
	must(EVP_DigestFinal_ex(hash->ctx, out, NULL) == 1, "EVP_DigestFinal");
}

void sha256_free(struct sha256 *hash)
{
	if (!hash)
		return;
	EVP_MD_CTX_free(hash->ctx);
	free(hash);
}

bool sha256_fd(int fd, char out[SHA256_HEX_SIZE], int64_t *size_bytes, struct error *err)
{
	uint8_t digest[SHA256_SIZE];
	uint8_t buffer[16 * 1024];
	int64_t total = 0;
	ssize_t count;

	struct sha256 *hash = sha256_new();
	while ((count = read(fd, buffer, sizeof(buffer))) != 0) {
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0) {
			int reason = errno;

			sha256_free(hash);
			return error_set_errno(err, ERR_INTERNAL, reason, "could not read");
		}
		sha256_update(hash, buffer, (size_t)count);
		total += count;
	}
	sha256_final(hash, digest);
	sha256_free(hash);
	hex_encode(digest, sizeof(digest), out);
	if (size_bytes)
		*size_bytes = total;
	return true;
}

bool sha256_file(const char *path, char out[SHA256_HEX_SIZE], int64_t *size_bytes,
		 struct error *err)
{
	CLEANUP(fd_cleanup) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;

	if (fd < 0)
		return error_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, errno,
				       "could not open %s", path);
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return error_set(err, ERR_INVALID, "%s is not a regular file", path);
	return sha256_fd(fd, out, size_bytes, err) || error_prefix(err, "%s", path);
}

static void hmac(const EVP_MD *md, const void *key, size_t key_size, const void *data, size_t size,
		 uint8_t *out)
{
	static const uint8_t EMPTY[1];

	assert(key_size <= INT32_MAX);
	must(HMAC(md, key_size ? key : EMPTY, (int)key_size, data ? data : EMPTY, size, out,
		  NULL) != NULL,
	     "HMAC");
}

void hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
		 uint8_t out[SHA256_SIZE])
{
	hmac(EVP_sha256(), key, key_size, data, size, out);
}

void hmac_sha1(const void *key, size_t key_size, const void *data, size_t size, uint8_t out[20])
{
	hmac(EVP_sha1(), key, key_size, data, size, out);
}

void random_bytes(void *out, size_t size)
{
	uint8_t *bytes = out;

	while (size) {
		ssize_t count = getrandom(bytes, size < 256 ? size : 256, 0);

		if (count < 0 && errno == EINTR)
			continue;
		must(count > 0, "getrandom");
		bytes += count;
		size -= (size_t)count;
	}
}

uint64_t random_below(uint64_t below)
{
	uint64_t value;

	assert(below >= 1);
	/* The values past the last whole multiple would make small results likelier. */
	uint64_t limit = UINT64_MAX - UINT64_MAX % below;
	do {
		random_bytes(&value, sizeof(value));
	} while (value >= limit);
	return value % below;
}

bool constant_time_equal(const void *a, const void *b, size_t size)
{
	return CRYPTO_memcmp(a, b, size) == 0;
}

void secure_wipe(void *data, size_t size)
{
	OPENSSL_cleanse(data, size);
}

void seal(const uint8_t key[SEAL_KEY_SIZE], const void *associated, size_t associated_size,
	  const void *data, size_t size, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int count = 0;

	assert(size <= INT32_MAX && associated_size <= INT32_MAX);
	random_bytes(out, NONCE_BYTES);
	must(ctx && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, out) == 1,
	     "EVP_EncryptInit");
	if (associated_size)
		must(EVP_EncryptUpdate(ctx, NULL, &count, associated, (int)associated_size) == 1,
		     "EVP_EncryptUpdate");
	if (size)
		must(EVP_EncryptUpdate(ctx, out + NONCE_BYTES, &count, data, (int)size) == 1,
		     "EVP_EncryptUpdate");
	must(EVP_EncryptFinal_ex(ctx, out + NONCE_BYTES + size, &count) == 1, "EVP_EncryptFinal");
	must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, out + NONCE_BYTES + size) ==
		     1,
	     "EVP_CTRL_GCM_GET_TAG");
	EVP_CIPHER_CTX_free(ctx);
}

bool unseal(const uint8_t key[SEAL_KEY_SIZE], const void *associated, size_t associated_size,
	    const uint8_t *sealed, size_t sealed_size, uint8_t *out, struct error *err)
{
	uint8_t tag[TAG_BYTES];
	int count = 0;

	if (sealed_size < SEAL_OVERHEAD || sealed_size > INT32_MAX || associated_size > INT32_MAX)
		return error_set(err, ERR_INVALID, "sealed data has a wrong size: %zu bytes",
				 sealed_size);
	size_t size = sealed_size - SEAL_OVERHEAD;
	memcpy(tag, sealed + NONCE_BYTES + size, TAG_BYTES);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	must(ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, sealed) == 1,
	     "EVP_DecryptInit");
	bool good = true;
	if (associated_size)
		good = EVP_DecryptUpdate(ctx, NULL, &count, associated, (int)associated_size) == 1;
	if (good && size)
		good = EVP_DecryptUpdate(ctx, out, &count, sealed + NONCE_BYTES, (int)size) == 1;
	good = good && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1 &&
	       EVP_DecryptFinal_ex(ctx, out + size, &count) == 1;
	EVP_CIPHER_CTX_free(ctx);
	ERR_clear_error();
	if (good)
		return true;
	secure_wipe(out, size);
	return error_set(err, ERR_INVALID, "sealed data was changed or has another key");
}

static struct signing_key *signing_key_wrap(EVP_PKEY *pkey)
{
	struct signing_key *key = xcalloc(1, sizeof(*key));

	key->pkey = pkey;
	return key;
}

struct signing_key *signing_key_generate(void)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	must(pkey != NULL, "EVP_PKEY_Q_keygen");
	return signing_key_wrap(pkey);
}

/* Never asks on a terminal for the password of an encrypted key. */
static int no_password(char *buffer, int size, int writing, void *arg)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

bool signing_key_load(const char *path, struct signing_key **out, struct error *err)
{
	struct arena *arena = arena_new();
	EVP_PKEY *pkey = NULL;
	size_t size;
	char *pem;

	bool done = file_read(path, KEY_FILE_MAX, arena, &pem, &size, err);
	if (done) {
		BIO *bio = BIO_new_mem_buf(pem, (int)size);

		must(bio != NULL, "BIO_new_mem_buf");
		pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
		BIO_free(bio);
		ERR_clear_error();
		secure_wipe(pem, size);
		if (!pkey || EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519) {
			EVP_PKEY_free(pkey);
			done = error_set(err, ERR_INVALID,
					 "%s is not an Ed25519 private key in PEM", path);
		}
	}
	arena_free(arena);
	if (done)
		*out = signing_key_wrap(pkey);
	return done;
}

bool signing_key_save(const struct signing_key *key, const char *path, struct error *err)
{
	/* BIO_s_secmem's memory is wiped when it is freed. */
	BIO *bio = BIO_new(BIO_s_secmem());
	char *pem;

	must(bio && PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) == 1,
	     "PEM_write_bio_PKCS8PrivateKey");
	long size = BIO_get_mem_data(bio, &pem);
	bool done = file_write_atomic(path, pem, (size_t)size, 0600, err);
	BIO_free(bio);
	return done;
}

void signing_key_free(struct signing_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

void signing_key_public(const struct signing_key *key, uint8_t out[ED25519_PUBLIC_SIZE])
{
	size_t size = ED25519_PUBLIC_SIZE;

	must(EVP_PKEY_get_raw_public_key(key->pkey, out, &size) == 1 && size == ED25519_PUBLIC_SIZE,
	     "EVP_PKEY_get_raw_public_key");
}

void signing_key_sign(const struct signing_key *key, const void *data, size_t size,
		      uint8_t out[ED25519_SIGNATURE_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t written = ED25519_SIGNATURE_SIZE;

	must(ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1,
	     "EVP_DigestSignInit");
	must(EVP_DigestSign(ctx, out, &written, data, size) == 1, "EVP_DigestSign");
	EVP_MD_CTX_free(ctx);
}

bool ed25519_verify(const uint8_t public_key[ED25519_PUBLIC_SIZE], const void *data, size_t size,
		    const uint8_t signature[ED25519_SIGNATURE_SIZE])
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key,
						     ED25519_PUBLIC_SIZE);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = false;

	must(ctx != NULL, "EVP_MD_CTX_new");
	if (pkey && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1)
		good = EVP_DigestVerify(ctx, signature, ED25519_SIGNATURE_SIZE, data, size) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return good;
}

void key_id(const uint8_t public_key[ED25519_PUBLIC_SIZE], char out[KEY_ID_SIZE])
{
	uint8_t digest[SHA256_SIZE];

	sha256(public_key, ED25519_PUBLIC_SIZE, digest);
	hex_encode(digest, (KEY_ID_SIZE - 1) / 2, out);
}

char *ed25519_public_pem(const uint8_t public_key[ED25519_PUBLIC_SIZE], struct arena *arena)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key,
						     ED25519_PUBLIC_SIZE);
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;

	must(pkey && bio && PEM_write_bio_PUBKEY(bio, pkey) == 1, "PEM_write_bio_PUBKEY");
	long size = BIO_get_mem_data(bio, &pem);
	char *copy = arena_memdup(arena, pem, (size_t)size);
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return copy;
}

bool ed25519_public_parse(const char *pem, size_t length, uint8_t out[ED25519_PUBLIC_SIZE],
			  struct error *err)
{
	size_t size = ED25519_PUBLIC_SIZE;
	bool good = false;

	if (length > KEY_FILE_MAX)
		return error_set(err, ERR_TOO_LARGE, "public key is longer than %d bytes",
				 KEY_FILE_MAX);
	BIO *bio = BIO_new_mem_buf(pem, (int)length);
	must(bio != NULL, "BIO_new_mem_buf");
	EVP_PKEY *pkey = PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
	BIO_free(bio);
	if (pkey && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519)
		good = EVP_PKEY_get_raw_public_key(pkey, out, &size) == 1;
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	if (!good)
		return error_set(err, ERR_INVALID, "not an Ed25519 public key in PEM");
	return true;
}
