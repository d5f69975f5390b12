/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between musterd and its signer: JSON objects on a SOCK_SEQPACKET pair. A message is cut
 * into fragments, since the kernel bounds a packet by the socket's buffer; the first byte of each
 * says whether more follow. Used by both ends.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

/* The descriptor on which the signer process finds its end. */
#define SIGNER_FD 3

/* Bound of one message. A signed envelope is the largest: base64 of a desired payload. */
#define SIGNER_MESSAGE_MAX (2 * 1024 * 1024)

/* Sends message, blocking. ERR_UNAVAILABLE when the peer is gone, ERR_TOO_LARGE. */
MUST_CHECK bool packet_send(int fd, const json_t *message, struct arena *arena, struct error *err);

/*
 * Receives one message, which the arena keeps. Waits up to timeout_ms for each fragment (-1: for
 * ever): ERR_TIMEOUT. ERR_UNAVAILABLE when the peer is gone, ERR_INVALID for what is no message.
 */
MUST_CHECK bool packet_receive(int fd, int timeout_ms, struct arena *arena, json_t **message,
			       struct error *err);
