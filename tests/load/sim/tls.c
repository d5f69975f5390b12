/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

struct tls_shared {
	SSL_CTX *context;
};

struct tls {
	SSL *ssl;
};

static bool fail(struct error *err, const char *what)
{
	unsigned long code = ERR_get_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return error_set(err, ERR_UNAVAILABLE, "%s: %s", what, reason ? reason : "cut off");
}

static X509 *read_certificate(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return certificate;
}

bool tls_shared_new(const char *ca_pem, struct tls_shared **out, struct error *err)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	X509 *ca = read_certificate(ca_pem);

	if (!context || !ca || !X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca)) {
		X509_free(ca);
		SSL_CTX_free(context);
		return fail(err, "cannot use the CA's certificate");
	}
	X509_free(ca);
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	/* Idle connections must not hold their buffers; what is left of a write may stand elsewhere. */
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Agents make a full handshake each time. */
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	*out = xcalloc(1, sizeof(**out));
	(*out)->context = context;
	return true;
}

void tls_shared_free(struct tls_shared *shared)
{
	if (!shared)
		return;
	SSL_CTX_free(shared->context);
	free(shared);
}

static bool set_host(SSL *ssl, const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
	/* OpenSSL's macro takes away a const, and copies. */
	char *copy = xstrdup(host);
	bool ok = SSL_set_tlsext_host_name(ssl, copy) == 1 && SSL_set1_host(ssl, host) == 1;
	free(copy);
	return ok;
}

static bool set_identity(SSL *ssl, const char *certificate_pem, const char *key_pem)
{
	X509 *certificate = read_certificate(certificate_pem);
	BIO *bio = BIO_new_mem_buf(key_pem, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	bool ok = certificate && key && SSL_use_certificate(ssl, certificate) == 1 &&
		  SSL_use_PrivateKey(ssl, key) == 1;

	BIO_free(bio);
	EVP_PKEY_free(key);
	X509_free(certificate);
	return ok;
}

bool tls_new(struct tls_shared *shared, int fd, const char *host, const char *certificate_pem,
	     const char *key_pem, struct tls **out, struct error *err)
{
	SSL *ssl = SSL_new(shared->context);

	if (!ssl || SSL_set_fd(ssl, fd) != 1 || !set_host(ssl, host) ||
	    !set_identity(ssl, certificate_pem, key_pem)) {
		SSL_free(ssl);
		return fail(err, "cannot prepare TLS");
	}
	SSL_set_connect_state(ssl);
	*out = xcalloc(1, sizeof(**out));
	(*out)->ssl = ssl;
	return true;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	free(tls);
}

enum tls_state tls_handshake(struct tls *tls, struct error *err)
{
	ERR_clear_error();
	int result = SSL_do_handshake(tls->ssl);

	if (result == 1)
		return TLS_DONE;
	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANTS_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANTS_WRITE;
	default:
		(void)!fail(err, "handshake of TLS failed");
		return TLS_FAILED;
	}
}

static ssize_t outcome(struct tls *tls, int result)
{
	if (result > 0)
		return result;
	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		ERR_clear_error();
		errno = EPIPE;
		return -1;
	}
}

ssize_t tls_read(struct tls *tls, void *data, size_t size)
{
	ERR_clear_error();
	return outcome(tls, SSL_read(tls->ssl, data, size < INT_MAX ? (int)size : INT_MAX));
}

ssize_t tls_write(struct tls *tls, const void *data, size_t size)
{
	ERR_clear_error();
	return outcome(tls, SSL_write(tls->ssl, data, size < INT_MAX ? (int)size : INT_MAX));
}
