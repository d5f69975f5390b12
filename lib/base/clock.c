/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

static usec_t read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (usec_t)now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

usec_t clock_now_utc(void)
{
	return read_clock(CLOCK_REALTIME);
}

usec_t clock_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

usec_t clock_boottime(void)
{
	return read_clock(CLOCK_BOOTTIME);
}
