/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/handlers.h"
#include "base/arena.h"
#include "base/fields.h"
#include "domain/config/configs.h"
#include "store/nodes.h"
#include "store/variables.h"

static const struct field VARIABLE_FIELDS[] = {
	FIELD_STRING(struct variable, name, 0, 128),
	FIELD_STRING(struct variable, value, 0, 8192),
	FIELD_STRING(struct variable, level, 0, 16),
	FIELD_TIME(struct variable, updated_at, 0),
	FIELD_END,
};

static bool reply_list(struct request *req, const struct variable *variables, size_t count)
{
	json_t *items = json_array();
	int64_t total = 0;

	/* The node's own value comes first and hides the project's of the same name. */
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && strcmp(variables[i].name, variables[i - 1].name) == 0)
			continue;
		json_array_append_new(items, fields_encode(VARIABLE_FIELDS, &variables[i]));
		total++;
	}
	return request_reply_page(req, items, NULL, total);
}

bool variables_list_handler(struct request *req, struct error *err)
{
	struct variable *variables;
	size_t count;

	return variables_list(request_ctx(req), &variables, &count, err) &&
	       reply_list(req, variables, count);
}

bool node_variables_list_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct variable *variables;
	const char *project;
	struct node node;
	size_t count;

	return nodes_get(ctx, request_arg(req, 0), &node, err) &&
	       variables_list_for_node(ctx, node.id, &variables, &count, &project, err) &&
	       reply_list(req, variables, count);
}

struct value_body {
	const char *value;
};

static const struct field BODY_FIELDS[] = {
	FIELD_STRING(struct value_body, value, FIELD_REQUIRED, 8192),
	FIELD_END,
};

static bool put(struct request *req, const char *node, const char *name, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct value_body body = {0};
	struct variable variable;

	return fields_decode(BODY_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &body,
			     err) &&
	       variable_set(ctx, node, name, body.value, &variable, err) &&
	       request_reply_json(req, 200, fields_encode(VARIABLE_FIELDS, &variable));
}

bool variables_put_handler(struct request *req, struct error *err)
{
	return put(req, NULL, request_arg(req, 0), err);
}

bool node_variables_put_handler(struct request *req, struct error *err)
{
	return put(req, request_arg(req, 0), request_arg(req, 1), err);
}

bool variables_delete_handler(struct request *req, struct error *err)
{
	return variable_delete(request_ctx(req), NULL, request_arg(req, 0), err) &&
	       request_reply_empty(req, 204);
}

bool node_variables_delete_handler(struct request *req, struct error *err)
{
	return variable_delete(request_ctx(req), request_arg(req, 0), request_arg(req, 1), err) &&
	       request_reply_empty(req, 204);
}
