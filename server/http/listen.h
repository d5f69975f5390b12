/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets. */
#pragma once

#include "base/error.h"

/*
 * Listens on "host:port" or "[address]:port"; port 0 takes a free one, and port gets it. The caller
 * closes fd. ERR_INVALID for a malformed address, ERR_CONFLICT when the port is taken.
 */
MUST_CHECK bool listen_open(const char *address, int *fd, int *port, struct error *err);
