/* SPDX-License-Identifier: Apache-2.0 */
/* A state file in a folder of its own, for the tests of agent/state. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "state/state.h"
#include "temporary_folder.h"
#include "test.h"

struct fixture {
	void *folder;
	char path[256];
	struct arena *arena;
	struct state *state;
};

static inline int setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	struct error err = {0};

	if (temporary_folder_setup(&fixture->folder) != 0)
		return -1;
	snprintf(fixture->path, sizeof(fixture->path), "%s/state.db", (char *)fixture->folder);
	fixture->arena = arena_new();
	assert_success(state_open(fixture->path, &fixture->state, &err), &err);
	*state = fixture;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *fixture = *state;
	int result;

	state_close(fixture->state);
	arena_free(fixture->arena);
	result = temporary_folder_teardown(&fixture->folder);
	free(fixture);
	return result;
}

static inline void reopen(struct fixture *fixture)
{
	struct error err = {0};

	state_close(fixture->state);
	assert_success(state_open(fixture->path, &fixture->state, &err), &err);
}
