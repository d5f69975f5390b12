/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says in words why a rollout, or one node's part in it, is in its state, and what would change
 * that. Pure: facts in, sentences out. Tests walk every state of a rollout with every state of a
 * step: each has a text, and each that is not final says what it waits for and who can change it.
 */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/clock.h"
#include "domain/rollout/strategy.h"
#include "model/explanation.h"
#include "model/rollout.h"

struct rollout_facts {
	const struct rollout *rollout;
	const struct rollout_wave *waves;
	size_t wave_count;
	const struct strategy *strategy;
	usec_t deadline_at; /* the last one of the steps under way; 0: none is */
};

void rollout_explain(const struct rollout_facts *facts, struct arena *arena,
		     struct explanation *out);
void step_explain(const struct rollout_facts *facts, const struct rollout_step *step,
		  struct arena *arena, struct explanation *out);
