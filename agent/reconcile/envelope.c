/* SPDX-License-Identifier: Apache-2.0 */
/* What every signed message of the server has to pass, whoever has sent it. */
#include <string.h>

#include "protocol/limits.h"
#include "reconcile/reconcile_internal.h"

bool reconcile_open(struct reconcile *reconcile, const struct signed_message *message,
		    struct arena *arena, json_t **out, struct error *err)
{
	json_t *envelope;
	char *text;
	size_t length;

	if (!json_parse_limited(message->bytes, message->size, LIMIT_JSON_DEPTH, &envelope, err))
		return false;
	json_keep(envelope, arena);
	return dsse_open(arena, envelope, message->type, reconcile->options.keys,
			 reconcile->options.key_count, &text, &length, NULL, err) &&
	       message_parse(text, length, LIMIT_DOWN_MESSAGE, arena, out, err);
}

bool reconcile_addressed(struct reconcile *reconcile, const char *node, usec_t expires,
			 struct error *err)
{
	if (strcmp(node, reconcile->options.place.node) != 0)
		return error_set(err, ERR_FORBIDDEN, "it is for the node %s", node);
	if (expires < trusted_time_now(reconcile->options.time))
		return error_set(err, ERR_FORBIDDEN, "it has expired");
	return true;
}
