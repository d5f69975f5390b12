/* SPDX-License-Identifier: Apache-2.0 */
#include "api/encode.h"
#include "api/handlers.h"
#include "base/arena.h"
#include "base/fields.h"
#include "domain/inventory/labels.h"
#include "domain/inventory/selection.h"
#include "domain/rollout/strategy.h"
#include "protocol/limits.h"

/* Longer than any label with its prefix. */
enum { LABEL_KEY_MAX = 320 };

struct selection_body {
	const char *selector;
	const char *const *nodes;
	size_t node_count;
	int64_t confirm_count;
	struct label_change labels;
};

static const struct field CREATE_FIELDS[] = {
	FIELD_STRING(struct selection_body, selector, FIELD_NULLABLE, 4096),
	FIELD_STRINGS(struct selection_body, nodes, node_count, 0, ROLLOUT_TARGETS_MAX, LIMIT_NAME),
	FIELD_END,
};

static const struct field RETIRE_FIELDS[] = {
	FIELD_INT64(struct selection_body, confirm_count, 0, 0, 1000000000),
	FIELD_END,
};

static const struct field LABEL_FIELDS[] = {
	FIELD_JSON_AS("set", struct selection_body, labels.set, 0),
	FIELD_STRINGS_AS("remove", struct selection_body, labels.remove, labels.remove_count, 0,
			 LABELS_MAX, LABEL_KEY_MAX),
	FIELD_INT64(struct selection_body, confirm_count, 0, 0, 1000000000),
	FIELD_END,
};

static bool body_read(struct request *req, const struct field *fields, struct selection_body *body,
		      struct error *err)
{
	body->confirm_count = -1;
	return fields_decode(fields, request_json(req), FIELDS_STRICT, request_ctx(req)->arena,
			     body, err);
}

static json_t *selection_encode(const struct selection *selection)
{
	json_t *json =
		json_pack("{s:s, s:s?, s:I, s:s, s:b, s:s?}", "id", selection->id, "selector",
			  selection->selector, "count", (json_int_t)selection->node_count, "hash",
			  selection->hash, "everything", selection->everything, "created_by",
			  selection->created_by);

	json_object_set_new(json, "created_at", encode_time(selection->created_at));
	json_object_set_new(json, "expires_at", encode_time(selection->expires_at));
	return json;
}

bool selections_post_handler(struct request *req, struct error *err)
{
	struct selection_body body = {0};
	struct selection selection;

	return body_read(req, CREATE_FIELDS, &body, err) &&
	       selection_make(request_ctx(req), body.selector, body.nodes, body.node_count,
			      &selection, err) &&
	       request_reply_json(req, 201, selection_encode(&selection));
}

bool selections_get_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct selection selection;
	struct selection_now now;

	if (!selections_get(ctx, request_arg(req, 0), &selection, err) ||
	    !selections_compare(ctx, &selection, &now, err))
		return false;
	json_t *json = selection_encode(&selection);
	json_object_set_new(json, "now",
			    json_pack("{s:I, s:I, s:I}", "count", (json_int_t)now.node_count,
				      "added", (json_int_t)now.added, "gone",
				      (json_int_t)now.gone));
	return request_reply_json(req, 200, json);
}

bool selections_delete_handler(struct request *req, struct error *err)
{
	return selections_delete(request_ctx(req), request_arg(req, 0), err) &&
	       request_reply_empty(req, 204);
}

bool selection_retire_handler(struct request *req, struct error *err)
{
	struct selection_body body = {0};
	int64_t changed;

	return body_read(req, RETIRE_FIELDS, &body, err) &&
	       selection_retire(request_ctx(req), request_arg(req, 0), body.confirm_count, &changed,
				err) &&
	       request_reply_json(req, 200, json_pack("{s:I}", "changed", (json_int_t)changed));
}

bool selection_labels_handler(struct request *req, struct error *err)
{
	struct selection_body body = {0};
	int64_t changed;

	return body_read(req, LABEL_FIELDS, &body, err) &&
	       selection_label(request_ctx(req), request_arg(req, 0), body.confirm_count,
			       &body.labels, &changed, err) &&
	       request_reply_json(req, 200, json_pack("{s:I}", "changed", (json_int_t)changed));
}
