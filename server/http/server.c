/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"
#include "http/events.h"
#include "http/framing.h"
#include "http/internal.h"
#include "http/listen.h"
#include "http/uri.h"

#define TLS_PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

enum { STOP_WAIT_MS = 5000, STOP_POLL_MS = 10 };

/* What a slow client may take its time for. */
enum { STATIC_FILE_BYTES = 1 << 20 };

static struct metric METRICS[] = {
	METRIC_GAUGE("muster_http_connections", "Open HTTP connections"),
	METRIC_COUNTER("muster_http_refused_total",
		       "Requests refused because all workers were busy"),
};

enum { METRIC_CONNECTIONS, METRIC_REFUSED };

/* Decoding is ours (uri.h): the library's own would cut texts at %00 and let %2F make segments. */
static size_t keep_escaped(void *arg, struct MHD_Connection *mhd, char *text)
{
	(void)arg;
	(void)mhd;
	return strlen(text);
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http_server *http = arg;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

		*socket_context = connection_open(http->connections, info->connect_fd);
		metric_add(&METRICS[METRIC_CONNECTIONS], 1);
	} else {
		connection_close(http->connections, *socket_context);
		metric_add(&METRICS[METRIC_CONNECTIONS], -1);
	}
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **request_context,
			 enum MHD_RequestTerminationCode code)
{
	struct http_server *http = arg;
	struct request *req = *request_context;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	(void)code;
	connection_phase(http->connections, info->socket_context, CONNECTION_IDLE, 0);
	if (req == NULL)
		return;
	*request_context = NULL;
	request_free(req);
}

PRINTF_FORMAT(2, 0)
static void on_log(void *arg, const char *format, va_list arguments)
{
	char text[256];

	(void)arg;
	(void)vsnprintf(text, sizeof(text), format, arguments);
	text[strcspn(text, "\n")] = '\0';
	/* Clients that come and go are not news. */
	log_debug("libmicrohttpd: %s", text);
}

static enum MHD_Result queue_answer(struct request *req)
{
	struct MHD_Response *response = req->response;
	enum MHD_Result result;

