/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/plan_node.h"

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
		bool listed = false;
		json_array_foreach (hot, j, pattern)
			listed |= json_equal(json_object_get(file, "path"), pattern);
		if (!listed)
			return false;
	}
	return true;
}

static json_t *from_to(const char *from, const char *to)
{
	return json_pack("{s:s?, s:s?}", "from", from, "to", to);
}

/* Describes what becomes of one service; *same when nothing does. */
static bool service_plan(struct ctx *ctx, const struct change_facts *facts,
			 const struct target_service *now, struct plan_node *node, json_t **out,
			 bool *same, struct error *err)
{
	static const struct target_service nothing;
	const struct rollout_change *change = facts->change;
	const struct target_release *release = NULL;
	json_t *built = NULL, *json;

	if (now == NULL)
		now = &nothing;
	if (change->package.name != NULL) {
		release = release_find(facts, node->node->platform);
		if (release == NULL) {
			node->blocked = arena_printf(
				ctx->arena, "package %s %s is not there for platform %s",
				change->package.name, change->package.version,
				node->node->platform != NULL ? node->node->platform
							     : "(unknown until the node is heard)");
			return true;
		}
	}
	if (!change->remove && release == NULL && now->package_name == NULL) {
		node->blocked = arena_printf(ctx->arena, "service %s has no package to run",
					     change->service);
		return true;
	}

	struct desired_service after = {
		.service = change->service,
		.driver = change->driver != NULL ? change->driver
			  : now->driver != NULL	 ? now->driver
						 : "generic",
		.run = change->has_run ? change->run : now->driver == NULL || now->run,
		.parameters = change->parameters != NULL ? change->parameters : now->parameters,
		.config_id = facts->config_id != NULL ? facts->config_id : now->config_id,
		.config_name = facts->config_id != NULL ? change->config.name : now->config_name,
		.config_version =
			facts->config_id != NULL ? facts->config_version : now->config_version,
	};
	if (!change->remove) {
		struct error why;
		if (!desired_service_build(ctx, node->node->id, &after, &built, &why)) {
			if (why.code != ERR_INVALID && why.code != ERR_TOO_LARGE) {
				*err = why;
				return false;
			}
			node->blocked = arena_strdup(ctx->arena, why.text);
			return true;
		}
	}

	json_t *files =
		files_compare(json_object_get(json_object_get(now->content, "config"), "files"),
			      json_object_get(json_object_get(built, "config"), "files"));
	bool package_changes =
		release != NULL && (now->package_release_id == NULL ||
				    strcmp(release->id, now->package_release_id) != 0);
	bool config_changes =
		json_array_size(files) > 0 || after.config_version != now->config_version;
	bool other_changes = change->remove
				     ? now->driver != NULL
				     : now->driver == NULL || after.run != now->run ||
					       (change->parameters != NULL &&
						!json_equal(change->parameters, now->parameters));
	bool reload = !package_changes && !other_changes && reload_suffices(now->manifest, files);

	*same = !package_changes && !config_changes && !other_changes;
	if (package_changes)
		node->fetch_bytes += release->size;
	json = json_pack("{s:s, s:b, s:b, s:b}", "service", change->service, "restart",
			 !*same && !reload && after.run, "reload", reload, "remove",
			 change->remove);
	json_object_set_new(json, "package",
			    from_to(now->package_version, change->remove ? NULL
							  : release != NULL
								  ? release->version
								  : now->package_version));
	json_object_set_new(
		json, "config",
		json_pack("{s:s?, s:o, s:o, s:o}", "name", after.config_name, "from",
			  now->config_version > 0 ? json_integer(now->config_version) : json_null(),
			  "to",
			  !change->remove && after.config_version > 0
				  ? json_integer(after.config_version)
				  : json_null(),
			  "files", files));
	*out = json;
	return true;
}

bool plan_node_make(struct ctx *ctx, const struct change_facts *facts, size_t fact_count,
		    const struct target_service *now, size_t now_count, struct plan_node *out,
		    struct error *err)
{
	out->services = json_keep(json_array(), ctx->arena);
	out->same = true;
	for (size_t i = 0; i < fact_count && out->blocked == NULL; i++) {
		json_t *service = NULL;
		bool same = true;
		if (!service_plan(ctx, &facts[i],
				  service_find(now, now_count, facts[i].change->service), out,
				  &service, &same, err))
			return false;
		if (service != NULL)
			json_array_append_new(out->services, service);
		out->same &= same;
	}
	return true;
}
