/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a service manager is told: sd_notify(3) and its watchdog, without libsystemd. Where the
 * environment names no manager (by hand, OpenRC, a container) nothing is sent and all calls are
 * harmless. Nothing here fails: a manager that hears nothing acts by its own time limits.
 */
#pragma once

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/compiler.h"

struct notify {
	int fd; /* -1: nobody wants to know */
	struct sockaddr_un address;
	socklen_t address_size;
	int64_t watchdog_ms; /* the manager acts on silence of this length; 0: it does not watch */
};

/*
 * Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that no child
 * speaks in our name. Call it once, while there is one thread.
 */
void notify_init(struct notify *notify);

/* One message of lines "NAME=value": "READY=1\nSTATUS=...". Cut off at 1 KiB. */
void notify_send(const struct notify *notify, const char *format, ...) PRINTF_FORMAT(2, 3);

void notify_release(struct notify *notify);
