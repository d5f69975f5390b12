/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/mqtt.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "mqtt/ingest.h"
#include "mqtt/links.h"
#include "mqtt/metrics.h"
#include "store/db.h"
#include "store/leases.h"

enum {
	LEASE_S = 15,
	RENEW_MS = 4000,
	RENEW_FIRST_MS = 200, /* while nothing is held */
	WORKERS_MAX = 4,
};

struct mqtt {
	char owner[ID_SIZE];
	char client_id[sizeof("muster-server-") + ID_SIZE];
	const char *database_url;
	struct links *links;
	struct ingest *ingest;
	bool ingesting;

	atomic_bool leased; /* the shards of this replica are known */
	pthread_t thread;
	bool started;
	pthread_mutex_t mutex;
	pthread_cond_t stop;
	bool stopping;
};

/* --- leases --- */

struct keeping {
	struct mqtt *mqtt;
	struct db *db;
	struct arena *arena;
	usec_t listening_since[LIMIT_BROKERS]; /* UTC; 0 while that broker is away */
	usec_t valid_until; /* monotonic: what we hold without having asked again */
	uint64_t shards;
};

static struct ctx keeping_ctx(const struct keeping *keeping)
{
	static const struct actor actor = {.kind = ACTOR_SYSTEM, .id = "leases", .name = "leases"};

	return (struct ctx){
		.db = keeping->db,
		.arena = keeping->arena,
		.actor = &actor,
		.now = clock_now_utc(),
		.request_id = "leases",
	};
}

static void set_shards(struct keeping *keeping, uint64_t shards)
{
	if (shards != keeping->shards)
		log_info("shards held=%d", __builtin_popcountll(shards));
	keeping->shards = shards;
	metric_set(mqtt_metric(MQTT_SHARDS), __builtin_popcountll(shards));
	links_set_shards(keeping->mqtt->links, shards);
}

static void renew(struct keeping *keeping)
{
	struct mqtt *mqtt = keeping->mqtt;
	const usec_t asked_at = clock_monotonic();
	uint64_t shards;
	struct error err;

	for (size_t i = 0; i < links_count(mqtt->links); i++)
		if (!link_listening(links_get(mqtt->links, (int)i)))
			keeping->listening_since[i] = 0;
		else if (keeping->listening_since[i] == 0)
			keeping->listening_since[i] = clock_now_utc();
	bool ok = keeping->db != NULL ||
		  db_open(mqtt->database_url, "musterd leases", &keeping->db, &err);
	struct ctx ctx = keeping_ctx(keeping);
	ok = ok && leases_renew(&ctx, mqtt->owner, LEASE_S, keeping->listening_since,
				links_count(mqtt->links), &shards, &err);
	arena_reset(keeping->arena);
	if (ok) {
		keeping->valid_until = asked_at + LEASE_S * USEC_PER_SEC;
		set_shards(keeping, shards);
		atomic_store(&mqtt->leased, true);
	} else if (keeping->shards != 0 && clock_monotonic() > keeping->valid_until) {
		log_warn("lost all shards: %s", err.text);
		set_shards(keeping, 0);
	}
}

/* False when it is time to stop. */
static bool wait_turn(struct mqtt *mqtt, int64_t pause_ms)
{
	usec_t until = clock_monotonic() + pause_ms * USEC_PER_MSEC;
	const struct timespec deadline = {
		.tv_sec = until / USEC_PER_SEC,
		.tv_nsec = (until % USEC_PER_SEC) * 1000,
	};

	pthread_mutex_lock(&mqtt->mutex);
	while (!mqtt->stopping && pthread_cond_timedwait(&mqtt->stop, &mqtt->mutex, &deadline) == 0)
		continue;
	bool go_on = !mqtt->stopping;
	pthread_mutex_unlock(&mqtt->mutex);
	return go_on;
}

static void *keep_leases(void *arg)
{
	struct keeping keeping = {.mqtt = arg, .arena = arena_new()};
	struct error err;

	do
		renew(&keeping);
	while (wait_turn(keeping.mqtt, keeping.shards == 0 ? RENEW_FIRST_MS : RENEW_MS));
	struct ctx ctx = keeping_ctx(&keeping);
	if (keeping.db != NULL && !leases_release(&ctx, keeping.mqtt->owner, &err))
		log_warn("could not give the shards back, they expire by themselves: %s", err.text);
	db_close(keeping.db);
	arena_free(keeping.arena);
	return NULL;
}

/* --- life --- */

static size_t choose_workers(size_t wanted)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (wanted > 0)
		return wanted;
	if (processors < 1)
		return 1;
	return processors < WORKERS_MAX ? (size_t)processors : WORKERS_MAX;
}

static bool start_parts(struct mqtt *mqtt, const struct mqtt_settings *settings, struct error *err)
{
	const struct links_settings links = {
		.urls = settings->urls,
		.count = settings->url_count,
		.client_id = settings->client_id != NULL ? settings->client_id : mqtt->client_id,
		.ca_path = settings->ca_path,
		.certificate_path = settings->certificate_path,
		.key_path = settings->key_path,
	};
	const struct ingest_settings ingest = {
		.database_url = settings->database_url,
		.owner = mqtt->owner,
		.server = settings->server,
		.workers = choose_workers(settings->workers),
	};

	mqtt->ingest = ingest_new(&ingest);
	if (!links_new(&links, ingest_message, mqtt->ingest, &mqtt->links, err))
		return false;
	mqtt->ingesting = true;
	if (!ingest_start(mqtt->ingest, mqtt->links, err))
		return false;
	int failure = pthread_create(&mqtt->thread, NULL, keep_leases, mqtt);
	mqtt->started = failure == 0;
	return mqtt->started ||
	       error_set_errno(err, ERR_INTERNAL, failure, "could not start the leases' thread");
}

bool mqtt_start(const struct mqtt_settings *settings, struct mqtt **out, struct error *err)
{
	struct mqtt *mqtt = xcalloc(1, sizeof(*mqtt));
	pthread_condattr_t attributes;

	if (settings->owner != NULL)
		snprintf(mqtt->owner, sizeof(mqtt->owner), "%s", settings->owner);
	else
		id_random(mqtt->owner, "");
	snprintf(mqtt->client_id, sizeof(mqtt->client_id), "muster-server-%s", mqtt->owner);
	mqtt->database_url = settings->database_url;
	pthread_mutex_init(&mqtt->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&mqtt->stop, &attributes);
	pthread_condattr_destroy(&attributes);
	mqtt_metrics_register(settings->url_count);
	if (!start_parts(mqtt, settings, err)) {
		mqtt_stop(mqtt);
		return false;
	}
	*out = mqtt;
	return true;
}

void mqtt_stop(struct mqtt *mqtt)
{
	if (mqtt == NULL)
		return;
	if (mqtt->ingesting)
		ingest_stop(mqtt->ingest);
	if (mqtt->started) {
		pthread_mutex_lock(&mqtt->mutex);
		mqtt->stopping = true;
		pthread_cond_broadcast(&mqtt->stop);
		pthread_mutex_unlock(&mqtt->mutex);
		pthread_join(mqtt->thread, NULL);
	}
	links_free(mqtt->links);
	ingest_free(mqtt->ingest);
	pthread_cond_destroy(&mqtt->stop);
	pthread_mutex_destroy(&mqtt->mutex);
	free(mqtt);
}

struct links *mqtt_links(struct mqtt *mqtt)
{
	return mqtt->links;
}

bool mqtt_connected(const struct mqtt *mqtt)
{
	return atomic_load(&mqtt->leased) && links_listening(mqtt->links);
}
