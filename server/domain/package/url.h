/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Download addresses that are good for one archive, one node and some minutes, so that the bytes may
 * come through anything between. Signed with a key of the server (HMAC-SHA-256); nothing is stored.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/clock.h"
#include "model/ctx.h"

enum { PACKAGE_URL_MINUTES = 60 };

/* https://server/download/<sha256>?node=...&expires=<unix seconds>&sig=<base64url>, in the arena. */
const char *package_url_make(const struct server *server, const char *sha256, const char *node_id,
			     usec_t expires, struct arena *arena);

/* The three parameters as they came; NULL when absent. In constant time as far as it matters. */
bool package_url_verify(const struct server *server, const char *sha256, const char *node_id,
			const char *expires, const char *signature, usec_t now);
