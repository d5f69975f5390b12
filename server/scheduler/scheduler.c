/* SPDX-License-Identifier: Apache-2.0 */
#include "scheduler/scheduler.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "domain/alert/alert.h"
#include "domain/fleet/fleet.h"
#include "domain/rollout/advance.h"
#include "scheduler/retention.h"
#include "store/counts.h"
#include "store/db.h"
#include "store/scheduler_leases.h"

enum {
	LEASE_S = 15,
	LEASE_RENEW_MS = 5000,
	IDLE_MS = 500,	 /* the longest wait between two looks */
	RETRY_MS = 1000, /* after the database was away */
};

typedef bool (*task_fn)(struct ctx *ctx, bool *busy, struct error *err);

static bool fold(struct ctx *ctx, bool *busy, struct error *err)
{
	*busy = false;
	return counts_fold(ctx, err);
}

/* period_ms 0: at every wake-up. busy asks for another turn at once. */
static const struct task {
	const char *name;
	int period_ms;
	task_fn run;
} TASKS[] = {
	{"rollouts", 0, rollouts_advance},   {"presence", 1000, fleet_mark_offline},
	{"alerts", 500, alerts_evaluate},    {"counts", 1000, fold},
	{"retention", 60000, retention_run}, {"fleet retention", 60000, fleet_retention},
};

enum { TASK_COUNT = sizeof(TASKS) / sizeof(TASKS[0]) };

struct scheduler {
	const struct server *server;
	char *database_url;
	char owner[ID_SIZE];
	struct lease lease;
	pthread_t thread;
	int wake_fd;
	atomic_bool stopping;
};

static const struct actor SYSTEM = {.kind = ACTOR_SYSTEM,
				    .id = "scheduler",
				    .name = "scheduler",
				    .role = ROLE_ADMIN,
				    .system_admin = true};

static struct ctx context(const struct scheduler *scheduler, struct db *db, struct arena *arena)
{
	return (struct ctx){.db = db,
			    .arena = arena,
			    .actor = &SYSTEM,
			    .now = clock_now_utc(),
			    .request_id = "scheduler",
			    .server = scheduler->server,
			    .lease = &scheduler->lease};
}

/* One turn of all tasks that are due. A task that fails is logged and tried again when due. */
static bool run_tasks(struct scheduler *scheduler, struct db *db, struct arena *arena, usec_t due[])
{
	bool any_busy = false;

	for (size_t i = 0; i < TASK_COUNT && !atomic_load(&scheduler->stopping); i++) {
		struct ctx ctx = context(scheduler, db, arena);
		struct error err;
		bool busy = false;

		if (clock_monotonic() < due[i])
			continue;
		due[i] = clock_monotonic() + TASKS[i].period_ms * USEC_PER_MSEC;
		if (!TASKS[i].run(&ctx, &busy, &err))
			log_error("could not run task %s: %s", TASKS[i].name, err.text);
		any_busy |= busy;
		arena_reset(arena);
	}
	return any_busy;
}

static bool take_lease(struct scheduler *scheduler, struct db *db, struct arena *arena, bool *held,
		       struct error *err)
{
	struct ctx ctx = context(scheduler, db, arena);
	bool before = *held;

	if (!scheduler_leases_take(&ctx, LEASE_S, &scheduler->lease, held, err))
		return false;
	if (*held && !before)
		log_info("this replica does the timed work from now on");
	return true;
}

static void pause_ms(struct scheduler *scheduler, struct db *db, int timeout_ms)
{
	struct error err;
	bool notified;

	/* A database that is away makes db_wait fail at once: then wait without it. */
	if (!db_wait(db, scheduler->wake_fd, timeout_ms, &notified, &err) &&
	    !atomic_load(&scheduler->stopping))
		usleep((useconds_t)(RETRY_MS * 1000));
}

static void work(struct scheduler *scheduler, struct db *db, struct arena *arena)
{
	usec_t due[TASK_COUNT] = {0}, renew_at = 0;
	bool held = false;
	struct error err;

	while (!atomic_load(&scheduler->stopping)) {
		bool busy = false;

		if (clock_monotonic() >= renew_at) {
			if (!take_lease(scheduler, db, arena, &held, &err)) {
				log_warn("could not take the scheduler's lease: %s", err.text);
				held = false;
				pause_ms(scheduler, db, RETRY_MS);
				continue;
			}
			renew_at = clock_monotonic() + LEASE_RENEW_MS * USEC_PER_MSEC;
		}
		if (held)
			busy = run_tasks(scheduler, db, arena, due);
		if (!busy)
			pause_ms(scheduler, db, IDLE_MS);
	}
	if (held) {
		struct ctx ctx = context(scheduler, db, arena);
		if (!scheduler_leases_release(&ctx, "scheduler", scheduler->owner, &err))
			log_warn("could not give the scheduler's lease back: %s", err.text);
	}
}

static void *thread_main(void *arg)
{
	struct scheduler *scheduler = arg;
	struct arena *arena = arena_new();
	struct db *db = NULL;
	struct error err;

	while (!atomic_load(&scheduler->stopping)) {
		if (db_open(scheduler->database_url, "muster scheduler", &db, &err) &&
		    db_listen(db, DB_CHANNEL_SCHEDULER, &err)) {
			work(scheduler, db, arena);
			break;
		}
		log_warn("scheduler waits for PostgreSQL: %s", err.text);
		db_close(db);
		db = NULL;
		usleep((useconds_t)(RETRY_MS * 1000));
	}
	db_close(db);
	arena_free(arena);
	return NULL;
}

bool scheduler_start(const char *database_url, const struct server *server, struct scheduler **out,
		     struct error *err)
{
	struct scheduler *scheduler = xcalloc(1, sizeof(*scheduler));

	scheduler->server = server;
	scheduler->database_url = xstrdup(database_url);
	/* A name of our own takes the lease over at once after a crash. */
	if (server->replica != NULL)
		snprintf(scheduler->owner, sizeof(scheduler->owner), "%s", server->replica);
	else
		id_random(scheduler->owner, "");
	scheduler->lease = (struct lease){.name = "scheduler", .owner = scheduler->owner};
	scheduler->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (scheduler->wake_fd < 0) {
		error_set_errno(err, ERR_INTERNAL, errno, "could not make an eventfd");
		goto fail;
	}
	int failed = pthread_create(&scheduler->thread, NULL, thread_main, scheduler);
	if (failed != 0) {
		error_set_errno(err, ERR_INTERNAL, failed, "could not start the scheduler");
		close(scheduler->wake_fd);
		goto fail;
	}
	*out = scheduler;
	return true;
fail:
	free(scheduler->database_url);
	free(scheduler);
	return false;
}

void scheduler_stop(struct scheduler *scheduler)
{
	if (scheduler == NULL)
		return;
	atomic_store(&scheduler->stopping, true);
	if (eventfd_write(scheduler->wake_fd, 1) != 0)
		log_warn("could not wake the scheduler; it stops at its next look");
	pthread_join(scheduler->thread, NULL);
	close(scheduler->wake_fd);
	free(scheduler->database_url);
	free(scheduler);
}
