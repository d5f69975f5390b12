/* SPDX-License-Identifier: Apache-2.0 */
#include "app.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "api/api.h"
#include "api/install.h"
#include "api/routes.h"
#include "base/arena.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/log.h"
#include "domain/package/patches.h"
#include "feed.h"
#include "http/events.h"
#include "http/server.h"
#include "mqtt/mqtt.h"
#include "notify/transfer.h"
#include "outbox/outbox.h"
#include "outbox/webhooks.h"
#include "protocol/limits.h"
#include "scheduler/scheduler.h"
#include "signer/client.h"
#include "store/db.h"
#include "store/migrate.h"
#include "worker.h"

enum { PEM_MAX = 1 << 20, RETRY_MS = 500, COMPLAIN_EVERY = 20 };

struct app {
	const struct config *config;
	struct arena *arena;
	struct server server;
	struct api api;
	struct event_hub *events;
	struct http_server *http;
	struct workers *workers;

	/* Starts what needs the database, once that can be reached. */
	pthread_t starter;
	bool starter_runs;
	int stop_fd;
	int failure_fd;
	struct feed *feed;
	const char **mqtt_urls;
	size_t mqtt_url_count;
	struct mqtt *mqtt;
	struct outbox *outbox;
	struct webhooks *webhooks;
	struct scheduler *scheduler;
};

/* --- what the process knows --- */

static bool split_urls(struct app *app, const char *setting, const char *list, const char ***out,
		       size_t *count, struct error *err)
{
	const char **urls = arena_array(app->arena, LIMIT_BROKERS, sizeof(*urls));

	*count = 0;
	*out = urls;
	while (*list != '\0') {
		size_t length = strcspn(list, ", ");

		if (length > LIMIT_BROKER_URL)
			return error_set(err, ERR_INVALID, "%s: an address is too long", setting);
		if (length > 0 && *count == LIMIT_BROKERS)
			return error_set(err, ERR_INVALID, "%s: there may be %d brokers at most",
					 setting, LIMIT_BROKERS);
		if (length > 0)
			urls[(*count)++] = arena_strndup(app->arena, list, length);
		list += length;
		list += strspn(list, ", ");
	}
	return *count > 0 || error_set(err, ERR_INVALID, "%s: there is no address", setting);
}

/* Several brokers share the shards, so it must be known which address is whose. */
static bool set_brokers(struct app *app, struct error *err)
{
	const struct config *config = app->config;
	const char *public =
		config->mqtt_public_urls != NULL ? config->mqtt_public_urls : config->mqtt_url;
	const char **urls;
	size_t count;

	if (!split_urls(app, "mqtt-url", config->mqtt_url, &app->mqtt_urls, &app->mqtt_url_count,
			err) ||
	    !split_urls(app, "mqtt-public-urls", public, &urls, &count, err))
		return false;
	if (app->mqtt_url_count > 1 && count != app->mqtt_url_count)
		return error_set(err, ERR_INVALID,
				 "mqtt-url names %zu brokers and mqtt-public-urls %zu: give one "
				 "public address for each, in the same order",
				 app->mqtt_url_count, count);
	app->server.broker_urls = urls;
	app->server.broker_url_count = count;
	app->server.broker_count = app->mqtt_url_count;
	return true;
}

static bool read_url_key(struct app *app, struct error *err)
{
	const char *path = arena_printf(app->arena, "%s/keys/url.key", app->config->data);
	size_t size;
	char *text;

	if (!file_read(path, 1024, app->arena, &text, &size, err))
		return false;
	size = strcspn(text, "\r\n ");
	if (!hex_decode(text, size, app->server.url_key, sizeof(app->server.url_key), &size) ||
	    size != sizeof(app->server.url_key))
		return error_set(err, ERR_INVALID, "%s does not hold 32 bytes as hex", path);
	return true;
}

static bool set_server(struct app *app, struct signer *signer, struct error *err)
{
	const struct config *config = app->config;
	const struct signer_identity *identity = signer_public(signer);

	app->server = (struct server){
		.data_dir = config->data,
		.public_url = config->public_url,
		.package_caches = config->package_caches,
		.ca_pem = identity->ca_pem,
		.ca_fingerprint = identity->ca_fingerprint,
		.signer = signer,
		.certificate_lifetime_ms = config->certificate_lifetime,
		.certificate_grace_ms = config->certificate_grace,
		.health_interval_ms = (int)config->health_interval,
		.replica = config->replica,
		.webhook_allow = config->webhook_allow,
		.api = &app->api,
	};
	return set_brokers(app, err) && read_url_key(app, err);
}

