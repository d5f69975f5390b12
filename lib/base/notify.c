/* SPDX-License-Identifier: Apache-2.0 */
#include "base/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum { MESSAGE_SIZE = 1024 };

/* A whole number above zero, or 0. */
static int64_t number(const char *text)
{
	char *end;
	long long value;

	if (text == NULL)
		return 0;
	value = strtoll(text, &end, 10);
	return end != text && *end == '\0' && value > 0 ? value : 0;
}

/* Meant for us, and not for a parent that passed its environment on. */
static int64_t watchdog(void)
{
	const char *pid = getenv("WATCHDOG_PID");

	if (pid != NULL && number(pid) != getpid())
		return 0;
	return number(getenv("WATCHDOG_USEC")) / 1000;
}

static bool address_set(struct notify *notify, const char *path)
{
	size_t length = path ? strlen(path) : 0;

	if (length < 2 || length >= sizeof(notify->address.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return false;
	notify->address.sun_family = AF_UNIX;
	memcpy(notify->address.sun_path, path, length);
	notify->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	if (path[0] == '@') /* the abstract name space */
		notify->address.sun_path[0] = '\0';
	else
		notify->address_size++;
	return true;
}

void notify_init(struct notify *notify)
{
	*notify = (struct notify){.fd = -1};
	if (address_set(notify, getenv("NOTIFY_SOCKET")))
		notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (notify->fd >= 0)
		notify->watchdog_ms = watchdog();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void notify_send(const struct notify *notify, const char *format, ...)
{
	char message[MESSAGE_SIZE];
	va_list arguments;

	if (notify->fd < 0)
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	ssize_t ignored = sendto(notify->fd, message, strlen(message), MSG_NOSIGNAL,
				 (const struct sockaddr *)&notify->address, notify->address_size);
	(void)ignored;
}

void notify_release(struct notify *notify)
{
	fd_cleanup(&notify->fd);
}
