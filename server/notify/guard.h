/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a webhook may go: public addresses, and what the administrator allowed. Judged on the
 * resolved address at the moment of connecting, never on a name, so that no answer of DNS gets
 * around it (server-side request forgery). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/compiler.h"
#include "base/error.h"

#define GUARD_NETWORKS_MAX 32

/* An IPv4 network is kept as its v4-mapped IPv6 form. */
struct guard_network {
	uint8_t address[16];
	unsigned int prefix; /* bits of 128 */
};

struct guard {
	struct guard_network allowed[GUARD_NETWORKS_MAX];
	size_t allowed_count;
};

/* networks: "10.0.0.0/8, ::1/128" or "". ERR_INVALID names the part that is none. */
MUST_CHECK bool guard_parse(const char *networks, struct guard *out, struct error *err);

/* May a connection to this address be made? private_ok says whether it was one that had to be
 * allowed: only such a connection may go without TLS. */
bool guard_permits(const struct guard *guard, const struct sockaddr *address, bool *private_ok);
