/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nodes say about themselves, in table node: that they live, what they are, which generation
 * they run. Set-based and across projects: one batch of messages is a handful of statements.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/* The part of a node that decides what to do with its messages. */
struct health_node {
	const char *id;
	const char *project_id;
	const char *name;
	const char *state; /* pending, active, retired */
	const char *status;
	int shard;
	bool online;
	int broker; /* where it was heard last; -1: nowhere yet */
	int64_t desired_generation;
	int64_t reported_generation;
	const char *reported_digest; /* or NULL */
	int mark;		     /* of the health message that is stored; 0: none */
};

/* Sorted by id; ids that are no node's are left out. */
MUST_CHECK bool health_nodes_load(struct ctx *ctx, const char *const *ids, size_t count,
				  struct health_node **out, size_t *out_count, struct error *err);

/* Rows [{id, agent_version, platform, hostname, boot_id, protocol, epoch}]: an agent has connected. */
MUST_CHECK bool health_hello(struct ctx *ctx, const json_t *rows, struct error *err);

/* A node whose certificate was just found to be used in two places at once, and what that looks like. */
struct health_copy {
	const char *node_id;
	const char *text; /* for people */
};

/*
 * A place is a boot of a machine and its name. Boots never come back, so whoever says hello from a place
 * that another hello has followed is a second machine with the same key. Marks those of the nodes, which have
 * just said hello, where that was seen three times, each within an hour of the last, and that are
 * not marked yet; refreshes their trouble.
 */
MUST_CHECK bool health_copied(struct ctx *ctx, const char *const *ids, size_t count,
			      struct health_copy **out, size_t *out_count, struct error *err);

/* Takes the mark from nodes where it was not seen again for an hour, and returns them. */
MUST_CHECK bool health_copied_over(struct ctx *ctx, struct health_node **out, size_t *out_count,
				   struct error *err);

/* Rows [{id, health}]: what the node has told of its health. */
MUST_CHECK bool health_told(struct ctx *ctx, const json_t *rows, struct error *err);

/* Rows [{id, online}]: came or went. The first coming makes a pending node active. */
MUST_CHECK bool health_presence(struct ctx *ctx, const json_t *rows, struct error *err);

/* Rows [{id, broker}]: where the node is heard now. */
MUST_CHECK bool health_broker(struct ctx *ctx, const json_t *rows, struct error *err);

/* Rows [{id, generation, digest}]: what the node runs now. */
MUST_CHECK bool health_generation(struct ctx *ctx, const json_t *rows, struct error *err);

/* Puts every node offline that was last seen before `before` although the replica that holds its shard
 * has been listening since then, and returns those, sorted by id. */
MUST_CHECK bool health_silence(struct ctx *ctx, usec_t before, struct health_node **out,
			       size_t *out_count, struct error *err);

/*
 * Replaces what nodes report about services. nodes: the ids that reported; rows [{project_id,
 * node_id, service, state, reason, since, ready, pid, restarts, run, driver, package_name,
 * package_version, package_sha256, config_name, config_version, config_digest, drift, drift_files,
 * reported_at}]: all of their services. Refreshes the trouble of the nodes.
 */
MUST_CHECK bool health_services(struct ctx *ctx, const char *const *nodes, size_t count,
				const json_t *rows, struct error *err);

/*
 * Gives those of the nodes that run a higher generation than the database knows (it was restored from
 * a backup) their newest desired state again under a generation that is higher still.
 */
MUST_CHECK bool health_jump(struct ctx *ctx, const char *const *nodes, size_t count,
			    struct error *err);
