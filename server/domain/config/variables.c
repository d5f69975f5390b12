/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/arena.h"
#include "domain/audit/audit.h"
#include "domain/config/configs.h"
#include "domain/config/template.h"
#include "store/changes.h"
#include "store/db.h"
#include "store/nodes.h"
#include "store/variables.h"

enum { VALUE_MAX_BYTES = 8192 };

struct setting {
	const char *node; /* id or name, NULL = project */
	const char *name;
	const char *value; /* NULL = delete */
};

/* Names that mean something already could never be reached. */
static bool name_check(const char *name, struct error *err)
{
	static const char *const PREFIXES[] = {"muster.", "node."};

	if (!template_name_valid(name))
		return error_set_field(
			err, ERR_INVALID, "name",
			"a name is 1 to 128 of A-Z, a-z, 0-9, \"_\", \".\" and \"-\", and begins "
			"with a letter or \"_\"");
	for (size_t i = 0; i < ARRAY_SIZE(PREFIXES); i++)
		if (strncmp(name, PREFIXES[i], strlen(PREFIXES[i])) == 0)
			return error_set_field(err, ERR_INVALID, "name",
					       "names that begin with \"%s\" are built in",
					       PREFIXES[i]);
	if (strcmp(name, "project") == 0)
		return error_set_field(err, ERR_INVALID, "name", "the name project is built in");
	return true;
}

static bool run(struct ctx *ctx, void *arg, struct error *err)
{
	const struct setting *setting = arg;
	const char *node_id = NULL;
	struct node node;

	if (setting->node) {
		if (!nodes_get(ctx, setting->node, &node, err))
			return false;
		node_id = node.id;
	}
	bool done = setting->value ? variables_set(ctx, node_id, setting->name, setting->value, err)
				   : variables_delete(ctx, node_id, setting->name, err);
	if (!done)
		return false;
	/* The value stays out of the audit: it may be something that not everybody should read. */
	return audit_write(ctx, setting->value ? "variable.set" : "variable.delete",
			   node_id ? "node" : "project", node_id ? node_id : ctx->project_id,
			   json_pack("{s:s}", "name", setting->name), err) &&
	       changes_insert(ctx, node_id ? "node" : "config", node_id ? node_id : setting->name,
			      err);
}

bool variable_set(struct ctx *ctx, const char *node, const char *name, const char *value,
		  struct variable *out, struct error *err)
{
	struct setting setting = {node, name, value};

	if (!name_check(name, err))
		return false;
	if (strlen(value) > VALUE_MAX_BYTES)
		return error_set_field(err, ERR_TOO_LARGE, "value", "value is longer than %d bytes",
				       VALUE_MAX_BYTES);
	if (!db_transaction(ctx, run, &setting, err))
		return false;
	*out = (struct variable){arena_strdup(ctx->arena, name), arena_strdup(ctx->arena, value),
				 node ? "node" : "project", ctx->now};
	return true;
}

bool variable_delete(struct ctx *ctx, const char *node, const char *name, struct error *err)
{
	struct setting setting = {node, name, NULL};

	return db_transaction(ctx, run, &setting, err);
}
