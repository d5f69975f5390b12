/* SPDX-License-Identifier: Apache-2.0 */
/* The content of a desired state, as far as it goes without a valid signature. */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "reconcile/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct content_place place = {
		.root = "/r", .node = "nabcdef", .platform = "linux-amd64"};
	struct arena *arena = arena_new();
	struct content content;
	struct error err = {0};
	const char *service;
	struct plan plan;

	if (content_decode((const char *)data, size, arena, &content, &err) &&
	    content_specify(&content, &place, arena, &service, &err))
		plan_make(arena, &content, &content, &plan);
	arena_free(arena);
	return 0;
}
