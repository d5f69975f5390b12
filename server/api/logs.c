/* SPDX-License-Identifier: Apache-2.0 */
#include "store/logs.h"
#include "api/encode.h"
#include "api/handlers.h"
#include "store/nodes.h"

static json_t *line_encode(const struct log_line *line)
{
	return json_pack("{s:I, s:s, s:s, s:o, s:s, s:s, s:b}", "id", (json_int_t)line->id, "node",
			 line->node_id, "service", line->service, "at", encode_time(line->at),
			 "stream", line->stream, "text", line->text, "corrected", line->corrected);
}

bool logs_list_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const char *name = request_query(req, "node");
	struct log_filter filter = {
		.service = request_query(req, "service"),
		.text = request_query(req, "text"),
	};
	struct log_line *lines;
	struct node node;
	size_t count;

	if (!request_query_int(req, "after", 0, INT64_MAX, 0, &filter.after, err) ||
	    !request_query_int(req, "before", 0, INT64_MAX, 0, &filter.before, err) ||
	    !request_query_int(req, "limit", 1, PAGE_LIMIT_MAX, PAGE_LIMIT_DEFAULT, &filter.limit,
			       err))
		return false;
	if (name != NULL) {
		if (!nodes_get(ctx, name, &node, err))
			return false;
		filter.node_id = node.id;
	}
	if (!logs_list(ctx, &filter, &lines, &count, err))
		return false;
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, line_encode(&lines[i]));
	return request_reply_page(req, items, NULL, -1);
}
