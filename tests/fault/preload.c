/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For LD_PRELOAD into muster-agent; other programs that inherit it are left alone.
 *
 *   FAULT_ALLOCATION=N         the Nth allocation answers NULL, once in each process
 *   FAULT_ALLOCATION_FILE=F    gets how many there were: when that happens, and at a good end
 *   FAULT_CLOCK_FILE=F         holds seconds as a binary int64_t, by which the wall clock is wrong
 *
 * The program may be instrumented: what it would have called is called in the end.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const char PROGRAM[] = "muster-agent";

static struct {
	bool ready;
	bool configured;
	bool looking; /* for the real functions: dlsym may allocate */
	long fail_at, count;
	const char *file;
	const volatile int64_t *offset_s;
	void *(*malloc)(size_t size);
	void *(*calloc)(size_t count, size_t size);
	void *(*realloc)(void *old, size_t size);
	void (*free)(void *memory);
	int (*clock_gettime)(clockid_t id, struct timespec *out);
} real;

/* What dlsym gets meanwhile; never given back. */
static _Alignas(16) char spare[16384];
static size_t spare_used;

static void *take_spare(size_t size)
{
	size_t begin = spare_used;

	spare_used += (size + 15) & ~(size_t)15;
	return spare_used <= sizeof(spare) ? spare + begin : NULL;
}

static bool is_spare(const void *memory)
{
	uintptr_t address = (uintptr_t)memory;

	return address >= (uintptr_t)spare && address < (uintptr_t)(spare + sizeof(spare));
}

static void find(void *out, const char *name)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	memcpy(out, &symbol, sizeof(symbol));
}

static const int64_t *map_offset(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *memory =
		fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	return memory == MAP_FAILED ? NULL : memory;
}

static void set_up(void)
{
	real.looking = true;
	find(&real.malloc, "malloc");
	find(&real.calloc, "calloc");
	find(&real.realloc, "realloc");
	find(&real.free, "free");
	find(&real.clock_gettime, "clock_gettime");
	real.looking = false;
	real.ready = true;
}

static bool is_program(void)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[length > 0 ? length : 0] = '\0';
	const char *slash = strrchr(path, '/');
	return slash && strcmp(slash + 1, PROGRAM) == 0;
}

/* The first allocations come before there is an environment. */
static void configure(void)
{
	const char *at, *clock;

	if (real.configured || !environ)
		return;
	real.configured = true;
	if (!is_program())
		return;
	at = getenv("FAULT_ALLOCATION");
	clock = getenv("FAULT_CLOCK_FILE");
	real.fail_at = at ? strtol(at, NULL, 10) : 0;
	real.file = getenv("FAULT_ALLOCATION_FILE");
	real.offset_s = clock ? map_offset(clock) : NULL;
}

static void write_count(void)
{
	char text[32];
	int fd = real.file ? open(real.file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
	int length = snprintf(text, sizeof(text), "%ld\n", real.count);

	if (fd < 0)
		return;
	(void)!write(fd, text, (size_t)length);
	close(fd);
}

__attribute__((destructor)) static void at_end(void)
{
	write_count();
}

static bool fails(void)
{
	configure();
	if (++real.count != real.fail_at)
		return false;
	write_count();
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	if (!real.ready && !real.looking)
		set_up();
	if (real.looking)
		return take_spare(size);
	return fails() ? NULL : real.malloc(size);
}

void *calloc(size_t count, size_t size)
{
	if (!real.ready && !real.looking)
		set_up();
	if (real.looking)
		return take_spare(count * size);
	return fails() ? NULL : real.calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	if (!real.ready && !real.looking)
		set_up();
	if (real.looking)
		return take_spare(size);
	if (is_spare(old)) {
		void *grown = real.malloc(size);

		if (grown)
			memcpy(grown, old, size);
		return grown;
	}
	return fails() ? NULL : real.realloc(old, size);
}

void free(void *memory)
{
	if (!is_spare(memory) && real.free)
		real.free(memory);
}

int clock_gettime(clockid_t id, struct timespec *out)
{
	if (!real.ready && !real.looking)
		set_up();
	configure();
	int result = real.clock_gettime(id, out);
	if (result == 0 && id == CLOCK_REALTIME && real.offset_s)
		out->tv_sec += *real.offset_s;
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
	*out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
	return 0;
}
