/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Under which names and addresses a server can be reached: what its certificate is for, and which
 * URLs nodes and people get. Used by standalone; serve uses names_collect for its certificate.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

#define NAMES_MAX 16

struct names {
	const char *items[NAMES_MAX];
	size_t count;
};

/* Adds name unless it is there, is no usable name ("", a wildcard address) or no room is left. */
void names_add(struct names *names, const char *name);

/* localhost in its three forms, the host name of this machine, and the host of url (may be NULL). */
void names_collect(struct names *names, const char *url, struct arena *arena);

/* Adds the host of each of the URLs in a comma separated list (may be NULL). */
void names_add_urls(struct names *names, const char *urls, struct arena *arena);

/* The host of "scheme://host:port/...", without brackets; NULL when there is none. */
const char *url_host(const char *url, struct arena *arena);

/* "0.0.0.0" or "::": listens everywhere, but nobody can be sent there. */
bool host_is_wildcard(const char *host);
