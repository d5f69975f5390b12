/* SPDX-License-Identifier: Apache-2.0 */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "fetch/sandbox.h"
#include "fetch/unpack.h"

enum { MAX_ENTRIES = 100 * 1000 };

static const char *code_of(const struct error *err)
{
	switch (err->code) {
	case ERR_INVALID:
		return "archive";
	case ERR_TOO_LARGE:
		return "size";
	case ERR_UNAVAILABLE:
		return "disk";
	default:
		return "internal";
	}
}

struct unpack_order {
	const char *path; /* archive or patch */
	const char *sha256;
	const char *folder;
	struct unpack_limits limits;
	const char *base; /* NULL: an archive */
	int64_t tar_size;
};

static bool unpack_it(const struct unpack_order *order, const char *folder, struct error *err)
{
	bool ok = order->base
			  ? unpack_patch(order->path, order->base, order->sha256, order->tar_size,
					 folder, &order->limits, err)
			  : unpack_archive(order->path, order->sha256, folder, &order->limits, err);

	return ok && unpack_sync(folder, err);
}

/* Into "<folder>.tmp" first, so that a folder with the final name is always complete. */
static bool unpack_into(const struct unpack_order *order, struct error *err)
{
	char temporary[4096];
	int length = snprintf(temporary, sizeof(temporary), "%s.tmp", order->folder);

	if (length < 0 || (size_t)length >= sizeof(temporary))
		return error_set(err, ERR_INTERNAL, "path is too long");
	if (!file_remove_tree(temporary, err) || !file_make_folders(temporary, 0755, err))
		return false;
	if (!unpack_it(order, temporary, err)) {
		struct error ignored;

		(void)!file_remove_tree(temporary, &ignored);
		return false;
	}
	if (rename(temporary, order->folder) != 0)
		return error_set(err, ERR_UNAVAILABLE, "could not rename %s", temporary);
	return file_sync_parent(order->folder, err);
}

/* The store of packages: archive, old versions and the new folder all lie in it. */
static const char *parent_of(const char *path)
{
	static char parent[4096];

	snprintf(parent, sizeof(parent), "%s", path);
	return dirname(parent);
}

static int run(const struct unpack_order *order)
{
	struct error err = {0};

	umask(0022);
	sandbox_enter(parent_of(order->folder));
	if (unpack_into(order, &err))
		printf("done\n");
	else
		printf("error %s %s\n", code_of(&err), err.text);
	fflush(stdout);
	/* No exit handlers: in here they may not do what they want to. */
	_exit(err.code == ERR_NONE ? 0 : 1);
}

static struct unpack_order order_of(char **argv)
{
	return (struct unpack_order){
		.path = argv[0],
		.sha256 = argv[1],
		.folder = argv[2],
		.limits = {.max_bytes = strtoll(argv[3], NULL, 10), .max_entries = MAX_ENTRIES},
	};
}

int unpack_main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr,
			"muster-agent unpack: archive, sha256, folder and limit expected\n");
		return 2;
	}
	struct unpack_order order = order_of(argv);
	return run(&order);
}

int unpack_patch_main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "muster-agent patch: patch, sha256, folder, limit, base and size "
				"expected\n");
		return 2;
	}
	struct unpack_order order = order_of(argv);
	order.base = argv[4];
	order.tar_size = strtoll(argv[5], NULL, 10);
	return run(&order);
}
