/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/server.h"
#include "store/db.h"

#define RECONNECT_PAUSE USEC_PER_SEC

static struct metric METRICS[] = {
	METRIC_COUNTER("muster_http_responses_total{class=\"2xx\"}", "HTTP answers by class"),
	METRIC_COUNTER("muster_http_responses_total{class=\"3xx\"}", "HTTP answers by class"),
	METRIC_COUNTER("muster_http_responses_total{class=\"4xx\"}", "HTTP answers by class"),
	METRIC_COUNTER("muster_http_responses_total{class=\"5xx\"}", "HTTP answers by class"),
	METRIC_COUNTER("muster_http_handling_us_total", "Microseconds spent until answers stood"),
};

enum { METRIC_2XX, METRIC_HANDLING = 4 };

struct worker {
	struct workers *all;
	pthread_t thread;
	bool started;
	struct db *db;
	usec_t next_attempt; /* to connect */
};

struct workers {
	struct http_server *http;
	const char *database_url;
	size_t count;
	struct worker *list;
};

static void connect_database(struct worker *worker)
{
	struct error err;
	usec_t now = clock_monotonic();

	if (worker->db != NULL || now < worker->next_attempt)
		return;
	worker->next_attempt = now + RECONNECT_PAUSE;
	if (!db_open(worker->all->database_url, "musterd worker", &worker->db, &err))
		log_warn("no database connection: %s", err.text);
}

static void count_answer(unsigned int status, int64_t duration_us)
{
	if (status >= 200 && status < 600)
		metric_add(&METRICS[METRIC_2XX + status / 100 - 2], 1);
	metric_add(&METRICS[METRIC_HANDLING], duration_us);
}

static void log_answer(const struct request *req, const struct error *err)
{
	unsigned int status = request_status(req);
	long long duration_us = (long long)request_duration_us(req);
	bool changes = strcmp(request_method(req), "GET") != 0;

	if (err != NULL && (err->code == ERR_INTERNAL || err->code == ERR_UNAVAILABLE))
		log_error("request failed: %s method=%s path=%s status=%u", err->text,
			  request_method(req), request_path(req), status);
	else
		log_write(changes ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
			  "request handled method=%s path=%s status=%u duration_us=%lld "
			  "remote=%s%s%s",
			  request_method(req), request_path(req), status, duration_us,
			  request_remote(req), err == NULL ? "" : " problem=",
			  err == NULL ? "" : error_code_name(err->code));
}

static void handle(struct request *req)
{
	struct error err;
	bool ok = api_handle(req, &err);

	if (!ok)
		http_server_fail(req, &err);
	count_answer(request_status(req), request_duration_us(req));
	log_answer(req, ok ? NULL : &err);
}

static void admit(struct request *req)
{
	struct error err;

	if (api_admit(req, &err)) {
		http_server_admit(req);
		return;
	}
	http_server_fail(req, &err);
	count_answer(request_status(req), request_duration_us(req));
	log_answer(req, &err);
}

static void *worker_run(void *arg)
{
	struct worker *worker = arg;
	struct request *req;
	enum http_work work;

	while ((req = http_server_take(worker->all->http, &work)) != NULL) {
		if ((request_route(req)->flags & ROUTE_NO_DB) == 0)
			connect_database(worker);
		log_set_request_id(request_ctx_init(req, worker->db)->request_id);
		if (work == HTTP_WORK_ADMIT)
			admit(req);
		else
			handle(req);
		log_set_request_id(NULL);
		http_server_done(req);
	}
	db_close(worker->db);
	return NULL;
}

bool workers_start(struct http_server *http, const char *database_url, size_t count,
		   struct workers **out, struct error *err)
{
	struct workers *workers = xcalloc(1, sizeof(*workers));

	metrics_register(METRICS, ARRAY_SIZE(METRICS));
	workers->http = http;
	workers->database_url = database_url;
	workers->count = count;
	workers->list = xcalloc(count, sizeof(*workers->list));
	for (size_t i = 0; i < count; i++) {
		struct worker *worker = &workers->list[i];
		int rc;

		worker->all = workers;
		rc = pthread_create(&worker->thread, NULL, worker_run, worker);
		if (rc != 0) {
			*out = workers;
			return error_set_errno(err, ERR_INTERNAL, rc, "could not start a worker");
		}
		worker->started = true;
	}
	*out = workers;
	return true;
}

void workers_join(struct workers *workers)
{
	if (workers == NULL)
		return;
	for (size_t i = 0; i < workers->count; i++)
		if (workers->list[i].started)
			pthread_join(workers->list[i].thread, NULL);
	free(workers->list);
	free(workers);
}
