/* SPDX-License-Identifier: Apache-2.0 */
/* Services whose files on the node differ from what it was told. Within ctx->project_id. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

struct drift_row {
	const char *node_id, *node_name, *status;
	const char *service;
	const char *config_name; /* NULL: none any more */
	int64_t config_version;
	json_t *files; /* paths */
	usec_t since;  /* by our clock */
};

/* By node id and service, from behind (after_node, after_service) on; "" = from the first. */
MUST_CHECK bool drift_list(struct ctx *ctx, const char *after_node, const char *after_service,
			   int64_t limit, struct drift_row **out, size_t *count, struct error *err);
