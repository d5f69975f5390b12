/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox/outbox.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/x509.h"
#include "domain/inventory/certificate.h"
#include "mqtt/cut.h"
#include "mqtt/links.h"
#include "outbox/envelope.h"
#include "protocol/topics.h"
#include "signer/client.h"
#include "store/db.h"
#include "store/events.h"
#include "store/outbox.h"

enum {
	SWEEP_MS = 1000,
	LEASE_S = 30,
	BATCH_MAX = 500,
	CONFIRM_MS = 5000,
	RETRY_MS = 2000,
	RETRY_MAX_MS = 60000,
	AWAY_MS = 15000, /* or until a broker is back */
	LIST_EVERY_MS = 1500,
	CUT_CERTIFICATE_S = 300,
	CUT_ATTEMPTS = 30,
};

static struct metric METRICS[] = {
	METRIC_COUNTER("muster_outbox_sent_total", "Messages to nodes that the broker has taken"),
	METRIC_COUNTER("muster_outbox_failed_total", "Attempts to send that did not succeed"),
	METRIC_GAUGE("muster_outbox_waiting", "Messages to nodes that wait"),
};

enum { METRIC_SENT, METRIC_FAILED, METRIC_WAITING };

struct outbox {
	const char *database_url;
	const struct server *server;
	struct links *links;
	pthread_t thread;
	int wake; /* eventfd: stop */
	atomic_bool stopping;

	/* Only the thread. */
	struct db *db;
	struct arena *arena;
	bool failing;	      /* the database, as said in the log */
	usec_t revoked_at;    /* when the list of revoked certificates was written */
	uint64_t connections; /* to brokers, as seen when what had been put off was hurried */
};

/* What becomes of one claimed item. */
enum verdict {
	VERDICT_SENT, /* handed to the link, to be confirmed */
	VERDICT_DONE, /* nothing to send any more */
	VERDICT_RETRY,
	VERDICT_AWAY, /* so is its broker */
};

/* A batch on its way. */
struct batch {
	struct outbox_item *items;
	size_t count;
	int *brokers; /* parallel: where the node is reached */
	enum verdict *verdicts;
	struct links_receipts receipts;
	bool confirmed[LIMIT_BROKERS];
};

static int place_of(const struct outbox *outbox, const struct outbox_item *item)
{
	return links_place(outbox->links, item->node_id, item->broker);
}

static struct ctx outbox_ctx(const struct outbox *outbox)
{
	static const struct actor actor = {.kind = ACTOR_SYSTEM, .id = "outbox", .name = "outbox"};

	return (struct ctx){
		.db = outbox->db,
		.arena = outbox->arena,
		.actor = &actor,
		.now = clock_now_utc(),
		.request_id = "outbox",
		.server = outbox->server,
	};
}

static enum verdict publish(struct outbox *outbox, const struct outbox_item *item,
			    const char *envelope, struct links_receipts *receipts)
{
	char topic[LIMIT_TOPIC];
	struct error err;

	topic_format(topic, item->node_id, item->command ? CHANNEL_COMMAND : CHANNEL_DESIRED);
	return links_publish(outbox->links, place_of(outbox, item), topic, envelope,
			     strlen(envelope), receipts, &err)
		       ? VERDICT_SENT
		       : VERDICT_RETRY;
}

/* All statements that the node lacks, in their order: each is signed with keys of the one before. */
static enum verdict send_keys(struct outbox *outbox, const struct outbox_item *item,
			      struct links_receipts *receipts)
{
	const json_t *statements = signer_public(outbox->server->signer)->statements, *statement;
	enum verdict verdict = VERDICT_DONE;
	size_t i;

	json_array_foreach (statements, i, statement) {
		if ((int)i < item->trust)
			continue;
		verdict = publish(outbox, item,
				  json_string_value(json_object_get(statement, "envelope")),
				  receipts);
		if (verdict != VERDICT_SENT)
			break;
	}
	return verdict;
}

