/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables node_count and package_count: sums that triggers keep by adding rows (migration 0021), so that
 * nobody waits for anybody and no list has to count. The scheduler folds the rows together.
 */
#pragma once

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/* Of all projects; does nothing while there are few rows. */
MUST_CHECK bool counts_fold(struct ctx *ctx, struct error *err);
