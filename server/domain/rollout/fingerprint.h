/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kind of a failure: equal for two nodes that failed of the same cause, whatever their clocks,
 * addresses, process numbers and temporary files were. Pure and deterministic; a fingerprint that
 * was stored stays comparable, so a change of these rules needs another version in its hash.
 */
#pragma once

#include <jansson.h>

#include "base/arena.h"

#define FINGERPRINT_SIZE 17 /* 16 hex digits and the zero */

/*
 * The last lines of text without what differs from node to node: numbers, hex, uuids, times,
 * addresses, and what stands for a name of the moment in paths become "#". At most 1 KiB.
 */
const char *fingerprint_normalise(const char *text, struct arena *arena);

/* Of a step's error ({code, service, exit, probe, text, stderr}, see schema/openapi.yaml) or, where it is
 * NULL, of the reason. state is the step's. */
void fingerprint_make(const char *state, const json_t *error, const char *reason,
		      struct arena *arena, char out[FINGERPRINT_SIZE]);
