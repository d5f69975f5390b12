/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/inventory/selection.h"

#include "base/arena.h"
#include "base/fields.h"
#include "base/id.h"
#include "domain/audit/audit.h"
#include "domain/inventory/labels.h"
#include "domain/inventory/selector.h"
#include "store/db.h"
#include "store/targets.h"

/* Long enough to look at what was selected, too short to find it again another day. */
#define LIFETIME USEC_PER_HOUR

bool selection_make(struct ctx *ctx, const char *selector, const char *const *nodes,
		    size_t node_count, struct selection *out, struct error *err)
{
	char id[ID_SIZE];
	struct target_node *found;
	size_t count;

	if ((selector != NULL) == (node_count > 0))
		return error_set_field(err, ERR_INVALID, "selector",
				       "give either a selector or a list of nodes");
	id_random(id, "");
	struct selection selection = {
		.id = arena_strdup(ctx->arena, id),
		.selector = selector,
		.expires_at = ctx->now + LIFETIME,
	};
	if (selector != NULL &&
	    !selector_parse(selector, ctx->arena, &selection.requirements, err)) {
		error_set_field(err, ERR_INVALID, "selector", "%s",
				arena_strdup(ctx->arena, err->text));
		return false;
	}
	/* Names the first that does not exist. */
	if (selector == NULL && !targets_by_name(ctx, nodes, node_count, &found, &count, err)) {
		if (err->code == ERR_INVALID)
			error_set_field(err, ERR_INVALID, "nodes", "%s",
					arena_strdup(ctx->arena, err->text));
		return false;
	}
	if (!selections_insert(ctx, &selection, nodes, node_count, err))
		return false;
	*out = selection;
	return true;
}

bool selection_check(struct ctx *ctx, const struct selection *selection, struct error *err)
{
	struct selection_now now;

	if (!selections_compare(ctx, selection, &now, err))
		return false;
	if (now.added == 0 && now.gone == 0)
		return true;
	return error_set_field(err, ERR_CONFLICT, "selection",
			       "the selection was counted as %lld nodes and now is %lld (%lld new, "
			       "%lld gone): select again",
			       (long long)selection->node_count, (long long)now.node_count,
			       (long long)now.added, (long long)now.gone);
}

bool selection_confirm(bool everything, int64_t count, int64_t typed, const char *field,
		       struct error *err)
{
	if (typed < 0 && everything)
		return error_set_field(
			err, ERR_INVALID, field,
			"this is every node of the project: give their number, %lld, "
			"as confirm_count to go on",
			(long long)count);
	if (typed >= 0 && typed != count)
		return error_set_field(err, ERR_CONFLICT, field, "%lld nodes are meant, not %lld",
				       (long long)count, (long long)typed);
	return true;
}

struct selection_job {
	const char *id;
	int64_t typed;
	const struct label_change *change;
	int64_t *changed;
};

static bool open_selection(struct ctx *ctx, const struct selection_job *job, struct selection *out,
			   struct error *err)
{
	return selections_get(ctx, job->id, out, err) && selection_check(ctx, out, err) &&
	       selection_confirm(out->everything, out->node_count, job->typed, "confirm_count",
				 err);
}

static json_t *detail_of(const struct selection *selection)
{
	return json_pack("{s:s?, s:I, s:s}", "selector", selection->selector, "nodes",
			 (json_int_t)selection->node_count, "hash", selection->hash);
}

static bool retire(struct ctx *ctx, void *arg, struct error *err)
{
	const struct selection_job *job = arg;
	struct selection selection;

	return open_selection(ctx, job, &selection, err) &&
	       selections_retire(ctx, &selection, job->changed, err) &&
	       audit_write(ctx, "selection.retire", "selection", selection.id,
			   detail_of(&selection), err);
}

bool selection_retire(struct ctx *ctx, const char *id, int64_t typed, int64_t *changed,
		      struct error *err)
{
	struct selection_job job = {id, typed, NULL, changed};

	return db_transaction(ctx, retire, &job, err);
}

static bool label(struct ctx *ctx, void *arg, struct error *err)
{
	const struct selection_job *job = arg;
	const struct label_change *change = job->change;
	json_t *set = change->set != NULL ? change->set : json_keep(json_object(), ctx->arena);
	struct selection selection;

	if (!open_selection(ctx, job, &selection, err) ||
	    !selections_label(ctx, &selection, set, change->remove, change->remove_count,
			      job->changed, err))
		return false;

	json_t *detail = detail_of(&selection), *removed = json_array();
	for (size_t i = 0; i < change->remove_count; i++)
		json_array_append_new(removed, json_string(change->remove[i]));
	json_object_set(detail, "set", set);
	json_object_set_new(detail, "remove", removed);
	return audit_write(ctx, "selection.label", "selection", selection.id, detail, err);
}

bool selection_label(struct ctx *ctx, const char *id, int64_t typed,
		     const struct label_change *change, int64_t *changed, struct error *err)
{
	struct selection_job job = {id, typed, change, changed};

	if (json_object_size(change->set) == 0 && change->remove_count == 0)
		return error_set_field(err, ERR_INVALID, "set",
				       "nothing changes: give labels to set or to remove");
	return labels_check(change->set, "set", err) && db_transaction(ctx, label, &job, err);
}
