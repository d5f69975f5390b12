/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/encode.h"
#include "api/handlers.h"
#include "api/nodes_encode.h"
#include "base/arena.h"
#include "base/fields.h"
#include "domain/inventory/nodes.h"
#include "domain/inventory/selector.h"
#include "store/nodes.h"
#include "store/timeline.h"

enum { TEXT_MAX_BYTES = 128 };

static const char *const STATUS_NAMES[] = {"pending",  "retired", "offline", "warning",
					   "updating", "online",  NULL};

/* What the query asks for; limit and cursor come on top. */
static bool filter_read(struct request *req, struct node_filter *filter, struct error *err)
{
	const char *selector = request_query(req, "selector");
	const char *sort = request_query(req, "sort");
	json_t *requirements;

	filter->text = request_query(req, "text");
	if (filter->text && !filter->text[0])
		filter->text = NULL;
	if (filter->text && strlen(filter->text) > TEXT_MAX_BYTES)
		return error_set_field(err, ERR_INVALID, "text", "text is longer than %d bytes",
				       TEXT_MAX_BYTES);
	if (!request_query_names(req, "status", STATUS_NAMES, &filter->status, err))
		return false;
	if (sort && strcmp(sort, "name") != 0 && strcmp(sort, "-last_seen") != 0)
		return error_set_field(err, ERR_INVALID, "sort",
				       "sort is none of name, -last_seen");
	filter->newest_first = sort && sort[0] == '-';
	if (!selector)
		return true;
	if (!selector_parse(selector, request_ctx(req)->arena, &requirements, err))
		return false;
	filter->requirements = requirements;
	return true;
}

static bool cursor_read(const struct page *page, struct node_filter *filter, struct error *err)
{
	usec_t at;

	if (!page->key_count)
		return true;
	filter->after_key = page->keys[0];
	filter->after_id = page->keys[1];
	if (filter->newest_first && strcmp(page->keys[0], "infinity") != 0 &&
	    strcmp(page->keys[0], "-infinity") != 0 &&
	    !time_parse(page->keys[0], strlen(page->keys[0]), &at))
		return error_set_field(err, ERR_INVALID, "cursor", "malformed cursor");
	return true;
}

static const char *cursor_write(struct ctx *ctx, const struct node_filter *filter,
				const struct node *last)
{
	return page_cursor(
		ctx,
		(const char *[]){filter->newest_first ? last->seen_rank : last->name, last->id}, 2);
}

bool nodes_list_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct node_filter filter = {0};
	const char *next = NULL;
	struct node_page found;
	struct page page;

	if (!request_page(req, 2, &page, err) || !filter_read(req, &filter, err) ||
	    !cursor_read(&page, &filter, err))
		return false;
	filter.limit = page.limit + 1;
	if (!nodes_list(ctx, &filter, &found, err))
		return false;
	if (found.count > (size_t)page.limit) {
		found.count = (size_t)page.limit;
		next = cursor_write(ctx, &filter, &found.nodes[found.count - 1]);
	}
	json_t *items = json_array();
	for (size_t i = 0; i < found.count; i++)
		json_array_append_new(items, node_encode(&found.nodes[i], ctx->arena));
	return request_reply_bounded_page(req, items, next, found.total, found.total_is_bound);
}

static bool reply_node(struct request *req, const struct node *node)
{
	request_reply_revision(req, node->revision);
	return request_reply_json(req, 200, node_encode(node, request_ctx(req)->arena));
}

bool nodes_get_handler(struct request *req, struct error *err)
{
	struct node node;

	return nodes_get(request_ctx(req), request_arg(req, 0), &node, err) &&
	       reply_node(req, &node);
}

static const struct field PATCH_FIELDS[] = {
	FIELD_STRING(struct node_change, name, 0, 63),
	FIELD_JSON(struct node_change, labels, 0),
	FIELD_END,
};