/* --- readiness --- */

static bool app_ready(void *arg, struct error *err)
{
	struct app *app = arg;

	if (!atomic_load(&app->api.serving))
		return error_set(err, ERR_UNAVAILABLE, "the database has not been checked yet");
	return mqtt_connected(app->mqtt) ||
	       error_set(err, ERR_UNAVAILABLE, "%s",
			 app->mqtt_url_count > 1 ? "not all brokers can be reached"
						 : "the broker cannot be reached");
}

/* --- HTTP --- */

/* Bodies that an earlier process was receiving when it ended. */
static void remove_stale_bodies(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, "body-", 5) == 0)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

static bool read_certificate(struct app *app, struct http_options *options, struct error *err)
{
	const struct config *config = app->config;
	const char *certificate = config->tls_certificate;
	const char *key = config->tls_key;
	char *text;

	if (!config->tls)
		return true;
	if (certificate == NULL)
		certificate = arena_printf(app->arena, "%s/keys/server.crt", config->data);
	if (key == NULL)
		key = arena_printf(app->arena, "%s/keys/server.key", config->data);
	if (!file_read(certificate, PEM_MAX, app->arena, &text, NULL, err))
		return false;
	options->certificate_pem = text;
	if (!file_read(key, PEM_MAX, app->arena, &text, NULL, err))
		return false;
	options->certificate_key_pem = text;
	return true;
}

/* With a port of 0 the real one is known only now, before any handler has seen the URL. */
static void settle_public_url(struct app *app)
{
	const char *url = app->server.public_url;
	size_t length = strlen(url);

	if (length > 2 && strcmp(url + length - 2, ":0") == 0)
		app->server.public_url = arena_printf(app->arena, "%.*s:%d", (int)length - 2, url,
						      http_server_port(app->http));
}

static bool start_http(struct app *app, struct error *err)
{
	const struct config *config = app->config;
	struct http_options options = {
		.listen = config->listen,
		.upload_dir = arena_printf(app->arena, "%s/uploads", config->data),
		.upload_max_bytes = config->upload_max,
		.connections_max = (unsigned int)config->connections_max,
		.connections_per_address = (unsigned int)config->connections_per_address,
		.queue_max = (unsigned int)config->queue_max,
		.idle_ms = config->idle_timeout,
		.request_ms = config->request_timeout,
		.routes = {.rows = ROUTES, .count = ROUTES_COUNT},
		.api_prefix = "/api/",
		.server = &app->server,
		.events = app->events,
	};

	if (!file_make_folders(options.upload_dir, 0700, err) ||
	    !read_certificate(app, &options, err))
		return false;
	remove_stale_bodies(options.upload_dir);
	if (!http_server_new(&options, &app->http, err))
		return false;
	settle_public_url(app);
	return workers_start(app->http, config->database_url, (size_t)config->workers,
			     &app->workers, err);
}

static void set_api(struct app *app)
{
	const struct config *config = app->config;

	app->api.limits = (struct access_limits){
		.session_idle_ms = config->session_idle,
		.session_max_ms = config->session_max,
		.login_attempts = config->login_attempts,
	};
	app->api.events = app->events;
	app->api.installer = installer_new(config->agents_dir);
	app->api.secure_cookies = strncmp(config->public_url, "https://", 8) == 0;
	app->api.ready = app_ready;
	app->api.ready_arg = app;
	atomic_init(&app->api.serving, false);
}

/* --- what needs the database --- */

/* True when told to stop meanwhile. */
static bool pause_or_stop(struct app *app)
{
	struct pollfd poller = {.fd = app->stop_fd, .events = POLLIN};

	return poll(&poller, 1, RETRY_MS) > 0;
}

/* CONFLICT: the schema is not ours, and waiting does not help. */
static bool check_database(struct app *app, struct error *err)
{
	struct arena *arena = arena_new();
	struct db *db = NULL;
	bool ok = db_open(app->config->database_url, "musterd start", &db, err) &&
		  migrate_check(db, arena, err);

	db_close(db);
	arena_free(arena);
	return ok;
}

