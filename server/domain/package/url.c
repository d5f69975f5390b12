/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/package/url.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/encoding.h"

/* Keeps this use of the key apart from its other ones. */
#define CONTEXT "muster download v1"

enum { EXPIRES_MAX_DIGITS = 12 };

static void sign(const struct server *server, const char *archive, const char *node_id,
		 int64_t expires_s, char out[BASE64URL_SIZE(SHA256_SIZE)])
{
	struct arena *arena = arena_new();
	const char *text =
		arena_printf(arena, CONTEXT "\n%s\n%s\n%" PRId64, archive, node_id, expires_s);
	uint8_t code[SHA256_SIZE];

	hmac_sha256(server->url_key, sizeof(server->url_key), text, strlen(text), code);
	base64url_encode(code, sizeof(code), out);
	arena_free(arena);
}

const char *package_url_make(const struct server *server, const char *archive, const char *node_id,
			     usec_t expires, struct arena *arena)
{
	char signature[BASE64URL_SIZE(SHA256_SIZE)];
	int64_t expires_s = expires / USEC_PER_SEC;

	sign(server, archive, node_id, expires_s, signature);
	return arena_printf(arena, "%s/download/%s?node=%s&expires=%" PRId64 "&sig=%s",
			    server->public_url, archive, node_id, expires_s, signature);
}

bool package_url_verify(const struct server *server, const char *archive, const char *node_id,
			const char *expires, const char *signature, usec_t now)
{
	char expected[BASE64URL_SIZE(SHA256_SIZE)];

	if (!node_id || !expires || !signature || strlen(signature) != sizeof(expected) - 1)
		return false;
	size_t digits = strspn(expires, "0123456789");
	if (digits == 0 || digits > EXPIRES_MAX_DIGITS || expires[digits])
		return false;
	int64_t expires_s = strtoll(expires, NULL, 10);
	sign(server, archive, node_id, expires_s, expected);
	return constant_time_equal(expected, signature, sizeof(expected) - 1) &&
	       expires_s * USEC_PER_SEC > now;
}