/* A command waits for its node, but not for longer than it is good for. */
static enum verdict send_command(struct outbox *outbox, struct ctx *ctx,
				 const struct outbox_item *item, struct links_receipts *receipts)
{
	char *envelope, at[TIME_TEXT_SIZE];
	struct error err;

	time_format(ctx->now, at);
	/* A node asks again when it has heard nothing. */
	if ((outbox_is(item, "renew") || outbox_is(item, "keys")) &&
	    ctx->now > command_expiry(item->created_at))
		return VERDICT_DONE;
	if (ctx->now > command_expiry(item->created_at)) {
		const char *kind = json_string_value(json_object_get(item->payload, "kind"));

		/* Nobody has asked for it but the node, which asks again. */
		if (kind != NULL && strcmp(kind, "time") == 0)
			return VERDICT_DONE;
		json_auto_t *events =
			json_pack("[{s:s, s:s, s:O?, s:s, s:s, s:s, s:s}]", "project_id",
				  item->project_id, "node_id", item->node_id, "service",
				  json_object_get(item->payload, "service"), "at", at, "kind",
				  "command.failed", "severity", "warning", "text",
				  "the node did not come online in time for the command");

		if (!events_insert(ctx, events, &err))
			return VERDICT_RETRY;
		return VERDICT_DONE;
	}
	if (!item->online)
		return VERDICT_RETRY;
	if (outbox_is(item, "keys"))
		return send_keys(outbox, item, receipts);
	if (!envelope_command(ctx, item, &envelope, &err)) {
		log_error("cannot send a command: %s", err.text);
		return err.code == ERR_UNAVAILABLE ? VERDICT_RETRY : VERDICT_DONE;
	}
	return publish(outbox, item, envelope, receipts);
}

static enum verdict send_desired(struct outbox *outbox, struct ctx *ctx,
				 const struct outbox_item *item, struct links_receipts *receipts)
{
	char *envelope;
	struct error err;

	if (item->generation == 0)
		return VERDICT_DONE;
	if (!envelope_desired(ctx, item, &envelope, &err)) {
		log_error("cannot send the desired state: %s node=%s", err.text, item->node_id);
		return err.code == ERR_UNAVAILABLE ? VERDICT_RETRY : VERDICT_DONE;
	}
	return publish(outbox, item, envelope, receipts);
}

/* For brokers: the list of certificates that count no more. */
static bool write_revoked(struct outbox *outbox, struct ctx *ctx, struct error *err)
{
	const char *path = arena_printf(ctx->arena, "%s/keys/revoked.crl", ctx->server->data_dir);

	if (!inventory_certificate_revoked_write(ctx, path, err))
		return false;
	outbox->revoked_at = ctx->now;
	return true;
}

/* Nobody else has this certificate, and it is gone in minutes: it only takes the session over. */
static bool take_over(struct outbox *outbox, struct ctx *ctx, const char *node_id,
		      struct error *err)
{
	struct tls_key *key = tls_key_generate();
	char *csr, *certificate;
	bool ok = csr_create(key, "muster-cut", ctx->arena, &csr, err) &&
		  signer_issue(ctx->server->signer, csr, node_id, CUT_CERTIFICATE_S, ctx->arena,
			       &certificate, err);

	/* At each of the brokers: only the node knows where it is. */
	for (size_t i = 0; ok && i < links_count(outbox->links); i++)
		ok = cut_session(link_settings_of(links_get(outbox->links, (int)i)), node_id,
				 certificate, tls_key_pem(key, ctx->arena), err);
	tls_key_free(key);
	return ok;
}

/*
 * A node was retired: first the list, so that it cannot come back, then its session. Lists are a second
 * apart, since of two with the same time a broker keeps the first; and it needs a moment to read one.
 */
static enum verdict cut_off(struct outbox *outbox, struct ctx *ctx, const struct outbox_item *item)
{
	const usec_t age = ctx->now - outbox->revoked_at;
	struct error err;

