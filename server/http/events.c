/* SPDX-License-Identifier: Apache-2.0 */
#include "http/events.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "http/internal.h"

#define PING_INTERVAL (15 * USEC_PER_SEC)
#define PROBE_INTERVAL (2 * USEC_PER_SEC)

enum { EVENT_TEXT_MAX = 64 << 10, BLOCK_SIZE = 4096 };

static struct metric METRICS[] = {
	METRIC_GAUGE("muster_event_streams", "Open event streams"),
	METRIC_COUNTER("muster_events_total", "Events passed to event streams"),
};

enum { METRIC_STREAMS, METRIC_EVENTS };

/* As it goes over the wire; the ring and those who are sending it hold it. Under the hub's mutex. */
struct text {
	size_t holders; /* 0: of the program, never freed */
	size_t size;
	const char *bytes;
};

static struct text RESYNC = {.size = 24, .bytes = "event: resync\ndata: {}\n\n"};
static struct text LOGOUT = {.size = 24, .bytes = "event: logout\ndata: {}\n\n"};
static struct text PING = {.size = 8, .bytes = ": ping\n\n"};
static struct text GREETING = {.size = 13, .bytes = "retry: 2000\n\n"};

struct ring_entry {
	int64_t id;
	char *project_id;
	char *kind;
	struct text *text;
};

/*
 * A client reads from cursor to the head of the ring. All members are guarded by the hub's mutex;
 * parked tells that the connection is suspended, and only then may it be resumed.
 */
struct event_client {
	struct event_client *previous;
	struct event_client *next;
	struct event_hub *hub;
	struct MHD_Connection *mhd;
	int fd;
	char *project_id;
	char *user_id;
	char *topics; /* ",node,rollout,", or NULL for all */
	char *right;
	usec_t until;
	uint64_t cursor;
	struct text *pending; /* partly sent */
	size_t pending_sent;
	bool resync;
	bool ping;
	bool parked;
	bool dead;
	bool ended;   /* its time is over */
	bool revoked; /* so is its right: it is told, once */
};

struct event_hub {
	pthread_mutex_t mutex;
	size_t clients_max;
	size_t clients_per_user;
	size_t client_count;
	struct event_client *first;
	bool stop;
	usec_t next_ping;
	usec_t next_probe;
	int64_t base_id; /* the change before the oldest one of the ring */
	uint64_t head;	 /* entries ever published; entry n is at n % HTTP_EVENTS_RING */
	struct ring_entry ring[HTTP_EVENTS_RING];
};

struct event_hub *event_hub_new(size_t clients_max, size_t clients_per_user)
{
	struct event_hub *hub = xcalloc(1, sizeof(*hub));

	pthread_mutex_init(&hub->mutex, NULL);
	hub->clients_max = clients_max;
	hub->clients_per_user = clients_per_user;
	hub->next_ping = clock_monotonic() + PING_INTERVAL;
	metrics_register(METRICS, ARRAY_SIZE(METRICS));
	return hub;
}

static struct text *text_hold(struct text *text)
{
	text->holders += text->holders > 0;
	return text;
}

static void text_drop(struct text *text)
{
	if (text != NULL && text->holders > 0 && --text->holders == 0)
		free(text);
}

static void entry_clear(struct ring_entry *entry)
{
	free(entry->project_id);
	free(entry->kind);
	text_drop(entry->text);
	*entry = (struct ring_entry){.id = 0};
}

void event_hub_free(struct event_hub *hub)
{
	if (hub == NULL)
		return;
	for (size_t i = 0; i < HTTP_EVENTS_RING; i++)
		entry_clear(&hub->ring[i]);
	pthread_mutex_destroy(&hub->mutex);
	free(hub);
}

static uint64_t tail(const struct event_hub *hub)
{
	return hub->head > HTTP_EVENTS_RING ? hub->head - HTTP_EVENTS_RING : 0;
}

/* Lets the library ask for more data. With the mutex held: a client that parks meanwhile would be
 * missed otherwise. */
static void wake(struct event_client *client)
{
	if (!client->parked)
		return;
	client->parked = false;
	MHD_resume_connection(client->mhd);
}

static void wake_all(struct event_hub *hub)
{
	for (struct event_client *c = hub->first; c != NULL; c = c->next)
		wake(c);
}

void event_hub_start(struct event_hub *hub, int64_t last_id)
{
	pthread_mutex_lock(&hub->mutex);
	hub->base_id = last_id;
	pthread_mutex_unlock(&hub->mutex);
}

static struct text *event_text(const struct event *event)
{
	struct strbuf text;
	struct text *out = &RESYNC;

	strbuf_init(&text, NULL, EVENT_TEXT_MAX);
	strbuf_printf(&text, "id: %lld\nevent: change\ndata: %s\n\n", (long long)event->id,
		      event->data);
	if (!text.overflow) {
		char *bytes;

		out = xcalloc(1, sizeof(*out) + text.length);
		bytes = (char *)(out + 1);
		memcpy(bytes, text.data, text.length);
		*out = (struct text){.holders = 1, .size = text.length, .bytes = bytes};
	}
	strbuf_release(&text);
	return out;
}

