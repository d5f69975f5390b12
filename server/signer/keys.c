/* SPDX-License-Identifier: Apache-2.0 */
#include "signer/keys.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "signer/rotation.h"

enum { CERTIFICATE_BYTES_MAX = 64 * 1024 };

struct key_paths {
	const char *ca_key;
	const char *ca_certificate;
	const char *signing_key;
};

/*
 * The certificate is written last and therefore marks a complete set. A start that was cut off
 * before leaves keys that nobody has seen yet, so whatever is missing may still be made.
 */
static bool make_missing(const struct key_paths *paths, usec_t now, struct arena *arena,
			 struct error *err)
{
	struct signing_key *signing = signing_key_generate();
	struct tls_key *ca = tls_key_generate();
	bool ok = (file_exists(paths->signing_key) ||
		   signing_key_save(signing, paths->signing_key, err)) &&
		  (file_exists(paths->ca_key) || tls_key_save(ca, paths->ca_key, err));

	tls_key_free(ca);
	signing_key_free(signing);
	if (!ok || !tls_key_load(paths->ca_key, &ca, err))
		return false;
	char *pem;
	ok = ca_create(ca, "Muster CA", now, arena, &pem, err) &&
	     file_write_atomic(paths->ca_certificate, pem, strlen(pem), 0644, err);
	tls_key_free(ca);
	return ok;
}

static bool check_private(const char *path, struct error *err)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno,
				       "cannot use key %s (restore it from a backup)", path);
	if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return error_set(err, ERR_INTERNAL,
				 "key %s may be read by others than its owner (mode %03o)", path,
				 (unsigned)status.st_mode & 0777U);
	return true;
}

bool signer_keys_open(const char *folder, usec_t now, struct arena *arena, struct signer_keys *out,
		      struct error *err)
{
	const struct key_paths paths = {
		.ca_key = arena_printf(arena, "%s/ca.key", folder),
		.ca_certificate = arena_printf(arena, "%s/ca.crt", folder),
		.signing_key = arena_printf(arena, "%s/signing.key", folder),
	};
	struct signer_keys keys = {0};

	if (!file_exists(paths.ca_certificate) && !make_missing(&paths, now, arena, err))
		return false;
	if (!check_private(paths.ca_key, err) || !check_private(paths.signing_key, err))
		return false;
	if (!file_read(paths.ca_certificate, CERTIFICATE_BYTES_MAX, arena, &keys.ca_pem, NULL,
		       err) ||
	    !tls_key_load(paths.ca_key, &keys.ca, err) ||
	    !signing_key_load(paths.signing_key, &keys.signing, err) ||
	    !rotation_load(folder, arena, &keys, err)) {
		signer_keys_release(&keys);
		return false;
	}
	if (!certificate_matches_key(keys.ca_pem, keys.ca)) {
		signer_keys_release(&keys);
		return error_set(err, ERR_INTERNAL, "%s does not belong to %s", paths.ca_key,
				 paths.ca_certificate);
	}
	*out = keys;
	return true;
}

void signer_keys_release(struct signer_keys *keys)
{
	tls_key_free(keys->ca);
	signing_key_free(keys->signing);
	signing_key_free(keys->next);
	*keys = (struct signer_keys){0};
}
