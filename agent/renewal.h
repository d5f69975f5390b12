/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The next certificate of this node. When two thirds of the life of the one in use are over, the agent
 * makes a new key and asks with its hello; the answer is a signed command. A node that comes back after
 * the end has no link any more: when there is none for a while, a child proves to the server over
 * HTTPS that it holds the old key ("muster-agent renew", which people may call too).
 *
 * keys/next.key waits for its certificate; keys/next.crt beside it is the switch: from then on the two
 * take the places of node.key and node.crt, also after a power cut in between.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/loop.h"
#include "identity.h"
#include "state/trusted_time.h"

struct renewal;

struct renewal_options {
	struct loop *loop;
	const struct identity *identity; /* borrowed */
	const struct trusted_time *time;
	const char *root; /* the agent's folder, absolute */
	int64_t alone_ms; /* without a link for so long: ask over HTTPS */
	bool (*online)(void *arg);
	void (*ask)(void *arg);	     /* say hello again, which takes renewal_request along */
	void (*switched)(void *arg); /* another certificate is in place: connect with it */
	void *arg;
};

/* Finishes a switch that was cut off. Begins to look at the time. */
MUST_CHECK bool renewal_new(const struct renewal_options *options, struct renewal **out,
			    struct error *err);
/* Accepts NULL. */
void renewal_free(struct renewal *renewal);

/* Serial of the certificate in use. */
const char *renewal_serial(const struct renewal *renewal);

/* The signing request that a hello shall carry, in the arena; NULL when it is not time. */
const char *renewal_request(struct renewal *renewal, struct arena *arena);

/* The certificate that the server gave. ERR_INVALID, ERR_FORBIDDEN: not for our request. */
MUST_CHECK bool renewal_take(struct renewal *renewal, const char *pem, struct error *err);

/* What the child does, in the agent's folder: gets keys/next.crt over HTTPS. */
MUST_CHECK bool renewal_rescue(struct arena *arena, struct error *err);
