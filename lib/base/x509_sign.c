/* SPDX-License-Identifier: Apache-2.0 */
/* Signing with the key of a certificate. */
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/x509_internal.h"

enum { MAX_KEY_PEM = 4096 };

bool tls_key_sign(const struct tls_key *key, const void *data, size_t size, struct arena *arena,
		  uint8_t **signature, size_t *signature_size, struct error *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t room = (size_t)EVP_PKEY_get_size(key->pkey);
	uint8_t *out = arena_alloc(arena, room);

	x509_must(ctx != NULL, "EVP_MD_CTX_new");
	bool done =
		EVP_DigestSignInit(ctx, NULL, x509_digest_of(key->pkey), NULL, key->pkey) == 1 &&
		EVP_DigestSign(ctx, out, &room, data, size) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (!done)
		return error_set(err, ERR_INTERNAL, "could not sign with the key");
	*signature = out;
	*signature_size = room;
	return true;
}

char *tls_key_public_pem(const struct tls_key *key, struct arena *arena)
{
	BIO *bio = BIO_new(BIO_s_mem());

	x509_must(bio && PEM_write_bio_PUBKEY(bio, key->pkey) == 1, "PEM_write_bio_PUBKEY");
	return x509_bio_text(bio, arena);
}

static bool verify(EVP_PKEY *pkey, const void *data, size_t size, const void *signature,
		   size_t signature_size)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	x509_must(ctx != NULL, "EVP_MD_CTX_new");
	bool good = EVP_DigestVerifyInit(ctx, NULL, x509_digest_of(pkey), NULL, pkey) == 1 &&
		    EVP_DigestVerify(ctx, signature, signature_size, data, size) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

bool public_key_verify(const char *pem, size_t pem_length, const void *data, size_t size,
		       const void *signature, size_t signature_size,
		       char key_sha256[SHA256_HEX_SIZE], struct error *err)
{
	if (pem_length > MAX_KEY_PEM)
		return error_set(err, ERR_TOO_LARGE, "public key is longer than %d bytes",
				 MAX_KEY_PEM);
	BIO *bio = x509_bio(pem, pem_length);
	EVP_PKEY *pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (!pkey)
		return error_set(err, ERR_INVALID, "not a public key in PEM");
	x509_key_hash(pkey, key_sha256);
	bool good = verify(pkey, data, size, signature, signature_size);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return good || error_set(err, ERR_FORBIDDEN, "the signature is wrong");
}

bool certificate_has_signed(const char *pem, const void *data, size_t size,
			    const uint8_t *signature, size_t signature_size)
{
	CLEANUP(x509_cleanup) X509 *certificate = x509_read(pem, strlen(pem));
	EVP_PKEY *pkey = certificate ? X509_get0_pubkey(certificate) : NULL;
	bool good = pkey && verify(pkey, data, size, signature, signature_size);

	ERR_clear_error();
	return good;
}
