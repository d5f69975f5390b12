/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates: Muster's own authority, device certificates, server certificates.
 * Everything in a certificate comes from our template; a request gives nothing
 * but its public key. PEM texts live in the arena given.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/error.h"

#define CERTIFICATE_SERIAL_SIZE 33 /* 32 hex digits and the zero byte */
#define CERTIFICATE_CN_SIZE 65

/* A private key for certificates: P-256. */
struct tls_key;

struct tls_key *tls_key_generate(void);
MUST_CHECK bool tls_key_load(const char *path, struct tls_key **out, struct error *err);
MUST_CHECK bool tls_key_parse(const char *pem, size_t length, struct tls_key **out,
			      struct error *err);
MUST_CHECK bool tls_key_save(const struct tls_key *key, const char *path, struct error *err);
char *tls_key_pem(const struct tls_key *key, struct arena *arena);
void tls_key_free(struct tls_key *key);

/* Signs data as a whole (ECDSA with SHA-256 in DER for P-256). The signature is in the arena. */
MUST_CHECK bool tls_key_sign(const struct tls_key *key, const void *data, size_t size,
			     struct arena *arena, uint8_t **signature, size_t *signature_size,
			     struct error *err);
char *tls_key_public_pem(const struct tls_key *key, struct arena *arena);

/* Has the owner of this public key signed data? key_sha256 says which key it is, as in csr_verify.
 * ERR_INVALID: no key; ERR_FORBIDDEN: not signed by it. */
MUST_CHECK bool public_key_verify(const char *pem, size_t pem_length, const void *data, size_t size,
				  const void *signature, size_t signature_size,
				  char key_sha256[SHA256_HEX_SIZE], struct error *err);

/* A self-signed authority (CA:TRUE, pathlen 0, keyCertSign and cRLSign), valid for 10 years. */
MUST_CHECK bool ca_create(const struct tls_key *key, const char *common_name, usec_t now,
			  struct arena *arena, char **pem, struct error *err);

/* A signing request for key: subject CN only. */
MUST_CHECK bool csr_create(const struct tls_key *key, const char *common_name, struct arena *arena,
			   char **pem, struct error *err);

/*
 * Checks that the request is well formed, signed with its own key (proof of
 * possession), and that the key is P-256, Ed25519 or RSA of at least 3072 bits.
 * key_sha256 gets the lower hex sha256 of the public key (SubjectPublicKeyInfo).
 */
MUST_CHECK bool csr_verify(const char *pem, size_t length, char key_sha256[SHA256_HEX_SIZE],
			   struct error *err);

enum certificate_usage {
	CERTIFICATE_CLIENT = 1 << 0,
	CERTIFICATE_SERVER = 1 << 1,
};

struct certificate_template {
	const char *common_name;
	/* NULL-terminated, or NULL: "URI:urn:muster:node:x1", "DNS:plant.example", "IP:10.0.0.1" */
	const char *const *alternative_names;
	unsigned usage; /* enum certificate_usage */
	usec_t lifetime;
	/* Valid from one hour before (less for short lives), for devices with a slow clock. */
	usec_t now;
};

struct certificate {
	char *pem;
	char serial[CERTIFICATE_SERIAL_SIZE]; /* lower hex */
	char fingerprint[SHA256_HEX_SIZE];    /* sha256 of the DER, lower hex */
	char key_sha256[SHA256_HEX_SIZE];     /* as in csr_verify */
	char common_name[CERTIFICATE_CN_SIZE];
	usec_t not_before;
	usec_t not_after;
};

/* Issues for the key of a request (verified here again) under the given authority.
 * Random serial of 128 bits, CA:FALSE, never longer than the authority lives. */
MUST_CHECK bool certificate_issue(const char *ca_pem, const struct tls_key *ca_key,
				  const char *csr_pem, const struct certificate_template *template,
				  struct arena *arena, struct certificate *out, struct error *err);

/* Reads the first certificate of a PEM text. */
MUST_CHECK bool certificate_parse(const char *pem, size_t length, struct arena *arena,
				  struct certificate *out, struct error *err);

/* Is the certificate signed by the authority, and valid at now, for usage? */
MUST_CHECK bool certificate_verify(const char *pem, const char *ca_pem, unsigned usage, usec_t now,
				   struct error *err);

/* Does the key belong to the certificate? */
bool certificate_matches_key(const char *pem, const struct tls_key *key);

/* Has the holder of the certificate's key signed the data? */
bool certificate_has_signed(const char *pem, const void *data, size_t size,
			    const uint8_t *signature, size_t signature_size);

/* A CRL with the given serials (lower hex, NULL-terminated), valid for days. */
MUST_CHECK bool crl_create(const char *ca_pem, const struct tls_key *ca_key,
			   const char *const *serials, int days, usec_t now, struct arena *arena,
			   char **pem, struct error *err);

/* CMS enveloped data (DER, AES-256-CBC) for the key of a certificate, and back with the key.
 * Encryption to an EC key works by ECDH; the certificate's key may be EC or RSA. */
MUST_CHECK bool cms_encrypt(const char *certificate_pem, const void *data, size_t size,
			    struct arena *arena, uint8_t **out, size_t *out_size,
			    struct error *err);
MUST_CHECK bool cms_decrypt(const char *certificate_pem, const struct tls_key *key,
			    const uint8_t *data, size_t size, struct arena *arena, uint8_t **out,
			    size_t *out_size, struct error *err);
