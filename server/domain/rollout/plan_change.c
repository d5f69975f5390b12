/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of nodes when changes are rolled out. */
#include <stdlib.h>
#include <string.h>

#include "base/fields.h"
#include "domain/config/names.h"
#include "domain/config/render.h"
#include "domain/desired/desired.h"
#include "domain/rollout/plan_internal.h"
#include "store/configs.h"
#include "store/desired.h"
#include "store/variables.h"

#define LABEL_PREFIX "node.label."

/* A change with what its names stand for. */
struct change_facts {
	const struct rollout_change *change;
	struct target_release *releases; /* of the package, one per platform */
	size_t release_count;
	const char *config_id;
	int64_t config_version;
};

struct version_cache {
	struct config_version *versions;
	size_t count;
	size_t capacity;
};

struct changes {
	struct ctx *ctx; /* the request's: lives longer than a batch */
	struct plan *plan;
	struct change_facts *facts;
	struct target_service *services; /* brief, by node and service */
	size_t service_count;
	struct config_names names;	 /* that any of the renderings asks for */
	bool labels;			 /* one of them is a label */
	struct node_variable *variables; /* of nodes, by node and name */
	size_t variable_count;
	struct variable *project_variables;
	size_t project_variable_count;
	const char *project;
	struct version_cache cache;
};

/* --- names --- */

/* What a change sets, with names resolved; the form of store/rollout_steps.h. */
static bool resolve_change(struct ctx *ctx, struct change_facts *facts, json_t **out,
			   struct error *err)
{
	const struct rollout_change *change = facts->change;
	json_t *set = json_keep(json_object(), ctx->arena);

	if (change->remove)
		json_object_set_new(set, "remove", json_true());
	if (change->driver != NULL)
		json_object_set_new(set, "driver", json_string(change->driver));
	if (change->has_run)
		json_object_set_new(set, "run", json_boolean(change->run));
	if (change->parameters != NULL)
		json_object_set(set, "parameters", change->parameters);
	if (change->package.name != NULL) {
		if (!targets_releases(ctx, change->package.name, change->package.version,
				      &facts->releases, &facts->release_count, err))
			return false;
		if (facts->release_count == 0)
			return error_set_field(err, ERR_INVALID, "package",
					       "there is no package %s %s", change->package.name,
					       change->package.version);
		json_object_set_new(set, "package",
				    json_pack("{s:s, s:s}", "name", change->package.name, "version",
					      change->package.version));
	}
	if (change->config.name != NULL) {
		if (!targets_config(ctx, change->config.name,
				    json_integer_value(change->config.version), &facts->config_id,
				    &facts->config_version, err))
			return false;
		json_object_set_new(set, "config_id", json_string(facts->config_id));
		json_object_set_new(set, "config_version", json_integer(facts->config_version));
	}
	*out = set;
	return true;
}

static bool resolve(struct ctx *ctx, struct changes *changes, struct error *err)
{
	struct plan *plan = changes->plan;

	changes->facts = arena_array(ctx->arena, plan->change_count, sizeof(*changes->facts));
	plan->resolved = json_keep(json_object(), ctx->arena);
	for (size_t i = 0; i < plan->change_count; i++) {
		json_t *set;
		changes->facts[i].change = &plan->changes[i];
		if (!resolve_change(ctx, &changes->facts[i], &set, err)) {
			error_prefix_field(err, arena_printf(ctx->arena, "changes[%zu]", i));
			return false;
		}
		json_object_set(plan->resolved, plan->changes[i].service, set);
	}
	return true;
}

/* --- what is asked about the fleet --- */

static int by_node(const void *a, const void *b)
{
	return strcmp(((const struct target_service *)a)->node_id,
		      ((const struct target_service *)b)->node_id);
}

static const struct target_service *service_of(const struct target_service *services, size_t count,
					       const char *node, const char *service)
{
	struct target_service key = {.node_id = node};
	const struct target_service *hit =
		count > 0 ? bsearch(&key, services, count, sizeof(*services), by_node) : NULL;

	if (hit == NULL)
		return NULL;
	while (hit > services && strcmp(hit[-1].node_id, node) == 0)
		hit--;
	for (; hit < services + count && strcmp(hit->node_id, node) == 0; hit++)
		if (strcmp(hit->service, service) == 0)
			return hit;
	return NULL;
}

