/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles (protocol/bundle.h): what some nodes should run, signed, with the packages in it, for a
 * technician to carry to where no network is. Making one changes nothing for the nodes: it holds
 * their newest generation, exactly as the link would bring it, only good for longer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

enum {
	BUNDLE_NODES_MAX = 500,
	BUNDLE_STATES_MAX_BYTES = 64 << 20,
	BUNDLE_DAYS_DEFAULT = 14,
	BUNDLE_DAYS_MAX = 90,
};

/* A piece of the file: bytes (in the arena or static), or a whole file. */
struct bundle_part {
	const void *data;
	int fd; /* -1: data */
	int64_t size;
};

struct bundle {
	struct bundle_part *parts; /* one after the other they are the file */
	size_t part_count;
	const char *filename;
	size_t node_count, package_count;
	int64_t size;
	usec_t expires;
};

struct bundle_request {
	const char *const *nodes; /* ids or names */
	size_t node_count;
	int64_t valid_days;
};

/*
 * Puts it on record and hands over the parts; the files are the caller's to close (bundle_close). INVALID:
 * a node is named twice, or too many; NOT_FOUND; CONFLICT: a node is retired or was never told anything.
 */
MUST_CHECK bool bundle_make(struct ctx *ctx, const struct bundle_request *request,
			    struct bundle *out, struct error *err);

/* Closes the files that are still open. */
void bundle_close(struct bundle *bundle);

/* What became of a node's report (protocol/report.h). */
struct bundle_report {
	const char *node_id;
	const char *node_name;
	usec_t made_at;
	int64_t generation; /* in force when it was made */
	const char *state;  /* of the last result in it, or NULL */
	size_t messages, stored, repeated, refused;
};

/*
 * Takes what a node reports by hand: the same as over the link, each message once. INVALID: not a
 * report; FORBIDDEN: not signed by the node's key; NOT_FOUND: of no node of the project.
 */
MUST_CHECK bool bundle_report_take(struct ctx *ctx, const char *text, size_t length,
				   struct bundle_report *out, struct error *err);