	req->response = NULL;
	connection_phase(req->http->connections, req->connection,
			 req->streaming ? CONNECTION_STREAM : CONNECTION_WRITE,
			 req->response_bytes);
	result = MHD_queue_response(req->mhd, req->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(struct request *req, const struct error *err, unsigned int status)
{
	reply_problem(req, err, status);
	return queue_answer(req);
}

/* As refuse, and the connection ends: what follows on it cannot be trusted. */
static enum MHD_Result refuse_and_close(struct request *req, const struct error *err,
					unsigned int status)
{
	reply_problem(req, err, status);
	(void)MHD_add_response_header(req->response, "Connection", "close");
	return queue_answer(req);
}

/* Suspends first, so that no worker can resume a connection that still runs. */
static enum MHD_Result hand_over(struct request *req, enum request_state state)
{
	struct http_server *http = req->http;
	struct error err;
	bool full;

	pthread_mutex_lock(&http->queue_mutex);
	full = http->queue_closed || http->queue_length >= http->options.queue_max;
	if (!full) {
		req->state = state;
		req->next = NULL;
		connection_phase(http->connections, req->connection, CONNECTION_WORK, 0);
		MHD_suspend_connection(req->mhd);
		if (http->queue_last != NULL)
			http->queue_last->next = req;
		else
			http->queue_first = req;
		http->queue_last = req;
		http->queue_length++;
		pthread_cond_signal(&http->queue_wake);
	}
	pthread_mutex_unlock(&http->queue_mutex);
	if (!full)
		return MHD_YES;
	metric_add(&METRICS[METRIC_REFUSED], 1);
	error_set(&err, ERR_UNAVAILABLE, "the server is busy");
	return refuse(req, &err, 0);
}

static enum MHD_Result check_header(void *arg, enum MHD_ValueKind kind, const char *key,
				    size_t key_size, const char *value, size_t value_size)
{
	(void)kind;
	return framing_header(arg, key, key_size, value, value_size) ? MHD_YES : MHD_NO;
}

struct query_check {
	struct arena *arena;
	size_t count;
	bool valid;
};

static enum MHD_Result check_argument(void *arg, enum MHD_ValueKind kind, const char *key,
				      size_t key_size, const char *value, size_t value_size)
{
	struct query_check *check = arg;

	(void)kind;
	check->valid = ++check->count <= HTTP_QUERY_MAX &&
		       uri_decode(check->arena, key, key_size) != NULL &&
		       (value == NULL || uri_decode(check->arena, value, value_size) != NULL);
	return check->valid ? MHD_YES : MHD_NO;
}

static bool check_uri(struct request *req, struct error *err)
{
	struct query_check check = {.arena = req->arena, .valid = true};

	if (!uri_path_valid(req->path))
		return error_set(err, ERR_INVALID, "malformed path");
	MHD_get_connection_values_n(req->mhd, MHD_GET_ARGUMENT_KIND, check_argument, &check);
	if (!check.valid)
		return error_set(err, ERR_INVALID, "malformed query");
	return true;
}

static bool find_route(struct request *req, unsigned int *status, struct error *err)
{
	route_find(&req->http->options.routes, req->method, req->path, &req->match);
	if (req->match.route == NULL && req->match.allow[0] != '\0') {
		*status = 405;
		return error_set(err, ERR_INVALID, "this resource does not support %.16s",
				 req->method);
	}
	if (req->match.route == NULL)
		return error_set(err, ERR_NOT_FOUND, "there is no such resource");
	for (size_t i = 0; i < req->match.arg_count; i++) {
		req->args[i] =
			uri_decode(req->arena, req->match.args[i].text, req->match.args[i].length);
		if (req->args[i] == NULL)
			return error_set(err, ERR_INVALID, "malformed path");
	}
	return body_begin(req, err);
}

static bool is_dashboard(const struct request *req)
{
	const char *prefix = req->http->options.api_prefix;

	return req->match.route == NULL && req->match.allow[0] == '\0' &&
	       strncmp(req->path, prefix, strlen(prefix)) != 0;
}

/* Headers are complete, no body yet. */
static enum MHD_Result first_call(struct request *req, const char *version)
{
	struct framing framing;
	struct error err;
	unsigned int status = 0;

	connection_phase(req->http->connections, req->connection, CONNECTION_READ, 0);
	framing_init(&framing);
	MHD_get_connection_values_n(req->mhd, MHD_HEADER_KIND, check_header, &framing);
	if (!framing_finish(&framing, version, req->method)) {
		error_set(&err, framing.status == 413 ? ERR_TOO_LARGE : ERR_INVALID, "%s",
			  framing.reason);
		return refuse_and_close(req, &err, framing.status);
	}
	req->content_length = framing.content_length;
	req->chunked = framing.chunked;
	if (!check_uri(req, &err))
		return refuse_and_close(req, &err, 0);
	if (atomic_load(&req->http->stopping)) {
		error_set(&err, ERR_UNAVAILABLE, "the server is stopping");
		return refuse_and_close(req, &err, 0);
	}
	if (!find_route(req, &status, &err)) {
		bool body = req->chunked || req->content_length > 0;

		if (is_dashboard(req) && !body) {
			connection_phase(req->http->connections, req->connection, CONNECTION_WRITE,
					 STATIC_FILE_BYTES);
			return static_reply(req->http->assets, req->mhd, req->method, req->path);
		}
		return refuse(req, &err, status);
	}
	if (req->body_kind == BODY_FILE)
		return hand_over(req, REQUEST_ADMITTING);
	req->state = REQUEST_READING;
	return MHD_YES;
}

static enum MHD_Result last_call(struct request *req)
{
	struct error err;

	if (!body_finish(req, &err))
		return refuse_and_close(req, &err, 0);
	return hand_over(req, REQUEST_WORKING);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *mhd, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **request_context)
{
	struct request *req = *request_context;

	if (req == NULL) {
		req = request_new(arg, mhd, method, url);
		*request_context = req;
		return first_call(req, version);
	}
	if (*size > 0) {
		bool go_on = body_receive(req, data, *size);

		*size = 0;
		return go_on ? MHD_YES : MHD_NO;
	}
	switch (req->state) {
	case REQUEST_ADMITTED:
		connection_phase(req->http->connections, req->connection, CONNECTION_READ, 0);
		req->state = REQUEST_READING;
		return MHD_YES;
	case REQUEST_READING:
	case REQUEST_DRAINING:
		return last_call(req);
	case REQUEST_DONE:
		return queue_answer(req);
	case REQUEST_ADMITTING:
	case REQUEST_WORKING:
		break;
	}
	return MHD_NO;
}

static bool start_daemon(struct http_server *http, struct error *err)
{
	const struct http_options *options = &http->options;
	unsigned int flags = MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC |
			     MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->certificate_pem},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->certificate_key_pem},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITY},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	bool secure = options->certificate_pem != NULL;

	if (secure)
		flags |= MHD_USE_TLS;
	/* The logger comes first, or what the others complain about is lost. */
	http->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_ARRAY, secure ? tls : none, MHD_OPTION_LISTEN_SOCKET, http->listen_fd,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, http, MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, NULL,
		MHD_OPTION_CONNECTION_LIMIT, options->connections_max,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, options->connections_per_address,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY_PER_CONNECTION,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (http->daemon == NULL)
		return error_set(err, ERR_INTERNAL,
				 "could not start the HTTP server on %s: are certificate and key "
				 "in order?",
				 options->listen);
	return true;
}