	if (outbox->revoked_at <= item->created_at) {
		if (age > LIST_EVERY_MS * USEC_PER_MSEC && !write_revoked(outbox, ctx, &err))
			log_error("could not write the list of revoked certificates: %s", err.text);
		return VERDICT_RETRY;
	}
	if (age < LIST_EVERY_MS * USEC_PER_MSEC)
		return VERDICT_RETRY;
	if (take_over(outbox, ctx, item->node_id, &err)) {
		log_info("the session of a retired node was cut node=%s", item->node_id);
		return VERDICT_DONE;
	}
	log_warn("%s node=%s", err.text, item->node_id);
	return item->attempt < CUT_ATTEMPTS ? VERDICT_RETRY : VERDICT_DONE;
}

/* The newest state is sent once, whoever asked for it how often. */
static bool sent_before(const struct batch *batch, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (!batch->items[i].command && batch->verdicts[i] != VERDICT_RETRY &&
		    strcmp(batch->items[i].node_id, batch->items[index].node_id) == 0)
			return true;
	return false;
}

static int64_t retry_delay(const struct outbox_item *item, enum verdict verdict)
{
	if (verdict == VERDICT_AWAY)
		return AWAY_MS;
	if (item->command)
		return RETRY_MS;
	int64_t delay_ms = RETRY_MS * item->attempt;
	return delay_ms < RETRY_MAX_MS ? delay_ms : RETRY_MAX_MS;
}

static bool is_done(const struct batch *batch, size_t index)
{
	return batch->verdicts[index] == VERDICT_DONE ||
	       (batch->verdicts[index] == VERDICT_SENT && batch->confirmed[batch->brokers[index]]);
}

static bool settle(struct ctx *ctx, const struct batch *batch, struct error *err)
{
	const struct outbox_item **done =
		arena_array(ctx->arena, batch->count, sizeof(struct outbox_item *));
	const struct outbox_item **later =
		arena_array(ctx->arena, batch->count, sizeof(struct outbox_item *));
	int64_t *delays_ms = arena_array(ctx->arena, batch->count, sizeof(*delays_ms));
	size_t done_count = 0, later_count = 0;

	for (size_t i = 0; i < batch->count; i++) {
		const struct outbox_item *item = &batch->items[i];

		if (is_done(batch, i)) {
			done[done_count++] = item;
			metric_add(&METRICS[METRIC_SENT], batch->verdicts[i] == VERDICT_SENT);
			continue;
		}
		metric_add(&METRICS[METRIC_FAILED], 1);
		delays_ms[later_count] = retry_delay(item, batch->verdicts[i]);
		later[later_count++] = item;
	}
	return outbox_postpone(ctx, later, delays_ms, later_count, err) &&
	       outbox_delete(ctx, done, done_count, err);
}

static enum verdict send_item(struct outbox *outbox, struct ctx *ctx, struct batch *batch,
			      size_t index)
{
	const struct outbox_item *item = &batch->items[index];

	if (outbox_is(item, "cut"))
		return cut_off(outbox, ctx, item);
	if (item->retired)
		return VERDICT_DONE;
	if (!link_connected(links_get(outbox->links, batch->brokers[index])))
		return VERDICT_AWAY;
	if (item->command)
		return send_command(outbox, ctx, item, &batch->receipts);
	if (sent_before(batch, index))
		return VERDICT_DONE;
	return send_desired(outbox, ctx, item, &batch->receipts);
}

/* Sends one batch. more says that there may be further rows that are due. */
static bool send_batch(struct outbox *outbox, bool *more, struct error *err)
{
	struct ctx ctx = outbox_ctx(outbox);
	struct batch batch = {.count = 0};

	if (!outbox_claim(&ctx, LEASE_S, BATCH_MAX, &batch.items, &batch.count, err))
		return false;
	*more = batch.count == BATCH_MAX;
	if (batch.count == 0)
		return true;
	batch.verdicts = arena_array(outbox->arena, batch.count, sizeof(*batch.verdicts));
	batch.brokers = arena_array(outbox->arena, batch.count, sizeof(*batch.brokers));
	for (size_t i = 0; i < batch.count; i++) {
		batch.brokers[i] = place_of(outbox, &batch.items[i]);
		batch.verdicts[i] = send_item(outbox, &ctx, &batch, i);
	}
	links_wait(outbox->links, &batch.receipts, CONFIRM_MS, batch.confirmed);
	return settle(&ctx, &batch, err);
}

