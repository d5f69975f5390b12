/* SPDX-License-Identifier: Apache-2.0 */
/* What people do to configurations and variables. Each function is one transaction with its audit row
 * and change. */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/config.h"
#include "model/ctx.h"

/* config->id, times and creator are filled in. */
MUST_CHECK bool config_create(struct ctx *ctx, struct config *config, struct error *err);

/* CONFLICT while nodes should run one of its versions. */
MUST_CHECK bool config_delete(struct ctx *ctx, const char *name, struct error *err);

struct config_save {
	const char *config; /* name or id */
	const char *message;
	struct config_file *files; /* path, mode, content, size; the hash is filled in */
	size_t file_count;
	int64_t expected; /* latest version that the change is based on, or -1 */
	int64_t current;  /* out: the latest found */
	bool unchanged;	  /* out: the latest version had exactly these files */
};

/* Makes the next version, unless the latest is the same: then that one is the answer. CONFLICT when the
 * latest is not the expected one; INVALID and TOO_LARGE name the file. */
MUST_CHECK bool config_save_version(struct ctx *ctx, struct config_save *save,
				    struct config_version *out, struct error *err);

/* node NULL: the project's. */
MUST_CHECK bool variable_set(struct ctx *ctx, const char *node, const char *name, const char *value,
			     struct variable *out, struct error *err);
MUST_CHECK bool variable_delete(struct ctx *ctx, const char *node, const char *name,
				struct error *err);
