/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/draw.h"

#include <math.h>

/* The finaliser of splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

uint64_t draw_bits(const struct draw *draw, enum draw_kind kind, uint64_t count)
{
	return mix(mix(mix(draw->seed) ^ ((uint64_t)draw->node << 8 | (uint64_t)kind)) ^ count);
}

double draw_share(const struct draw *draw, enum draw_kind kind, uint64_t count)
{
	return (double)(draw_bits(draw, kind, count) >> 11) / (double)(UINT64_C(1) << 53);
}

bool draw_happens(const struct draw *draw, enum draw_kind kind, uint64_t count, double share)
{
	return share > 0 && draw_share(draw, kind, count) < share;
}

int64_t draw_between(const struct draw *draw, enum draw_kind kind, uint64_t count, int64_t least,
		     int64_t most)
{
	return least + (int64_t)(draw_share(draw, kind, count) * (double)(most - least + 1));
}

int64_t draw_wait(const struct draw *draw, enum draw_kind kind, uint64_t count, int64_t mean)
{
	double factor = -log(1 - draw_share(draw, kind, count));

	return (int64_t)((double)mean * (factor > 8 ? 8 : factor));
}
