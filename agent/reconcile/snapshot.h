/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of the data paths that a service declares, taken while it is stopped and before a version
 * runs that might migrate them one way. Copying may take long, so a child does it:
 * "muster-agent snapshot FOLDER PATH..." and "muster-agent restore FOLDER PATH...". A snapshot is
 * complete or not there; a restore may be repeated.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/loop.h"

MUST_CHECK bool snapshot_take(const char *folder, char *const *paths, size_t count,
			      struct error *err);
MUST_CHECK bool snapshot_restore(const char *folder, char *const *paths, size_t count,
				 struct error *err);

/* The commands of the child. */
int snapshot_main(bool restore, int argc, char **argv);

struct copy_job;

/* Runs "muster-agent <arguments>" (NULL-terminated) as a child that says on stdout what went wrong. */
MUST_CHECK bool copy_job_run(struct loop *loop, const char *const *arguments,
			     void (*done)(const char *failure, void *arg), void *arg,
			     struct copy_job **out, struct error *err);

/* Runs the child; done(NULL) when it worked, else with the reason. The job is gone then. */
MUST_CHECK bool copy_job_start(struct loop *loop, bool restore, const char *folder,
			       const char *const *paths, size_t count,
			       void (*done)(const char *failure, void *arg), void *arg,
			       struct copy_job **out, struct error *err);

/* Ends it without a call. Accepts NULL. */
void copy_job_cancel(struct copy_job *job);
