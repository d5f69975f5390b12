/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox/webhooks.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "domain/alert/webhook.h"
#include "notify/guard.h"
#include "notify/signature.h"
#include "notify/transfer.h"
#include "store/db.h"
#include "store/deliveries.h"

enum {
	BATCH = 32,
	LEASE_S = 60, /* longer than a request may take */
	SWEEP_MS = 2000,
	RETRY_MS = 1000,
};

struct webhooks {
	const struct server *server;
	char *database_url;
	struct guard guard;
	pthread_t thread;
	int wake_fd;
	atomic_bool stopping;
};

static const struct actor SYSTEM = {
	.kind = ACTOR_SYSTEM, .id = "notify", .name = "notify", .role = ROLE_ADMIN};

/* What to write down about a request that has ended. */
static struct delivery_outcome outcome_of(struct ctx *ctx, const struct delivery_job *job,
					  struct transfer *transfer, CURLcode result)
{
	struct delivery_outcome outcome = {.state = "succeeded", .excerpt = transfer->excerpt};
	long status = 0;

	curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
	outcome.status = status;
	if (status >= 200 && status < 300)
		return outcome;

	if (transfer->refused)
		outcome.error = transfer->over_tls
					? "the address is private and its network is not allowed"
					: "plain http goes to networks that are allowed only";
	else if (result != CURLE_OK)
		outcome.error = arena_strdup(ctx->arena, transfer->error[0] != '\0'
								 ? transfer->error
								 : curl_easy_strerror(result));
	else
		outcome.error = arena_printf(ctx->arena, "the receiver answered %ld", status);

	usec_t wait = webhook_backoff(job->attempt, (unsigned int)random_below(1000));
	/* 410 Gone: the receiver does not want any more (Standard Webhooks). */
	outcome.state = wait == 0 || status == 410 ? "failed" : "pending";
	if (outcome.state[0] == 'p')
		outcome.next_at = clock_now_utc() + wait;
	return outcome;
}

static void finish(struct ctx *ctx, const struct delivery_job *job, struct transfer *transfer,
		   CURLcode result)
{
	struct delivery_outcome outcome = outcome_of(ctx, job, transfer, result);
	struct error err;

	if (outcome.error != NULL)
		log_warn("could not deliver event %s to webhook %s (attempt %lld, then %s): %s",
			 job->event_id, job->webhook_id, (long long)job->attempt, outcome.state,
			 outcome.error);
	/* A lost record means that the lease ends and the event is sent again: at least once. */
	if (!deliveries_finish(ctx, job, &outcome, &err))
		log_error("could not record a delivery: %s", err.text);
}

/* Starts the request, or ends the delivery when it cannot even be prepared. */
static bool begin(struct ctx *ctx, const struct webhooks *sender, CURLM *multi,
		  const struct delivery_job *job, struct transfer *transfer)
{
	uint8_t secret[WEBHOOK_SECRET_SIZE];
	struct error err;

	if (job->secret_size != sizeof(secret) + SEAL_OVERHEAD ||
	    !unseal(ctx->server->url_key, job->webhook_id, strlen(job->webhook_id),
		    job->secret_sealed, job->secret_size, secret, &err)) {
		struct delivery_outcome outcome = {
			.state = "failed",
			.error =
				"the signing secret cannot be opened: was the server's key replaced?"};
		if (!deliveries_finish(ctx, job, &outcome, &err))
			log_error("could not record a delivery: %s", err.text);
		return false;
	}
	struct transfer_request request = {
		.url = job->url,
		.event_id = job->event_id,
		.body = job->body,
		.secret = secret,
		.secret_size = sizeof(secret),
		.now = ctx->now,
	};
	bool good = transfer_init(transfer, &request, &sender->guard, ctx->arena, &err);
	secure_wipe(secret, sizeof(secret));
	if (!good) {
		log_error("could not deliver event %s: %s", job->event_id, err.text);
		return false;
	}
	curl_multi_add_handle(multi, transfer->curl);
	return true;
}

