/* SPDX-License-Identifier: Apache-2.0 */
#include "app.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app_internal.h"
#include "base/file.h"
#include "base/log.h"
#include "shim_file.h"
#include "trust.h"
#include "upgrade/watch.h"
#include "verbs.h"

enum { FAREWELL_MS = 1000, TIME_WITHIN_MS = 2000 };

bool app_enter_folder(const struct config *config, struct error *err)
{
	static const char *const FOLDERS[] = {"services", "packages", "data", "logs"};

	umask(0022);
	if (!file_make_folders(config->dir, 0755, err))
		return false;
	if (chdir(config->dir) != 0)
		return error_set_errno(err, ERR_FORBIDDEN, errno, "cannot enter %s", config->dir);
	if (!file_make_folders("keys", 0700, err) || !file_make_folders("run", 0755, err))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(FOLDERS); i++)
		if (!file_make_folders(FOLDERS[i], 0755, err))
			return false;
	return true;
}

static void outgoing_added(void *arg)
{
	struct app *app = arg;

	if (app->link)
		link_wake(app->link);
}

static void link_connected(void *arg)
{
	struct app *app = arg;

	if (trusted_time_wants_answer(&app->time))
		link_hold(app->link, TIME_WITHIN_MS);
	hello_send(app);
	health_tell_all(app);
	health_send(app);
}

/* A hello makes the server look whether we have what we should. */
static void ask_again(void *arg)
{
	struct app *app = arg;

	if (app->link && link_online(app->link))
		hello_send(app);
}

/* After it the server sends what could not be verified before. */
static void keys_came(struct app *app, const void *payload, size_t size)
{
	struct error err = {0};
	bool changed;

	if (!trust_receive(&app->identity, app->arena, payload, size, &changed, &err)) {
		reconcile_refuse(app->reconcile, "keys.refused", "a statement on signing keys",
				 err.text);
		return;
	}
	if (!changed)
		return;
	reconcile_trust(app->reconcile, app->identity.signing_keys,
			app->identity.signing_key_count);
	outgoing_event(&app->outgoing, SEVERITY_INFO, "keys.changed", NULL, NULL,
		       "%zu signing keys are trusted, as statement %d says",
		       app->identity.signing_key_count, app->identity.trust);
	ask_again(app);
}

static void link_received(enum channel channel, const void *payload, size_t size, void *arg)
{
	struct app *app = arg;

	if (channel == CHANNEL_DESIRED)
		reconcile_receive_desired(app->reconcile, payload, size);
	else if (trust_is_statement(payload, size))
		keys_came(app, payload, size);
	else
		reconcile_receive_command(app->reconcile, payload, size);
}

static void link_lacks_health(void *arg)
{
	health_asked(arg);
}

static void time_answered(void *arg)
{
	struct app *app = arg;

	if (!app->link)
		return;
	link_release(app->link);
	/* Now it can tell how wrong the clock is. */
	health_send(app);
}

static void services_stopped(void *arg)
{
	struct app *app = arg;

	log_info("all services are stopped");
	if (app->shutdown_client)
		control_end(app->shutdown_client, json_pack("{s:b}", "stopped", 1));
	app->shutdown_client = NULL;
	loop_stop(app->loop);
}

static void shutdown_client_gone(void *arg)
{
	struct app *app = arg;

	app->shutdown_client = NULL;
}

bool app_shut_down(struct app *app, struct control_client *client)
{
	if (app->ending)
		return false;
	log_info("shutting down with all services");
	app->ending = true;
	app->shutdown_client = client;
	if (client)
		control_on_gone(client, shutdown_client_gone, app);
	beat_end(app);
	supervisor_stop_all(app->supervisor, services_stopped, app);
	return true;
}

static void signal_arrived(int fd, short revents, void *arg)
{
	struct app *app = arg;
	struct signalfd_siginfo info;

	(void)revents;
	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (app->config->contained && app_shut_down(app, NULL))
		return;
	log_info("ending, services go on signal=%u", info.ssi_signo);
	beat_end(app);
	loop_stop(app->loop);
}

/* A terminal that closes ends us like SIGTERM, unless nohup(1) says that it must not. */
static bool is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static bool catch_signals(struct app *app, struct error *err)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (!is_ignored(SIGHUP))
		sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	app->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (app->signal_fd < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot watch signals");
	loop_add_fd(app->loop, app->signal_fd, POLLIN, signal_arrived, app);
	return true;
}

static struct supervisor *make_supervisor(struct app *app, supervisor_notice_fn notice)
{
	const char *shim = app->config->shim[0] ? app->config->shim : shim_carried();
	const struct supervisor_options options = {
		.loop = app->loop,
		.root = app->root,
		.shim = shim,
		.segment_bytes = app->config->log_segment_bytes,
		.segment_count = (int)app->config->log_segment_count,
		.collects_later = notice == notices_receive,
		.notice = notice,
		.arg = app,
	};

