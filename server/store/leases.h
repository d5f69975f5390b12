/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table shard_lease: which replica takes the messages of which shard. A replica shows that it lives
 * in scheduler_lease under "replica/<owner>", so that all can see how many share the work.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/*
 * Says that owner lives, prolongs what it holds, takes free shards up to its fair part and gives
 * back what is more. shards gets a bit for each shard that owner holds now, for lease_s seconds.
 * listening_since: since when owner has heard each of the brokers, 0 when it does not hear it; nobody
 * is taken for offline whom nobody could have heard at his broker.
 */
MUST_CHECK bool leases_renew(struct ctx *ctx, const char *owner, int lease_s,
			     const usec_t *listening_since, size_t brokers, uint64_t *shards,
			     struct error *err);

/* Gives everything back at once: the end of a replica. */
MUST_CHECK bool leases_release(struct ctx *ctx, const char *owner, struct error *err);

/*
 * Inside a transaction: which of the shards (bits) owner still holds. They cannot change hands before
 * the transaction ends, so what it writes cannot mix with the next owner's.
 */
MUST_CHECK bool leases_hold(struct ctx *ctx, const char *owner, uint64_t shards, uint64_t *held,
			    struct error *err);

/*
 * Inside a transaction, for whoever writes for shards that he need not hold: whoever does hold them
 * waits with his next batch. held is all of them.
 */
MUST_CHECK bool leases_block(struct ctx *ctx, uint64_t shards, uint64_t *held, struct error *err);