static void run_batch(struct ctx *ctx, const struct webhooks *sender, CURLM *multi,
		      const struct delivery_job *jobs, size_t count)
{
	struct transfer *transfers = arena_array(ctx->arena, count, sizeof(*transfers));
	int running = 1, queued;
	CURLMsg *message;

	for (size_t i = 0; i < count; i++)
		begin(ctx, sender, multi, &jobs[i], &transfers[i]);
	while (running > 0) {
		if (curl_multi_perform(multi, &running) != CURLM_OK ||
		    curl_multi_poll(multi, NULL, 0, 1000, NULL) != CURLM_OK) {
			log_error("could not run requests to webhooks");
			break;
		}
		while ((message = curl_multi_info_read(multi, &queued)) != NULL) {
			struct transfer *transfer;
			if (message->msg != CURLMSG_DONE)
				continue;
			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
			finish(ctx, &jobs[transfer - transfers], transfer, message->data.result);
			curl_multi_remove_handle(multi, transfer->curl);
			transfer_release(transfer);
		}
	}
	for (size_t i = 0; i < count; i++)
		if (transfers[i].curl != NULL) {
			curl_multi_remove_handle(multi, transfers[i].curl);
			transfer_release(&transfers[i]);
		}
}

/* One look at the queue; busy when a full batch was there. */
static bool turn(struct webhooks *sender, struct db *db, struct arena *arena, CURLM *multi,
		 bool *busy, struct error *err)
{
	struct ctx ctx = {.db = db,
			  .arena = arena,
			  .actor = &SYSTEM,
			  .now = clock_now_utc(),
			  .request_id = "notify",
			  .server = sender->server};
	struct delivery_job *jobs;
	size_t count;

	*busy = false;
	if (!deliveries_claim(&ctx, BATCH, LEASE_S, &jobs, &count, err))
		return false;
	if (count > 0)
		run_batch(&ctx, sender, multi, jobs, count);
	*busy = count == BATCH;
	return true;
}

static void work(struct webhooks *sender, struct db *db, struct arena *arena, CURLM *multi)
{
	while (!atomic_load(&sender->stopping)) {
		struct error err;
		bool busy, notified;

		if (!turn(sender, db, arena, multi, &busy, &err))
			log_warn("webhooks wait: %s", err.text);
		arena_reset(arena);
		if (!busy && !atomic_load(&sender->stopping) &&
		    !db_wait(db, sender->wake_fd, SWEEP_MS, &notified, &err))
			log_warn("webhooks wait: %s", err.text);
	}
}

static void *thread_main(void *arg)
{
	struct webhooks *sender = arg;
	struct arena *arena = arena_new();
	CURLM *multi = curl_multi_init();
	struct db *db = NULL;
	struct error err;

	while (!atomic_load(&sender->stopping)) {
		if (db_open(sender->database_url, "muster webhooks", &db, &err) &&
		    db_listen(db, DB_CHANNEL_WEBHOOKS, &err)) {
			work(sender, db, arena, multi);
			break;
		}
		log_warn("webhooks wait for PostgreSQL: %s", err.text);
		db_close(db);
		db = NULL;
		usleep((useconds_t)(RETRY_MS * 1000));
	}
	db_close(db);
	curl_multi_cleanup(multi);
	arena_free(arena);
	return NULL;
}

bool webhooks_start(const char *database_url, const struct server *server, struct webhooks **out,
		    struct error *err)
{
	struct webhooks *sender = xcalloc(1, sizeof(*sender));

	/* Counts its callers and, at this version, takes a lock. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(sender);
		return error_set(err, ERR_INTERNAL, "could not initialise libcurl");
	}

	sender->server = server;
	sender->database_url = xstrdup(database_url);
	if (!guard_parse(server->webhook_allow, &sender->guard, err)) {
		error_prefix(err, "webhook_allow");
		goto fail;
	}
	sender->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sender->wake_fd < 0) {
		error_set_errno(err, ERR_INTERNAL, errno, "could not make an eventfd");
		goto fail;
	}
	int failed = pthread_create(&sender->thread, NULL, thread_main, sender);
	if (failed != 0) {
		error_set_errno(err, ERR_INTERNAL, failed, "could not start the webhook sender");
		close(sender->wake_fd);
		goto fail;
	}
	*out = sender;
	return true;
fail:
	free(sender->database_url);
	free(sender);
	curl_global_cleanup();
	return false;
}

void webhooks_stop(struct webhooks *sender)
{
	if (sender == NULL)
		return;
	atomic_store(&sender->stopping, true);
	if (eventfd_write(sender->wake_fd, 1) != 0)
		log_warn("could not wake the webhook sender; it stops at its next look");
	pthread_join(sender->thread, NULL);
	close(sender->wake_fd);
	free(sender->database_url);
	free(sender);
	curl_global_cleanup();
}
