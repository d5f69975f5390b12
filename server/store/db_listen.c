/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for notifications, and sending them. */
#include <poll.h>

#include "store/db_internal.h"

static const char NOTIFY[] = "SELECT pg_notify($1, '')";

bool db_notify(struct db *db, const char *channel, struct error *err)
{
	return db_exec(db, NOTIFY, DB_ARGS(db_text(channel)), NULL, err);
}

static bool take_notifications(struct db *db)
{
	bool any = db->reconnected;
	PGnotify *notification;

	db->reconnected = false;
	while ((notification = PQnotifies(db->connection))) {
		any = true;
		PQfreemem(notification);
	}
	return any;
}

bool db_wait(struct db *db, int wake_fd, int timeout_ms, bool *notified, struct error *err)
{
	struct pollfd entries[2] = {{.fd = wake_fd, .events = POLLIN},
				    {.fd = -1, .events = POLLIN}};

	if (!db_ensure(db, err)) {
		/* A negative descriptor is skipped by poll, so this is a sleep that can be woken. */
		poll(entries, 1, timeout_ms);
		return false;
	}
	*notified = take_notifications(db);
	if (*notified)
		return true;
	entries[1].fd = PQsocket(db->connection);
	if (poll(entries, 2, timeout_ms) <= 0 || !entries[1].revents)
		return true;
	/* A connection that ended here is made again by the next call. */
	if (PQconsumeInput(db->connection))
		*notified = take_notifications(db);
	return true;
}
