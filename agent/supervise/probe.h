/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One health probe of one running service: asks again and again, and turns the
 * answers into a verdict (so many good ones of the last so many make it good, so many bad
 * ones bad). Until it was good once, failures within the start grace do not count.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/loop.h"
#include "drivers/spec.h"

struct probe;

enum probe_verdict { PROBE_UNKNOWN, PROBE_GOOD, PROBE_BAD };

/* The verdict has changed. May free the probe. */
typedef void (*probe_changed_fn)(void *arg);

struct probe_options {
	struct loop *loop;
	const struct service_spec *service; /* borrowed for the life of the probe */
	size_t index;			    /* of the probe in the spec */
	const char *log_dir;		    /* borrowed too */
	probe_changed_fn changed;
	void *arg;
};

struct probe *probe_new(const struct probe_options *options);
/* Accepts NULL. */
void probe_free(struct probe *probe);

/* Before a process is started: what is in its log already does not count. */
void probe_prepare(struct probe *probe);
/* A new process: forget what was. Of an adopted one the log cannot tell whether it once was
 * ready, so it is taken as such. Never calls changed from within. */
void probe_start(struct probe *probe, bool adopted);
void probe_stop(struct probe *probe);

enum probe_verdict probe_verdict(const struct probe *probe);
/* What it asks: "8080/ready", "test -e up"; "" for the process itself. */
const char *probe_target(const struct probe *probe);
/* Why the last attempt failed, "" when it did not. */
const char *probe_text(const struct probe *probe);
/* Of the last attempt; -1: none yet. */
int64_t probe_duration_us(const struct probe *probe);
