/* SPDX-License-Identifier: Apache-2.0 */
#include "notify/signature.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/crypto.h"

void webhook_sign(const uint8_t *secret, size_t secret_size, const char *id, int64_t timestamp_s,
		  const char *body, char out[WEBHOOK_SIGNATURE_SIZE])
{
	uint8_t mac[SHA256_SIZE];
	struct arena *arena = arena_new();
	char *text = arena_printf(arena, "%s.%lld.%s", id, (long long)timestamp_s, body);

	hmac_sha256(secret, secret_size, text, strlen(text), mac);
	arena_free(arena);
	memcpy(out, "v1,", 3);
	base64_encode(mac, sizeof(mac), out + 3);
}

usec_t webhook_backoff(int64_t attempt, unsigned int jitter)
{
	static const int wait_s[WEBHOOK_ATTEMPTS - 1] = {5,    15,   60,    300,   900,	 1800,
							 3600, 7200, 14400, 28800, 43200};

	if (attempt < 1 || attempt >= WEBHOOK_ATTEMPTS)
		return 0;
	usec_t wait = wait_s[attempt - 1] * USEC_PER_SEC;
	return wait * 4 / 5 + wait * 2 / 5 * (usec_t)(jitter % 1000) / 1000;
}
