/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/api.h"
#include "api/handlers.h"
#include "http/events.h"
#include "store/rights.h"

/* A stream ends after so long at the latest; the browser comes back by itself and is checked anew. */
#define STREAM_MAX (30 * USEC_PER_MINUTE)

static const char *const TOPICS[] = {"node",	"rollout", "alert", "config",
				     "package", "webhook", "token", "audit"};

static bool check_topics(const char *list, struct error *err)
{
	while (list != NULL && *list != '\0') {
		size_t length = strcspn(list, ",");
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(TOPICS); i++)
			known |= strlen(TOPICS[i]) == length &&
				 strncmp(list, TOPICS[i], length) == 0;
		if (!known)
			return error_set_field(err, ERR_INVALID, "topics",
					       "\"%.*s\" is not a topic", (int)(length % 64), list);
		list += length + (list[length] == ',');
	}
	return true;
}

bool events_get_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const struct api *api = ctx->server->api;
	const char *cookie = api_session_cookie(req);
	struct event_stream stream = {
		.topics = request_query(req, "topics"),
		.until = ctx->now + STREAM_MAX,
	};

	if (ctx->actor->kind == ACTOR_TOKEN)
		stream.right = right_of_token(ctx, ctx->actor->id);
	else
		stream.right = right_of_session(ctx, cookie == NULL ? "" : cookie);
	return check_topics(stream.topics, err) &&
	       request_reply_events(req, api->events, &stream, err);
}
