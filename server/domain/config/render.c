/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/config/render.h"

#include <inttypes.h>
#include <string.h>

#include "base/crypto.h"
#include "base/strbuf.h"
#include "domain/config/declarations.h"
#include "domain/config/files.h"
#include "domain/config/template.h"
#include "protocol/limits.h"
#include "store/configs.h"
#include "store/nodes.h"
#include "store/variables.h"

#define LABEL_PREFIX "node.label."
#define PARAMETER_PREFIX "param."
enum { USED_MAX = 512, PARAMETER_MAX = 64 * 1024 };

struct render {
	const struct render_input *input;
	struct arena *arena;
	struct declarations declarations;
	struct rendered_config out;
};

static const char *built_in(const struct render *render, const char *name)
{
	const struct node *node = render->input->node;

	if (strcmp(name, "node.id") == 0)
		return node->id;
	if (strcmp(name, "node.name") == 0)
		return node->name;
	if (strcmp(name, "project") == 0)
		return render->input->project;
	if (strncmp(name, LABEL_PREFIX, strlen(LABEL_PREFIX)) == 0)
		return json_string_value(
			json_object_get(node->labels, name + strlen(LABEL_PREFIX)));
	return NULL;
}

static const char *variable_at(const struct render *render, const char *level, const char *name)
{
	for (size_t i = 0; i < render->input->variable_count; i++) {
		const struct variable *variable = &render->input->variables[i];

		if (strcmp(variable->level, level) == 0 && strcmp(variable->name, name) == 0)
			return variable->value;
	}
	return NULL;
}

/* The closest value, and the level that it comes from. */
static const char *resolve(const struct render *render, const char *name, const char **level)
{
	static const char *const LEVELS[] = {"node", "project"};
	const struct declaration *declaration = declarations_find(&render->declarations, name);
	const char *value = built_in(render, name);

	*level = "builtin";
	for (size_t i = 0; !value && i < ARRAY_SIZE(LEVELS); i++) {
		*level = LEVELS[i];
		value = variable_at(render, LEVELS[i], name);
	}
	if (!value && declaration) {
		*level = "default";
		value = declaration->preset;
	}
	return value;
}

const char *config_value(const struct render_input *input, const char *name)
{
	const struct render render = {.input = input};
	const char *value = built_in(&render, name);

	if (!value)
		value = variable_at(&render, "node", name);
	return value ? value : variable_at(&render, "project", name);
}

static bool note_use(struct render *render, const char *name, const char *value, const char *level,
		     struct error *err)
{
	struct rendered_config *out = &render->out;

	for (size_t i = 0; i < out->variable_count; i++)
		if (strcmp(out->variables[i].name, name) == 0 &&
		    strcmp(out->variables[i].value, value) == 0)
			return true;
	if (out->variable_count == USED_MAX)
		return error_set(err, ERR_TOO_LARGE, "more than %d variables", USED_MAX);
	out->variables[out->variable_count++] = (struct rendered_variable){
		.name = arena_strdup(render->arena, name), .value = value, .level = level};
	return true;
}

static bool value_of(void *arg, const char *name, const char *inline_default, const char **out,
		     struct error *err)
{
	struct render *render = arg;
	const struct declaration *declaration = declarations_find(&render->declarations, name);
	const char *level;
	const char *value = resolve(render, name, &level);

	if (!value && inline_default) {
		value = inline_default;
		level = "inline";
	}
	if (!value)
		return error_set(err, ERR_INVALID, "variable \"%s\" is not defined", name);
	if (declaration && !declaration_accepts(declaration, value))
		return error_set(err, ERR_INVALID,
				 "variable \"%s\" is \"%.40s\" (%s level), which is not of type %s",
				 name, value, level, declaration->type);
	*out = value;
	return note_use(render, name, value, level, err);
}

static bool required_check(const struct render *render, struct error *err)
{
	const char *level;

	for (size_t i = 0; i < render->declarations.count; i++) {
		const struct declaration *declaration = &render->declarations.items[i];

		if (declaration->required && !resolve(render, declaration->name, &level))
			return error_set_field(err, ERR_INVALID, CONFIG_VARIABLES_FILE,
					       CONFIG_VARIABLES_FILE
					       ": variable \"%s\" is required but not defined",
					       declaration->name);
	}
	return true;
}

static bool load_declarations(struct render *render, struct error *err)
{
	const struct config_version *version = render->input->version;

	for (size_t i = 0; i < version->file_count; i++) {
		const struct config_file *file = &version->files[i];

		if (strcmp(file->path, CONFIG_VARIABLES_FILE) == 0)
			return declarations_parse(file->content, (size_t)file->size, render->arena,
						  &render->declarations, err);
	}
	return true;
}

/* budget: bytes that are left for all files. */
static bool render_file(struct render *render, const struct config_file *file, size_t budget,
			struct error *err)
{
	struct template_source source = {file->path, file->content, (size_t)file->size, value_of,
					 render};
	struct rendered_file *target = &render->out.files[render->out.file_count++];
	struct strbuf text;

	*target = (struct rendered_file){file->path, file->mode, file->content, (size_t)file->size};
	if (!config_file_is_text(file))
		return true;
	strbuf_init(&text, render->arena, budget);
	if (!template_render(&source, render->arena, &text, err))
		return false;
	target->content = text.data;
	target->size = text.length;
	return true;
}

