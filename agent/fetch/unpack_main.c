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

/* Into "<folder>.tmp" first, so that a folder with the final name is always complete. */
static bool unpack_into(char **arguments, struct error *err)
{
	struct unpack_limits limits = {.max_bytes = strtoll(arguments[3], NULL, 10),
				       .max_entries = MAX_ENTRIES};
	char temporary[4096];
	int length = snprintf(temporary, sizeof(temporary), "%s.tmp", arguments[2]);

	if (length < 0 || (size_t)length >= sizeof(temporary))
		return error_set(err, ERR_INTERNAL, "path is too long");
	if (!file_remove_tree(temporary, err) || !file_make_folders(temporary, 0755, err))
		return false;
	if (!unpack_archive(arguments[0], arguments[1], temporary, &limits, err) ||
	    !unpack_sync(temporary, err)) {
		struct error ignored;

		(void)!file_remove_tree(temporary, &ignored);
		return false;
	}
	if (rename(temporary, arguments[2]) != 0)
		return error_set(err, ERR_UNAVAILABLE, "could not rename %s", temporary);
	return file_sync_parent(arguments[2], err);
}

/* The store of packages: archive, old versions and the new folder all lie in it. */
static const char *parent_of(const char *path)
{
	static char parent[4096];

	snprintf(parent, sizeof(parent), "%s", path);
	return dirname(parent);
}

int unpack_main(int argc, char **argv)
{
	struct error err = {0};

	if (argc != 4) {
		fprintf(stderr,
			"muster-agent unpack: archive, sha256, folder and limit expected\n");
		return 2;
	}
	umask(0022);
	sandbox_enter(parent_of(argv[2]));
	if (unpack_into(argv, &err))
		printf("done\n");
	else
		printf("error %s %s\n", code_of(&err), err.text);
	fflush(stdout);
	/* No exit handlers: in here they may not do what they want to. */
	_exit(err.code == ERR_NONE ? 0 : 1);
}
