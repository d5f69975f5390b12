/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/plan_node.h"

#include <fnmatch.h>
#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "domain/desired/desired.h"
#include "store/desired.h"

static const struct target_service *service_find(const struct target_service *now, size_t count,
						 const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(now[i].service, name) == 0)
			return &now[i];
	return NULL;
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

static json_t *file_content(json_t *file)
{
	json_t *content = json_object_get(file, "content");

	return content != NULL ? content : json_object_get(file, "content_base64");
}

static json_t *file_find(json_t *files, const char *path)
{
	size_t i;
	json_t *file;

	json_array_foreach (files, i, file)
		if (strcmp(json_string_value(json_object_get(file, "path")), path) == 0)
			return file;
	return NULL;
}

/* [{path, change}] of two arrays of files as a node gets them. */
static json_t *files_compare(json_t *before, json_t *after)
{
	json_t *out = json_array(), *file;
	size_t i;

	json_array_foreach (after, i, file) {
		const char *path = json_string_value(json_object_get(file, "path"));
		json_t *old = file_find(before, path);
		if (old == NULL || !json_equal(file_content(old), file_content(file)) ||
		    !json_equal(json_object_get(old, "mode"), json_object_get(file, "mode")))
			json_array_append_new(out, json_pack("{s:s, s:s}", "path", path, "change",
							     old == NULL ? "added" : "modified"));
	}
	json_array_foreach (before, i, file) {
		const char *path = json_string_value(json_object_get(file, "path"));
		if (file_find(after, path) == NULL)
			json_array_append_new(
				out, json_pack("{s:s, s:s}", "path", path, "change", "removed"));
	}
	return out;
}

/* Does a reload do, since only files changed that the package's manifest lists for it? */
static bool reload_suffices(json_t *manifest, json_t *files)
{
	json_t *hot = json_object_get(
		json_object_get(json_object_get(manifest, "service"), "reload"), "files");
	size_t i, j;
	json_t *file, *pattern;

	if (json_array_size(files) == 0)
		return false;
	json_array_foreach (files, i, file) {
		const char *path = json_string_value(json_object_get(file, "path"));
		bool listed = false;
		json_array_foreach (hot, j, pattern)
			listed |= fnmatch(json_string_value(pattern), path, 0) == 0;
		if (!listed)
			return false;
	}
	return true;
}

/* One service before and after. */
struct outlook {
	const struct change_facts *facts;
	const struct target_service *now;     /* all zero when there is none */
	const struct target_release *release; /* NULL: the package stays */
	struct desired_service after;
	json_t *built; /* what the node would get, NULL when the service goes */
};

/* Sets node->blocked when there is nothing that could run. */
static void find_release(struct ctx *ctx, struct outlook *look, struct plan_node *node)
{
	const struct rollout_change *change = look->facts->change;
	const char *platform = node->node->platform;

	if (change->package.name != NULL) {
		look->release = release_find(look->facts, platform);
		if (look->release == NULL)
			node->blocked = arena_printf(
				ctx->arena, "package %s %s is not there for platform %s",
				change->package.name, change->package.version,
				platform != NULL ? platform : "(unknown until the node is heard)");
	} else if (!change->remove && look->now->package_name == NULL) {
		node->blocked = arena_printf(ctx->arena, "service %s has no package to run",
					     change->service);
	}
}

/* Renders as a rollout would; what cannot be rendered blocks the node. */
static bool build_after(struct ctx *ctx, struct outlook *look, struct plan_node *node,
			struct error *err)
{
	const struct rollout_change *change = look->facts->change;
	const struct target_service *now = look->now;
	bool configured = look->facts->config_id != NULL;
	struct error why;

	look->after = (struct desired_service){
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
	if (change->remove ||
	    desired_service_build(ctx, node->node->id, &look->after, &look->built, &why))
		return true;
	if (why.code != ERR_INVALID && why.code != ERR_TOO_LARGE) {
		*err = why;
		return false;
	}
	node->blocked = arena_strdup(ctx->arena, why.text);
	return true;
}

static json_t *number_or_null(int64_t number)
{
	return number > 0 ? json_integer(number) : json_null();
}

static json_t *config_describe(const struct outlook *look, json_t *files)
{
	bool goes = look->facts->change->remove;

	return json_pack("{s:s?, s:o, s:o, s:O}", "name", look->after.config_name, "from",
			 number_or_null(look->now->config_version), "to",
			 number_or_null(goes ? 0 : look->after.config_version), "files", files);
}

/* What becomes of the service; *same when nothing does. New reference. */
static json_t *describe(struct ctx *ctx, const struct outlook *look, struct plan_node *node,
			bool *same)
{
	const struct rollout_change *change = look->facts->change;
	const struct target_service *now = look->now;
	const struct target_release *release = look->release;
	json_t *files = json_keep(
		files_compare(json_object_get(json_object_get(now->content, "config"), "files"),
			      json_object_get(json_object_get(look->built, "config"), "files")),
		ctx->arena);
	bool package_changes =
		release != NULL && (now->package_release_id == NULL ||
				    strcmp(release->id, now->package_release_id) != 0);
	bool config_changes =
		json_array_size(files) > 0 || look->after.config_version != now->config_version;
	bool appears = now->driver == NULL && !change->remove;
	bool goes = now->driver != NULL && change->remove;
	bool other_changes =
		appears || goes || look->after.run != now->run ||
		(change->parameters != NULL && !json_equal(change->parameters, now->parameters));
	bool reload = !package_changes && !other_changes && reload_suffices(now->manifest, files);
	const char *version = release != NULL ? release->version : now->package_version;

	if (change->remove && !goes)
		package_changes = config_changes = other_changes = false;
	*same = !package_changes && !config_changes && !other_changes;
	if (package_changes)
		node->fetch_bytes += release->size;
	return json_pack("{s:s, s:b, s:b, s:b, s:b, s:{s:s?, s:s?}, s:o}", "service",
			 change->service, "restart", !*same && !reload && look->after.run, "reload",
			 reload, "stop", now->run && !goes && !look->after.run, "remove",
			 change->remove, "package", "from", now->package_version, "to",
			 change->remove ? NULL : version, "config", config_describe(look, files));
}

static bool service_plan(struct ctx *ctx, const struct change_facts *facts,
			 const struct target_service *now, struct plan_node *node,
			 struct error *err)
{
	static const struct target_service nothing;
	struct outlook look = {.facts = facts, .now = now != NULL ? now : &nothing};
	bool same;

	find_release(ctx, &look, node);
	if (node->blocked == NULL && !build_after(ctx, &look, node, err))
		return false;
	if (node->blocked != NULL)
		return true;
	json_array_append_new(node->services, describe(ctx, &look, node, &same));
	node->same &= same;
	return true;
}

bool plan_node_make(struct ctx *ctx, const struct change_facts *facts, size_t fact_count,
		    const struct target_service *now, size_t now_count, struct plan_node *out,
		    struct error *err)
{
	out->services = json_keep(json_array(), ctx->arena);
	out->same = true;
	for (size_t i = 0; i < fact_count && out->blocked == NULL; i++)
		if (!service_plan(ctx, &facts[i],
				  service_find(now, now_count, facts[i].change->service), out, err))
			return false;
	return true;
}
