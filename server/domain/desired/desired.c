/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/desired/desired.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "base/keymap.h"
#include "base/strbuf.h"
#include "domain/config/names.h"
#include "domain/config/render.h"
#include "protocol/limits.h"
#include "store/configs.h"
#include "store/desired.h"
#include "store/history.h"
#include "store/variables.h"

enum { KEY_MAX = 1 << 20, INSERT_BYTES = 4 << 20, DIGEST_SIZE = 7 + SHA256_HEX_SIZE };

/* What some of the nodes get alike. */
struct group {
	const char *text; /* NULL: why says what is wrong */
	const char *digest;
	json_t *services;	       /* name -> JSON */
	const char **names, **digests; /* of services, for history */
	size_t service_count;
	struct error why;
};

/* One version of one config, read once. */
struct known_version {
	const char *config_id;
	int64_t no;
	struct config_version version;
	struct config_names names;
	struct known_version *next;
};

struct building {
	struct ctx *ctx;
	const char **ids;
	struct desired_node *nodes; /* by id, as all that follows */
	size_t node_count;
	struct desired_row *rows;
	size_t row_count;
	struct desired_package *packages;
	size_t package_count;
	struct desired_value *values;
	size_t value_count;
	struct desired_content *contents; /* by digest */
	json_t **former;		  /* services of contents[i]; NULL: not parsed yet */
	size_t content_count;
	struct variable *variables; /* of the project */
	size_t variable_count;
	json_t *keys;
	struct known_version *versions;
	struct keymap alike;
	struct group *groups; /* as many as requests at most */
};

/* One node on its way. */
struct making {
	const struct desired_request *request;
	const struct desired_node *node;
	const struct desired_row *rows; /* its own */
	size_t row_count;
	json_t *former; /* services of the generation before, or NULL */
	struct node named;
	struct render_input input;		/* variables NULL: not looked for yet */
	const struct rendered_config **configs; /* one per row; NULL: none, or kept */
	bool has_input;
};

/* --- what is known --- */

static int node_compare(const void *a, const void *b)
{
	return strcmp(((const struct desired_node *)a)->id, ((const struct desired_node *)b)->id);
}

static int row_compare(const void *a, const void *b)
{
	return strcmp(((const struct desired_row *)a)->node_id,
		      ((const struct desired_row *)b)->node_id);
}

static int value_compare(const void *a, const void *b)
{
	return strcmp(((const struct desired_value *)a)->node_id,
		      ((const struct desired_value *)b)->node_id);
}

static int content_compare(const void *a, const void *b)
{
	return strcmp(((const struct desired_content *)a)->digest,
		      ((const struct desired_content *)b)->digest);
}

static int package_compare(const void *a, const void *b)
{
	return strcmp(((const struct desired_package *)a)->id,
		      ((const struct desired_package *)b)->id);
}

/* The run of equal elements that key belongs to; NULL when there is none. */
static const void *run_of(const void *key, const void *list, size_t count, size_t size,
			  int (*compare)(const void *, const void *), size_t *length)
{
	const char *begin = list,
		   *hit = count > 0 ? bsearch(key, list, count, size, compare) : NULL;
	const char *end = begin + count * size;

	*length = 0;
	if (hit == NULL)
		return NULL;
	while (hit > begin && compare(key, hit - size) == 0)
		hit -= size;
	for (const char *at = hit; at < end && compare(key, at) == 0; at += size)
		*length += 1;
	return hit;
}

