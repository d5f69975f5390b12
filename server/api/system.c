/* SPDX-License-Identifier: Apache-2.0 */
/* What probes, monitoring and new clients ask. */
#include <string.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/openapi.h"
#include "base/arena.h"
#include "base/metrics.h"
#include "base/strbuf.h"
#include "store/db.h"

enum { METRICS_TEXT_MAX = 1 << 20 };

bool version_get_handler(struct request *req, struct error *err)
{
	(void)err;
	return request_reply_json(req, 200,
				  json_pack("{s:s, s:i}", "version", MUSTER_VERSION, "api", 1));
}

/* Alive: the process answers. Whether its neighbours do is /readyz. */
bool healthz_get_handler(struct request *req, struct error *err)
{
	(void)err;
	return request_reply_text(req, 200, "text/plain; charset=utf-8", "ok\n");
}

bool readyz_get_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct api *api = ctx->server->api;

	/* The frame has answered already if there is no connection at all. */
	return db_check(ctx->db, err) && api->ready(api->ready_arg, err) &&
	       request_reply_text(req, 200, "text/plain; charset=utf-8", "ready\n");
}

/* Through a proxy everybody comes from the loopback address. */
static bool is_local(const struct request *req)
{
	const char *remote = request_remote(req);

	return (strncmp(remote, "127.", 4) == 0 || strcmp(remote, "::1") == 0) &&
	       request_header(req, "X-Forwarded-For") == NULL &&
	       request_header(req, "Forwarded") == NULL && request_header(req, "Via") == NULL;
}

bool metrics_get_handler(struct request *req, struct error *err)
{
	struct strbuf text;

	if (!is_local(req) && !api_check_bearer(req, err))
		return false;
	strbuf_init(&text, request_ctx(req)->arena, METRICS_TEXT_MAX);
	metrics_render(&text);
	return request_reply_text(req, 200, "text/plain; version=0.0.4; charset=utf-8", text.data);
}

bool openapi_get_handler(struct request *req, struct error *err)
{
	char *text = arena_strndup(request_ctx(req)->arena, OPENAPI_YAML,
				   (size_t)(OPENAPI_YAML_END - OPENAPI_YAML));

	(void)err;
	return request_reply_text(req, 200, "application/yaml", text);
}

bool ca_get_handler(struct request *req, struct error *err)
{
	const struct server *server = request_ctx(req)->server;

	if (server->ca_pem == NULL)
		return error_set(err, ERR_NOT_FOUND, "this server has no authority of its own");
	request_reply_header(req, "Muster-CA-Fingerprint", server->ca_fingerprint);
	return request_reply_text(req, 200, "application/x-pem-file", server->ca_pem);
}
