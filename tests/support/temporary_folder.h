/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of its own for a test, removed afterwards. For cmocka's setup and
 * teardown: *state is the path.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

static inline int temporary_folder_setup(void **state)
{
	char path[] = "/tmp/muXXXXXX";

	if (!mkdtemp(path))
		return -1;
	*state = xstrdup(path);
	return 0;
}

static inline int temporary_folder_teardown(void **state)
{
	struct error err;
	bool done = file_remove_tree(*state, &err);

	if (!done)
		fprintf(stderr, "%s\n", err.text);
	free(*state);
	return done ? 0 : -1;
}
