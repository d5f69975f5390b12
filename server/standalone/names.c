/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/names.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

void names_add(struct names *names, const char *name)
{
	if (name == NULL || *name == '\0' || host_is_wildcard(name) || names->count == NAMES_MAX)
		return;
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->items[i], name) == 0)
			return;
	names->items[names->count++] = name;
}

void names_collect(struct names *names, const char *url, struct arena *arena)
{
	char host[HOST_NAME_MAX + 1];

	names_add(names, "localhost");
	names_add(names, "127.0.0.1");
	names_add(names, "::1");
	if (gethostname(host, sizeof(host)) == 0) {
		host[sizeof(host) - 1] = '\0';
		names_add(names, arena_strdup(arena, host));
	}
	if (url != NULL)
		names_add(names, url_host(url, arena));
}

void names_add_urls(struct names *names, const char *urls, struct arena *arena)
{
	for (const char *at = urls; at != NULL && *at != '\0';) {
		size_t length = strcspn(at, ",");

		names_add(names, url_host(arena_strndup(arena, at, length), arena));
		at += length;
		at += strspn(at, ", ");
	}
}

const char *url_host(const char *url, struct arena *arena)
{
	const char *start = strstr(url, "://");

	if (start == NULL)
		return NULL;
	start += 3;
	if (*start == '[')
		return arena_strndup(arena, start + 1, strcspn(start + 1, "]"));
	size_t length = strcspn(start, ":/?#");
	return length == 0 ? NULL : arena_strndup(arena, start, length);
}

bool host_is_wildcard(const char *host)
{
	return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}
