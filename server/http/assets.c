/* SPDX-License-Identifier: Apache-2.0 */
#include "http/assets.h"

#include <stdlib.h>
#include <string.h>

static int compare_path(const void *key, const void *element)
{
	const struct asset *asset = element;

	return strcmp(key, asset->path);
}

const struct asset *asset_find(const char *path)
{
	return bsearch(path, ASSETS, ASSETS_COUNT, sizeof(ASSETS[0]), compare_path);
}
