/* SPDX-License-Identifier: Apache-2.0 */
#include "api/page.h"

#include <string.h>

bool time_page_read(struct request *req, struct time_page *out, struct error *err)
{
	struct page page;

	if (!request_page(req, 2, &page, err))
		return false;
	*out = (struct time_page){.limit = page.limit};
	if (page.key_count == 0)
		return true;
	if (!time_parse(page.keys[0], strlen(page.keys[0]), &out->before))
		return error_set_field(err, ERR_INVALID, "cursor", "malformed cursor");
	out->before_id = page.keys[1];
	return true;
}

const char *time_page_next(struct ctx *ctx, usec_t at, const char *id)
{
	char text[TIME_TEXT_SIZE];

	time_format(at, text);
	return page_cursor(ctx, (const char *[]){text, id}, 2);
}
