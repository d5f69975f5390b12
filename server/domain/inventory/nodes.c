/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/inventory/nodes.h"

#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/id.h"
#include "domain/audit/audit.h"
#include "domain/inventory/labels.h"
#include "store/changes.h"
#include "store/db.h"
#include "store/nodes.h"
#include "store/outbox.h"

static bool recorded(struct ctx *ctx, const char *action, const struct node *node, json_t *detail,
		     struct error *err)
{
	return audit_write(ctx, action, "node", node->id, detail, err) &&
	       changes_insert(ctx, "node", node->id, err);
}

/* Resolves a name and locks the node. */
static bool lock(struct ctx *ctx, const char *id_or_name, struct node *out, struct error *err)
{
	return nodes_get(ctx, id_or_name, out, err) && nodes_get_for_update(ctx, out->id, out, err);
}

static bool not_retired(const struct node *node, struct error *err)
{
	if (strcmp(node->state, "retired") == 0)
		return error_set(err, ERR_CONFLICT, "node \"%s\" is retired", node->name);
	return true;
}

struct update {
	struct node_change *change;
	struct node *out;
};

static bool update_run(struct ctx *ctx, void *arg, struct error *err)
{
	struct update *update = arg;
	struct node_change *change = update->change;
	struct node node;

	if (!lock(ctx, change->id_or_name, &node, err))
		return false;
	change->current = node.revision;
	if (change->expected >= 0 && change->expected != node.revision)
		return error_set(err, ERR_CONFLICT, "node \"%s\" has revision %" PRId64, node.name,
				 node.revision);
	json_t *detail = json_pack("{s:s, s:O}", "name", node.name, "labels", node.labels);
	if (!not_retired(&node, err) ||
	    !nodes_update(ctx, node.id, change->name, change->labels, err)) {
		json_decref(detail);
		return false;
	}
	return recorded(ctx, "node.update", &node, json_pack("{s:o}", "before", detail), err) &&
	       nodes_get(ctx, node.id, update->out, err);
}

bool inventory_node_update(struct ctx *ctx, struct node_change *change, struct node *out,
			   struct error *err)
{
	struct update update = {change, out};

	if (change->name && !id_valid_name(change->name))
		return error_set_field(
			err, ERR_INVALID, "name",
			"a name is 1 to 63 of a-z, 0-9, \".\", \"_\" and \"-\", and begins with a letter or digit");
	return labels_check(change->labels, "labels", err) &&
	       db_transaction(ctx, update_run, &update, err);
}

struct retirement {
	const char *id_or_name;
	struct node *out;
};

static bool retire_run(struct ctx *ctx, void *arg, struct error *err)
{
	struct retirement *retirement = arg;
	struct node node;

	if (!lock(ctx, retirement->id_or_name, &node, err) || !not_retired(&node, err) ||
	    !nodes_retire(ctx, node.id, err) || !outbox_insert_cut(ctx, node.id, err))
		return false;
	json_t *detail =
		json_pack("{s:s, s:s?}", "name", node.name, "certificate", node.cert_serial);
	return recorded(ctx, "node.retire", &node, detail, err) &&
	       nodes_get(ctx, node.id, retirement->out, err);
}

bool inventory_node_retire(struct ctx *ctx, const char *id_or_name, struct node *out,
			   struct error *err)
{
	struct retirement retirement = {id_or_name, out};

	return db_transaction(ctx, retire_run, &retirement, err);
}

/* What the agent knows, and whether it concerns one service. */
static const struct command_kind {
	const char *name;
	bool needs_service;
} COMMANDS[] = {
	{"restart", true},    {"start", true},	 {"stop", true},
	{"log_level", false}, {"resend", false}, {"retry", false},
};

static bool command_check(const struct node_command *command, const struct node *node,
			  struct error *err)
{
	const struct command_kind *kind = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++)
		if (strcmp(COMMANDS[i].name, command->kind) == 0)
			kind = &COMMANDS[i];
	if (!kind)
		return error_set_field(err, ERR_INVALID, "kind",
				       "kind \"%.40s\" is none of restart, start, stop, log_level, "
				       "resend, retry",
				       command->kind);
	if (!kind->needs_service && !command->service)
		return true;
	if (!command->service)
		return error_set_field(err, ERR_INVALID, "service", "command %s needs a service",
				       kind->name);
	for (size_t i = 0; i < json_array_size(node->services); i++) {
		const json_t *service = json_array_get(node->services, i);

		if (strcmp(json_string_value(json_object_get(service, "name")), command->service) ==
		    0)
			return true;
	}
	return error_set_field(err, ERR_INVALID, "service", "node \"%s\" has no service \"%.63s\"",
			       node->name, command->service);
}

struct dispatch {
	const struct node_command *command;
	const char *id;
};

static bool command_run(struct ctx *ctx, void *arg, struct error *err)
{
	struct dispatch *dispatch = arg;
	const struct node_command *command = dispatch->command;
	struct node node;

	if (!nodes_get(ctx, command->id_or_name, &node, err) || !not_retired(&node, err) ||
	    !command_check(command, &node, err))
		return false;
	json_auto_t *payload =
		json_pack("{s:s, s:s, s:s*, s:O*}", "id", dispatch->id, "kind", command->kind,
			  "service", command->service, "args", command->args);
	return nodes_command_insert(ctx, node.id, payload, err) &&
	       audit_write(ctx, "node.command", "node", node.id, json_incref(payload), err);
}

bool inventory_node_command(struct ctx *ctx, const struct node_command *command,
			    const char **command_id, struct error *err)
{
	char *id = arena_alloc(ctx->arena, ID_SIZE);
	struct dispatch dispatch = {command, id};

	id_random(id, "");
	if (!db_transaction(ctx, command_run, &dispatch, err))
		return false;
	*command_id = id;
	return true;
}
