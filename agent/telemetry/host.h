/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of the machine and of processes, from /proc and cgroup files. What cannot be read is 0. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "protocol/messages.h"

#define BOOT_ID_SIZE 40

/* Processor time over time; zero it before the first use. */
struct cpu_meter {
	usec_t at; /* monotonic */
	int64_t used_us;
};

/* Since the last call, in percent of one processor; 0 at the first. */
double cpu_meter_percent(struct cpu_meter *meter, int64_t used_us, usec_t now);

/* cpu_percent (of all processors), load1, memory and the disk of the current folder. */
void host_read(struct cpu_meter *meter, struct msg_host *out);

int64_t host_uptime_s(void);
void host_boot_id(char out[BOOT_ID_SIZE]);

/* Of a service: of its cgroup when it has one (a folder), else of the process alone. */
struct process_usage {
	int64_t cpu_us;
	int64_t memory_bytes;
};
void process_usage_read(pid_t pid, const char *cgroup, struct process_usage *out);
