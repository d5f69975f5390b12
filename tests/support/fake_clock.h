/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A clock that a test sets: included once by a test program, it replaces
 * lib/base/clock.c at link time.
 */
#pragma once

#include "base/clock.h"

static usec_t fake_utc = INT64_C(1767323045000000); /* 2026-01-02T03:04:05Z */
static usec_t fake_boottime = USEC_PER_HOUR;

static inline void fake_clock_advance(usec_t by)
{
	fake_utc += by;
	fake_boottime += by;
}

usec_t clock_now_utc(void)
{
	return fake_utc;
}

usec_t clock_monotonic(void)
{
	return fake_boottime;
}

usec_t clock_boottime(void)
{
	return fake_boottime;
}
