/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing by quality values (RFC 9110, 12.4.2). */
#pragma once

#include <stdbool.h>

/*
 * The quality, 0..1000, that an Accept-Encoding header gives to coding. An exact name wins over
 * "*"; "identity" is acceptable (1) unless it is excluded. header NULL: only identity, 1000.
 */
int accept_encoding_quality(const char *header, const char *coding);

/* Whether an Accept header names type ("text/html") with a quality above zero. Wildcards do not count:
 * every client sends them. */
bool accept_names_type(const char *header, const char *type);