static bool load_services(struct ctx *ctx, struct changes *changes, struct error *err)
{
	struct plan *plan = changes->plan;
	const char **ids = arena_array(ctx->arena, plan->node_count + 1, sizeof(*ids));
	const char **names = arena_array(ctx->arena, plan->change_count + 1, sizeof(*names));

	for (size_t i = 0; i < plan->node_count; i++)
		ids[i] = plan->nodes[i].node->id;
	for (size_t i = 0; i < plan->change_count; i++)
		names[i] = plan->changes[i].service;
	if (!targets_services_brief(ctx, ids, plan->node_count, names, plan->change_count,
				    &changes->services, &changes->service_count, err))
		return false;
	if (changes->service_count > 0)
		qsort(changes->services, changes->service_count, sizeof(*changes->services),
		      by_node);
	if (changes->names.count == 0)
		return true;
	return variables_list_for_nodes(ctx, ids, plan->node_count, changes->names.items,
					changes->names.count, &changes->variables,
					&changes->variable_count, err);
}

/* Version of a config with contents, loaded once. */
static bool version_get(struct changes *changes, const char *config_id, int64_t no,
			const struct config_version **out, struct error *err)
{
	struct version_cache *cache = &changes->cache;
	struct arena *arena = changes->ctx->arena;

	for (size_t i = 0; i < cache->count; i++)
		if (cache->versions[i].no == no &&
		    strcmp(cache->versions[i].config_id, config_id) == 0) {
			*out = &cache->versions[i];
			return true;
		}
	if (cache->count == cache->capacity) {
		struct config_version *larger =
			arena_array(arena, 2 * cache->capacity + 8, sizeof(*larger));
		if (cache->count > 0)
			memcpy(larger, cache->versions, cache->count * sizeof(*larger));
		cache->versions = larger;
		cache->capacity = 2 * cache->capacity + 8;
	}
	if (!config_versions_get(changes->ctx, config_id, no, true, &cache->versions[cache->count],
				 err))
		return false;
	*out = &cache->versions[cache->count++];
	return true;
}

/* Every variable that a rendering may ask for: of what is set, and of what stays but is rendered anew. */
static bool collect_names(struct ctx *ctx, struct changes *changes, struct error *err)
{
	const struct config_version *version;
	struct target_kept *kept;
	size_t count;

	for (size_t i = 0; i < changes->plan->change_count; i++) {
		const struct change_facts *facts = &changes->facts[i];
		const struct rollout_change *change = facts->change;

		if (change->remove)
			continue;
		config_names_add_json(&changes->names, change->parameters, ctx->arena);
		if (facts->config_id != NULL) {
			if (!version_get(changes, facts->config_id, facts->config_version, &version,
					 err))
				return false;
			config_names_add_version(&changes->names, version, ctx->arena);
		}
		if (facts->config_id != NULL && change->parameters != NULL)
			continue;
		if (!targets_kept(ctx, change->service, &kept, &count, err))
			return false;
		for (size_t k = 0; k < count; k++) {
			if (change->parameters == NULL)
				config_names_add_json(&changes->names, kept[k].parameters,
						      ctx->arena);
			if (facts->config_id != NULL || kept[k].config_id == NULL)
				continue;
			if (!version_get(changes, kept[k].config_id, kept[k].config_version,
					 &version, err))
				return false;
			config_names_add_version(&changes->names, version, ctx->arena);
		}
	}
	for (size_t i = 0; i < changes->names.count; i++)
		changes->labels |=
			strncmp(changes->names.items[i], LABEL_PREFIX, strlen(LABEL_PREFIX)) == 0;
	return true;
}

/* --- what the outcome depends on --- */

static int variable_compare(const void *a, const void *b)
{
	const struct node_variable *left = a, *right = b;
	int order = strcmp(left->node_id, right->node_id);

	return order != 0 ? order : strcmp(left->name, right->name);
}

static const char *node_value(const struct changes *changes, const char *node, const char *name)
{
	struct node_variable key = {.node_id = node, .name = name};
	const struct node_variable *hit =
		changes->variable_count > 0
			? bsearch(&key, changes->variables, changes->variable_count,
				  sizeof(*changes->variables), variable_compare)
			: NULL;

	return hit != NULL ? hit->value : NULL;
}

static json_t *labels_of(const struct target_node *node)
{
	struct error ignored;
	json_t *labels;

	if (node->labels == NULL ||
	    !json_parse_limited(node->labels, strlen(node->labels), 4, &labels, &ignored))
		return json_object();
	return labels;
}

static void add_value(struct strbuf *out, const char *value)
{
	if (value == NULL)
		strbuf_append_string(out, "-;");
	else
		strbuf_printf(out, "%zu:%s;", strlen(value), value);
}

