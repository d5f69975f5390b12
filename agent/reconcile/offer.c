/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/offer.h"

#include <string.h>

#include "base/file.h"
#include "fetch/fetch.h"
#include "reconcile/failure.h"
#include "reconcile/plan.h"
#include "reconcile/reconcile_internal.h"

/* Brought once, it need not be read again. */
static bool have_package(const char *sha256)
{
	struct arena *arena = arena_new();
	bool have = file_exists(fetch_package_path(arena, sha256));

	arena_free(arena);
	return have;
}

static bool check_verdict(struct reconcile *reconcile, const struct msg_desired *desired,
			  struct arena *arena, struct error *err)
{
	struct msg_failure failure;
	struct verdict verdict;
	bool found;

	if (!verdict_find(reconcile->options.state, desired->digest, arena, &verdict, &found, err))
		return false;
	if (!found)
		return true;
	failure_read(verdict.error, arena, &failure);
	return error_set(err, ERR_CONFLICT,
			 "this content was %s here before and is not tried again, unless "
			 "\"muster-agent retry\" comes first: %s",
			 verdict.state, failure.text);
}

static bool check_generation(struct reconcile *reconcile, const struct msg_desired *desired,
			     struct arena *arena, struct error *err)
{
	switch (generation_judge(reconcile->accepted, reconcile->accepted_digest,
				 desired->generation, desired->digest)) {
	case GENERATION_OLD:
		return error_set(
			err, ERR_CONFLICT,
			"its generation %lld is older than %lld, which this node has: make a "
			"new bundle",
			(long long)desired->generation, (long long)reconcile->accepted);
	case GENERATION_EQUIVOCATION:
		return error_set(err, ERR_CONFLICT,
				 "generation %lld came with another content before",
				 (long long)desired->generation);
	case GENERATION_NEW:
	case GENERATION_REPEATED:
		break;
	}
	return check_verdict(reconcile, desired, arena, err);
}

bool reconcile_examine(struct reconcile *reconcile, const void *payload, size_t size,
		       struct arena *arena, struct offer *out, struct error *err)
{
	struct msg_desired desired;
	struct content *content = arena_alloc(arena, sizeof(*content));
	struct error ignored = {0};

	if (!desired_open(reconcile, payload, size, arena, &desired, err) ||
	    !check_generation(reconcile, &desired, arena, err))
		return false;
	*out = (struct offer){
		.generation = desired.generation,
		.digest = desired.digest,
		.in_force = strcmp(reconcile->digest, desired.digest) == 0,
	};
	/* A content that cannot be read is taken all the same, and refused with a verdict. */
	if (content_decode(desired.content, strlen(desired.content), arena, content, &ignored))
		out->missing_count = plan_missing_packages(content, have_package, out->missing,
							   OFFER_MAX_PACKAGES);
	return true;
}

void reconcile_refuse_offer(struct reconcile *reconcile, const char *why)
{
	reconcile_refuse(reconcile, "bundle.refused", "a bundle", why);
}
