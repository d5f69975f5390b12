/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tar inside a package's archive as a stream of bytes: .tar.gz, .tar.xz, .tar.zst, plain .tar, and
 * the data member of a Debian package (deb(5)). These bytes have a SHA-256 of their own, which a manifest may
 * name beside the archive's: whoever has them need not have the archive (patch.h). What comes out
 * is never more than the limit, whatever the archive says of itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/crypto.h"
#include "base/error.h"

struct archive; /* of libarchive */
struct tarball;

enum tarball_flags {
	TARBALL_HASH_FILE = 1 << 0,    /* of the archive's own bytes */
	TARBALL_HASH_CONTENT = 1 << 1, /* of the tar inside */
};

struct tarball_facts {
	const char *format;		      /* "tar", "tar.gz", "tar.xz", "tar.zst", "deb" */
	char file_sha256[SHA256_HEX_SIZE];    /* empty without its flag */
	char content_sha256[SHA256_HEX_SIZE]; /* likewise */
	int64_t content_bytes;
};

/*
 * Reads fd from its current offset; fd stays the caller's and must stay open. ERR_INVALID: no such
 * archive.
 */
MUST_CHECK bool tarball_open(int fd, int64_t max_bytes, unsigned flags, struct tarball **out,
			     struct error *err);
/* Accepts NULL. */
void tarball_free(struct tarball *tarball);

/* The next bytes, valid until the next call; size 0 at the end. ERR_INVALID, ERR_TOO_LARGE. */
MUST_CHECK bool tarball_read(struct tarball *tarball, const void **data, size_t *size,
			     struct error *err);

const char *tarball_format(const struct tarball *tarball);

/* Reads what is left of content and file, and then says what they were. Once. */
MUST_CHECK bool tarball_finish(struct tarball *tarball, struct tarball_facts *out,
			       struct error *err);

/* Where a tar comes from: a tarball, or a patch. */
struct tar_source {
	bool (*read)(void *arg, const void **data, size_t *size, struct error *err);
	void *arg;
	struct error error; /* the first that read gave */
};

struct tar_source tarball_source(struct tarball *tarball);

/* A reader of the entries, to be freed with archive_read_free. The source must outlive it. */
MUST_CHECK bool tar_open(struct tar_source *source, struct archive **out, struct error *err);