static void add_values(const struct changes *changes, const struct target_node *node,
		       struct strbuf *out)
{
	json_t *labels = changes->labels ? labels_of(node) : NULL;

	for (size_t i = 0; i < changes->names.count; i++) {
		const char *name = changes->names.items[i];

		if (strcmp(name, "node.id") == 0)
			add_value(out, node->id);
		else if (strcmp(name, "node.name") == 0)
			add_value(out, node->name);
		else if (strncmp(name, LABEL_PREFIX, strlen(LABEL_PREFIX)) == 0)
			add_value(out, json_string_value(json_object_get(
					       labels, name + strlen(LABEL_PREFIX))));
		if (changes->variable_count > 0)
			add_value(out, node_value(changes, node->id, name));
	}
	json_decref(labels);
}

/* The release that fits the platform, its own before "any". */
static const struct target_release *release_find(const struct change_facts *facts,
						 const char *platform)
{
	const struct target_release *any = NULL;

	for (size_t i = 0; i < facts->release_count; i++) {
		if (platform != NULL && strcmp(facts->releases[i].platform, platform) == 0)
			return &facts->releases[i];
		if (strcmp(facts->releases[i].platform, "any") == 0)
			any = &facts->releases[i];
	}
	return any;
}

static bool key(void *arg, size_t i, struct strbuf *out, struct error *err)
{
	const struct changes *changes = arg;
	const struct target_node *node = changes->plan->nodes[i].node;

	(void)err;
	for (size_t c = 0; c < changes->plan->change_count; c++) {
		const struct change_facts *facts = &changes->facts[c];
		const struct target_service *now =
			service_of(changes->services, changes->service_count, node->id,
				   facts->change->service);

		add_value(out, now != NULL ? now->fingerprint : NULL);
		if (facts->change->package.name == NULL)
			continue;
		const struct target_release *release = release_find(facts, node->platform);
		/* What does not fit is told with the platform. */
		add_value(out, release != NULL ? release->id : node->platform);
	}
	add_values(changes, node, out);
	return true;
}

/* --- the outcome --- */

/* One service of one node before and after. */
struct change_outlook {
	struct changes *changes;
	const struct change_facts *facts;
	const struct target_node *node;
	const struct target_service *now;     /* all zero when there is none */
	const struct target_release *release; /* NULL: the package stays */
	struct arena *arena;
	struct outlook *outlook;
};

/* Sets blocked when there is nothing that could run. */
static void find_release(struct change_outlook *look)
{
	const struct rollout_change *change = look->facts->change;
	const char *platform = look->node->platform;

	if (change->package.name != NULL) {
		look->release = release_find(look->facts, platform);
		if (look->release == NULL)
			look->outlook->blocked = arena_printf(
				look->arena, "package %s %s is not there for platform %s",
				change->package.name, change->package.version,
				platform != NULL ? platform : "(unknown until the node is heard)");
	} else if (!change->remove && look->now->package_name == NULL) {
		look->outlook->blocked = arena_printf(
			look->arena, "service %s has no package to run", change->service);
	}
}

static struct render_input render_input_of(const struct changes *changes,
					   const struct target_node *target, struct arena *arena)
{
	size_t room = changes->project_variable_count + changes->names.count;
	struct variable *variables = arena_array(arena, room + 1, sizeof(*variables));
	struct node *node = arena_alloc(arena, sizeof(*node));
	size_t count = changes->project_variable_count;

	if (count > 0)
		memcpy(variables, changes->project_variables, count * sizeof(*variables));
	for (size_t i = 0; i < changes->names.count; i++) {
		const char *value = node_value(changes, target->id, changes->names.items[i]);

		if (value != NULL)
			variables[count++] = (struct variable){
				.name = changes->names.items[i], .value = value, .level = "node"};
	}
	node->id = target->id;
	node->name = target->name;
	node->labels = json_keep(labels_of(target), arena);
	return (struct render_input){.node = node,
				     .project = changes->project,
				     .variables = variables,
				     .variable_count = count,
				     .node_unnamed = true};
}

/* Renders as a rollout would; what cannot be rendered blocks the node. */
static bool build_after(struct change_outlook *look, struct desired_service *after, json_t **built,
			struct error *err)
{
	const struct rollout_change *change = look->facts->change;
	const struct target_service *now = look->now;
	bool configured = look->facts->config_id != NULL;
	struct render_input input = render_input_of(look->changes, look->node, look->arena);
	struct error why;

