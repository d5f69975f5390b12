/* SPDX-License-Identifier: Apache-2.0 */
#include "api/handlers.h"

bool version_get_handler(struct request *req, struct error *err)
{
	(void)err;
	return request_reply_json(req, 200,
				  json_pack("{s:s, s:i}", "version", MUSTER_VERSION, "api", 1));
}
