/* SPDX-License-Identifier: Apache-2.0 */
/* What happened to a node, from all tables that know something: events, rollouts, audit, alerts. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

struct timeline_item {
	usec_t at;
	const char *key;    /* orders items of the same instant */
	const char *source; /* event, rollout, audit, alert */
	const char *kind;
	const char *severity;
	const char *service;
	const char *text;
	json_t *data;
};

/* Newest first; after_at and after_key: where the last page ended, or NULL. */
MUST_CHECK bool timeline_list(struct ctx *ctx, const char *node_id, const char *after_at,
			      const char *after_key, int64_t limit, struct timeline_item **out,
			      size_t *count, struct error *err);
