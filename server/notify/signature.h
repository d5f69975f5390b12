/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard Webhooks (github.com/standard-webhooks/standard-webhooks, symmetric signatures): HMAC-SHA256
 * over "<id>.<timestamp>.<body>", and when to try again. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/encoding.h"

#define WEBHOOK_SIGNATURE_SIZE (3 + BASE64_SIZE(32)) /* "v1," and base64 */

enum { WEBHOOK_ATTEMPTS = 12 };

/* timestamp_s: seconds since 1970, the same as in the header webhook-timestamp. */
void webhook_sign(const uint8_t *secret, size_t secret_size, const char *id, int64_t timestamp_s,
		  const char *body, char out[WEBHOOK_SIGNATURE_SIZE]);

/*
 * How long to wait after this failed attempt (from 1): seconds at first, hours at last, within
 * +-20 % by jitter (0 .. 999). 0 when attempt was the last.
 */
usec_t webhook_backoff(int64_t attempt, unsigned int jitter);