/* Waits as long as it takes. False: stop. */
static bool wait_for_database(struct app *app)
{
	struct error err;

	for (unsigned int attempt = 0; !check_database(app, &err); attempt++) {
		if (err.code == ERR_CONFLICT || err.code == ERR_INVALID) {
			log_error("cannot serve: %s", err.text);
			eventfd_write(app->failure_fd, 1);
			return false;
		}
		if (attempt % COMPLAIN_EVERY == 0)
			log_warn("waiting for PostgreSQL: %s", err.text);
		if (pause_or_stop(app))
			return false;
	}
	return true;
}

static const char *key_path(struct app *app, const char *chosen, const char *name)
{
	return chosen != NULL ? chosen
			      : arena_printf(app->arena, "%s/keys/%s", app->config->data, name);
}

static bool start_mqtt(struct app *app, struct error *err)
{
	const struct config *config = app->config;
	const struct mqtt_settings settings = {
		.urls = app->mqtt_urls,
		.url_count = app->mqtt_url_count,
		.ca_path = key_path(app, config->mqtt_ca, "ca.crt"),
		.certificate_path = key_path(app, config->mqtt_certificate, "mqtt-client.crt"),
		.key_path = key_path(app, config->mqtt_key, "mqtt-client.key"),
		.database_url = config->database_url,
		.server = &app->server,
		.owner = config->replica,
	};

	return mqtt_start(&settings, &app->mqtt, err);
}

static bool start_late(struct app *app, struct error *err)
{
	const char *database_url = app->config->database_url;

	return feed_start(database_url, app->events, &app->feed, err) && start_mqtt(app, err) &&
	       outbox_start(database_url, &app->server, mqtt_links(app->mqtt), &app->outbox, err) &&
	       webhooks_start(database_url, &app->server, &app->webhooks, err) &&
	       scheduler_start(database_url, &app->server, &app->scheduler, err);
}

static void stop_late(struct app *app)
{
	scheduler_stop(app->scheduler);
	webhooks_stop(app->webhooks);
	outbox_stop(app->outbox);
	mqtt_stop(app->mqtt);
	feed_stop(app->feed);
}

static void *starter_run(void *arg)
{
	struct app *app = arg;
	struct error err;

	if (!wait_for_database(app))
		return NULL;
	if (!start_late(app, &err)) {
		log_error("cannot serve: %s", err.text);
		eventfd_write(app->failure_fd, 1);
		return NULL;
	}
	atomic_store(&app->api.serving, true);
	log_info("serving url=%s port=%d version=%s", app->server.public_url,
		 http_server_port(app->http), MUSTER_VERSION);
	return NULL;
}

static bool start_starter(struct app *app, struct error *err)
{
	int rc = pthread_create(&app->starter, NULL, starter_run, app);

	if (rc != 0)
		return error_set_errno(err, ERR_INTERNAL, rc, "could not start a thread");
	app->starter_runs = true;
	return true;
}

bool app_start(const struct config *config, struct signer *signer, struct app **out,
	       struct error *err)
{
	struct app *app = xcalloc(1, sizeof(*app));

	transfer_global_init();
	app->config = config;
	app->arena = arena_new();
	app->stop_fd = eventfd(0, EFD_CLOEXEC);
	app->failure_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	app->events = event_hub_new((size_t)config->event_streams_max,
				    (size_t)config->event_streams_per_user);
	set_api(app);
	if (!set_server(app, signer, err) ||
	    !patches_start(config->data, &app->server.patches, err) || !start_http(app, err) ||
	    !start_starter(app, err)) {
		app_stop(app);
		return false;
	}
	*out = app;
	return true;
}

void app_stop(struct app *app)
{
	if (app == NULL)
		return;
	eventfd_write(app->stop_fd, 1);
	if (app->starter_runs)
		pthread_join(app->starter, NULL);
	if (app->http != NULL)
		http_server_quiesce(app->http);
	workers_join(app->workers);
	stop_late(app);
	http_server_free(app->http);
	patches_stop(app->server.patches);
	event_hub_free(app->events);
	installer_free(app->api.installer);
	close(app->stop_fd);
	close(app->failure_fd);
	arena_free(app->arena);
	free(app);
}

int app_https_port(const struct app *app)
{
	return http_server_port(app->http);
}

int app_failure_fd(const struct app *app)
{
	return app->failure_fd;
}
