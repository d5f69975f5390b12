/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/trust.h"

#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "base/x509.h"
#include "signer/client.h"

enum {
	CERTIFICATE_DAYS = 825,
	RENEW_DAYS = CERTIFICATE_DAYS / 3,
	SMALL_FILE_BYTES = 64 * 1024,
	NAMES_BYTES_MAX = 8 * 1024,
	URL_KEY_BYTES = 32,
};

/* One key and its certificate: <base>.key, <base>.crt, and <base>.names with what it is for. */
struct identity {
	const char *base;
	unsigned usage;
	const char *const *names;
	size_t name_count;
};

static const char *names_text(const struct identity *identity, struct arena *arena)
{
	struct strbuf text;

	strbuf_init(&text, arena, NAMES_BYTES_MAX);
	for (size_t i = 0; i < identity->name_count; i++)
		strbuf_printf(&text, "%s\n", identity->names[i]);
	return text.data;
}

static bool still_good(const struct identity *identity, const char *ca_pem, struct arena *arena)
{
	const usec_t then = clock_now_utc() + RENEW_DAYS * USEC_PER_DAY;
	struct error err = {0};
	char *pem, *names;
	struct tls_key *key;

	if (!file_read(arena_printf(arena, "%s.crt", identity->base), SMALL_FILE_BYTES, arena, &pem,
		       NULL, &err) ||
	    !file_read(arena_printf(arena, "%s.names", identity->base), SMALL_FILE_BYTES, arena,
		       &names, NULL, &err) ||
	    !tls_key_load(arena_printf(arena, "%s.key", identity->base), &key, &err))
		return false;
	bool good = certificate_matches_key(pem, key) &&
		    certificate_verify(pem, ca_pem, identity->usage, then, &err) &&
		    strcmp(names, names_text(identity, arena)) == 0;
	tls_key_free(key);
	return good;
}

/* The key is saved before its certificate: a cut between the two shows as a mismatch. */
static bool make(const struct identity *identity, struct signer *signer, struct arena *arena,
		 struct error *err)
{
	struct tls_key *key = tls_key_generate();
	const char *names = names_text(identity, arena);
	char *csr, *pem;
	bool ok = csr_create(key, "muster", arena, &csr, err) &&
		  signer_issue_server(signer, csr, identity->names, identity->name_count,
				      CERTIFICATE_DAYS, arena, &pem, err) &&
		  tls_key_save(key, arena_printf(arena, "%s.key", identity->base), err) &&
		  file_write_atomic(arena_printf(arena, "%s.crt", identity->base), pem, strlen(pem),
				    0644, err) &&
		  file_write_atomic(arena_printf(arena, "%s.names", identity->base), names,
				    strlen(names), 0644, err);

	tls_key_free(key);
	return ok;
}

static bool make_url_key(const char *path, struct error *err)
{
	unsigned char raw[URL_KEY_BYTES];
	char text[HEX_SIZE(URL_KEY_BYTES)];

	random_bytes(raw, sizeof(raw));
	hex_encode(raw, sizeof(raw), text);
	bool ok = file_write_atomic(path, text, strlen(text), 0600, err);
	secure_wipe(raw, sizeof(raw));
	secure_wipe(text, sizeof(text));
	return ok;
}

bool trust_prepare(const char *keys_folder, struct signer *signer, const char *const *names,
		   size_t name_count, struct arena *arena, struct error *err)
{
	const struct identity identities[] = {
		{arena_printf(arena, "%s/server", keys_folder), CERTIFICATE_SERVER, names,
		 name_count},
		{arena_printf(arena, "%s/mqtt-client", keys_folder), CERTIFICATE_CLIENT, NULL, 0},
	};
	const char *url_key = arena_printf(arena, "%s/url.key", keys_folder);
	const char *ca_pem = signer_public(signer)->ca_pem;

	if (!file_exists(url_key) && !make_url_key(url_key, err))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(identities); i++)
		if (!still_good(&identities[i], ca_pem, arena) &&
		    !make(&identities[i], signer, arena, err))
			return error_prefix(err, "cannot make certificate %s.crt",
					    identities[i].base);
	return true;
}
