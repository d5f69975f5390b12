/* SPDX-License-Identifier: Apache-2.0 */
/* Table dead_letter: messages that were refused, for whoever looks into a device that misbehaves. */
#pragma once

#include <stddef.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

#define DEAD_LETTER_PAYLOAD_MAX 4096
#define DEAD_LETTERS_KEPT 10000

struct dead_letter {
	usec_t at;
	const char *topic;   /* as it came: cut to what the table takes, made printable */
	const char *node_id; /* or NULL */
	const char *reason;
	const void *payload;
	size_t size; /* more than DEAD_LETTER_PAYLOAD_MAX is cut off */
};

MUST_CHECK bool dead_letters_insert(struct ctx *ctx, const struct dead_letter *letters,
				    size_t count, struct error *err);

/* Retention: all but the newest DEAD_LETTERS_KEPT go. */
MUST_CHECK bool dead_letters_prune(struct ctx *ctx, struct error *err);
