/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/tree.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

struct folder {
	const char *name;
	mode_t mode;
};

/* Where other accounts work below, the folder may be entered but not listed. */
static const struct folder FOLDERS[] = {
	{"keys", 0700}, {"run", 0711}, {"log", 0700}, {"packages", 0700}, {"uploads", 0700},
};

bool tree_open(const char *data_dir, struct arena *arena, struct tree *out, struct error *err)
{
	char root[PATH_MAX];

	if (!file_make_folders(data_dir, 0711, err))
		return false;
	if (realpath(data_dir, root) == NULL)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot use %s", data_dir);
	/* Root's children have accounts of their own and must get to their folders below. */
	if (geteuid() == 0 && chmod(root, 0711) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot set the mode of %s", root);
	for (size_t i = 0; i < ARRAY_SIZE(FOLDERS); i++) {
		const char *path = arena_printf(arena, "%s/%s", root, FOLDERS[i].name);

		if (!file_make_folders(path, FOLDERS[i].mode, err))
			return false;
	}
	struct tree tree = {
		.root = arena_strdup(arena, root),
		.keys = arena_printf(arena, "%s/keys", root),
		.run = arena_printf(arena, "%s/run", root),
		.log = arena_printf(arena, "%s/log", root),
	};
	const char *lock = arena_printf(arena, "%s/musterd.lock", tree.run);
	if (!file_lock(lock, &tree.lock, err))
		return err->code == ERR_CONFLICT
			       ? error_prefix(
					 err,
					 "%s is in use by another musterd; stop it, or give this "
					 "one its own --data",
					 root)
			       : false;
	*out = tree;
	return true;
}

void tree_close(struct tree *tree)
{
	fd_cleanup(&tree->lock);
}