	*after = (struct desired_service){
		.service = change->service,
		.driver = change->driver != NULL ? change->driver
			  : now->driver != NULL	 ? now->driver
						 : "generic",
		.run = change->has_run ? change->run : now->driver == NULL || now->run,
		.parameters = change->parameters != NULL ? change->parameters : now->parameters,
		.config_id = configured ? look->facts->config_id : now->config_id,
		.config_name = configured ? change->config.name : now->config_name,
		.config_version = configured ? look->facts->config_version : now->config_version,
	};
	if (after->config_id != NULL && !version_get(look->changes, after->config_id,
						     after->config_version, &input.version, err))
		return false;
	if (desired_service_render(&input, after, look->arena, built, &why))
		return true;
	if (why.code != ERR_INVALID && why.code != ERR_TOO_LARGE) {
		*err = why;
		return false;
	}
	look->outlook->blocked = arena_strdup(look->arena, why.text);
	return true;
}

static void compare(const struct change_outlook *look, const struct desired_service *after,
		    json_t *built)
{
	const struct rollout_change *change = look->facts->change;
	const struct target_service *now = look->now;
	const struct target_release *release = look->release;
	struct plan_pair pair = {
		.service = change->service,
		.before = {.exists = now->driver != NULL,
			   .run = now->run,
			   .driver = now->driver,
			   .package_version = now->package_version,
			   .package_sha256 = now->package_sha256,
			   .config_name = now->config_name,
			   .config_version = now->config_version,
			   .content = now->content},
		.after = {.exists = true,
			  .run = after->run,
			  .driver = after->driver,
			  .package_version = release ? release->version : now->package_version,
			  .package_sha256 = release ? release->sha256 : now->package_sha256,
			  .config_name = after->config_name,
			  .config_version = after->config_version,
			  .content = built},
		.parameters_change = change->parameters != NULL &&
				     json_equal(change->parameters, now->parameters) == 0,
		.package_size = release != NULL ? release->size : 0,
		.manifest = now->manifest,
	};

	/* A driver that the manifest names comes with the package. */
	if (change->driver == NULL)
		pair.after.driver = pair.before.driver;
	if (change->remove)
		pair.after = (struct plan_side){0};
	plan_compare(&pair, look->arena, look->outlook);
}

static bool foresee_one(struct change_outlook *look, struct error *err)
{
	struct desired_service after = {0};
	json_t *built = NULL;

	find_release(look);
	if (look->outlook->blocked == NULL && !look->facts->change->remove &&
	    !build_after(look, &after, &built, err))
		return false;
	if (look->outlook->blocked == NULL)
		compare(look, &after, built);
	return true;
}

static bool foresee(struct ctx *ctx, void *arg, const size_t *which, size_t count,
		    struct outlook *out, struct error *err)
{
	static const struct target_service nothing;
	struct changes *changes = arg;
	struct plan *plan = changes->plan;
	const char **ids = arena_array(ctx->arena, count, sizeof(*ids));
	const char **names = arena_array(ctx->arena, plan->change_count, sizeof(*names));
	struct target_service *services;
	size_t service_count;

	for (size_t i = 0; i < count; i++)
		ids[i] = plan->nodes[which[i]].node->id;
	for (size_t i = 0; i < plan->change_count; i++)
		names[i] = plan->changes[i].service;
	if (!targets_services(ctx, ids, count, names, plan->change_count, &services, &service_count,
			      err))
		return false;
	if (service_count > 0)
		qsort(services, service_count, sizeof(*services), by_node);
	for (size_t i = 0; i < count; i++)
		for (size_t c = 0; c < plan->change_count && out[i].blocked == NULL; c++) {
			struct change_outlook look = {
				.changes = changes,
				.facts = &changes->facts[c],
				.node = plan->nodes[which[i]].node,
				.now = service_of(services, service_count, ids[i], names[c]),
				.arena = ctx->arena,
				.outlook = &out[i],
			};
			if (look.now == NULL)
				look.now = &nothing;
			if (!foresee_one(&look, err))
				return false;
		}
	return true;
}

bool plan_foresee_changes(struct ctx *ctx, struct plan *plan, struct error *err)
{
	struct changes changes = {.ctx = ctx, .plan = plan};
	const struct plan_source source = {key, foresee, &changes};

	if (!resolve(ctx, &changes, err) || !collect_names(ctx, &changes, err) ||
	    !load_services(ctx, &changes, err) ||
	    !variables_list_for_node(ctx, "", &changes.project_variables,
				     &changes.project_variable_count, &changes.project, err))
		return false;
	if (changes.variable_count > 0)
		qsort(changes.variables, changes.variable_count, sizeof(*changes.variables),
		      variable_compare);
	return plan_group_nodes(ctx, plan, &source, err);
}
