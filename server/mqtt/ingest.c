/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/ingest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fields.h"
#include "base/log.h"
#include "domain/fleet/beats.h"
#include "domain/fleet/fleet.h"
#include "domain/inventory/brokers.h"
#include "mqtt/backoff.h"
#include "mqtt/links.h"
#include "mqtt/metrics.h"
#include "mqtt/queue.h"
#include "protocol/messages.h"
#include "store/db.h"

enum {
	BATCH_MAX = 1024,
	BUSY = 32, /* messages at once: more come in a moment, so wait for them */
	BUSY_PAUSE_MS = 5,
	QUEUE_MESSAGES_MAX = 20000,
	QUEUE_BYTES_MAX = 64 * 1024 * 1024,
	PAUSE_MIN_MS = 100,
	PAUSE_MAX_MS = 5000,
};

struct worker {
	struct ingest *ingest;
	struct queue *queue;
	pthread_t thread;
	bool started;

	/* Only the thread. */
	struct db *db;
	struct arena *arena;
	struct fleet_memory *memory;
	struct fleet_beats *beats;
	struct message *batch[BATCH_MAX];
};

struct ingest {
	struct ingest_settings settings;
	struct links *links;
	atomic_bool stopping;
	pthread_mutex_t mutex; /* only to wait with a deadline for stopping */
	pthread_cond_t stop;
	struct worker workers[];
};

/* --- the link's side --- */

/* The shard decides, so that a node's messages stay in order. A wrong one is the worker's to refuse: the
 * link's thread has no time to check it. */
static size_t choose_worker(const struct ingest *ingest, const char *topic)
{
	return (size_t)topic_named_shard(topic) % ingest->settings.workers;
}

void ingest_message(void *arg, int broker, const char *topic, const void *payload, size_t size)
{
	struct ingest *ingest = arg;
	struct queue *queue = ingest->workers[choose_worker(ingest, topic)].queue;
	struct message *message;

	/* One byte over the limit is enough to refuse it, and to show its beginning. */
	message = message_new(topic, payload, size,
			      size > LIMIT_UP_MESSAGE ? 4096 : LIMIT_UP_MESSAGE, clock_now_utc());
	message->broker = broker;
	if (queue_push(queue, message))
		return;
	message_free(message);
	metric_add(mqtt_metric(MQTT_DROPPED), 1);
}

/* --- a worker --- */

static void worker_pause(struct ingest *ingest, int64_t pause_ms)
{
	usec_t until = clock_monotonic() + pause_ms * USEC_PER_MSEC;
	const struct timespec deadline = {
		.tv_sec = until / USEC_PER_SEC,
		.tv_nsec = (until % USEC_PER_SEC) * 1000,
	};

	pthread_mutex_lock(&ingest->mutex);
	while (!atomic_load(&ingest->stopping) &&
	       pthread_cond_timedwait(&ingest->stop, &ingest->mutex, &deadline) == 0)
		continue;
	pthread_mutex_unlock(&ingest->mutex);
}

static void acknowledge(struct worker *worker, const struct fleet_outcome *outcome)
{
	char topic[LIMIT_TOPIC];
	struct error err;

	for (size_t i = 0; i < outcome->ack_count; i++) {
		const struct fleet_ack *ack = &outcome->acks[i];
		const struct msg_ack message = {
			.stream = ack->stream,
			.epoch = ack->epoch,
			.upto = ack->upto,
			.beats = BEAT_VERSION,
		};
		json_auto_t *json = msg_ack_encode(&message);
		const char *text = json_text(json, worker->arena);

		topic_format(topic, ack->node, CHANNEL_ACK);
		/* One that is lost is repeated when the node sends again. */
		if (!links_publish(worker->ingest->links,
				   links_place(worker->ingest->links, ack->node, ack->broker),
				   topic, text, strlen(text), NULL, &err))
			continue;
	}
}

