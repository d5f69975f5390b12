/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/failure.h"

#include <string.h>

#include "base/encoding.h"
#include "base/fields.h"

enum { MAX_DEPTH = 4 };

char *failure_text(const struct msg_failure *failure, struct arena *arena)
{
	json_auto_t *json = msg_failure_encode(failure);

	return json_text(json, arena);
}

void failure_read(const char *text, struct arena *arena, struct msg_failure *out)
{
	struct error ignored = {0};
	json_t *json;

	if (text && json_parse_limited(text, strlen(text), MAX_DEPTH, &json, &ignored) &&
	    msg_failure_decode(json_keep(json, arena), arena, out, &ignored))
		return;
	*out = (struct msg_failure){
		.phase = "apply",
		.code = "unknown",
		.text = "it failed before; why was not kept",
	};
}
