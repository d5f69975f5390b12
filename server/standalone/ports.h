/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses "host:port" to listen on. Port 0 stands for any free port, which is then kept for the
 * next start in the file run/ports.json, since nodes know the broker by it.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "protocol/limits.h"

struct listen_address {
	const char *host; /* without brackets */
	int port;
};

struct ports {
	struct listen_address https;
	struct listen_address mqtt[LIMIT_BROKERS];
	size_t mqtt_count;
};

/* "127.0.0.1:8443", "[::1]:0", "plant.example:8443". ERR_INVALID else. */
MUST_CHECK bool listen_address_parse(const char *text, struct arena *arena,
				     struct listen_address *out, struct error *err);

/* host:port as in a URL, with brackets around an IPv6 address. */
const char *listen_address_text(const struct listen_address *address, struct arena *arena);

/*
 * Replaces ports that are 0 by those of the file, if they are free, or else by free ones, and writes
 * the file. A port that was asked for by number and is taken is ERR_CONFLICT.
 */
MUST_CHECK bool ports_settle(const char *path, struct ports *ports, struct arena *arena,
			     struct error *err);