/* What was put off since a broker was away is due when one has come back. */
static bool hurry(struct outbox *outbox, struct error *err)
{
	const uint64_t connections = links_connections(outbox->links);
	struct ctx ctx = outbox_ctx(outbox);

	if (connections == outbox->connections)
		return true;
	if (!outbox_hurry(&ctx, err))
		return false;
	outbox->connections = connections;
	return true;
}

static bool count_waiting(struct outbox *outbox, struct error *err)
{
	struct ctx ctx = outbox_ctx(outbox);
	int64_t waiting;

	if (!outbox_count(&ctx, &waiting, err))
		return false;
	metric_set(&METRICS[METRIC_WAITING], waiting);
	return true;
}

static bool connect_database(struct outbox *outbox, struct error *err)
{
	if (outbox->db != NULL)
		return true;
	return db_open(outbox->database_url, "musterd outbox", &outbox->db, err) &&
	       db_listen(outbox->db, DB_CHANNEL_OUTBOX, err);
}

/* Keys are rotated by a command of its own: nodes that are there hear of it at once. */
static bool look_at_keys(struct outbox *outbox, struct error *err)
{
	struct ctx ctx = outbox_ctx(outbox);
	bool changed;

	if (!signer_refresh(outbox->server->signer, &changed, err))
		return false;
	if (!changed)
		return true;
	log_info("the signing keys have changed key=%s statements=%d",
		 signer_public(outbox->server->signer)->key_id,
		 signer_public(outbox->server->signer)->trust);
	return outbox_insert_keys(&ctx, err);
}

/* One turn: send what is due, then wait. */
static bool turn(struct outbox *outbox, struct error *err)
{
	bool more = true, notified;

	if (!connect_database(outbox, err) || !look_at_keys(outbox, err) || !hurry(outbox, err))
		return false;
	/* Without any broker, claiming would only count attempts up. */
	while (more && links_any_connected(outbox->links) && !atomic_load(&outbox->stopping)) {
		arena_reset(outbox->arena);
		if (!send_batch(outbox, &more, err))
			return false;
	}
	arena_reset(outbox->arena);
	return count_waiting(outbox, err) &&
	       db_wait(outbox->db, outbox->wake, SWEEP_MS, &notified, err);
}

static void *run(void *arg)
{
	struct outbox *outbox = arg;
	struct error err;

	outbox->arena = arena_new();
	while (!atomic_load(&outbox->stopping)) {
		if (turn(outbox, &err)) {
			if (outbox->failing)
				log_info("outbox works again");
			outbox->failing = false;
			continue;
		}
		if (!outbox->failing)
			log_error("outbox cannot work: %s", err.text);
		outbox->failing = true;
		struct pollfd poller = {.fd = outbox->wake, .events = POLLIN};
		poll(&poller, 1, SWEEP_MS);
	}
	db_close(outbox->db);
	arena_free(outbox->arena);
	return NULL;
}

bool outbox_start(const char *database_url, const struct server *server, struct links *links,
		  struct outbox **out, struct error *err)
{
	struct outbox *outbox = xcalloc(1, sizeof(*outbox));

	outbox->database_url = database_url;
	outbox->server = server;
	outbox->links = links;
	metrics_register(METRICS, ARRAY_SIZE(METRICS));
	outbox->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int failure = outbox->wake < 0 ? errno : 0;
	if (failure == 0)
		failure = pthread_create(&outbox->thread, NULL, run, outbox);
	if (failure != 0) {
		if (outbox->wake >= 0)
			close(outbox->wake);
		free(outbox);
		return error_set_errno(err, ERR_INTERNAL, failure, "could not start the outbox");
	}
	*out = outbox;
	return true;
}

void outbox_stop(struct outbox *outbox)
{
	const uint64_t one = 1;

	if (outbox == NULL)
		return;
	atomic_store(&outbox->stopping, true);
	if (write(outbox->wake, &one, sizeof(one)) < 0)
		log_debug("outbox was woken before");
	pthread_join(outbox->thread, NULL);
	close(outbox->wake);
	free(outbox);
}
