/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include <math.h>
#include <stdbool.h>

enum {
	CYCLE_MS = 60000, /* one work cycle: it runs, then it idles */
	RUNNING_MS = 50000,
	PIECE_MS = 1250,
	NOISE_STEP_MS = 250,
};

/* The finaliser of splitmix64: neighbouring inputs give unrelated outputs. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15U;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
	return x ^ (x >> 31);
}

/* Between -1 and 1, new every NOISE_STEP_MS, another one for each sensor. */
static double noise(uint32_t seed, int64_t elapsed_ms, enum machine_register sensor)
{
	uint64_t step = (uint64_t)elapsed_ms / NOISE_STEP_MS;
	uint64_t bits = mix(((uint64_t)seed << 32 | (uint64_t)sensor) ^ mix(step));

	return (double)(bits >> 40) / (double)(1U << 23) - 1.0;
}

static double wave(int64_t time_ms, int64_t period_ms)
{
	return sin(2.0 * M_PI * (double)(time_ms % period_ms) / (double)period_ms);
}

static uint16_t clamp(double value)
{
	if (value < 0.0)
		return 0;
	return value > 65535.0 ? 65535 : (uint16_t)lround(value);
}

void machine_read(uint32_t seed, int64_t elapsed_ms, uint16_t registers[MACHINE_REGISTER_COUNT])
{
	int64_t shift_ms = (int64_t)(mix(seed) % CYCLE_MS);
	int64_t time_ms = elapsed_ms + shift_ms;
	int64_t in_cycle_ms = time_ms % CYCLE_MS;
	bool running = in_cycle_ms < RUNNING_MS;
	int64_t work_ms = time_ms / CYCLE_MS * RUNNING_MS + (running ? in_cycle_ms : RUNNING_MS);
	int64_t before_start_ms = shift_ms < RUNNING_MS ? shift_ms : RUNNING_MS;
	uint32_t pieces = (uint32_t)((work_ms - before_start_ms) / PIECE_MS);
	double load = running ? 1.0 : 0.15;

	registers[MACHINE_TEMPERATURE] = clamp(420.0 + 180.0 * load + 40.0 * wave(time_ms, 47000) +
					       4.0 * noise(seed, elapsed_ms, MACHINE_TEMPERATURE));
	registers[MACHINE_PRESSURE] = clamp(1600.0 + 900.0 * load + 120.0 * wave(time_ms, 23000) +
					    15.0 * noise(seed, elapsed_ms, MACHINE_PRESSURE));
	registers[MACHINE_SPEED] =
		clamp(running ? 2950.0 + 40.0 * wave(time_ms, 11000) +
					12.0 * noise(seed, elapsed_ms, MACHINE_SPEED)
			      : 0.0);
	registers[MACHINE_VIBRATION] =
		clamp(20.0 + 260.0 * load + 30.0 * noise(seed, elapsed_ms, MACHINE_VIBRATION));
	registers[MACHINE_PIECES_HIGH] = (uint16_t)(pieces >> 16);
	registers[MACHINE_PIECES_LOW] = (uint16_t)(pieces & 0xffffU);
	registers[MACHINE_STATE] = running ? MACHINE_RUNNING : MACHINE_IDLE;
	registers[MACHINE_UPTIME_S] = (uint16_t)((uint64_t)elapsed_ms / 1000 & 0xffffU);
}
