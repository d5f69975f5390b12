/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/standalone.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "app.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/notify.h"
#include "domain/inventory/certificate.h"
#include "signer/client.h"
#include "standalone/broker.h"
#include "standalone/cluster.h"
#include "standalone/first.h"
#include "standalone/names.h"
#include "standalone/ports.h"
#include "standalone/tree.h"
#include "standalone/trust.h"
#include "store/db.h"

enum { DATABASE_WAIT_S = 60, DATABASE_LOOK_MS = 50, REVOKED_LOOK_MS = 500 };

struct standalone {
	struct config config; /* as given, completed on the way */
	struct arena *arena;
	struct loop *loop;
	int signals;
	bool stopping;
	bool failed; /* the application cannot go on */

	struct tree tree;
	struct ports ports;
	struct signer *signer;
	struct cluster cluster;
	struct broker brokers[LIMIT_BROKERS];
	uint64_t revoked_timer;
	struct app *app;
	const char *password; /* of a first start */
};

/* --- addresses --- */

/* Where others reach what listens on address: a wildcard stands for the host of the public URL. */
static const char *reach(const struct standalone *self, const struct listen_address *address)
{
	struct listen_address shown = *address;

	if (host_is_wildcard(address->host)) {
		shown.host = url_host(self->config.public_url, self->arena);
		if (shown.host == NULL || host_is_wildcard(shown.host))
			shown.host = "localhost";
	}
	return listen_address_text(&shown, self->arena);
}

/* Each further broker has the next port, or a free one like the first. */
static bool listen_for_nodes(struct standalone *self, struct error *err)
{
	struct listen_address first;

	if (!listen_address_parse(self->config.mqtt_listen, self->arena, &first, err))
		return false;
	self->ports.mqtt_count = (size_t)self->config.brokers;
	for (size_t i = 0; i < self->ports.mqtt_count; i++) {
		self->ports.mqtt[i] = first;
		if (first.port != 0)
			self->ports.mqtt[i].port = first.port + (int)i;
	}
	return first.port + (int)self->ports.mqtt_count - 1 <= 65535 ||
	       error_set(err, ERR_INVALID, "there are no ports for %zu brokers above %d",
			 self->ports.mqtt_count, first.port - 1);
}

/* How nodes and how we ourselves reach the brokers. */
static void settle_brokers(struct standalone *self)
{
	struct arena *arena = self->arena;
	const char *public = "", *own = "";

	for (size_t i = 0; i < self->ports.mqtt_count; i++) {
		struct listen_address local = self->ports.mqtt[i];
		const char *comma = i == 0 ? "" : ",";

		public = arena_printf(arena, "%s%smqtts://%s", public, comma, reach(self, &local));
		if (host_is_wildcard(local.host))
			local.host = "localhost";
		own = arena_printf(arena, "%s%smqtts://%s", own, comma,
				   listen_address_text(&local, arena));
	}
	if (self->config.mqtt_public_urls == NULL)
		self->config.mqtt_public_urls = public;
	self->config.mqtt_url = own;
}

static bool settle_addresses(struct standalone *self, struct error *err)
{
	struct config *config = &self->config;
	struct arena *arena = self->arena;
	const char *path = arena_printf(arena, "%s/ports.json", self->tree.run);
	const char *scheme = config->tls ? "https" : "http";
	const char *preset = arena_printf(arena, "%s://%s", scheme, config->listen);

	if (!listen_address_parse(config->listen, arena, &self->ports.https, err) ||
	    !listen_for_nodes(self, err) || !ports_settle(path, &self->ports, arena, err))
		return false;
	config->listen = listen_address_text(&self->ports.https, arena);
	if (config->public_url == NULL || strcmp(config->public_url, preset) == 0)
		config->public_url =
			arena_printf(arena, "%s://%s", scheme, reach(self, &self->ports.https));
	settle_brokers(self);
	return true;
}

/* --- the parts, in the order of their start --- */

static bool start_tree(struct standalone *self, struct error *err)
{
	if (!tree_open(self->config.data, self->arena, &self->tree, err))
		return false;
	self->config.data = self->tree.root;
	/* The lock makes sure of a single one, which after a crash takes its shards over at once. */
	self->config.replica = "standalone";
	return settle_addresses(self, err);
}

