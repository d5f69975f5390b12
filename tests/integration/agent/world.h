/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent without a network: desired states signed as the server signs them, applied to real
 * services. The results that would go to the server are read back from the spool.
 */
#pragma once

#include "harness.h"

#include "base/crypto.h"
#include "base/encoding.h"
#include "fetch/download.h"
#include "protocol/messages.h"
#include "reconcile/reconcile.h"
#include "reconcile/snapshot.h"
#include "reconcile/take_over.h"
#include "state/spool.h"

struct world {
	struct fixture *fixture; /* folder, loop and supervisor */
	struct state *state;
	struct outgoing outgoing;
	struct trusted_time time;
	struct signing_key *key;
	struct dsse_key trusted;
	struct upgrade *upgrade;
	struct reconcile *reconcile;
	int resends;
};

static const char NODE[] = "nabcdefghijklmnopqrst";

static inline void resend(void *arg)
{
	((struct world *)arg)->resends++;
}

static struct world *the_world; /* for the supervisor's notices, whose argument is the fixture */

static inline void notice(enum supervisor_notice kind, const struct service_status *status,
			  void *arg)
{
	fixture_notice(kind, status, arg);
	if (the_world && the_world->reconcile)
		reconcile_notice(the_world->reconcile);
}

static inline void start_agent(struct world *world)
{
	const struct supervisor_options options = {
		.loop = world->fixture->loop,
		.root = world->fixture->root,
		.shim = BINARY_DIR "/bin/muster-shim",
		.segment_bytes = 64 * 1024,
		.segment_count = 3,
		.notice = notice,
		.arg = world->fixture,
	};
	struct error err = {0};

	world->fixture->supervisor = supervisor_new(&options);
	assert_success(state_open("state.db", &world->state, &err), &err);
	assert_success(trusted_time_init(&world->time, world->state, 1, &err), &err);
	const struct upgrade_options upgrade = {.root = world->fixture->root};
	assert_success(upgrade_new(&upgrade, &world->upgrade, &err), &err);
	world->outgoing =
		(struct outgoing){.state = world->state, .budget_bytes = 4 << 20, .added = NULL};
	const struct reconcile_options reconcile = {
		.loop = world->fixture->loop,
		.state = world->state,
		.supervisor = world->fixture->supervisor,
		.outgoing = &world->outgoing,
		.time = &world->time,
		.upgrade = world->upgrade,
		.place = {.root = world->fixture->root, .node = NODE, .platform = "linux-amd64"},
		.transaction = {.ca_file = "keys/ca.crt",
				.cache_urls = "",
				.fetch_attempts = 1,
				.unpack_max_bytes = 1 << 20,
				.reserve_bytes = 0},
		.keys = &world->trusted,
		.key_count = 1,
		.resend = resend,
		.arg = world,
	};
	assert_success(reconcile_new(&reconcile, &world->reconcile, &err), &err);
	assert_success(reconcile_start(world->reconcile, &err), &err);
}

/* As a kill -9 would: nothing is finished, the services stay. */
static inline void stop_agent(struct world *world)
{
	reconcile_free(world->reconcile);
	world->reconcile = NULL;
	upgrade_free(world->upgrade);
	supervisor_free(world->fixture->supervisor);
	state_close(world->state);
}

static inline int setup(void **state)
{
	struct world *world = xcalloc(1, sizeof(*world));
	void *fixture = NULL;

	if (fixture_setup(&fixture) != 0)
		return -1;
	world->fixture = fixture;
	/* The fixture's own supervisor makes way for one that tells reconcile. */
	supervisor_free(world->fixture->supervisor);
	world->key = signing_key_generate();
	signing_key_public(world->key, world->trusted.public_key);
	key_id(world->trusted.public_key, world->trusted.id);
	the_world = world;
	start_agent(world);
	*state = world;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *world = *state;
	void *fixture = world->fixture;
	int result;

	reconcile_free(world->reconcile);
	world->reconcile = NULL;
	the_world = NULL;
	result = fixture_teardown(&fixture);
	upgrade_free(world->upgrade);
	state_close(world->state);
	signing_key_free(world->key);
	free(world);
	return result;
}

/* The agent runs some jobs as children of its own file: in a test that is the test. -1: none of them. */
static inline int world_child(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "fetch") == 0)
		return download_main();
	if (argc > 2 && strcmp(argv[1], "snapshot") == 0)
		return snapshot_main(false, argc - 2, argv + 2);
	if (argc > 2 && strcmp(argv[1], "restore") == 0)
		return snapshot_main(true, argc - 2, argv + 2);
	if (argc > 2 && strcmp(argv[1], "take-over") == 0)
		return take_over_main(argc - 2, argv + 2);
	if (argc > 2 && strcmp(argv[1], "give-back") == 0)
		return give_back_main(argc - 2, argv + 2);
	return -1;
}