	return supervisor_new(&options);
}

static int64_t served(void *arg)
{
	const struct app *app = arg;
	int64_t acknowledged = app->link ? link_served(app->link) : 0;
	int64_t heard = app->time.heard_at;

	/* An acknowledgement is not signed: whoever has the broker can send one. */
	if (acknowledged == 0 || heard == 0)
		return 0;
	return acknowledged > heard ? acknowledged : heard;
}

static void hand_over(void *arg)
{
	struct app *app = arg;

	log_info("handing over to the agent that was asked for");
	loop_stop(app->loop);
}

static bool is_online(void *arg)
{
	const struct app *app = arg;

	return app->link && link_online(app->link);
}

static void certificate_switched(void *arg)
{
	struct app *app = arg;

	if (app->link)
		link_reconnect(app->link, "there is a new certificate");
}

/* Broker and server may both say it again: what is known changes nothing. */
static void brokers_came(json_t *urls, void *arg)
{
	struct app *app = arg;
	struct error err = {0};
	bool changed;

	if (!identity_move(&app->identity, urls, app->arena, &changed, &err)) {
		log_error("could not move to other brokers: %s", err.text);
		return;
	}
	if (changed)
		outgoing_event(&app->outgoing, SEVERITY_INFO, "node.moved", NULL, NULL,
			       "the server has moved this node to the broker %s",
			       app->identity.brokers[0]);
	if (app->link)
		link_move(app->link, &(struct link_brokers){
					     .urls = app->identity.brokers,
					     .count = app->identity.broker_count,
					     .former = app->identity.former_brokers,
					     .former_count = app->identity.former_broker_count,
				     });
}

static bool certificate_came(const char *pem, void *arg, struct error *err)
{
	struct app *app = arg;

	return renewal_take(app->renewal, pem, err);
}

static bool make_renewal(struct app *app, struct error *err)
{
	const struct renewal_options options = {
		.loop = app->loop,
		.identity = &app->identity,
		.time = &app->time,
		.root = app->root,
		.alone_ms = app->config->renew_after_ms,
		.online = is_online,
		.ask = ask_again,
		.switched = certificate_switched,
		.arg = app,
	};

	return renewal_new(&options, &app->renewal, err);
}

static bool make_reconcile(struct app *app, struct error *err)
{
	const struct config *config = app->config;
	const struct reconcile_options options = {
		.loop = app->loop,
		.state = app->state,
		.supervisor = app->supervisor,
		.outgoing = &app->outgoing,
		.time = &app->time,
		.upgrade = app->upgrade,
		.place = {.root = app->root,
			  .node = app->identity.node_id,
			  .platform = identity_platform()},
		.transaction = {.ca_file = IDENTITY_CA_FILE,
				.cache_urls = config->cache_urls,
				.fetch_attempts = (int)config->fetch_attempts,
				.fetch_rate_bytes = config->fetch_rate_bytes,
				.unpack_max_bytes = config->unpack_max_bytes,
				.reserve_bytes = config->disk_reserve_bytes},
		.keys = app->identity.signing_keys,
		.key_count = app->identity.signing_key_count,
		.resend = ask_again,
		.timed = time_answered,
		.brokers = brokers_came,
		.certificate = certificate_came,
		.arg = app,
	};

	return reconcile_new(&options, &app->reconcile, err);
}

static bool make_control(struct app *app, struct error *err)
{
	const struct control_options options = {
		.loop = app->loop,
		.verbs = VERBS,
		.verb_count = VERBS_COUNT,
		.group = app->config->control_group,
		.readers = app->config->control_readers,
		.arg = app,
	};

	return control_new(&options, &app->control, err);
}

static void make_link(struct app *app)
{
	const struct link_options options = {
		.loop = app->loop,
		.state = app->state,
		.node = app->identity.node_id,
		.brokers = {.urls = app->identity.brokers,
			    .count = app->identity.broker_count,
			    .former = app->identity.former_brokers,
			    .former_count = app->identity.former_broker_count},
		.broker_patience_ms = app->config->broker_patience_ms,
		.time = &app->time,
		.ca_file = IDENTITY_CA_FILE,
		.certificate_file = IDENTITY_CERTIFICATE_FILE,
		.key_file = IDENTITY_KEY_FILE,
		.reconnect_min_ms = app->config->reconnect_min_ms,
		.reconnect_max_ms = app->config->reconnect_max_ms,
		.catchup_rate_bytes = app->config->catchup_rate_bytes,
		.catchup_spread_ms = app->config->catchup_spread_ms,
		.connected = link_connected,
		.received = link_received,
		.lacks_health = link_lacks_health,
		.arg = app,
	};

	app->link = link_new(&options);
}

