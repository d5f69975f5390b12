/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/desired/seal.h"

#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "protocol/dsse.h"
#include "protocol/messages.h"
#include "signer/client.h"

bool desired_seal(struct ctx *ctx, const struct desired_letter *letter, char **out,
		  struct error *err)
{
	const struct msg_desired desired = {
		.node = letter->node_id,
		.generation = letter->generation,
		.issued = ctx->now,
		.expires = letter->expires,
		.digest = letter->digest,
		.content = letter->content,
		.fetch = letter->fetch,
	};
	const char *text =
		json_text(json_keep(msg_desired_encode(&desired), ctx->arena), ctx->arena);

	return signer_sign(ctx->server->signer, DSSE_DESIRED, text, strlen(text), ctx->arena, out,
			   err);
}
