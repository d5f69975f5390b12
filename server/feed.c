/* SPDX-License-Identifier: Apache-2.0 */
#include "feed.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fields.h"
#include "base/log.h"
#include "http/events.h"
#include "store/changes.h"
#include "store/db.h"
#include "store/rights.h"

/* Rows may become readable without a wake-up of their own, when an older transaction ends. */
enum { SWEEP_MS = 500, RETRY_MS = 1000, BATCH = 5000, IDS_MAX = 20 };

/*
 * A change alone is told at once, and after it for so long nothing: what happens meanwhile is told
 * together, once to each of the dashboards, however many changes there are.
 */
enum { CALM_MS = 400 };

/* How long a stream may outlive the session or token that it was opened with. */
#define CHECK_INTERVAL (2 * USEC_PER_SEC)

struct feed {
	const char *database_url;
	struct event_hub *hub;
	pthread_t thread;
	int stop_fd;
	struct db *db;
	usec_t next_check; /* of the streams' rights */
	bool positioned;   /* the hub knows where the history begins */
	bool busy;	   /* something was told in this turn */
	struct change_position position;
};

static bool stopped(const struct feed *feed)
{
	struct pollfd poller = {.fd = feed->stop_fd, .events = POLLIN};

	return poll(&poller, 1, 0) > 0;
}

/* All changes of one kind in one project that one look has found: one event. */
struct group {
	const struct change *last;
	const char *ids[IDS_MAX]; /* distinct, in the order of their first change */
	size_t count;
	bool many; /* more than those */
};

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static struct group *find_group(struct group *groups, size_t *count, const struct change *change)
{
	/* The newest are the likeliest. */
	for (size_t i = *count; i > 0; i--)
		if (strcmp(groups[i - 1].last->kind, change->kind) == 0 &&
		    same_text(groups[i - 1].last->project_id, change->project_id))
			return &groups[i - 1];
	groups[*count] = (struct group){.last = change};
	return &groups[(*count)++];
}

static void add_change(struct group *group, const struct change *change)
{
	group->last = change;
	if (group->many)
		return;
	for (size_t i = 0; i < group->count; i++)
		if (strcmp(group->ids[i], change->object_id) == 0)
			return;
	if (group->count == IDS_MAX)
		group->many = true;
	else
		group->ids[group->count++] = change->object_id;
}

static void publish(struct feed *feed, struct arena *arena, const struct group *group)
{
	char at[TIME_TEXT_SIZE];
	json_t *ids = json_array();

	time_format(group->last->at, at);
	json_t *data = json_pack("{s:s, s:o, s:b, s:s}", "kind", group->last->kind, "ids", ids,
				 "many", group->many, "at", at);
	for (size_t i = 0; i < group->count; i++)
		json_array_append_new(ids, json_string(group->ids[i]));
	event_hub_publish(feed->hub, &(struct event){
					     .id = group->last->position.id,
					     .project_id = group->last->project_id,
					     .kind = group->last->kind,
					     .data = json_text(json_keep(data, arena), arena),
				     });
}

static int compare_groups(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return x->last < y->last ? -1 : x->last > y->last;
}

/* In the order of their last changes: so who has seen one of them has seen those before it. */
static void publish_all(struct feed *feed, struct arena *arena, const struct change *changes,
			size_t count)
{
	struct group *groups = arena_array(arena, count, sizeof(*groups));
	size_t group_count = 0;

	for (size_t i = 0; i < count; i++)
		add_change(find_group(groups, &group_count, &changes[i]), &changes[i]);
	qsort(groups, group_count, sizeof(*groups), compare_groups);
	for (size_t i = 0; i < group_count; i++)
		publish(feed, arena, &groups[i]);
}

/* Everything that is new; full tells that there may be more. */
static bool read_batch(struct feed *feed, struct ctx *ctx, bool *full, struct error *err)
{
	struct change *changes;
	size_t count;

	if (!feed->positioned) {
		if (!changes_newest(ctx, &feed->position, err))
			return false;
		event_hub_start(feed->hub, feed->position.id);
		feed->positioned = true;
	}
	if (!changes_list_after(ctx, &feed->position, BATCH, &changes, &count, err))
		return false;
	if (count > 0) {
		publish_all(feed, ctx->arena, changes, count);
		feed->busy = true;
		feed->position = changes[count - 1].position;
	}
	*full = count == BATCH;
	return true;
}

/* Ends the streams of those who have signed out or were put out meanwhile, at any replica. */
static bool check_rights(struct feed *feed, struct ctx *ctx, struct error *err)
{
	usec_t now = clock_monotonic();
	const char *const *rights;
	const char *const *ended;
	size_t count;

	if (now < feed->next_check)
		return true;
	feed->next_check = now + CHECK_INTERVAL;
	rights = event_hub_rights(feed->hub, ctx->arena, &count);
	if (count > 0 && !rights_ended(ctx, rights, count, &ended, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		event_hub_end(feed->hub, ended[i]);
	arena_reset(ctx->arena);
	return true;
}

static bool read_all(struct feed *feed, struct arena *arena, struct error *err)
{
	static const struct actor SYSTEM = {.kind = ACTOR_SYSTEM, .name = "feed"};
	struct ctx ctx = {.db = feed->db, .arena = arena, .actor = &SYSTEM, .request_id = "feed"};
	bool full = true;

	while (full) {
		ctx.now = clock_now_utc();
		if (!read_batch(feed, &ctx, &full, err))
			return false;
		arena_reset(arena);
	}
	return check_rights(feed, &ctx, err);
}

static bool run_once(struct feed *feed, struct arena *arena, struct error *err)
{
	bool notified;

	if (feed->db == NULL && (!db_open(feed->database_url, "musterd events", &feed->db, err) ||
				 !db_listen(feed->db, DB_CHANNEL_CHANGES, err)))
		return false;
	struct pollfd poller = {.fd = feed->stop_fd, .events = POLLIN};

	feed->busy = false;
	if (!read_all(feed, arena, err))
		return false;
	if (feed->busy && poll(&poller, 1, CALM_MS) > 0)
		return true;
	return db_wait(feed->db, feed->stop_fd, SWEEP_MS, &notified, err);
}

static void *feed_run(void *arg)
{
	struct feed *feed = arg;
	struct arena *arena = arena_new();
	bool away = false;
	struct error err;

	while (!stopped(feed)) {
		struct pollfd poller = {.fd = feed->stop_fd, .events = POLLIN};

		if (run_once(feed, arena, &err)) {
			away = false;
			continue;
		}
		if (!away)
			log_warn("events wait for the database: %s", err.text);
		away = true;
		poll(&poller, 1, RETRY_MS);
	}
	db_close(feed->db);
	arena_free(arena);
	return NULL;
}

bool feed_start(const char *database_url, struct event_hub *hub, struct feed **out,
		struct error *err)
{
	struct feed *feed = xcalloc(1, sizeof(*feed));
	int rc;

	feed->database_url = database_url;
	feed->hub = hub;
	feed->stop_fd = eventfd(0, EFD_CLOEXEC);
	rc = pthread_create(&feed->thread, NULL, feed_run, feed);
	if (rc != 0) {
		close(feed->stop_fd);
		free(feed);
		return error_set_errno(err, ERR_INTERNAL, rc, "could not start the feed of events");
	}
	*out = feed;
	return true;
}

void feed_stop(struct feed *feed)
{
	if (feed == NULL)
		return;
	eventfd_write(feed->stop_fd, 1);
	pthread_join(feed->thread, NULL);
	close(feed->stop_fd);
	free(feed);
}