bool nodes_patch_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct node_change change = {.id_or_name = request_arg(req, 0), .current = -1};
	struct node node;

	if (!request_if_match(req, &change.expected, err) ||
	    !fields_decode(PATCH_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &change,
			   err))
		return false;
	if (inventory_node_update(ctx, &change, &node, err))
		return reply_node(req, &node);
	/* Says 412 instead of 409 when it is the revision that differs. */
	if (change.expected >= 0 && change.current >= 0 && change.current != change.expected)
		return request_check_revision(req, change.current, err);
	return false;
}

bool node_retire_handler(struct request *req, struct error *err)
{
	struct node node;

	return inventory_node_retire(request_ctx(req), request_arg(req, 0), &node, err) &&
	       reply_node(req, &node);
}

struct command_body {
	const char *kind;
	const char *service;
	json_t *args;
};

static const struct field COMMAND_FIELDS[] = {
	FIELD_STRING(struct command_body, kind, FIELD_REQUIRED, 32),
	FIELD_STRING(struct command_body, service, FIELD_NULLABLE, 63),
	FIELD_JSON(struct command_body, args, 0),
	FIELD_END,
};

bool node_commands_post_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct command_body body = {0};
	const char *id;

	if (!fields_decode(COMMAND_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &body,
			   err))
		return false;
	if (body.args && !json_is_object(body.args))
		return error_set_field(err, ERR_INVALID, "args", "args is not an object");
	const struct node_command command = {request_arg(req, 0), body.kind, body.service,
					     body.args};
	return inventory_node_command(ctx, &command, &id, err) &&
	       request_reply_json(req, 202, json_pack("{s:s}", "id", id));
}

bool node_desired_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct node_desired desired = {0};
	struct node node;
	bool found;

	if (!nodes_get(ctx, request_arg(req, 0), &node, err) ||
	    !nodes_desired_find(ctx, node.id, &desired, &found, err))
		return false;
	return request_reply_json(
		req, 200,
		json_pack("{s:I, s:s?, s:O?, s:I, s:s?, s:o}", "generation",
			  (json_int_t)desired.generation, "digest", desired.digest, "content",
			  desired.content, "reported_generation",
			  (json_int_t)node.reported_generation, "rollout", desired.rollout_id,
			  "created_at", encode_time(desired.created_at)));
}

static const struct field TIMELINE_FIELDS[] = {
	FIELD_TIME(struct timeline_item, at, 0),
	FIELD_STRING(struct timeline_item, source, 0, 16),
	FIELD_STRING(struct timeline_item, kind, 0, 128),
	FIELD_STRING(struct timeline_item, severity, 0, 16),
	FIELD_STRING(struct timeline_item, service, FIELD_NULLABLE, 64),
	FIELD_STRING(struct timeline_item, text, 0, 8192),
	FIELD_JSON(struct timeline_item, data, FIELD_NULLABLE),
	FIELD_END,
};

bool node_timeline_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct timeline_item *items;
	const char *next = NULL;
	struct node node;
	struct page page;
	size_t count;
	usec_t at;

	if (!request_page(req, 2, &page, err) || !nodes_get(ctx, request_arg(req, 0), &node, err))
		return false;
	if (page.key_count && !time_parse(page.keys[0], strlen(page.keys[0]), &at))
		return error_set_field(err, ERR_INVALID, "cursor", "malformed cursor");
	if (!timeline_list(ctx, node.id, page.key_count ? page.keys[0] : NULL,
			   page.key_count ? page.keys[1] : NULL, page.limit + 1, &items, &count,
			   err))
		return false;
	if (count > (size_t)page.limit) {
		char text[TIME_TEXT_SIZE];

		count = (size_t)page.limit;
		time_format(items[count - 1].at, text);
		next = page_cursor(ctx, (const char *[]){text, items[count - 1].key}, 2);
	}
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, fields_encode(TIMELINE_FIELDS, &items[i]));
	return request_reply_page(req, array, next, -1);
}