static void tick(void *arg)
{
	struct http_server *http = arg;

	if (http->options.events != NULL)
		event_hub_tick(http->options.events);
}

bool http_server_new(const struct http_options *options, struct http_server **out,
		     struct error *err)
{
	struct http_server *http = xcalloc(1, sizeof(*http));
	struct connection_limits limits = {
		.idle_ms = options->idle_ms,
		.request_ms = options->request_ms,
	};

	metrics_register(METRICS, ARRAY_SIZE(METRICS));
	http->options = *options;
	http->listen_fd = -1;
	pthread_mutex_init(&http->queue_mutex, NULL);
	pthread_cond_init(&http->queue_wake, NULL);
	http->assets = static_new();
	if (!listen_open(options->listen, &http->listen_fd, &http->port, err) ||
	    !connections_new(&limits, tick, http, &http->connections, err) ||
	    !start_daemon(http, err)) {
		http_server_free(http);
		return false;
	}
	*out = http;
	return true;
}

int http_server_port(const struct http_server *http)
{
	return http->port;
}

struct request *http_server_take(struct http_server *http, enum http_work *work)
{
	struct request *req;

	pthread_mutex_lock(&http->queue_mutex);
	while (http->queue_first == NULL && !http->queue_closed)
		pthread_cond_wait(&http->queue_wake, &http->queue_mutex);
	req = http->queue_first;
	if (req != NULL) {
		http->queue_first = req->next;
		if (http->queue_first == NULL)
			http->queue_last = NULL;
		http->queue_length--;
		*work = req->state == REQUEST_ADMITTING ? HTTP_WORK_ADMIT : HTTP_WORK_HANDLE;
	}
	pthread_mutex_unlock(&http->queue_mutex);
	return req;
}

void http_server_admit(struct request *req)
{
	req->state = REQUEST_ADMITTED;
}

void http_server_fail(struct request *req, const struct error *err)
{
	reply_problem(req, err, 0);
}

void http_server_done(struct request *req)
{
	struct MHD_Connection *mhd = req->mhd;

	if (req->state != REQUEST_ADMITTED)
		req->state = REQUEST_DONE;
	MHD_resume_connection(mhd);
}

void http_server_quiesce(struct http_server *http)
{
	atomic_store(&http->stopping, true);
	/* The socket stays ours to close; until then the library may still look at its number. */
	(void)MHD_quiesce_daemon(http->daemon);
	pthread_mutex_lock(&http->queue_mutex);
	http->queue_closed = true;
	pthread_cond_broadcast(&http->queue_wake);
	pthread_mutex_unlock(&http->queue_mutex);
	if (http->options.events != NULL)
		event_hub_stop(http->options.events);
}

/* Lets answers that are ready go out. Half-read requests are not waited for. */
static void wait_for_answers(struct http_server *http)
{
	const struct timespec pause = {.tv_nsec = STOP_POLL_MS * 1000000L};

	for (int waited = 0; waited < STOP_WAIT_MS; waited += STOP_POLL_MS) {
		if (connections_busy(http->connections) == 0)
			return;
		nanosleep(&pause, NULL);
	}
}

void http_server_free(struct http_server *http)
{
	if (http == NULL)
		return;
	if (http->daemon != NULL) {
		wait_for_answers(http);
		MHD_stop_daemon(http->daemon);
	}
	connections_free(http->connections);
	if (http->listen_fd >= 0)
		close(http->listen_fd);
	static_free(http->assets);
	pthread_cond_destroy(&http->queue_wake);
	pthread_mutex_destroy(&http->queue_mutex);
	free(http);
}
