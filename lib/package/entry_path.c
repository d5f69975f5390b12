/* SPDX-License-Identifier: Apache-2.0 */
#include "package/entry_path.h"

#include <string.h>

bool entry_path_clean(const char *path, char *out, size_t size)
{
	size_t length = 0;
	int depth = 0;

	if (path[0] == '/' || size == 0)
		return false;
	while (*path) {
		size_t part = strcspn(path, "/");

		if (part == 2 && path[0] == '.' && path[1] == '.')
			return false;
		if (part > 0 && !(part == 1 && path[0] == '.')) {
			if (length + part + 2 > size || part > 255 || ++depth > ENTRY_PATH_DEPTH)
				return false;
			if (length > 0)
				out[length++] = '/';
			memcpy(out + length, path, part);
			length += part;
		}
		path += part;
		path += strspn(path, "/");
	}
	out[length] = '\0';
	return true;
}

bool entry_link_inside(const char *path, const char *target)
{
	int depth = 0;
	bool down = false;

	if (target[0] == '\0' || target[0] == '/' || strlen(target) >= ENTRY_PATH_MAX)
		return false;
	for (; *path; path++)
		depth += *path == '/';
	while (*target) {
		size_t part = strcspn(target, "/");

		/* ".." behind a name might leave from the other end of a link of that name. */
		if (part == 2 && target[0] == '.' && target[1] == '.') {
			if (down || --depth < 0)
				return false;
		} else if (part > 0 && !(part == 1 && target[0] == '.')) {
			down = true;
		}
		target += part;
		target += strspn(target, "/");
	}
	return true;
}
