/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a bundle (protocol/bundle.h) from an open file, in a child with few rights: first it hands
 * over the envelope of this node and waits; told which packages are wanted, it brings those to
 * packages/<sha256>.part, each checked against its digest, as a download would have left them.
 * Works on the current folder. Nothing but these parts is written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"

struct import;

struct import_callbacks {
	/* The envelope as it stands in the bundle; answer with import_want or import_cancel. */
	void (*envelope)(const char *text, size_t size, void *arg);
	/* Must not end the import. */
	void (*progress)(int64_t done_bytes, int64_t total_bytes, void *arg);
	/* failure NULL: all that was wanted is there. The import is gone after the call. */
	void (*done)(const char *failure, void *arg);
	void *arg;
};

struct import_package {
	const char *sha256;
	int64_t size;
};

/* bundle is taken over, also on failure. node is our id. */
MUST_CHECK bool import_start(struct loop *loop, int bundle, const char *node,
			     const struct import_callbacks *callbacks, struct import **out,
			     struct error *err);

/* In order of digests, at most IMPORT_MAX_PACKAGES. */
enum { IMPORT_MAX_PACKAGES = 128 };
MUST_CHECK bool import_want(struct import *import, const struct import_package *packages,
			    size_t count, struct error *err);

/* Ends it without a call. Accepts NULL. */
void import_cancel(struct import *import);

/* The child: "muster-agent import NODE", with the bundle as stdin and orders on descriptor 3. */
int import_main(int argc, char **argv);