static void count(const struct fleet_outcome *outcome)
{
	metric_add(mqtt_metric(MQTT_STORED), (int64_t)outcome->stored);
	metric_add(mqtt_metric(MQTT_REPEATED), (int64_t)outcome->repeated);
	metric_add(mqtt_metric(MQTT_EARLY), (int64_t)outcome->early);
	metric_add(mqtt_metric(MQTT_REFUSED), (int64_t)outcome->refused);
	metric_add(mqtt_metric(MQTT_BATCHES), 1);
}

static struct ctx context(const struct worker *worker)
{
	static const struct actor ACTOR = {.kind = ACTOR_SYSTEM, .id = "ingest", .name = "ingest"};

	return (struct ctx){
		.db = worker->db,
		.arena = worker->arena,
		.actor = &ACTOR,
		.now = clock_now_utc(),
		.request_id = "ingest",
		.server = worker->ingest->settings.server,
	};
}

static bool take(struct worker *worker, const struct fleet_message *messages, size_t message_count,
		 struct error *err)
{
	struct ctx ctx = context(worker);
	struct fleet_outcome outcome;

	if (message_count == 0)
		return true;

	if (!fleet_take(&ctx, worker->ingest->settings.owner, worker->memory, messages,
			message_count, &outcome, err))
		return false;
	acknowledge(worker, &outcome);
	count(&outcome);
	return true;
}

static bool is_outage(const struct error *err)
{
	return err->code == ERR_UNAVAILABLE || err->code == ERR_TIMEOUT;
}

/* False only when the database is away: a beat that was lost is followed by another. */
static bool flush_beats(struct worker *worker, struct error *err)
{
	struct ctx ctx = context(worker);
	struct fleet_outcome outcome;

	if (fleet_beats_flush(&ctx, worker->ingest->settings.owner, worker->memory, worker->beats,
			      &outcome, err)) {
		acknowledge(worker, &outcome);
		count(&outcome);
		return true;
	}
	if (is_outage(err))
		return false;
	log_error("cannot store heartbeats: %s", err->text);
	fleet_beats_drop(worker->beats);
	return true;
}

/*
 * A batch that cannot be stored although the database is there holds a message that trips us: the
 * others are stored one by one, and it becomes a dead letter.
 */
static bool take_singly(struct worker *worker, struct fleet_message *messages, size_t message_count,
			struct error *err)
{
	for (size_t i = 0; i < message_count; i++) {
		if (take(worker, &messages[i], 1, err))
			continue;
		if (is_outage(err))
			return false;
		log_error("cannot store a message: %s topic=%s", err->text, messages[i].topic);
		messages[i].refusal = arena_strdup(worker->arena, err->text);
		if (!take(worker, &messages[i], 1, err) && is_outage(err))
			return false;
	}
	return true;
}

static bool connect_database(struct worker *worker, struct error *err)
{
	return worker->db != NULL ||
	       db_open(worker->ingest->settings.database_url, "musterd ingest", &worker->db, err);
}

static bool try_batch(struct worker *worker, size_t message_count, struct error *err)
{
	struct fleet_message *messages;
	bool flush;

	arena_reset(worker->arena);
	messages = arena_array(worker->arena, message_count, sizeof(*messages));
	for (size_t i = 0; i < message_count; i++) {
		const struct message *message = worker->batch[i];

		messages[i] = (struct fleet_message){
			.topic = message->topic,
			.payload = message->payload,
			.size = message->size,
			.kept = message->kept,
			.received_at = message->received_at,
			.broker = message->broker,
		};
		fleet_decode(&messages[i], worker->arena);
		messages[i].elsewhere =
			messages[i].topic_valid &&
			inventory_broker_is_foreign(worker->ingest->settings.server,
						    messages[i].at.shard, message->broker);
	}
	message_count = fleet_beats_take_out(worker->beats, messages, message_count,
					     clock_monotonic(), &flush);
	if (!connect_database(worker, err) || (flush && !flush_beats(worker, err)))
		return false;
	if (take(worker, messages, message_count, err))
		return true;
	if (is_outage(err))
		return false;
	log_warn("batch of %zu messages failed, taking them one by one: %s", message_count,
		 err->text);
	return take_singly(worker, messages, message_count, err);
}

