/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last answers of a probe, and what so many of so many say. Pure.
 */
#pragma once

#include <stdbool.h>

#include "drivers/spec.h"
#include "supervise/probe.h"

struct answers {
	bool good[SPEC_MAX_ANSWERS]; /* a ring */
	int count;
	int next;
};

void answers_add(struct answers *answers, bool good);

/* How many of the last so many were good, or were not. */
int answers_count(const struct answers *answers, int last, bool good);

/*
 * Bad once failure of the last failure_of answers were, good once success of the last
 * success_of were and it is not bad; otherwise what it was before. forgiving: no failure
 * counts yet.
 */
enum probe_verdict answers_verdict(const struct answers *answers, const struct probe_spec *spec,
				   bool forgiving, enum probe_verdict before);
