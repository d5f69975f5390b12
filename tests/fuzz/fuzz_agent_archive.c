/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node may be given as an archive or as a patch: unpacked into a folder that holds nothing else, and that
 * lies in one where nothing may change. The first byte says which of both the rest is.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/file.h"
#include "fetch/unpack.h"
#include "package/patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_TREE = 64 << 10, MAX_TAR = 1 << 20 };

static const struct unpack_limits LIMITS = {.max_bytes = 256 << 10, .max_entries = 20};
static char root[] = "/tmp/mufuzzXXXXXX";

static void remove_root(void)
{
	struct error ignored;

	(void)!file_remove_tree(root, &ignored);
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void make_folder(const char *name)
{
	char path[64];
	struct error err;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	must(file_remove_tree(path, &err) && file_make_folders(path, 0755, &err));
}

static void write_input(const uint8_t *data, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/input", root);
	CLEANUP(fd_cleanup) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0 && fd_write_all(fd, data, size));
}

/* An older version for patches, always the same. */
static void set_up(void)
{
	static const char CONTENT[] =
		"an older version of this file, long enough to be of use to a patch";
	char path[64];
	struct error err;

	if (!mkdtemp(root))
		abort();
	atexit(remove_root);
	make_folder("base");
	snprintf(path, sizeof(path), "%s/base/file", root);
	must(file_write_atomic(path, CONTENT, strlen(CONTENT), 0644, &err));
}

static void check_neighbours(void)
{
	int64_t bytes;
	char path[64];
	struct error err;

	snprintf(path, sizeof(path), "%s/base", root);
	must(file_tree_bytes(path, &bytes, &err) && bytes == 66);
	snprintf(path, sizeof(path), "%s/out", root);
	must(file_tree_bytes(path, &bytes, &err) && bytes <= LIMITS.max_bytes);
}

static void try_archive(const uint8_t *data, size_t size)
{
	char hash[SHA256_HEX_SIZE], archive[64], folder[64];
	struct error err;

	sha256_hex(data, size, hash);
	snprintf(archive, sizeof(archive), "%s/input", root);
	snprintf(folder, sizeof(folder), "%s/out", root);
	(void)!unpack_archive(archive, hash, folder, &LIMITS, &err);
}

/* What it makes is not the tar of any manifest, so that only its reader sees it. */
static void try_patch(void)
{
	char path[64], base[64];
	struct patch *patch;
	const void *out;
	size_t size = 1;
	int64_t all = 0;
	struct error err;

	snprintf(path, sizeof(path), "%s/input", root);
	snprintf(base, sizeof(base), "%s/base", root);
	if (!patch_open(path, base, MAX_TAR, &patch, &err))
		return;
	while (size > 0 && patch_read(patch, &out, &size, &err))
		all += (int64_t)size;
	must(all <= MAX_TAR);
	patch_free(patch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;

	if (!ready)
		set_up();
	ready = true;
	if (size == 0 || size > MAX_TREE)
		return 0;
	make_folder("out");
	write_input(data + 1, size - 1);
	if (data[0] == 'p')
		try_patch();
	else
		try_archive(data + 1, size - 1);
	check_neighbours();
	return 0;
}