static bool wants(const struct event_client *client, const struct ring_entry *entry)
{
	size_t length = strlen(entry->kind);

	if (entry->project_id != NULL &&
	    (client->project_id == NULL || strcmp(entry->project_id, client->project_id) != 0))
		return false;
	if (client->topics == NULL)
		return true;
	for (const char *at = client->topics; (at = strstr(at, entry->kind)) != NULL; at++)
		if (at[-1] == ',' && at[length] == ',')
			return true;
	return false;
}

void event_hub_publish(struct event_hub *hub, const struct event *event)
{
	struct ring_entry entry = {
		.id = event->id,
		.project_id = event->project_id == NULL ? NULL : xstrdup(event->project_id),
		.kind = xstrdup(event->kind),
		.text = event_text(event),
	};
	struct ring_entry *place;

	pthread_mutex_lock(&hub->mutex);
	place = &hub->ring[hub->head % HTTP_EVENTS_RING];
	if (place->text != NULL)
		hub->base_id = place->id;
	entry_clear(place);
	*place = entry;
	hub->head++;
	metric_add(&METRICS[METRIC_EVENTS], 1);
	for (struct event_client *c = hub->first; c != NULL; c = c->next)
		if (c->parked && wants(c, &entry))
			wake(c);
		else if (c->parked)
			c->cursor = hub->head; /* it had seen all, and this is not for it */
	pthread_mutex_unlock(&hub->mutex);
}

