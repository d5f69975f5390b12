/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutual TLS over sockets that do not block: what tens of thousands of connections of one process share, and one of
 * them. TLS 1.2 or later; the broker's certificate is checked against the fleet's CA and its host.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"

struct tls_shared;
struct tls;

MUST_CHECK bool tls_shared_new(const char *ca_pem, struct tls_shared **out, struct error *err);
/* Accepts NULL. */
void tls_shared_free(struct tls_shared *shared);

/* A connection as the owner of the key; host is borrowed for this call. */
MUST_CHECK bool tls_new(struct tls_shared *shared, int fd, const char *host,
			const char *certificate_pem, const char *key_pem, struct tls **out,
			struct error *err);
/* Accepts NULL; does not close fd. */
void tls_free(struct tls *tls);

enum tls_state { TLS_DONE, TLS_WANTS_READ, TLS_WANTS_WRITE, TLS_FAILED };

enum tls_state tls_handshake(struct tls *tls, struct error *err);

/* As of read(2) and write(2): -1 with EAGAIN when there is nothing now; *wants_write: it waits to write. */
ssize_t tls_read(struct tls *tls, void *data, size_t size);
ssize_t tls_write(struct tls *tls, const void *data, size_t size);
