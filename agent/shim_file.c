/* SPDX-License-Identifier: Apache-2.0 */
#include "shim_file.h"

#include <stddef.h>

#ifdef MUSTER_CARRIES_SHIM
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"

extern const char MUSTER_SHIM[], MUSTER_SHIM_END[];

enum { SHIM_MAX_BYTES = 1024 * 1024, SHIM_MODE = 0755 };

static const char PATH[] = "run/muster-shim";

static bool is_there(struct arena *arena, size_t size)
{
	struct error ignored;
	size_t found;
	char *data;

	return file_read(PATH, SHIM_MAX_BYTES, arena, &data, &found, &ignored) && found == size &&
	       memcmp(data, MUSTER_SHIM, size) == 0 && access(PATH, X_OK) == 0;
}

const char *shim_carried(void)
{
	size_t size = (size_t)(MUSTER_SHIM_END - MUSTER_SHIM);
	struct arena *arena = arena_new();
	struct error err;

	/* On a full disk the one of an earlier agent still does. */
	if (!is_there(arena, size) && !file_write_atomic(PATH, MUSTER_SHIM, size, SHIM_MODE, &err))
		log_error("could not put muster-shim in its place: %s", err.text);
	arena_free(arena);
	return PATH;
}
#else
const char *shim_carried(void)
{
	return NULL;
}
#endif
