/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A make-believe machine on the factory floor: what its sensors show at a given moment.
 *
 * The readings are a pure function of the seed and of the time since start, so nothing needs a timer, any number of
 * clients see the same machine, and two machines with different seeds never move in step.
 */

#include <stdint.h>

/* Holding registers, as the devices' data sheet would list them. */
enum machine_register {
	MACHINE_TEMPERATURE, /* bearing, 0.1 degrees Celsius, signed */
	MACHINE_PRESSURE,    /* hydraulics, 0.1 kPa */
	MACHINE_SPEED,	     /* spindle, revolutions per minute */
	MACHINE_VIBRATION,   /* 0.01 mm/s */
	MACHINE_PIECES_HIGH, /* pieces made since start, 32 bits, high word first */
	MACHINE_PIECES_LOW,  /* the low word of it */
	MACHINE_STATE,	     /* enum machine_state */
	MACHINE_UPTIME_S,    /* seconds since start, wraps at 65536 */
	MACHINE_REGISTER_COUNT
};

enum machine_state {
	MACHINE_IDLE = 0,
	MACHINE_RUNNING = 1,
};

/*
 * Fills in the registers for elapsed_ms after start. Cannot fail.
 */
void machine_read(uint32_t seed, int64_t elapsed_ms, uint16_t registers[MACHINE_REGISTER_COUNT]);
