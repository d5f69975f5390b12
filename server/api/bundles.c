/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/encode.h"
#include "api/handlers.h"
#include "base/arena.h"
#include "base/fields.h"
#include "base/file.h"
#include "domain/bundle/bundle.h"
#include "protocol/report.h"

static const struct field BUNDLE_FIELDS[] = {
	FIELD_STRINGS(struct bundle_request, nodes, node_count, FIELD_REQUIRED, BUNDLE_NODES_MAX,
		      63),
	FIELD_INT64(struct bundle_request, valid_days, 0, 1, BUNDLE_DAYS_MAX),
	FIELD_END,
};

bool bundles_post_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct bundle_request wanted = {.valid_days = BUNDLE_DAYS_DEFAULT};
	char expires[TIME_TEXT_SIZE];
	struct bundle bundle;

	if (!fields_decode(BUNDLE_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &wanted,
			   err) ||
	    !bundle_make(ctx, &wanted, &bundle, err))
		return false;
	struct reply_part *parts = arena_array(ctx->arena, bundle.part_count, sizeof(*parts));
	for (size_t i = 0; i < bundle.part_count; i++)
		parts[i] = (struct reply_part){bundle.parts[i].data, bundle.parts[i].fd,
					       bundle.parts[i].size};
	time_format(bundle.expires, expires);
	request_reply_header(req, "Muster-Expires-At", expires);
	return request_reply_parts(req, "application/x-tar", bundle.filename, parts,
				   bundle.part_count);
}

bool bundle_reports_post_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const struct request_upload *upload = request_upload(req);
	struct bundle_report report;
	char *text;
	size_t size;

	if (!upload)
		return error_set(err, ERR_INVALID,
				 "send the node's report file as application/octet-stream");
	if (!file_read(upload->path, REPORT_MAX_FILE, ctx->arena, &text, &size, err))
		return err->code == ERR_TOO_LARGE
			       ? error_set(err, ERR_TOO_LARGE, "a report has at most %d bytes",
					   REPORT_MAX_FILE)
			       : false;
	if (!bundle_report_take(ctx, text, size, &report, err))
		return false;
	return request_reply_json(
		req, 200,
		json_pack("{s:s, s:s, s:o, s:I, s:s?, s:I, s:I, s:I, s:I}", "node", report.node_id,
			  "name", report.node_name, "made_at", encode_time(report.made_at),
			  "generation", (json_int_t)report.generation, "state", report.state,
			  "messages", (json_int_t)report.messages, "stored",
			  (json_int_t)report.stored, "repeated", (json_int_t)report.repeated,
			  "refused", (json_int_t)report.refused));
}