static bool keys_build(struct ctx *ctx, json_t **out, struct error *err)
{
	json_t *list = json_keep(json_array(), ctx->arena);
	struct desired_key *keys;
	size_t count;

	if (!desired_release_keys(ctx, &keys, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		char text[BASE64_SIZE(ED25519_PUBLIC_SIZE)];
		if (keys[i].size != ED25519_PUBLIC_SIZE)
			return error_set(err, ERR_INTERNAL, "release key %s has %zu bytes",
					 keys[i].id, keys[i].size);
		base64_encode(keys[i].public_key, keys[i].size, text);
		json_array_append_new(list,
				      json_pack("{s:s, s:s}", "id", keys[i].id, "public", text));
	}
	*out = list;
	return true;
}

static bool load_packages(struct ctx *ctx, struct building *all, struct error *err)
{
	const char **ids = arena_array(ctx->arena, all->row_count + 1, sizeof(*ids));
	struct keymap seen;
	size_t count = 0;
	bool fresh;

	keymap_init(&seen, ctx->arena);
	for (size_t i = 0; i < all->row_count; i++) {
		const char *id = all->rows[i].package_id;
		if (id == NULL)
			continue;
		keymap_number(&seen, id, strlen(id), &fresh);
		if (fresh)
			ids[count++] = id;
	}
	return desired_packages(ctx, ids, count, &all->packages, &all->package_count, err);
}

static bool load(struct ctx *ctx, struct building *all, const struct desired_request *requests,
		 size_t count, struct error *err)
{
	all->ctx = ctx;
	all->ids = arena_array(ctx->arena, count + 1, sizeof(*all->ids));
	for (size_t i = 0; i < count; i++)
		all->ids[i] = requests[i].node_id;
	if (!desired_nodes_lock(ctx, all->ids, count, &all->nodes, &all->node_count, err) ||
	    !desired_rows(ctx, all->ids, count, &all->rows, &all->row_count, err) ||
	    !desired_contents(ctx, all->ids, count, &all->contents, &all->content_count, err) ||
	    !desired_values(ctx, all->ids, count, &all->values, &all->value_count, err) ||
	    !variables_list(ctx, &all->variables, &all->variable_count, err) ||
	    !load_packages(ctx, all, err) || !keys_build(ctx, &all->keys, err))
		return false;
	if (all->node_count > 0)
		qsort(all->nodes, all->node_count, sizeof(*all->nodes), node_compare);
	all->former = arena_array(ctx->arena, all->content_count + 1, sizeof(json_t *));
	keymap_init(&all->alike, ctx->arena);
	all->groups = arena_array(ctx->arena, count + 1, sizeof(*all->groups));
	return true;
}

/* --- one node --- */

/* The services object of the former generation; NULL when there is none. */
static json_t *former_services(struct building *all, const struct desired_node *node)
{
	struct desired_content key = {.digest = node->digest};
	const struct desired_content *hit;
	struct error ignored;
	json_t *content;

	if (node->digest == NULL || all->content_count == 0)
		return NULL;
	hit = bsearch(&key, all->contents, all->content_count, sizeof(*hit), content_compare);
	if (hit == NULL)
		return NULL;
	json_t **services = &all->former[hit - all->contents];
	if (*services == NULL && json_parse_limited(hit->text, strlen(hit->text),
						    LIMIT_JSON_DEPTH + 4, &content, &ignored))
		*services = json_object_get(json_keep(content, all->ctx->arena), "services");
	return *services;
}

/* The JSON that the service gets as it is, or NULL when it is to be built. */
static json_t *given(const struct making *making, const struct desired_row *row, bool *kept)
{
	json_t *touched = json_object_get(making->request->touched, row->service);
	json_t *use = touched != NULL ? touched : json_object_get(making->former, row->service);

	*kept = touched == NULL;
	return json_is_object(use) ? use : NULL;
}

/* For whom configs are rendered: only looked for when something is. */
static void input_make(struct building *all, struct making *making)
{
	struct arena *arena = all->ctx->arena;
	struct desired_value key = {.node_id = making->node->id};
	struct error ignored;
	json_t *labels = NULL;
	size_t own;

	if (making->has_input)
		return;
	const struct desired_value *values =
		run_of(&key, all->values, all->value_count, sizeof(*values), value_compare, &own);
	struct variable *variables =
		arena_array(arena, own + all->variable_count + 1, sizeof(*variables));
	for (size_t i = 0; i < own; i++)
		variables[i] = (struct variable){
			.name = values[i].name, .value = values[i].value, .level = "node"};
	memcpy(variables + own, all->variables, all->variable_count * sizeof(*variables));
	if (json_parse_limited(making->node->labels, strlen(making->node->labels), LIMIT_JSON_DEPTH,
			       &labels, &ignored))
		json_keep(labels, arena);
	making->named =
		(struct node){.id = making->node->id, .name = making->node->name, .labels = labels};
	making->input = (struct render_input){
		.node = &making->named,
		.project = making->node->project,
		.variables = variables,
		.variable_count = own + all->variable_count,
		.node_unnamed = true,
	};
	making->has_input = true;
}

static bool version_get(struct building *all, const struct desired_row *row,
			struct known_version **out, struct error *err)
{
	struct ctx *ctx = all->ctx;

	for (*out = all->versions; *out != NULL; *out = (*out)->next)
		if ((*out)->no == row->config_version &&
		    strcmp((*out)->config_id, row->config_id) == 0)
			return true;

	struct known_version *known = arena_array(ctx->arena, 1, sizeof(*known));
	known->config_id = row->config_id;
	known->no = row->config_version;
	if (!config_versions_get(ctx, row->config_id, row->config_version, true, &known->version,
				 err))
		return error_prefix(err, "service %s", row->service);
	config_names_add_version(&known->names, &known->version, ctx->arena);
	known->next = all->versions;
	*out = all->versions = known;
	return true;
}

/* Each value with its length; '-' for none. */
static void add_values(const struct render_input *input, const struct config_names *names,
		       struct strbuf *key)
{
	for (size_t i = 0; i < names->count; i++) {
		const char *value = config_value(input, names->items[i]);

		if (value == NULL)
			strbuf_append_char(key, '-');
		else
			strbuf_printf(key, "%zu:%s", strlen(value), value);
	}
}

/* Everything that a built service depends on. */
static bool key_of_row(struct building *all, struct making *making, size_t i, struct strbuf *key,
		       struct error *err)
{
	const struct desired_row *row = &making->rows[i];
	const char *parameters = row->parameters != NULL ? row->parameters : "";
	struct known_version *known;

	strbuf_printf(key, "|%s built %s %d %s %zu:%s", row->service, row->driver, row->run,
		      row->package_id != NULL ? row->package_id : "", strlen(parameters),
		      parameters);
	if (row->config_id != NULL) {
		if (!version_get(all, row, &known, err))
			return false;
		input_make(all, making);
		strbuf_printf(key, " %s %lld ", row->config_id, (long long)row->config_version);
		add_values(&making->input, &known->names, key);
	}
	/* Variables in parameters are rare: such nodes are not grouped. */
	if (strstr(parameters, "${") != NULL)
		strbuf_printf(key, " for %s", making->node->id);
	return true;
}

/* Two nodes with the same key get the same content. */
static bool key_make(struct building *all, struct making *making, struct strbuf *key,
		     struct error *err)
{
	const struct desired_request *request = making->request;
	bool kept, any_kept = false;

	strbuf_printf(key, "%lld %lld %lld %d", (long long)request->attempt,
		      (long long)request->gate_ms, (long long)request->deadline_ms,
		      request->downgrade);
	for (size_t i = 0; i < making->row_count; i++) {
		const char *service = making->rows[i].service;
		json_t *use = given(making, &making->rows[i], &kept);
		char hash[SHA256_HEX_SIZE];

		if (use == NULL) {
			if (!key_of_row(all, making, i, key, err))
				return false;
		} else if (kept) {
			any_kept = true;
			strbuf_printf(key, "|%s kept", service);
		} else {
			const char *text = json_text(use, all->ctx->arena);
			sha256_hex(text, strlen(text), hash);
			strbuf_printf(key, "|%s given %s", service, hash);
		}
	}
	if (any_kept)
		strbuf_printf(key, "|of %s", making->node->digest);
	if (key->overflow)
		return error_set(err, ERR_TOO_LARGE, "it has too many services");
	return true;
}

static bool row_build(struct building *all, struct making *making, size_t i, json_t **out,
		      struct error *err)
{
	const struct desired_row *row = &making->rows[i];
	const struct desired_package key = {.id = row->package_id}, *package = NULL;
	struct known_version *known;
	json_t *parameters;
	struct desired_service service = {
		.service = row->service,
		.driver = row->driver,
		.run = row->run,
		.config_id = row->config_id,
		.config_name = row->config_name,
		.config_version = row->config_version,
	};

	if (row->package_id != NULL && all->package_count > 0)
		package = bsearch(&key, all->packages, all->package_count, sizeof(*package),
				  package_compare);
	if (package != NULL) {
		service.package_name = package->name;
		service.package_version = package->version;
		service.package_platform = package->platform;
		service.package_sha256 = package->sha256;
		service.package_size = package->size;
		service.package_envelope = package->envelope;
	}
	input_make(all, making);
	making->input.version = NULL;
	if (row->config_id != NULL) {
		if (!version_get(all, row, &known, err))
			return false;
		making->input.version = &known->version;
	}
	if (row->parameters != NULL) {
		if (!json_parse_limited(row->parameters, strlen(row->parameters), LIMIT_JSON_DEPTH,
					&parameters, err))
			return error_prefix(err, "service %s", row->service);
		service.parameters = json_keep(parameters, all->ctx->arena);
	}
	return desired_service_render(&making->input, &service, all->ctx->arena, out, err);
}

/* What history keeps of each service: the digest of its text with the keys in order. */
static void group_remember(struct ctx *ctx, struct group *group)
{
	size_t count = json_object_size(group->services);
	const char *name;
	json_t *service;

	group->names = arena_array(ctx->arena, count + 1, sizeof(char *));
	group->digests = arena_array(ctx->arena, count + 1, sizeof(char *));
	json_object_foreach (group->services, name, service) {
		group->names[group->service_count] = name;
		group->digests[group->service_count++] = history_digest(ctx, service);
	}
}

static bool content_build(struct building *all, struct making *making, struct group *group,
			  struct error *err)
{
	struct ctx *ctx = all->ctx;
	const struct desired_request *request = making->request;
	json_t *services = json_keep(json_object(), ctx->arena);
	bool kept;

	for (size_t i = 0; i < making->row_count; i++) {
		json_t *use = given(making, &making->rows[i], &kept);
		if (use == NULL && !row_build(all, making, i, &use, err))
			return false;
		json_object_set(services, making->rows[i].service, use);
	}
	json_t *content = json_keep(
		json_pack("{s:i, s:s, s:i, s:b, s:{s:s?, s:I, s:I, s:I, s:b}, s:O, s:O}", "v", 1,
			  "project", making->node->project, "health_interval_ms",
			  ctx->server->health_interval_ms, "health_beats", 1, "apply", "rollout",
			  request->rollout_id, "attempt", (json_int_t)request->attempt, "gate_ms",
			  (json_int_t)request->gate_ms, "deadline_ms",
			  (json_int_t)request->deadline_ms, "downgrade", request->downgrade,
			  "release_keys", all->keys, "services", services),
		ctx->arena);
	char *text = json_text(content, ctx->arena);
	size_t length = strlen(text);
	if (length > LIMIT_DESIRED_CONTENT)
		return error_set(err, ERR_TOO_LARGE,
				 "what it should run has %zu bytes, the limit is %d", length,
				 LIMIT_DESIRED_CONTENT);

	char *digest = arena_alloc(ctx->arena, DIGEST_SIZE);
	memcpy(digest, "sha256:", 7);
	sha256_hex(text, length, digest + 7);
	group->text = text;
	group->digest = digest;
	group->services = services;
	group_remember(ctx, group);
	return true;
}

/* The group that the request belongs to, which is built when it is the first of it. */
static bool group_find(struct building *all, const struct desired_request *request,
		       const struct desired_node *node, size_t *number, struct error *err)
{
	const struct desired_row of = {.node_id = node->id};
	struct making making = {
		.request = request,
		.node = node,
		.former = former_services(all, node),
	};
	struct strbuf key;
	bool fresh;

	if (node->retired)
		return error_set(err, ERR_CONFLICT, "node %s is retired", node->name);
	making.rows =
		run_of(&of, all->rows, all->row_count, sizeof(of), row_compare, &making.row_count);
	strbuf_init(&key, all->ctx->arena, KEY_MAX);
	if (!key_make(all, &making, &key, err))
		return error_prefix(err, "node %s", node->name);
	*number = keymap_number(&all->alike, key.data, key.length, &fresh);
	struct group *group = &all->groups[*number];
	if (fresh)
		(void)!content_build(all, &making, group, &group->why);
	if (group->text != NULL)
		return true;
	*err = group->why;
	return error_prefix(err, "node %s", node->name);
}

/* --- all of them --- */

struct chunk {
	const char **nodes, **generations, **places;
	size_t *groups; /* of each node */
	size_t node_count;
	const char **contents, **digests;
	size_t *place_of; /* group -> place in contents, plus one; 0: not there yet */
	size_t content_count, bytes;
};

/* What is other than before for each of these nodes, service by service. */
static bool chunk_remember(struct ctx *ctx, const struct building *all, const struct chunk *chunk,
			   struct error *err)
{
	struct history_batch batch = {
		.nodes = chunk->nodes,
		.generations = chunk->generations,
		.node_count = chunk->node_count,
	};
	size_t pairs = 0, services = 0;

	for (size_t i = 0; i < chunk->node_count; i++)
		pairs += all->groups[chunk->groups[i]].service_count;
	for (size_t i = 0; i < all->alike.count; i++)
		if (chunk->place_of[i] > 0)
			services += all->groups[i].service_count;
	batch.told = arena_array(ctx->arena, pairs + 1, sizeof(*batch.told));
	batch.services = arena_array(ctx->arena, services + 1, sizeof(*batch.services));
	for (size_t i = 0; i < chunk->node_count; i++) {
		const struct group *group = &all->groups[chunk->groups[i]];
		for (size_t s = 0; s < group->service_count; s++)
			batch.told[batch.told_count++] =
				(struct history_told){chunk->nodes[i], chunk->generations[i],
						      group->names[s], group->digests[s]};
	}
	for (size_t i = 0; i < all->alike.count; i++) {
		const struct group *group = &all->groups[i];
		for (size_t s = 0; chunk->place_of[i] > 0 && s < group->service_count; s++)
			batch.services[batch.service_count++] = (struct history_service){
				group->digests[s],
				json_object_get(group->services, group->names[s])};
	}
	return history_tell(ctx, &batch, err);
}

static bool chunk_flush(struct ctx *ctx, const struct building *all, struct chunk *chunk,
			size_t group_count, const char *rollout_id, struct error *err)
{
	const struct desired_batch batch = {
		.nodes = chunk->nodes,
		.generations = chunk->generations,
		.places = chunk->places,
		.node_count = chunk->node_count,
		.contents = chunk->contents,
		.digests = chunk->digests,
		.content_count = chunk->content_count,
		.rollout_id = rollout_id,
	};

	if (chunk->node_count > 0 &&
	    (!desired_insert(ctx, &batch, err) || !chunk_remember(ctx, all, chunk, err)))
		return false;
	chunk->node_count = chunk->content_count = chunk->bytes = 0;
	memset(chunk->place_of, 0, group_count * sizeof(*chunk->place_of));
	return true;
}

static void chunk_add(struct ctx *ctx, struct chunk *chunk, const struct group *group,
		      size_t number, const char *node_id, int64_t generation)
{
	if (chunk->place_of[number] == 0) {
		chunk->contents[chunk->content_count] = group->text;
		chunk->digests[chunk->content_count] = group->digest;
		chunk->place_of[number] = ++chunk->content_count;
		chunk->bytes += strlen(group->text);
	}
	chunk->nodes[chunk->node_count] = node_id;
	chunk->groups[chunk->node_count] = number;
	chunk->generations[chunk->node_count] =
		arena_printf(ctx->arena, "%lld", (long long)generation);
	chunk->places[chunk->node_count++] =
		arena_printf(ctx->arena, "%zu", chunk->place_of[number]);
}

static struct chunk chunk_make(struct ctx *ctx, size_t count)
{
	return (struct chunk){
		.nodes = arena_array(ctx->arena, count + 1, sizeof(char *)),
		.generations = arena_array(ctx->arena, count + 1, sizeof(char *)),
		.places = arena_array(ctx->arena, count + 1, sizeof(char *)),
		.groups = arena_array(ctx->arena, count + 1, sizeof(size_t)),
		.contents = arena_array(ctx->arena, count + 1, sizeof(char *)),
		.digests = arena_array(ctx->arena, count + 1, sizeof(char *)),
		.place_of = arena_array(ctx->arena, count + 1, sizeof(size_t)),
	};
}

/* What is wrong with the database, or with us, is no node's fault. */
static bool for_all(const struct error *why)
{
	return why->code == ERR_UNAVAILABLE || why->code == ERR_TIMEOUT ||
	       why->code == ERR_INTERNAL;
}

bool desired_rebuild_all(struct ctx *ctx, const struct desired_request *requests, size_t count,
			 struct desired_outcome outcomes[], struct error *err)
{
	struct building all = {0};
	struct chunk chunk = chunk_make(ctx, count);

	if (!load(ctx, &all, requests, count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct desired_node key = {.id = requests[i].node_id}, *node = NULL;
		struct desired_outcome *outcome = &outcomes[i];
		size_t number;

		*outcome = (struct desired_outcome){0};
		if (all.node_count > 0)
			node = bsearch(&key, all.nodes, all.node_count, sizeof(key), node_compare);
		bool good = node != NULL
				    ? group_find(&all, &requests[i], node, &number, &outcome->why)
				    : error_set(&outcome->why, ERR_NOT_FOUND, "there is no node %s",
						key.id);
		if (!good && for_all(&outcome->why)) {
			*err = outcome->why;
			return false;
		}
		if (!good)
			continue;
		outcome->generation = node->generation + 1;
		chunk_add(ctx, &chunk, &all.groups[number], number, node->id, outcome->generation);
		if (chunk.bytes > INSERT_BYTES &&
		    !chunk_flush(ctx, &all, &chunk, count, requests[0].rollout_id, err))
			return false;
	}
	return chunk_flush(ctx, &all, &chunk, count, count > 0 ? requests[0].rollout_id : NULL,
			   err);
}

bool desired_rebuild(struct ctx *ctx, const struct desired_request *request, int64_t *generation,
		     struct error *err)
{
	struct desired_outcome outcome;

	if (!desired_rebuild_all(ctx, request, 1, &outcome, err))
		return false;
	if (outcome.generation == 0) {
		*err = outcome.why;
		return false;
	}
	*generation = outcome.generation;
	return true;
}