static bool render_all(struct render *render, struct error *err)
{
	const struct config_version *version = render->input->version;
	size_t budget = LIMIT_CONFIG_BYTES;

	for (size_t i = 0; i < version->file_count; i++) {
		const struct config_file *file = &version->files[i];

		if (strcmp(file->path, CONFIG_VARIABLES_FILE) == 0)
			continue;
		if (!render_file(render, file, budget, err))
			return false;
		size_t size = render->out.files[render->out.file_count - 1].size;
		if (size > budget)
			return error_set_field(err, ERR_TOO_LARGE, file->path,
					       "rendered files are larger than %d bytes together",
					       LIMIT_CONFIG_BYTES);
		budget -= size;
	}
	return true;
}

static const char *rendered_digest(const struct rendered_config *rendered, struct arena *arena)
{
	struct config_file *files = arena_array(arena, rendered->file_count, sizeof(*files));

	for (size_t i = 0; i < rendered->file_count; i++) {
		char *hex = arena_alloc(arena, SHA256_HEX_SIZE);

		sha256_hex(rendered->files[i].content, rendered->files[i].size, hex);
		files[i] = (struct config_file){.path = rendered->files[i].path,
						.mode = rendered->files[i].mode,
						.sha256 = hex};
	}
	return config_files_digest(files, rendered->file_count, arena);
}

bool config_render_files(const struct render_input *input, struct arena *arena,
			 struct rendered_config *out, struct error *err)
{
	struct render render = {.input = input, .arena = arena};

	render.out.files =
		arena_array(arena, input->version->file_count, sizeof(*render.out.files));
	render.out.variables = arena_array(arena, USED_MAX, sizeof(*render.out.variables));
	if (!load_declarations(&render, err) || !required_check(&render, err) ||
	    !render_all(&render, err))
		return input->node_unnamed
			       ? error_prefix(err, "config %s version %" PRId64,
					      input->version->config, input->version->no)
			       : error_prefix(err, "config %s version %" PRId64 " for node %s",
					      input->version->config, input->version->no,
					      input->node->name);
	render.out.digest = rendered_digest(&render.out, arena);
	*out = render.out;
	return true;
}

bool config_render_input(struct ctx *ctx, const char *node_id, struct render_input *out,
			 struct error *err)
{
	struct node *node = arena_alloc(ctx->arena, sizeof(*node));
	struct variable *variables;

	if (!nodes_get_brief(ctx, node_id, node, err) ||
	    !variables_list_for_node(ctx, node->id, &variables, &out->variable_count, &out->project,
				     err))
		return false;
	out->node = node;
	out->variables = variables;
	return true;
}

bool config_render(struct ctx *ctx, const char *config_id, int64_t no, const char *node_id,
		   struct rendered_config *out, struct error *err)
{
	struct config_version version;
	struct render_input input = {.version = &version};

	return config_render_input(ctx, node_id, &input, err) &&
	       config_versions_get(ctx, config_id, no, true, &version, err) &&
	       config_render_files(&input, ctx->arena, out, err);
}

bool config_json_has_variables(json_t *json)
{
	const char *key;
	json_t *value;
	size_t index;

	if (json_is_string(json))
		return strstr(json_string_value(json), "${") != NULL;
	json_object_foreach (json, key, value)
		if (config_json_has_variables(value))
			return true;
	json_array_foreach (json, index, value)
		if (config_json_has_variables(value))
			return true;
	return false;
}

static bool parameter_value(void *arg, const char *name, const char *inline_default,
			    const char **out, struct error *err)
{
	struct render *render = arg;

	if (strncmp(name, PARAMETER_PREFIX, strlen(PARAMETER_PREFIX)) != 0)
		return value_of(arg, name, inline_default, out, err);
	*out = arena_printf(render->arena, "${%s}", name);
	return true;
}

/* Replaces the strings in json, which is ours alone, where they stand. Its depth was limited when it
 * was parsed. */
static bool render_strings(struct render *render, json_t *json, const char *path, struct error *err)
{
	const char *key;
	json_t *value;
	size_t index;

	if (json_is_string(json) && config_json_has_variables(json)) {
		struct template_source source = {path, json_string_value(json),
						 json_string_length(json), parameter_value, render};
		struct strbuf text;

		strbuf_init(&text, render->arena, PARAMETER_MAX);
		return template_render(&source, render->arena, &text, err) &&
		       json_string_setn(json, text.data, text.length) == 0;
	}
	json_object_foreach (json, key, value)
		if (!render_strings(render, value, arena_printf(render->arena, "%s.%s", path, key),
				    err))
			return false;
	json_array_foreach (json, index, value)
		if (!render_strings(render, value,
				    arena_printf(render->arena, "%s[%zu]", path, index), err))
			return false;
	return true;
}

bool config_render_parameters(const struct render_input *input, json_t *parameters,
			      const char *path, struct arena *arena, json_t **out,
			      struct error *err)
{
	struct render render = {.input = input, .arena = arena};

	if (!config_json_has_variables(parameters)) {
		*out = json_incref(parameters);
		return true;
	}
	render.out.variables = arena_array(arena, USED_MAX, sizeof(*render.out.variables));
	json_t *copy = json_deep_copy(parameters);
	if (!render_strings(&render, copy, path, err)) {
		json_decref(copy);
		return input->node_unnamed ? false
					   : error_prefix(err, "node %s", input->node->name);
	}
	*out = copy;
	return true;
}
