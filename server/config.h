/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of musterd: file, MUSTER_* environment, command line. config.c documents each. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/settings.h"

struct config {
	const char *data;
	const char *database_url; /* NULL in standalone, which has its own cluster */
	const char *log_level;
	const char *agents_dir;

	const char *listen;
	const char *public_url; /* NULL: made from listen */
	bool tls;
	const char *tls_certificate; /* NULL: data/keys/server.crt */
	const char *tls_key;	     /* NULL: data/keys/server.key */
	int64_t workers;
	int64_t connections_max;
	int64_t connections_per_address;
	int64_t queue_max;
	int64_t request_timeout;
	int64_t idle_timeout;
	int64_t upload_max;
	int64_t event_streams_max;
	int64_t event_streams_per_user;

	int64_t session_idle;
	int64_t session_max;
	int64_t login_attempts;

	const char *mqtt_url;	      /* how the server reaches the brokers, comma separated */
	const char *mqtt_listen;      /* standalone only */
	int64_t brokers;	      /* standalone only */
	const char *mqtt_public_urls; /* how nodes reach the brokers, comma separated */
	const char *package_caches;   /* addresses of caches, comma separated */
	const char *mqtt_ca;
	const char *mqtt_certificate;
	const char *mqtt_key;
	int64_t health_interval;
	int64_t certificate_lifetime;
	int64_t certificate_grace;

	const char *webhook_allow;

	const char *replica; /* no setting: name of this process in leases; NULL: a random one */
};

extern const struct setting CONFIG_SETTINGS[];

/* Strings live in the arena. *index as in settings_load. */
MUST_CHECK bool config_load(int argc, char **argv, int *index, struct arena *arena,
			    struct config *out, struct error *err);
