/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cryptography. Together with x509.h the only place that knows OpenSSL.
 * Thread-safe. Private keys are opaque and wiped when freed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define SHA256_SIZE 32
#define SHA256_HEX_SIZE 65
#define ED25519_PUBLIC_SIZE 32
#define ED25519_SIGNATURE_SIZE 64
#define KEY_ID_SIZE 17 /* 16 hex digits and the zero byte */

struct sha256; /* a running hash */

void sha256(const void *data, size_t size, uint8_t out[SHA256_SIZE]);
void sha256_hex(const void *data, size_t size, char out[SHA256_HEX_SIZE]);

struct sha256 *sha256_new(void);
void sha256_update(struct sha256 *hash, const void *data, size_t size);
void sha256_final(struct sha256 *hash, uint8_t out[SHA256_SIZE]); /* then only free */
void sha256_free(struct sha256 *hash);

/* Hash and size of a regular file; size_bytes may be NULL. */
MUST_CHECK bool sha256_file(const char *path, char out[SHA256_HEX_SIZE], int64_t *size_bytes,
			    struct error *err);
/* From the current offset of fd to its end. */
MUST_CHECK bool sha256_fd(int fd, char out[SHA256_HEX_SIZE], int64_t *size_bytes,
			  struct error *err);

void hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
		 uint8_t out[SHA256_SIZE]);

/* SHA-1 HMAC (RFC 6238 authenticators know nothing newer). */
void hmac_sha1(const void *key, size_t key_size, const void *data, size_t size, uint8_t out[20]);

/* Aborts when the system has no randomness. */
void random_bytes(void *out, size_t size);

/* A random number in 0 .. below - 1 without bias; below >= 1. For jitter and picks. */
uint64_t random_below(uint64_t below);

/* Time does not depend on the content. */
bool constant_time_equal(const void *a, const void *b, size_t size);

/* Overwrites in a way that the compiler keeps. */
void secure_wipe(void *data, size_t size);

/* AES-256-GCM. Sealed = nonce (12) + ciphertext + tag (16), so size + 28 bytes;
 * associated data (may be NULL, 0) is authenticated, not stored. */
#define SEAL_KEY_SIZE 32
#define SEAL_OVERHEAD 28
void seal(const uint8_t key[SEAL_KEY_SIZE], const void *associated, size_t associated_size,
	  const void *data, size_t size, uint8_t *out);
/* out has room for sealed_size - 28 bytes. ERR_INVALID when anything was changed. */
MUST_CHECK bool unseal(const uint8_t key[SEAL_KEY_SIZE], const void *associated,
		       size_t associated_size, const uint8_t *sealed, size_t sealed_size,
		       uint8_t *out, struct error *err);

/* An Ed25519 private key. */
struct signing_key;

struct signing_key *signing_key_generate(void);
MUST_CHECK bool signing_key_load(const char *path, struct signing_key **out, struct error *err);
/* PKCS#8 PEM, mode 0600, atomically. */
MUST_CHECK bool signing_key_save(const struct signing_key *key, const char *path,
				 struct error *err);
void signing_key_free(struct signing_key *key);

void signing_key_public(const struct signing_key *key, uint8_t out[ED25519_PUBLIC_SIZE]);
void signing_key_sign(const struct signing_key *key, const void *data, size_t size,
		      uint8_t out[ED25519_SIGNATURE_SIZE]);

bool ed25519_verify(const uint8_t public_key[ED25519_PUBLIC_SIZE], const void *data, size_t size,
		    const uint8_t signature[ED25519_SIGNATURE_SIZE]);

/* The first 16 hex digits of the sha256 of the raw public key. */
void key_id(const uint8_t public_key[ED25519_PUBLIC_SIZE], char out[KEY_ID_SIZE]);

/* Public keys as files: PEM (SubjectPublicKeyInfo) text in the arena, and back. */
char *ed25519_public_pem(const uint8_t public_key[ED25519_PUBLIC_SIZE], struct arena *arena);
MUST_CHECK bool ed25519_public_parse(const char *pem, size_t length,
				     uint8_t out[ED25519_PUBLIC_SIZE], struct error *err);
