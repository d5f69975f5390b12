/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renders a version of a config for one node: ${name} by the closest definition (node, project,
 * default of variables.json, inline default); ${muster.*} stays for the agent. Preview, plan and
 * the building of desired state all come here, so what was shown is what a node gets.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/config.h"
#include "model/ctx.h"
#include "model/node.h"

struct rendered_file {
	const char *path;
	const char *mode;    /* "0644" */
	const char *content; /* size bytes; not text when not valid UTF-8, then not rendered */
	size_t size;
};

/* A variable that the files use, with the value that won. */
struct rendered_variable {
	const char *name;
	const char *value;
	const char *level; /* node, project, default, inline, builtin */
};

struct rendered_config {
	struct rendered_file *files; /* by path; without variables.json */
	size_t file_count;
	struct rendered_variable *variables;
	size_t variable_count;
	const char *digest; /* sha256:<hex> over paths, modes and contents */
};

/*
 * Within ctx->project_id; everything lives in the arena. ERR_INVALID for an undefined variable (text:
 * config, file:line:column, variable, node), ERR_TOO_LARGE past LIMIT_CONFIG_BYTES, ERR_NOT_FOUND.
 */
MUST_CHECK bool config_render(struct ctx *ctx, const char *config_id, int64_t version,
			      const char *node_id, struct rendered_config *out, struct error *err);

/* The same without a database: what a test gives, and what config_render loads. */
struct render_input {
	const struct config_version *version; /* with contents */
	const struct node *node;
	const char *project;		  /* name */
	const struct variable *variables; /* of node and project: level says which */
	size_t variable_count;
	bool node_unnamed; /* errors do not say which node: a plan groups nodes by them */
};

/*
 * Loads what every rendering for the node needs, once: node, project and variables. out->version is left
 * alone. NOT_FOUND.
 */
MUST_CHECK bool config_render_input(struct ctx *ctx, const char *node_id, struct render_input *out,
				    struct error *err);

MUST_CHECK bool config_render_files(const struct render_input *input, struct arena *arena,
				    struct rendered_config *out, struct error *err);

/*
 * The same for a service's parameters, that is for every string in a JSON object; ${param.NAME} stays
 * for the agent as well. *out is a new reference. path begins the place that errors name.
 */
MUST_CHECK bool config_render_parameters(const struct render_input *input, json_t *parameters,
					 const char *path, struct arena *arena, json_t **out,
					 struct error *err);

/* The value of a variable but for what its declaration and the place of its use say, or NULL. */
const char *config_value(const struct render_input *input, const char *name);

/* Whether any string in json asks for a variable. */
bool config_json_has_variables(json_t *json);