/* Tries until the batch is stored: meanwhile the queue fills, and then messages are dropped. */
static void take_batch(struct worker *worker, size_t message_count)
{
	struct ingest *ingest = worker->ingest;
	struct backoff backoff;
	struct error err = {0};
	bool failed = false;

	backoff_init(&backoff, PAUSE_MIN_MS, PAUSE_MAX_MS);
	while (!atomic_load(&ingest->stopping)) {
		if (try_batch(worker, message_count, &err))
			break;
		if (!failed)
			log_error("cannot store messages, not acknowledging any more: %s",
				  err.text);
		failed = true;
		worker_pause(ingest, backoff_next(&backoff));
	}
	if (failed && !atomic_load(&ingest->stopping))
		log_info("messages are stored again");
}

static void *worker_run(void *arg)
{
	struct worker *worker = arg;
	size_t message_count;

	worker->arena = arena_new();
	worker->memory = fleet_memory_new();
	worker->beats = fleet_beats_new();
	while (queue_pop(worker->queue, fleet_beats_wait_ms(worker->beats, clock_monotonic()),
			 worker->batch, BATCH_MAX, &message_count)) {
		take_batch(worker, message_count);
		for (size_t i = 0; i < message_count; i++)
			message_free(worker->batch[i]);
		/* Waking up for every single one would cost more than storing it. */
		if (message_count >= BUSY && message_count < BATCH_MAX)
			worker_pause(worker->ingest, BUSY_PAUSE_MS);
	}
	db_close(worker->db);
	fleet_beats_free(worker->beats);
	fleet_memory_free(worker->memory);
	arena_free(worker->arena);
	return NULL;
}

/* --- life --- */

struct ingest *ingest_new(const struct ingest_settings *settings)
{
	struct ingest *ingest =
		xcalloc(1, sizeof(*ingest) + settings->workers * sizeof(struct worker));
	pthread_condattr_t attributes;

	ingest->settings = *settings;
	pthread_mutex_init(&ingest->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&ingest->stop, &attributes);
	pthread_condattr_destroy(&attributes);
	for (size_t i = 0; i < settings->workers; i++)
		ingest->workers[i] = (struct worker){
			.ingest = ingest,
			.queue = queue_new(QUEUE_MESSAGES_MAX, QUEUE_BYTES_MAX),
		};
	return ingest;
}

bool ingest_start(struct ingest *ingest, struct links *links, struct error *err)
{
	ingest->links = links;
	for (size_t i = 0; i < ingest->settings.workers; i++) {
		struct worker *worker = &ingest->workers[i];
		int failure = pthread_create(&worker->thread, NULL, worker_run, worker);

		if (failure != 0)
			return error_set_errno(err, ERR_INTERNAL, failure,
					       "could not start an ingest worker");
		worker->started = true;
	}
	return true;
}

void ingest_stop(struct ingest *ingest)
{
	pthread_mutex_lock(&ingest->mutex);
	atomic_store(&ingest->stopping, true);
	pthread_cond_broadcast(&ingest->stop);
	pthread_mutex_unlock(&ingest->mutex);
	for (size_t i = 0; i < ingest->settings.workers; i++)
		queue_close(ingest->workers[i].queue);
	for (size_t i = 0; i < ingest->settings.workers; i++)
		if (ingest->workers[i].started)
			pthread_join(ingest->workers[i].thread, NULL);
}

void ingest_free(struct ingest *ingest)
{
	if (ingest == NULL)
		return;
	for (size_t i = 0; i < ingest->settings.workers; i++)
		queue_free(ingest->workers[i].queue);
	pthread_cond_destroy(&ingest->stop);
	pthread_mutex_destroy(&ingest->mutex);
	free(ingest);
}
