/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the server is and who we are: from the command line, else the environment (MUSTER_SERVER,
 * MUSTER_TOKEN, MUSTER_CA, MUSTER_PROJECT), else the file that `muster login` wrote (0600).
 */
#pragma once

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

struct profile {
	const char *server;
	const char *ca; /* file, PEM */
	const char *token;
	const char *project;
};

/* MUSTER_PROFILE, else $XDG_CONFIG_HOME/muster/config, else ~/.config/muster/config. */
const char *profile_path(struct arena *arena);

/* The file (that it is missing is no error), overlaid by the environment. */
MUST_CHECK bool profile_load(struct arena *arena, struct profile *out, struct error *err);

/* Writes an authority beside the file; profile->ca becomes its path. */
MUST_CHECK bool profile_keep_ca(struct arena *arena, struct profile *profile, const char *ca_pem,
				struct error *err);

/* Writes the file (0600). */
MUST_CHECK bool profile_save(struct arena *arena, const struct profile *profile, struct error *err);

MUST_CHECK bool profile_forget(struct arena *arena, struct error *err);
