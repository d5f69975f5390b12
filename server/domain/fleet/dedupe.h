/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule of the upward streams: a message covers first..seq, more than one only where the agent
 * had to drop some. It is taken when it goes on right where the stored ones end.
 */
#pragma once

#include <stdint.h>

enum dedupe {
	DEDUPE_NEW,	 /* store it */
	DEDUPE_REPEATED, /* all of it is stored: acknowledge again */
	DEDUPE_EARLY,	 /* something before it is missing: ignore, the agent sends it again */
};

static inline enum dedupe dedupe_judge(int64_t last, int64_t first, int64_t seq)
{
	if (seq <= last)
		return DEDUPE_REPEATED;
	return first <= last + 1 ? DEDUPE_NEW : DEDUPE_EARLY;
}
