/* SPDX-License-Identifier: Apache-2.0 */
#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "app.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "base/notify.h"
#include "signer/client.h"
#include "standalone/names.h"
#include "standalone/tree.h"
#include "standalone/trust.h"

struct serve {
	struct config config;
	struct arena *arena;
	struct tree tree;
	bool tree_open;
	struct signer *signer;
	struct app *app;
	int signals;
};

static bool block_signals(struct serve *serve, struct error *err)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot block signals");
	serve->signals = signalfd(-1, &set, SFD_CLOEXEC);
	return serve->signals >= 0 ||
	       error_set_errno(err, ERR_INTERNAL, errno, "cannot watch signals");
}

/* Others read the ports when 0 was asked for. */
static bool write_ports(struct serve *serve, struct error *err)
{
	const char *path = arena_printf(serve->arena, "%s/ports.json", serve->tree.run);
	const char *text =
		arena_printf(serve->arena, "{\"https\":%d}\n", app_https_port(serve->app));

	return file_write_atomic(path, text, strlen(text), 0644, err);
}

static bool start(struct serve *serve, struct error *err)
{
	struct names names = {.count = 0};

	if (serve->config.database_url == NULL)
		return error_set(err, ERR_INVALID,
				 "database-url is not set: see musterd --help, or use standalone");
	if (!tree_open(serve->config.data, serve->arena, &serve->tree, err))
		return false;
	serve->tree_open = true;
	serve->config.data = serve->tree.root;
	names_collect(&names, serve->config.public_url, serve->arena);
	/* Brokers of the same site may use the same certificate, as docker/ does. */
	names_add_urls(&names, serve->config.mqtt_url, serve->arena);
	names_add_urls(&names, serve->config.mqtt_public_urls, serve->arena);
	return signer_new("/proc/self/exe", serve->tree.root, &serve->signer, err) &&
	       trust_prepare(serve->tree.keys, serve->signer, names.items, names.count,
			     serve->arena, err) &&
	       app_start(&serve->config, serve->signer, &serve->app, err) &&
	       write_ports(serve, err);
}

/* True for a signal, false when the application cannot go on. */
static bool wait_for_end(const struct serve *serve)
{
	struct pollfd pollers[] = {
		{.fd = serve->signals, .events = POLLIN},
		{.fd = app_failure_fd(serve->app), .events = POLLIN},
	};

	while (poll(pollers, ARRAY_SIZE(pollers), -1) < 0 && errno == EINTR)
		continue;
	return pollers[1].revents == 0;
}

int serve_run(const struct config *config)
{
	struct serve serve = {.config = *config, .arena = arena_new(), .signals = -1};
	struct notify notify;
	struct error err;

	notify_init(&notify);
	bool ok = block_signals(&serve, &err) && start(&serve, &err);

	if (!ok) {
		log_error("cannot start: %s", err.text);
	} else {
		notify_send(&notify, "READY=1");
		ok = wait_for_end(&serve);
		log_info("stopping");
		notify_send(&notify, "STOPPING=1");
	}
	app_stop(serve.app);
	signer_free(serve.signer);
	if (serve.tree_open)
		tree_close(&serve.tree);
	fd_cleanup(&serve.signals);
	notify_release(&notify);
	arena_free(serve.arena);
	return ok ? 0 : 1;
}
