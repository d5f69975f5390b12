/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A desired state that is offered by hand, in a bundle. It is examined exactly as one from the link
 * (signature, node, expiry by trusted time, digest, generation), so that nothing of the bundle is
 * stored for one that would be refused; what it brings besides are the packages.
 */
#pragma once

#include "base/arena.h"
#include "reconcile/content.h"
#include "reconcile/reconcile.h"

enum { OFFER_MAX_PACKAGES = 64 };

struct offer {
	int64_t generation;
	const char *digest;
	bool in_force; /* it runs already: nothing to be done */
	const struct content_package *missing[OFFER_MAX_PACKAGES];
	size_t missing_count;
};

/*
 * Everything lives in the arena. ERR_FORBIDDEN and ERR_INVALID as for a message; ERR_CONFLICT: older than
 * what was accepted, the same number with another content, or it has failed before.
 */
MUST_CHECK bool reconcile_examine(struct reconcile *reconcile, const void *payload, size_t size,
				  struct arena *arena, struct offer *out, struct error *err);

/* A bundle was refused: tells the server. */
void reconcile_refuse_offer(struct reconcile *reconcile, const char *why);