static void stop_tree(struct standalone *self)
{
	if (self->tree.root != NULL)
		tree_close(&self->tree);
}

static bool start_signer(struct standalone *self, struct error *err)
{
	struct names names = {0};

	names_collect(&names, self->config.public_url, self->arena);
	names_add(&names, self->ports.https.host);
	names_add(&names, self->ports.mqtt[0].host);
	return signer_new("/proc/self/exe", self->tree.root, &self->signer, err) &&
	       trust_prepare(self->tree.keys, self->signer, names.items, names.count, self->arena,
			     err);
}

static void stop_signer(struct standalone *self)
{
	signer_free(self->signer);
}

static bool told_to_stop(void *arg)
{
	struct standalone *self = arg;

	loop_turn(self->loop, 0);
	return self->stopping;
}

static bool start_cluster(struct standalone *self, struct error *err)
{
	self->cluster.told_to_stop = told_to_stop;
	self->cluster.arg = self;
	if (!cluster_prepare(&self->tree, self->arena, &self->cluster, err) ||
	    !cluster_start(&self->cluster, self->loop, self->arena, err))
		return false;
	self->config.database_url = self->cluster.conninfo;
	return true;
}

static void stop_cluster(struct standalone *self)
{
	cluster_stop(&self->cluster);
}

/* A cluster that was not shut down well takes its time to recover. */
static bool connect_database(struct standalone *self, struct db **db, struct error *err)
{
	const usec_t until = clock_boottime() + DATABASE_WAIT_S * USEC_PER_SEC;

	while (!db_open(self->config.database_url, "musterd standalone", db, err)) {
		if (clock_boottime() > until)
			return error_prefix(err, "PostgreSQL does not come up, see %s",
					    self->cluster.log_path);
		loop_turn(self->loop, DATABASE_LOOK_MS);
		if (self->stopping)
			return error_set(err, ERR_UNAVAILABLE, "told to stop");
	}
	return true;
}

/* The broker does not start without a list, an empty one too. */
static bool write_revoked(struct standalone *self, struct db *db, struct error *err)
{
	static const struct actor actor = {.kind = ACTOR_SYSTEM, .id = "start", .name = "start"};
	const struct server server = {.signer = self->signer};
	struct ctx ctx = {
		.db = db,
		.arena = self->arena,
		.actor = &actor,
		.now = clock_now_utc(),
		.request_id = "start",
		.server = &server,
	};

	return inventory_certificate_revoked_write(
		&ctx, arena_printf(self->arena, "%s/revoked.crl", self->tree.keys), err);
}

static bool start_schema(struct standalone *self, struct error *err)
{
	const char *path = arena_printf(self->arena, "%s/first-login.txt", self->tree.root);
	struct db *db;

	if (!connect_database(self, &db, err))
		return false;
	bool ok =
		first_prepare(db, path, self->config.public_url, self->arena, &self->password, err);
	ok = ok && write_revoked(self, db, err);
	db_close(db);
	return ok;
}

/* Retired nodes are few, and a second more or less does not matter: no more than a look. */
static void look_at_revoked(void *arg)
{
	struct standalone *self = arg;
	struct error err;

	for (size_t i = 0; i < self->ports.mqtt_count; i++)
		if (broker_revoked_changed(&self->brokers[i]) &&
		    !broker_reload(&self->brokers[i], &err))
			log_error("retired nodes may still connect: %s", err.text);
	self->revoked_timer = loop_timer_set(self->loop, REVOKED_LOOK_MS, look_at_revoked, self);
}

static bool start_brokers(struct standalone *self, struct error *err)
{
	self->revoked_timer = loop_timer_set(self->loop, REVOKED_LOOK_MS, look_at_revoked, self);
	for (size_t i = 0; i < self->ports.mqtt_count; i++)
		if (!broker_prepare(&self->tree, &self->ports.mqtt[i], (int)i,
				    signer_public(self->signer)->ca_pem, self->arena,
				    &self->brokers[i], err) ||
		    !broker_start(&self->brokers[i], self->loop, self->arena, err))
			return false;
	return true;
}

