/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probes that ask nobody: included once by a test program, it replaces agent/supervise/
 * probe_net.c and probe_local.c at link time. What counts (supervise/probe.c) stays real; the
 * answer to each attempt comes from fake_answer, which the test defines.
 */
#pragma once

#include "supervise/probe_internal.h"

enum fake_answer { FAKE_GOOD, FAKE_BAD, FAKE_SILENT };

/* The answer to an attempt that begins now; index: of the probe in its spec. */
static enum fake_answer fake_answer(size_t index);
/* An attempt that got no answer is given up. */
static void fake_given_up(size_t index);

static inline void fake_attempt(struct probe *probe)
{
	enum fake_answer answer = fake_answer(probe->options.index);

	if (answer != FAKE_SILENT)
		probe_finish(probe, answer == FAKE_GOOD, answer == FAKE_GOOD ? "" : "says no");
}

void probe_net_begin(struct probe *probe)
{
	fake_attempt(probe);
}

void probe_exec_begin(struct probe *probe)
{
	fake_attempt(probe);
}

void probe_log_begin(struct probe *probe)
{
	fake_attempt(probe);
}

void probe_net_cancel(struct probe *probe)
{
	fake_given_up(probe->options.index);
}

void probe_exec_cancel(struct probe *probe)
{
	fake_given_up(probe->options.index);
}

void probe_log_mark(struct probe *probe)
{
	(void)probe;
}
