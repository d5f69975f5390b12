/* SPDX-License-Identifier: Apache-2.0 */
#include "base/x509_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "base/x509_internal.h"

static usec_t later_beginning(usec_t time, const X509 *certificate)
{
	struct tm parts = {0};

	/* Anybody may have sent it: what cannot be read is refused afterwards. */
	if (ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &parts) != 1)
		return time;
	usec_t begins = (usec_t)timegm(&parts) * USEC_PER_SEC;
	return begins > time ? begins : time;
}

static int verify(X509_STORE_CTX *ctx, void *arg)
{
	const usec_t *least = arg;
	usec_t time = *least;
	const STACK_OF(X509) *others = X509_STORE_CTX_get0_untrusted(ctx);

	if (X509_STORE_CTX_get0_cert(ctx))
		time = later_beginning(time, X509_STORE_CTX_get0_cert(ctx));
	for (int i = 0; i < sk_X509_num(others); i++)
		time = later_beginning(time, sk_X509_value(others, i));
	X509_STORE_CTX_set_time(ctx, 0, (time_t)(time / USEC_PER_SEC));
	return X509_verify_cert(ctx);
}

void tls_judge_at(void *context, usec_t *least)
{
	SSL_CTX_set_cert_verify_callback(context, verify, least);
}

/* As RFC 6125 has it, but no wildcard for a part of a label. */
static bool expect_host(SSL_CTX *context, const char *host)
{
	X509_VERIFY_PARAM *parameters = SSL_CTX_get0_param(context);

	if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1)
		return true;
	X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(parameters, host, 0) == 1;
}

static bool set_up(SSL_CTX *context, const struct tls_client *client)
{
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	tls_judge_at(context, client->least);
	return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_load_verify_locations(context, client->ca_file, NULL) == 1 &&
	       SSL_CTX_use_certificate_chain_file(context, client->certificate_file) == 1 &&
	       SSL_CTX_use_PrivateKey_file(context, client->key_file, SSL_FILETYPE_PEM) == 1 &&
	       SSL_CTX_check_private_key(context) == 1 && expect_host(context, client->host);
}

void *tls_client_new(const struct tls_client *client)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	x509_must(context != NULL, "SSL_CTX_new");
	if (!set_up(context, client)) {
		SSL_CTX_free(context);
		context = NULL;
	}
	ERR_clear_error();
	return context;
}

void tls_client_free(void *context)
{
	SSL_CTX_free(context);
}
