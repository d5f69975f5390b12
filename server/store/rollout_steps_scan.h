/* SPDX-License-Identifier: Apache-2.0 */
/* How a row of rollout_step s, joined with node n, is read: between files of store/ only. */
#pragma once

#include "model/ctx.h"
#include "model/rollout.h"
#include "store/db.h"

#define STEP_COLUMNS                                                                             \
	"s.node_id, n.name, s.wave, s.state, s.reason, s.error, s.progress, s.after, s.before, " \
	"s.generation, s.attempt, n.online, s.state_since, s.deadline_at, s.retries, "           \
	"s.retry_at, s.opens_at, s.superseded_by, to_json(s.lost), s.fingerprint"

/* All rows of a query that begins with STEP_COLUMNS. */
void rollout_steps_scan(struct ctx *ctx, const struct db_rows *rows, struct rollout_step **out,
			size_t *count);

/* The first column of all rows. */
const char *const *rollout_steps_texts(struct ctx *ctx, const struct db_rows *rows);
