/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/host.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/file.h"

/* A small file of the kernel as text; empty when it cannot be read. */
static void read_text(const char *path, char *out, size_t size)
{
	CLEANUP(fd_cleanup) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t count = fd < 0 ? -1 : read(fd, out, size - 1);

	out[count > 0 ? count : 0] = '\0';
}

/* The number behind "key" at the begin of a line; 0 when it is not there. */
static int64_t find_number(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, key, length) == 0)
			return strtoll(line + length, NULL, 10);
	}
	return 0;
}

static int64_t ticks_to_us(int64_t ticks)
{
	long per_second = sysconf(_SC_CLK_TCK);

	return per_second > 0 ? ticks * (USEC_PER_SEC / per_second) : 0;
}

double cpu_meter_percent(struct cpu_meter *meter, int64_t used_us, usec_t now)
{
	double percent = 0;

	if (meter->at != 0 && now > meter->at && used_us > meter->used_us)
		percent = 100.0 * (double)(used_us - meter->used_us) / (double)(now - meter->at);
	meter->at = now;
	meter->used_us = used_us;
	return percent;
}

static int64_t host_busy_us(void)
{
	char text[512];
	long long user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0;

	read_text("/proc/stat", text, sizeof(text));
	if (sscanf(text, "cpu %lld %lld %lld %lld %lld %lld %lld", &user, &nice, &system, &idle,
		   &wait, &irq, &soft) != 7)
		return 0;
	return ticks_to_us(user + nice + system + irq + soft);
}

void host_read(struct cpu_meter *meter, struct msg_host *out)
{
	char text[4096];
	struct statvfs disk;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	out->cpu_percent = cpu_meter_percent(meter, host_busy_us(), clock_monotonic()) /
			   (double)(processors > 0 ? processors : 1);
	read_text("/proc/loadavg", text, sizeof(text));
	out->load1 = strtod(text, NULL);
	read_text("/proc/meminfo", text, sizeof(text));
	out->mem_total = find_number(text, "MemTotal:") * 1024;
	out->mem_available = find_number(text, "MemAvailable:") * 1024;
	if (statvfs(".", &disk) == 0) {
		out->disk_total = (int64_t)disk.f_blocks * (int64_t)disk.f_frsize;
		out->disk_free = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
	}
}

int64_t host_uptime_s(void)
{
	return clock_boottime() / USEC_PER_SEC;
}

void host_boot_id(char out[BOOT_ID_SIZE])
{
	read_text("/proc/sys/kernel/random/boot_id", out, BOOT_ID_SIZE);
	out[strcspn(out, "\n")] = '\0';
}

/* Fields 14 and 15 of stat, counted behind the name, which may hold anything but its last ')'. */
static int64_t process_cpu_us(pid_t pid)
{
	char path[64], text[1024];
	long long user = 0, system = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	read_text(path, text, sizeof(text));
	const char *at = strrchr(text, ')');
	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld", &user,
			  &system) != 2)
		return 0;
	return ticks_to_us(user + system);
}

static int64_t process_memory(pid_t pid)
{
	char path[64], text[256];
	long long size = 0, resident = 0;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	read_text(path, text, sizeof(text));
	if (sscanf(text, "%lld %lld", &size, &resident) != 2)
		return 0;
	return resident * sysconf(_SC_PAGESIZE);
}

static bool cgroup_read(const char *cgroup, struct process_usage *out)
{
	char path[4096], text[1024];

	snprintf(path, sizeof(path), "%s/cpu.stat", cgroup);
	read_text(path, text, sizeof(text));
	out->cpu_us = find_number(text, "usage_usec ");
	snprintf(path, sizeof(path), "%s/memory.current", cgroup);
	read_text(path, text, sizeof(text));
	out->memory_bytes = strtoll(text, NULL, 10);
	return out->cpu_us > 0 && out->memory_bytes > 0;
}

void process_usage_read(pid_t pid, const char *cgroup, struct process_usage *out)
{
	*out = (struct process_usage){0};
	if (pid <= 0 || (cgroup && cgroup_read(cgroup, out)))
		return;
	out->cpu_us = process_cpu_us(pid);
	out->memory_bytes = process_memory(pid);
}
