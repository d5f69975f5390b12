/* SPDX-License-Identifier: Apache-2.0 */
/* The failures of a rollout by kind. */
#include "store/rollout_failures.h"
#include "api/encode.h"
#include "api/handlers.h"
#include "domain/rollout/failures.h"
#include "store/rollouts.h"

/* More kinds than this are told by their number only. */
enum { KINDS_MAX = 100 };

static json_t *failure_encode(const struct rollout *rollout, const struct rollout_failure *kind)
{
	json_t *json = json_pack(
		"{s:s, s:I, s:o, s:o, s:{s:s, s:s}, s:O, s:s, s:s?, s:O?, s:b, s:b}", "fingerprint",
		kind->fingerprint, "count", (json_int_t)kind->count, "first_seen_at",
		encode_time(kind->first_seen_at), "last_seen_at", encode_time(kind->last_seen_at),
		"example", "node", kind->node_id, "name", kind->node_name, "names", kind->names,
		"state", kind->state, "reason", kind->reason, "error", kind->error, "new",
		kind->known_from == rollout->number, "accepted", kind->accepted);

	json_object_set_new(json, "known_since", encode_time(kind->known_since));
	json_object_set_new(json, "known_from",
			    kind->known_from > 0 ? json_integer(kind->known_from) : json_null());
	return json;
}

bool rollout_failures_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const char *states[STEP_STATE_COUNT];
	struct rollout_failure *kinds;
	struct rollout rollout;
	size_t count;
	int64_t total;

	if (!rollouts_get(ctx, request_arg(req, 0), &rollout, err) ||
	    !rollout_failures_list(ctx, rollout.id, states, failure_states(states), KINDS_MAX,
				   &kinds, &count, &total, err))
		return false;

	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, failure_encode(&rollout, &kinds[i]));
	return request_reply_page(req, items, NULL, total);
}
