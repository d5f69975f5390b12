/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private PostgreSQL cluster of musterd standalone, below DIR/pg: reachable through a unix
 * socket in a folder that only its account (and root) may enter, nowhere else.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "standalone/account.h"
#include "standalone/keeper.h"
#include "standalone/tree.h"

struct cluster {
	/* Set by the caller: asked now and then while the cluster is made, which takes seconds. */
	bool (*told_to_stop)(void *arg);
	void *arg;

	struct account account;
	const char *programs; /* folder of initdb and postgres */
	const char *data;
	const char *socket_folder;
	const char *log_path;
	const char *conninfo; /* what the server connects with */
	struct keeper keeper;
	bool made; /* the cluster did not exist before */
};

/*
 * Finds PostgreSQL's programs and makes the cluster with its role and database if it is not there.
 * A start that is cut off leaves nothing half made. Strings live in the arena. ERR_NOT_FOUND when
 * PostgreSQL is not installed.
 */
MUST_CHECK bool cluster_prepare(const struct tree *tree, struct arena *arena,
				struct cluster *cluster, struct error *err);

/*
 * Starts the server and keeps it running. One that an earlier, killed musterd has left over is
 * stopped first. Connecting is the caller's: it may take a moment.
 */
MUST_CHECK bool cluster_start(struct cluster *cluster, struct loop *loop, struct arena *arena,
			      struct error *err);
void cluster_stop(struct cluster *cluster);
