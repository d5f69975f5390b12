/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/bundle/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fields.h"
#include "domain/audit/audit.h"
#include "domain/desired/seal.h"
#include "domain/package/packages.h"
#include "protocol/bundle.h"
#include "store/bundles.h"
#include "store/db.h"
#include "store/events.h"
#include "store/nodes.h"

struct state {
	const char *node_id;
	const char *node_name;
	int64_t generation;
	const char *envelope;
	size_t size;
};

struct making {
	const struct bundle_request *request;
	struct bundle *bundle;
	struct state *states; /* in order of ids */
	int64_t state_bytes;
	json_t *packages; /* digest -> true */
};

static int compare_states(const void *a, const void *b)
{
	const struct state *left = a, *right = b;

	return strcmp(left->node_id, right->node_id);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool note_packages(struct ctx *ctx, struct making *making, const char *content,
			  struct error *err)
{
	const char *name;
	json_t *json, *service;

	if (!json_parse_limited(content, strlen(content), LIMIT_JSON_DEPTH * 2, &json, err))
		return false;
	json_keep(json, ctx->arena);
	json_object_foreach (json_object_get(json, "services"), name, service) {
		const char *digest = json_string_value(
			json_object_get(json_object_get(service, "package"), "sha256"));

		if (digest)
			json_object_set_new(making->packages, digest, json_true());
	}
	return true;
}

static bool add_state(struct ctx *ctx, struct making *making, const char *id_or_name,
		      struct state *out, struct error *err)
{
	json_t *fetch = json_keep(json_object(), ctx->arena);
	struct bundle_state state;
	struct node node;
	char *envelope;

	if (!nodes_get(ctx, id_or_name, &node, err) ||
	    !bundles_state_get(ctx, node.id, &state, err))
		return false;
	if (state.generation == 0)
		return error_set(err, ERR_CONFLICT,
				 "node %s has nothing to run yet: a rollout comes first",
				 node.name);
	const struct desired_letter letter = {
		.node_id = node.id,
		.generation = state.generation,
		.digest = state.digest,
		.content = state.content,
		.fetch = fetch,
		.expires = making->bundle->expires,
	};
	if (!desired_seal(ctx, &letter, &envelope, err) ||
	    !note_packages(ctx, making, state.content, err))
		return error_prefix(err, "node %s", node.name);
	*out = (struct state){node.id, node.name, state.generation, envelope, strlen(envelope)};
	making->state_bytes += (int64_t)out->size;
	if (making->state_bytes > BUNDLE_STATES_MAX_BYTES)
		return error_set(err, ERR_TOO_LARGE,
				 "the desired states of these nodes are too much for one bundle: "
				 "make several");
	return true;
}

static bool add_states(struct ctx *ctx, struct making *making, struct error *err)
{
	const struct bundle_request *request = making->request;

	for (size_t i = 0; i < request->node_count; i++)
		if (!add_state(ctx, making, request->nodes[i], &making->states[i], err))
			return false;
	qsort(making->states, request->node_count, sizeof(*making->states), compare_states);
	for (size_t i = 1; i < request->node_count; i++)
		if (strcmp(making->states[i - 1].node_id, making->states[i].node_id) == 0)
			return error_set_field(err, ERR_INVALID, "nodes", "node %s is named twice",
					       making->states[i].node_name);
	return true;
}

/* --- the parts --- */

static void add_part(struct bundle *bundle, const void *data, int fd, int64_t size)
{
	bundle->parts[bundle->part_count++] = (struct bundle_part){data, fd, size};
	bundle->size += size;
}

static void add_header(struct ctx *ctx, struct bundle *bundle, enum bundle_kind kind,
		       const char *id, int64_t size)
{
	uint8_t *header = arena_alloc(ctx->arena, USTAR_BLOCK);
	struct bundle_entry entry = {.kind = kind, .size = size};

	memcpy(entry.id, id, strlen(id));
	bundle_header(&entry, header);
	add_part(bundle, header, -1, USTAR_BLOCK);
}

static void add_padding(struct bundle *bundle, int64_t size)
{
	static const uint8_t ZERO[USTAR_BLOCK];

	if (ustar_padding(size) > 0)
		add_part(bundle, ZERO, -1, (int64_t)ustar_padding(size));
}

static bool add_package(struct ctx *ctx, struct bundle *bundle, const char *digest,
			struct error *err)
{
	int fd = open(package_path(ctx, digest), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat status;

	if (fd < 0)
		return error_set_errno(err, ERR_INTERNAL, errno,
				       "could not open the archive %.12s...", digest);
	if (fstat(fd, &status) != 0 || status.st_size > USTAR_MAX_SIZE) {
		close(fd);
		return error_set(err, ERR_TOO_LARGE, "the archive %.12s... is too large", digest);
	}
	add_header(ctx, bundle, BUNDLE_PACKAGE, digest, status.st_size);
	add_part(bundle, NULL, fd, status.st_size);
	add_padding(bundle, status.st_size);
	bundle->package_count++;
	return true;
}

static bool add_parts(struct ctx *ctx, struct making *making, struct error *err)
{
	static const uint8_t TAIL[BUNDLE_TAIL_SIZE];
	struct bundle *bundle = making->bundle;
	size_t nodes = making->request->node_count, packages = json_object_size(making->packages);
	const char **digests = arena_array(ctx->arena, packages + 1, sizeof(*digests));
	uint8_t *head = arena_alloc(ctx->arena, BUNDLE_HEAD_SIZE);
	const char *digest;
	json_t *ignored;
	size_t n = 0;

	if (nodes + packages > LIMIT_BUNDLE_ENTRIES)
		return error_set(err, ERR_TOO_LARGE,
				 "%zu nodes and %zu packages are too much for one bundle", nodes,
				 packages);
	bundle->parts = arena_array(ctx->arena, 3 * (nodes + packages) + 2, sizeof(*bundle->parts));
	bundle_head(head);
	add_part(bundle, head, -1, BUNDLE_HEAD_SIZE);
	for (size_t i = 0; i < nodes; i++) {
		const struct state *state = &making->states[i];

		add_header(ctx, bundle, BUNDLE_DESIRED, state->node_id, (int64_t)state->size);
		add_part(bundle, state->envelope, -1, (int64_t)state->size);
		add_padding(bundle, (int64_t)state->size);
	}
	json_object_foreach (making->packages, digest, ignored)
		digests[n++] = digest;
	qsort(digests, n, sizeof(*digests), compare_texts);
	for (size_t i = 0; i < n; i++)
		if (!add_package(ctx, bundle, digests[i], err))
			return false;
	add_part(bundle, TAIL, -1, BUNDLE_TAIL_SIZE);
	bundle->node_count = nodes;
	return true;
}

/* --- the record --- */

static bool record(struct ctx *ctx, struct making *making, struct error *err)
{
	char now[TIME_TEXT_SIZE], expires[TIME_TEXT_SIZE];
	json_auto_t *events = json_array();
	json_t *nodes = json_array();

	time_format(ctx->now, now);
	time_format(making->bundle->expires, expires);
	for (size_t i = 0; i < making->request->node_count; i++) {
		const struct state *state = &making->states[i];

		json_array_append_new(nodes, json_pack("{s:s, s:s, s:I}", "id", state->node_id,
						       "name", state->node_name, "generation",
						       (json_int_t)state->generation));
		json_array_append_new(events,
				      json_pack("{s:s, s:s, s:n, s:s, s:s, s:s, s:s, s:n}",
						"project_id", ctx->project_id, "node_id",
						state->node_id, "service", "at", now, "kind",
						"bundle.created", "severity", "info", "text",
						arena_printf(ctx->arena,
							     "a bundle with generation %" PRId64
							     " was made, good until %.10s",
							     state->generation, expires),
						"data"));
	}
	return audit_write(ctx, "bundle.create", "bundle", NULL,
			   json_pack("{s:o, s:I, s:s}", "nodes", nodes, "packages",
				     (json_int_t)making->bundle->package_count, "expires_at",
				     expires),
			   err) &&
	       events_insert(ctx, events, err);
}

static const char *file_name(struct ctx *ctx, const struct making *making)
{
	char now[TIME_TEXT_SIZE];

	time_format(ctx->now, now);
	return making->request->node_count == 1
		       ? arena_printf(ctx->arena, "%s-%.10s.mst", making->states[0].node_name, now)
		       : arena_printf(ctx->arena, "%zu-nodes-%.10s.mst",
				      making->request->node_count, now);
}

static bool make(struct ctx *ctx, void *arg, struct error *err)
{
	struct making *making = arg;
	struct bundle *bundle = making->bundle;

	bundle_close(bundle);
	*bundle = (struct bundle){.expires = ctx->now + making->request->valid_days * USEC_PER_DAY};
	making->state_bytes = 0;
	making->packages = json_keep(json_object(), ctx->arena);
	if (!add_states(ctx, making, err) || !add_parts(ctx, making, err))
		return false;
	bundle->filename = file_name(ctx, making);
	return record(ctx, making, err);
}

bool bundle_make(struct ctx *ctx, const struct bundle_request *request, struct bundle *out,
		 struct error *err)
{
	struct making making = {.request = request, .bundle = out};

	*out = (struct bundle){0};
	if (request->node_count == 0 || request->node_count > BUNDLE_NODES_MAX)
		return error_set_field(err, ERR_INVALID, "nodes", "nodes names 1 to %d nodes",
				       BUNDLE_NODES_MAX);
	if (request->valid_days < 1 || request->valid_days > BUNDLE_DAYS_MAX)
		return error_set_field(err, ERR_INVALID, "valid_days", "valid_days is 1 to %d",
				       BUNDLE_DAYS_MAX);
	making.states = arena_array(ctx->arena, request->node_count, sizeof(*making.states));
	if (db_transaction(ctx, make, &making, err))
		return true;
	bundle_close(out);
	return false;
}

void bundle_close(struct bundle *bundle)
{
	for (size_t i = 0; i < bundle->part_count; i++)
		if (bundle->parts[i].fd >= 0)
			close(bundle->parts[i].fd);
	bundle->part_count = 0;
}
