/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What x509.c and x509_verify.c share; nobody else includes this.
 */
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/x509.h"

struct tls_key {
	EVP_PKEY *pkey;
};

/* Stops the program when OpenSSL fails where only a lack of memory can be the reason. */
void x509_must(bool success, const char *what);

/* Reads the first certificate, or NULL. */
X509 *x509_read(const char *pem, size_t length);

BIO *x509_bio(const char *text, size_t length);

/* Copies the content to the arena and frees the BIO. */
char *x509_bio_text(BIO *bio, struct arena *arena);

const EVP_MD *x509_digest_of(EVP_PKEY *pkey);

/* sha256 of the public key (SubjectPublicKeyInfo), lower hex. */
void x509_key_hash(EVP_PKEY *pkey, char out[SHA256_HEX_SIZE]);

MUST_CHECK bool x509_describe(X509 *certificate, struct arena *arena, struct certificate *out,
			      struct error *err);

static inline void x509_cleanup(X509 **certificate)
{
	X509_free(*certificate);
}