static void stop_brokers(struct standalone *self)
{
	loop_timer_cancel(self->loop, self->revoked_timer);
	for (size_t i = 0; i < self->ports.mqtt_count; i++)
		broker_stop(&self->brokers[i]);
}

static void application_failed(int fd, short revents, void *arg)
{
	struct standalone *self = arg;

	(void)revents;
	loop_remove_fd(self->loop, fd);
	self->failed = true;
	loop_stop(self->loop);
}

static bool start_application(struct standalone *self, struct error *err)
{
	if (!app_start(&self->config, self->signer, &self->app, err))
		return false;
	loop_add_fd(self->loop, app_failure_fd(self->app), POLLIN, application_failed, self);
	return true;
}

static void stop_application(struct standalone *self)
{
	if (self->app != NULL)
		loop_remove_fd(self->loop, app_failure_fd(self->app));
	app_stop(self->app);
}

struct part {
	const char *name;
	bool (*start)(struct standalone *self, struct error *err);
	void (*stop)(struct standalone *self); /* also after a start that failed half way */
};

static const struct part PARTS[] = {
	{"data directory", start_tree, stop_tree},
	{"signer", start_signer, stop_signer},
	{"database", start_cluster, stop_cluster},
	{"schema", start_schema, NULL},
	{"broker", start_brokers, stop_brokers},
	{"application", start_application, stop_application},
};

/* --- life --- */

static void signal_came(int fd, short revents, void *arg)
{
	struct standalone *self = arg;
	struct signalfd_siginfo info;

	(void)revents;
	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	log_info("stopping signal=%s", sigabbrev_np((int)info.ssi_signo));
	self->stopping = true;
	loop_stop(self->loop);
}

static bool watch_signals(struct standalone *self, struct error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot block signals");
	self->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (self->signals < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot watch signals");
	loop_add_fd(self->loop, self->signals, POLLIN, signal_came, self);
	return true;
}

/* What a person who has just started it wants to know, on standard output. */
static void tell(const struct standalone *self)
{
	printf("dashboard: %s\n", self->config.public_url);
	if (self->password != NULL)
		printf("login: admin\npassword: %s\n", self->password);
	printf("ca fingerprint: %s\n", signer_public(self->signer)->ca_fingerprint);
	fflush(stdout);
}

/* On the log like everything, and in plain words for the person who has just typed the command. */
static void say_why(const char *part, const struct error *err)
{
	log_error("cannot start (%s): %s", part, err->text);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "musterd: %s\n", err->text);
}

/* Starts parts until one fails or a signal comes; returns how many were touched. */
static size_t start_parts(struct standalone *self, bool *ok)
{
	struct error err = {0};
	size_t count = 0;

	*ok = true;
	while (*ok && count < ARRAY_SIZE(PARTS)) {
		const struct part *part = &PARTS[count++];

		log_debug("starting %s", part->name);
		*ok = part->start(self, &err);
		if (!*ok && !self->stopping)
			say_why(part->name, &err);
		loop_turn(self->loop, 0);
		if (self->stopping)
			break;
	}
	return count;
}

int standalone_run(const struct config *config)
{
	struct standalone self = {
		.config = *config,
		.arena = arena_new(),
		.loop = loop_new(),
		.signals = -1,
	};
	struct notify notify;
	struct error err = {0};
	size_t started = 0;

	notify_init(&notify);
	bool ok = watch_signals(&self, &err);

	if (!ok)
		log_error("%s", err.text);
	else
		started = start_parts(&self, &ok);
	if (ok && !self.stopping) {
		tell(&self);
		notify_send(&notify, "READY=1\nSTATUS=%s", self.config.public_url);
		loop_run(self.loop);
	}
	notify_send(&notify, "STOPPING=1");
	while (started > 0)
		if (PARTS[--started].stop != NULL)
			PARTS[started].stop(&self);
	if (self.signals >= 0)
		loop_remove_fd(self.loop, self.signals);
	fd_cleanup(&self.signals);
	loop_free(self.loop);
	notify_release(&notify);
	arena_free(self.arena);
	return (ok || self.stopping) && !self.failed ? 0 : 1;
}
