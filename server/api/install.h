/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /install.sh makes a machine a node, in one line that people copy. The script knows the checksum of
 * each agent below agents-dir; the line knows the checksum of the script, and reaches its reader
 * through a session with this server that he trusts already. So nothing is run that somebody in
 * between has changed, although the gateway cannot know our certificate yet.
 *
 * Checksums are kept until a file changes. All functions may be called from several threads.
 */
#pragma once

#include "base/compiler.h"
#include "base/error.h"

struct arena;
struct ctx;
struct installer;

/* agents_dir is borrowed, need not exist, and may change while we run. */
struct installer *installer_new(const char *agents_dir);
void installer_free(struct installer *installer);

/* The script as it is now. ERR_NOT_FOUND: there is no agent to install. */
MUST_CHECK bool installer_script(struct installer *installer, struct arena *arena, const char **out,
				 struct error *err);

/* The line for a gateway's shell, with this token; NULL when there is no agent to install. */
const char *installer_command(struct installer *installer, struct ctx *ctx, const char *token);
