/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service of the desired state, {"service": ..., "manifest": ...}, becomes a spec or is
 * refused. What is accepted keeps its bounds and survives being copied.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fields.h"
#include "drivers/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct arena *arena, const struct service_spec *spec)
{
	struct service_spec copy;

	if (spec->command_count == 0 || spec->command_count > SPEC_MAX_ARGUMENTS ||
	    spec->probe_count == 0 || spec->probe_count > SPEC_MAX_PROBES)
		abort();
	for (size_t i = 0; i < spec->snapshot_count; i++) {
		if (strncmp(spec->snapshot[i], spec->data_dir, strlen(spec->data_dir)) != 0)
			abort();
	}
	for (size_t i = 0; i < spec->probe_count; i++) {
		if (spec->probes[i].interval_ms < 50 || spec->probes[i].timeout_ms < 10)
			abort();
	}
	spec_copy(arena, spec, &copy);
	if (strcmp(copy.process_digest, spec->process_digest) != 0 ||
	    copy.probe_count != spec->probe_count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = {0};
	struct service_spec spec;
	json_t *document;

	if (!json_parse_limited((const char *)data, size, 32, &document, &err))
		return 0;
	struct arena *arena = arena_new();
	json_keep(document, arena);
	const struct spec_input input = {
		.root = "/d",
		.node = "n1",
		.name = "web",
		.service = json_object_get(document, "service"),
		.manifest = json_object_get(document, "manifest"),
	};
	if (spec_build(arena, &input, &spec, &err))
		check(arena, &spec);
	arena_free(arena);
	return 0;
}