static bool hung_up(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLRDHUP};

	return poll(&poller, 1, 0) > 0 &&
	       (poller.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

void event_hub_tick(struct event_hub *hub)
{
	usec_t now = clock_monotonic();
	usec_t wall = clock_now_utc();
	bool ping;
	bool probe;

	pthread_mutex_lock(&hub->mutex);
	ping = now >= hub->next_ping;
	probe = now >= hub->next_probe;
	if (ping)
		hub->next_ping = now + PING_INTERVAL;
	if (probe)
		hub->next_probe = now + PROBE_INTERVAL;
	for (struct event_client *c = hub->first; c != NULL; c = c->next) {
		if (ping)
			c->ping = true;
		if (probe && c->parked && hung_up(c->fd))
			c->dead = true;
		if (c->until != 0 && wall >= c->until)
			c->ended = true;
		if (c->ping || c->dead || c->ended)
			wake(c);
	}
	pthread_mutex_unlock(&hub->mutex);
}

void event_hub_stop(struct event_hub *hub)
{
	pthread_mutex_lock(&hub->mutex);
	hub->stop = true;
	wake_all(hub);
	pthread_mutex_unlock(&hub->mutex);
}

/* Chooses the next text to send, which the client holds; NULL when it has seen everything. */
static struct text *next_text(struct event_client *client)
{
	struct event_hub *hub = client->hub;

	if (client->cursor < tail(hub))
		client->resync = true;
	if (client->resync) {
		client->resync = false;
		client->cursor = hub->head;
		return &RESYNC;
	}
	if (client->revoked) {
		client->revoked = false;
		client->ended = true;
		client->cursor = hub->head;
		return &LOGOUT;
	}
	while (client->cursor < hub->head) {
		const struct ring_entry *entry = &hub->ring[client->cursor++ % HTTP_EVENTS_RING];

		if (wants(client, entry))
			return text_hold(entry->text);
	}
	if (client->ping) {
		client->ping = false;
		return &PING;
	}
	return NULL;
}

static size_t copy_pending(struct event_client *client, char *out, size_t room)
{
	size_t rest = client->pending->size - client->pending_sent;
	size_t size = rest < room ? rest : room;

	memcpy(out, client->pending->bytes + client->pending_sent, size);
	client->pending_sent += size;
	if (size == rest) {
		text_drop(client->pending);
		client->pending = NULL;
		client->pending_sent = 0;
	}
	return size;
}

static ssize_t fill(struct event_client *client, char *out, size_t room)
{
	size_t used = 0;

	while (used < room) {
		if (client->pending == NULL)
			client->pending = next_text(client);
		if (client->pending == NULL)
			break;
		used += copy_pending(client, out + used, room - used);
	}
	if (used > 0)
		return (ssize_t)used;
	/* Suspended before the mutex is let go, so that no publisher can slip between. */
	client->parked = true;
	MHD_suspend_connection(client->mhd);
	return 0;
}

static ssize_t read_events(void *arg, uint64_t position, char *out, size_t room)
{
	struct event_client *client = arg;
	ssize_t result;

	(void)position;
	pthread_mutex_lock(&client->hub->mutex);
	if (client->dead) {
		result = MHD_CONTENT_READER_END_WITH_ERROR;
	} else if (client->hub->stop) {
		result = MHD_CONTENT_READER_END_OF_STREAM;
	} else if (client->ended && client->pending == NULL) {
		result = MHD_CONTENT_READER_END_OF_STREAM;
	} else {
		result = fill(client, out, room);
	}
	pthread_mutex_unlock(&client->hub->mutex);
	return result;
}

static void client_release(struct event_client *client)
{
	free(client->project_id);
	free(client->user_id);
	free(client->topics);
	free(client->right);
	free(client);
}

static void client_free(void *arg)
{
	struct event_client *client = arg;
	struct event_hub *hub = client->hub;

	pthread_mutex_lock(&hub->mutex);
	if (client->previous != NULL)
		client->previous->next = client->next;
	else
		hub->first = client->next;
	if (client->next != NULL)
		client->next->previous = client->previous;
	hub->client_count--;
	text_drop(client->pending);
	metric_add(&METRICS[METRIC_STREAMS], -1);
	pthread_mutex_unlock(&hub->mutex);
	client_release(client);
}

/* Where a client that has seen last_id goes on; it is told to resync when that is not known. */
static void find_cursor(struct event_client *client, const char *last_event_id)
{
	struct event_hub *hub = client->hub;
	char *end;
	long long last;

	client->cursor = hub->head;
	if (last_event_id == NULL || *last_event_id == '\0')
		return;
	last = strtoll(last_event_id, &end, 10);
	if (*end == '\0' && last == hub->base_id) {
		client->cursor = tail(hub);
		return;
	}
	for (uint64_t i = hub->head; *end == '\0' && i > tail(hub); i--) {
		if (hub->ring[(i - 1) % HTTP_EVENTS_RING].id == last) {
			client->cursor = i;
			return;
		}
	}
	client->resync = true;
}

/* Adds the client, unless a cap is reached. */
static bool join(struct event_hub *hub, struct event_client *client, const char *last_event_id,
		 struct error *err)
{
	size_t same_user = 0;
	bool ok = false;

	pthread_mutex_lock(&hub->mutex);
	for (struct event_client *c = hub->first; c != NULL; c = c->next)
		same_user += strcmp(c->user_id, client->user_id) == 0;
	if (hub->stop) {
		error_set(err, ERR_UNAVAILABLE, "the server is stopping");
	} else if (hub->client_count >= hub->clients_max || same_user >= hub->clients_per_user) {
		error_set(err, ERR_LIMITED, "too many event streams are open");
	} else {
		find_cursor(client, last_event_id);
		client->next = hub->first;
		if (hub->first != NULL)
			hub->first->previous = client;
		hub->first = client;
		hub->client_count++;
		metric_add(&METRICS[METRIC_STREAMS], 1);
		ok = true;
	}
	pthread_mutex_unlock(&hub->mutex);
	return ok;
}

bool request_reply_events(struct request *req, struct event_hub *hub,
			  const struct event_stream *stream, struct error *err)
{
	struct event_client *client = xcalloc(1, sizeof(*client));
	const struct actor *actor = req->ctx.actor;
	const char *topics = stream->topics;

	client->hub = hub;
	client->mhd = req->mhd;
	client->fd = connection_fd(req->connection);
	client->project_id = req->ctx.project_id == NULL ? NULL : xstrdup(req->ctx.project_id);
	client->user_id = xstrdup(actor->id == NULL ? "" : actor->id);
	client->right = xstrdup(stream->right);
	client->until = stream->until;
	if (topics != NULL && *topics != '\0') {
		client->topics = xcalloc(1, strlen(topics) + 3);
		client->topics[0] = ',';
		memcpy(client->topics + 1, topics, strlen(topics));
		client->topics[strlen(topics) + 1] = ',';
	}
	client->pending = &GREETING;
	if (!join(hub, client, request_header(req, "Last-Event-ID"), err)) {
		client_release(client);
		return false;
	}
	return reply_stream(req, read_events, client_free, client, BLOCK_SIZE);
}

const char *const *event_hub_rights(struct event_hub *hub, struct arena *arena, size_t *count)
{
	const char **rights;
	size_t used = 0;

	pthread_mutex_lock(&hub->mutex);
	rights = arena_array(arena, hub->client_count + 1, sizeof(*rights));
	for (struct event_client *c = hub->first; c != NULL; c = c->next)
		rights[used++] = arena_strdup(arena, c->right);
	pthread_mutex_unlock(&hub->mutex);
	*count = used;
	return rights;
}

void event_hub_end(struct event_hub *hub, const char *right)
{
	pthread_mutex_lock(&hub->mutex);
	for (struct event_client *c = hub->first; c != NULL; c = c->next) {
		if (strcmp(c->right, right) != 0)
			continue;
		c->revoked = true;
		wake(c);
	}
	pthread_mutex_unlock(&hub->mutex);
}
