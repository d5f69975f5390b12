/* SPDX-License-Identifier: Apache-2.0 */
#include "store/overview.h"
#include "api/handlers.h"

bool overview_get_handler(struct request *req, struct error *err)
{
	json_t *overview;

	return overview_load(request_ctx(req), &overview, err) &&
	       request_reply_json(req, 200, overview);
}
