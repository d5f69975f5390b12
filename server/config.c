/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stddef.h>
#include <string.h>

#include "base/log.h"
#include "protocol/limits.h"

const struct setting CONFIG_SETTINGS[] = {
	SETTING_PATH(
		struct config, data, "/var/lib/muster",
		"folder of keys, packages and uploads; standalone keeps its database there too"),
	SETTING_SECRET(struct config, database_url,
		       "PostgreSQL connection string or URI (serve, migrate, check, token, user)"),
	SETTING_STRING(struct config, log_level, "info", "debug, info, warn or error"),
	SETTING_PATH(
		struct config, agents_dir, "/usr/share/muster/agents",
		"agents that /install.sh offers, as TARGET/muster-agent (amd64, arm64, armv7)"),

	SETTING_STRING(struct config, listen, "127.0.0.1:8443",
		       "address of dashboard and API; port 0 takes a free one"),
	SETTING_STRING(struct config, public_url, NULL,
		       "https://host:port as people and nodes reach it; default: from listen"),
	SETTING_BOOL(struct config, tls, "true",
		     "speak TLS; false only behind a proxy that does, on the same machine"),
	SETTING_PATH(struct config, tls_certificate, NULL,
		     "PEM chain of the HTTPS certificate; default: DATA/keys/server.crt"),
	SETTING_PATH(struct config, tls_key, NULL,
		     "PEM key of the HTTPS certificate; default: DATA/keys/server.key"),
	SETTING_INT(struct config, workers, "4", 1, 64,
		    "threads that handle requests, each with its own database connection"),
	SETTING_INT(struct config, connections_max, "4096", 16, 60000, "open HTTP connections"),
	SETTING_INT(struct config, connections_per_address, "512", 0, 60000,
		    "open HTTP connections of one client address, 0 = no limit (behind a proxy)"),
	SETTING_INT(struct config, queue_max, "256", 1, 10000,
		    "requests that wait for a worker; more get 503"),
	SETTING_DURATION(
		struct config, request_timeout, "30s",
		"to send a request, and to take its answer; bodies get more by their size"),
	SETTING_DURATION(struct config, idle_timeout, "75s",
			 "between two requests of a connection"),
	SETTING_SIZE(struct config, upload_max, "2GiB", "largest package archive"),
	SETTING_INT(struct config, event_streams_max, "2000", 1, 50000, "open event streams"),
	SETTING_INT(struct config, event_streams_per_user, "32", 1, 50000,
		    "open event streams of one user or token"),

	SETTING_DURATION(struct config, session_idle, "12h",
			 "a session ends when unused for so long"),
	SETTING_DURATION(struct config, session_max, "7d", "a session ends after so long anyway"),
	SETTING_INT(
		struct config, login_attempts, "10", 1, 1000,
		"failed sign-ins in 10 minutes for one login from one address, and ten times as "
		"many from one address, before further ones are refused"),

	SETTING_STRING(struct config, mqtt_url, "mqtts://127.0.0.1:8883",
		       "brokers as the server reaches them, comma separated (serve); several share "
		       "the nodes"),
	SETTING_STRING(struct config, mqtt_listen, "127.0.0.1:8883",
		       "address of the private broker (standalone); port 0 takes a free one"),
	SETTING_INT(struct config, brokers, "1", 1, LIMIT_BROKERS,
		    "private brokers (standalone) that share the nodes, each with its own process "
		    "and port: the one of mqtt-listen and those that follow"),
	SETTING_STRING(struct config, mqtt_public_urls, NULL,
		       "brokers as nodes reach them, comma separated, in the order of mqtt-url; "
		       "default: mqtt-url"),
	SETTING_STRING(struct config, package_caches, "",
		       "addresses that nodes ask for packages before this server, comma separated; "
		       "they need no trust"),
	SETTING_PATH(
		struct config, mqtt_ca, NULL,
		"PEM certificates that the broker's is checked against; default: DATA/keys/ca.crt"),
	SETTING_PATH(struct config, mqtt_certificate, NULL,
		     "PEM client certificate for the broker; default: DATA/keys/mqtt-client.crt"),
	SETTING_PATH(struct config, mqtt_key, NULL,
		     "PEM key of that certificate; default: DATA/keys/mqtt-client.key"),
	SETTING_DURATION(struct config, health_interval, "30s",
			 "how often nodes report their health"),
	SETTING_DURATION(struct config, certificate_lifetime, "90d",
			 "of the certificates of nodes, which are renewed at two thirds"),
	SETTING_DURATION(struct config, certificate_grace, "180d",
			 "a node that slept through the end of its certificate may still renew it "
			 "with its old key; 0s: never"),

	SETTING_STRING(struct config, webhook_allow, "",
		       "private networks that webhooks may reach, comma separated: 10.1.0.0/16"),
	SETTING_END,
};

/* It stands in lines that people give to a shell: nothing in it may mean anything there. */
static bool check_public_url(const char *url, struct error *err)
{
	static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    ".:/[]_~%-";
	const char *host = strstr(url, "://");

	if (host != NULL && (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0) &&
	    host[3] != '\0' && url[strspn(url, PLAIN)] == '\0')
		return true;
	return error_set(err, ERR_INVALID,
			 "public-url is https://host:port, perhaps with a path, not \"%.100s\"",
			 url);
}

bool config_load(int argc, char **argv, int *index, struct arena *arena, struct config *out,
		 struct error *err)
{
	enum log_level level;

	*out = (struct config){.data = NULL};
	if (!settings_load(CONFIG_SETTINGS, "MUSTER", NULL, argc, argv, index, arena, out, err))
		return false;
	if (!log_level_parse(out->log_level, &level))
		return error_set(err, ERR_INVALID, "log-level must be debug, info, warn or error");
	if (out->public_url == NULL)
		out->public_url =
			arena_printf(arena, "%s://%s", out->tls ? "https" : "http", out->listen);
	else if (!check_public_url(out->public_url, err))
		return false;
	return true;
}