static bool open_folder(struct app *app, struct arena *arena, struct error *err)
{
	if (!app_enter_folder(app->config, err))
		return false;
	if (!file_lock("run/agent.lock", &app->lock_fd, err))
		return err->code == ERR_CONFLICT
			       ? error_prefix(err, "another agent runs in %s", app->config->dir)
			       : false;
	if (!getcwd(app->root, sizeof(app->root)))
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot tell the folder");
	if (identity_load(arena, &app->identity, err))
		return true;
	if (err->code == ERR_NOT_FOUND)
		return error_set(err, ERR_NOT_FOUND,
				 "%s is not enrolled; run \"muster-agent enroll --dir %s\" first",
				 app->root, app->root);
	return false;
}

static bool set_up(struct app *app, struct arena *arena, struct error *err)
{
	struct follow_options follow = {
		.loop = app->loop,
		.outgoing = &app->outgoing,
		.interval_ms = app->config->log_interval_ms,
	};

	if (!open_folder(app, arena, err) || !state_open("state.db", &app->state, err))
		return false;
	follow.state = app->state;
	app->outgoing = (struct outgoing){
		.state = app->state,
		.budget_bytes = app->config->spool_bytes,
		.added = outgoing_added,
		.arg = app,
	};
	if (!trusted_time_init(&app->time, app->state, app->identity.server_time, err) ||
	    !catch_signals(app, err))
		return false;
	const struct upgrade_options upgrade = {
		.root = app->root,
		.served = served,
		.handover = hand_over,
		.arg = app,
	};
	app->supervisor = make_supervisor(app, notices_receive);
	if (!make_renewal(app, err) || !upgrade_new(&upgrade, &app->upgrade, err) ||
	    !make_reconcile(app, err) || !make_control(app, err))
		return false;
	outgoing_event(&app->outgoing, SEVERITY_INFO, "agent.started", NULL, NULL,
		       "muster-agent %s has started", MUSTER_VERSION);
	if (state_trouble(app->state)) {
		log_error("%s", state_trouble(app->state));
		outgoing_event(&app->outgoing, SEVERITY_ERROR, "agent.state_damaged", NULL, NULL,
			       "%s", state_trouble(app->state));
	}
	if (!reconcile_start(app->reconcile, err))
		return false;
	make_link(app);
	app->follow = follow_new(&follow);
	upgrade_started(app->root);
	upgrade_say_up(app->upgrade);
	return true;
}

/* Mirror order; works on what was made. */
static void take_down(struct app *app)
{
	loop_timer_cancel(app->loop, app->health_timer);
	loop_timer_cancel(app->loop, app->beat_timer);
	notices_flush(app);
	if (app->follow)
		follow_turn(app->follow);
	follow_free(app->follow);
	link_free(app->link, FAREWELL_MS);
	app->link = NULL;
	apply_cancel(app);
	control_free(app->control);
	reconcile_free(app->reconcile);
	app->reconcile = NULL;
	upgrade_free(app->upgrade);
	renewal_free(app->renewal);
	if (app->supervisor)
		supervisor_free(app->supervisor);
	if (app->signal_fd >= 0)
		loop_remove_fd(app->loop, app->signal_fd);
	fd_cleanup(&app->signal_fd);
	state_close(app->state);
	loop_free(app->loop);
	fd_cleanup(&app->lock_fd);
	notify_release(&app->notify);
}

bool app_run(const struct config *config, struct arena *arena, const char **program,
	     struct error *err)
{
	struct app *app = xcalloc(1, sizeof(*app));

	app->config = config;
	app->arena = arena;
	app->signal_fd = -1;
	app->lock_fd = -1;
	notify_init(&app->notify);
	app->loop = loop_new();
	bool ok = set_up(app, arena, err);
	if (ok) {
		log_info("muster-agent %s runs for node %s (%s)", MUSTER_VERSION,
			 app->identity.node_id, app->identity.name);
		beat_start(app);
		loop_run(app->loop);
		*program = arena_strdup(arena, upgrade_wanted(app->upgrade));
	}
	take_down(app);
	free(app);
	return ok;
}

static void ignore_notice(enum supervisor_notice notice, const struct service_status *status,
			  void *arg)
{
	(void)notice;
	(void)status;
	(void)arg;
}

static void stop_loop(void *arg)
{
	struct app *app = arg;

	loop_stop(app->loop);
}

bool app_stop_services(const struct config *config, struct arena *arena, struct error *err)
{
	struct app *app = xcalloc(1, sizeof(*app));

	app->config = config;
	app->signal_fd = -1;
	app->lock_fd = -1;
	notify_init(&app->notify);
	app->loop = loop_new();
	bool ok = open_folder(app, arena, err);
	if (ok) {
		app->supervisor = make_supervisor(app, ignore_notice);
		ok = supervisor_adopt(app->supervisor, err);
	}
	if (ok) {
		supervisor_stop_all(app->supervisor, stop_loop, app);
		loop_run(app->loop);
	}
	take_down(app);
	free(app);
	return ok;
}
