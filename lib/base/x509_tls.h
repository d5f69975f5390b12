/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates of TLS servers, judged without the wall clock of this machine, which may be years off on a
 * gateway without a battery or a network clock. What is known is a time that has certainly come. A certificate
 * is expired if it had expired by then; whether one is valid already cannot be told by such a time, and is not asked.
 *
 * A context is an SSL_CTX of OpenSSL, as libcurl and libmosquitto hand it out or take it.
 */
#pragma once

#include "base/clock.h"

/* *least is read at each handshake and must outlive the context. */
void tls_judge_at(void *context, usec_t *least);

struct tls_client {
	const char *ca_file;
	const char *certificate_file;
	const char *key_file;
	const char *host; /* name or address that the server's certificate must hold */
	usec_t *least;
};

/* A context for one connection with TLS 1.2 or later; NULL when one of the files cannot be used. */
void *tls_client_new(const struct tls_client *client);
void tls_client_free(void *context);
