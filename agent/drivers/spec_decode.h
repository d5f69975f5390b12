/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the merged and expanded document to the struct: types, ranges, defaults. Pure.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "drivers/spec.h"

/* spec->name, data_dir and run_dir are set already. The document is referenced, not changed
 * afterwards. */
MUST_CHECK bool spec_decode(struct arena *arena, json_t *document, struct service_spec *spec,
			    struct error *err);
