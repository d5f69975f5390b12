/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD: the program sees a wall clock that is WRONG_CLOCK_S seconds off. The clocks that count
 * from boot stay as they are.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long long offset_s(void)
{
	static long long offset;
	static int known;

	if (!known) {
		const char *text = getenv("WRONG_CLOCK_S");

		offset = text ? atoll(text) : 0;
		known = 1;
	}
	return offset;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
	static int (*real)(clockid_t, struct timespec *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	int result = real(clock, out);
	if (result == 0 && clock == CLOCK_REALTIME)
		out->tv_sec += (time_t)offset_s();
	return result;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	out->tv_sec = now.tv_sec;
	out->tv_usec = (suseconds_t)(now.tv_nsec / 1000);
	return 0;
}
