/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table node and what hangs on it: the inventory. Everything is of the project in ctx; a node of
 * another project is not found.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "model/node.h"

/* By id, or by name among the nodes that are not retired. NOT_FOUND. */
MUST_CHECK bool nodes_get(struct ctx *ctx, const char *id_or_name, struct node *out,
			  struct error *err);

/* Id, name, labels, platform and state only, by id: for work that goes through many nodes. */
MUST_CHECK bool nodes_get_brief(struct ctx *ctx, const char *id, struct node *out,
				struct error *err);

/* The same as nodes_get and locks the row until the transaction ends. */
MUST_CHECK bool nodes_get_for_update(struct ctx *ctx, const char *id, struct node *out,
				     struct error *err);

struct node_filter {
	const json_t *requirements; /* parsed selector; NULL = no restriction */
	const char *status;	    /* NULL = every node that is not retired */
	const char *text;	    /* part of name, id, host name or a label; NULL = all */
	bool newest_first;	    /* by last contact (seen_rank) descending instead of by name */
	const char *after_key;	    /* name, or seen_rank; NULL = first page */
	const char *after_id;
	int64_t limit;
};

struct node_page {
	struct node *nodes;
	size_t count;
	int64_t total;	     /* of all pages */
	bool total_is_bound; /* there are more than total */
};

/*
 * One page and how many there are in all. Without selector and text both are read from what is kept; with
 * them at most NODES_COUNTED_MAX matches are counted, so that the time does not grow with the fleet.
 */
enum { NODES_COUNTED_MAX = 2000 };
MUST_CHECK bool nodes_list(struct ctx *ctx, const struct node_filter *filter, struct node_page *out,
			   struct error *err);

struct node_new {
	const char *id;
	const char *name; /* wanted; a number is added when it is taken */
	const json_t *labels;
	int shard;
	const char *platform;
	const char *hostname;
	const char *agent_version;
	const char *cert_serial;
	usec_t cert_not_after;
	const void *key_sha256; /* 32 bytes */
};

/* A name like the wanted one that no node of the project has: gateway, gateway-2, ... */
MUST_CHECK bool nodes_free_name(struct ctx *ctx, const char *wanted, const char **out,
				struct error *err);

/* CONFLICT when the name has been taken meanwhile. */
MUST_CHECK bool nodes_insert(struct ctx *ctx, const struct node_new *node, struct error *err);

/* name and labels: NULL keeps. CONFLICT on field "name" when it is taken. Raises the revision. */
MUST_CHECK bool nodes_update(struct ctx *ctx, const char *id, const char *name,
			     const json_t *labels, struct error *err);

/* Retired for good: no longer online, wants nothing, messages that wait for it are dropped. */
MUST_CHECK bool nodes_retire(struct ctx *ctx, const char *id, struct error *err);

struct node_desired {
	int64_t generation;
	const char *digest;
	json_t *content; /* parsed, for showing */
	const char *rollout_id;
	usec_t created_at;
};

/* The newest; found is false when the node was never told anything. */
MUST_CHECK bool nodes_desired_find(struct ctx *ctx, const char *id, struct node_desired *out,
				   bool *found, struct error *err);

/* Puts a command for the node into the outbox; payload is borrowed. */
MUST_CHECK bool nodes_command_insert(struct ctx *ctx, const char *id, const json_t *payload,
				     struct error *err);
