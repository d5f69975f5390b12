/* SPDX-License-Identifier: Apache-2.0 */
/* What a node should run, why, and what differs from it. */
#include <stdlib.h>
#include <string.h>

#include "api/encode.h"
#include "api/handlers.h"
#include "base/arena.h"
#include "base/clock.h"
#include "store/drift.h"
#include "store/history.h"
#include "store/nodes.h"

static json_t *version_encode(const char *name, json_t *version)
{
	if (name != NULL)
		return json_pack("{s:s, s:o}", "name", name, "version", version);
	json_decref(version);
	return json_null();
}

static json_t *rollout_encode_brief(const struct history_row *row)
{
	if (row->rollout_number == 0)
		return json_null();
	return json_pack("{s:s, s:I, s:s, s:s, s:s?, s:s?}", "id", row->rollout_id, "number",
			 (json_int_t)row->rollout_number, "name", row->rollout_name, "kind",
			 row->rollout_kind, "created_by", row->created_by, "approved_by",
			 row->approved_by);
}

static json_t *row_encode(const struct history_row *row)
{
	json_t *json = json_pack("{s:s, s:I, s:b, s:s?, s:b}", "service", row->service,
				 "generation", (json_int_t)row->generation, "removed", row->removed,
				 "driver", row->driver, "run", row->run);

	json_object_set_new(json, "package",
			    version_encode(row->package_name,
					   row->package_version ? json_string(row->package_version)
								: json_null()));
	json_object_set_new(json, "config",
			    version_encode(row->config_name, json_integer(row->config_version)));
	json_object_set_new(json, "rollout", rollout_encode_brief(row));
	json_object_set_new(json, "since", encode_time(row->valid_from));
	return json;
}

static json_t *rows_encode(const struct history_row *rows, size_t count)
{
	json_t *items = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, row_encode(&rows[i]));
	return items;
}

bool node_baseline_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct history_row *rows;
	struct node node;
	size_t count;

	if (!nodes_get(ctx, request_arg(req, 0), &node, err) ||
	    !history_now(ctx, node.id, &rows, &count, err))
		return false;
	return request_reply_json(
		req, 200,
		json_pack("{s:s, s:s, s:I, s:I, s:b, s:o}", "node", node.id, "name", node.name,
			  "generation", (json_int_t)node.desired_generation, "reported_generation",
			  (json_int_t)node.reported_generation, "drift", node.drift, "services",
			  rows_encode(rows, count)));
}

bool node_history_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct history_row *rows;
	const char *next = NULL;
	struct node node;
	struct page page;
	usec_t before = 0;
	size_t count;

	if (!request_page(req, 1, &page, err))
		return false;
	if (page.key_count > 0 && !time_parse(page.keys[0], strlen(page.keys[0]), &before))
		return error_set_field(err, ERR_INVALID, "cursor", "malformed cursor");
	if (!nodes_get(ctx, request_arg(req, 0), &node, err) ||
	    !history_list(ctx, node.id, before, page.limit + 1, &rows, &count, err))
		return false;
	if ((int64_t)count > page.limit) {
		char text[TIME_TEXT_SIZE];
		const char *keys = text;

		count = (size_t)page.limit;
		time_format(rows[count - 1].valid_from, text);
		next = page_cursor(ctx, &keys, 1);
	}
	return request_reply_page(req, rows_encode(rows, count), next, -1);
}

bool drift_list_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct drift_row *rows;
	const char *next = NULL;
	struct page page;
	size_t count;

	if (!request_page(req, 2, &page, err) ||
	    !drift_list(ctx, page.key_count > 0 ? page.keys[0] : "",
			page.key_count > 0 ? page.keys[1] : "", page.limit + 1, &rows, &count, err))
		return false;
	if ((int64_t)count > page.limit) {
		count = (size_t)page.limit;
		next = page_cursor(
			ctx, (const char *[]){rows[count - 1].node_id, rows[count - 1].service}, 2);
	}

	json_t *items = json_array();
	for (size_t i = 0; i < count; i++) {
		json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:O}", "node", rows[i].node_id,
					 "name", rows[i].node_name, "status", rows[i].status,
					 "service", rows[i].service, "files", rows[i].files);
		json_object_set_new(
			item, "config",
			version_encode(rows[i].config_name, json_integer(rows[i].config_version)));
		json_object_set_new(item, "since", encode_time(rows[i].since));
		json_array_append_new(items, item);
	}
	return request_reply_page(req, items, next, -1);
}
