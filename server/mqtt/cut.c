/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/cut.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <mosquitto.h>

#include "base/clock.h"
#include "base/file.h"

enum { KEEPALIVE_S = 10, WAIT_MS = 5000, TURN_MS = 200, PATH_SIZE = 32 };

struct attempt {
	bool answered;
	int code;
};

static void on_connect(struct mosquitto *client, void *arg, int code)
{
	struct attempt *attempt = arg;

	(void)client;
	attempt->answered = true;
	attempt->code = code;
}

/* The library reads files only: these are in memory, and gone with their descriptor. */
static int memory_file(const char *text, char path[PATH_SIZE])
{
	int fd = memfd_create("muster", MFD_CLOEXEC);

	if (fd >= 0 && !fd_write_all(fd, text, strlen(text)))
		fd_cleanup(&fd);
	snprintf(path, PATH_SIZE, "/proc/self/fd/%d", fd);
	return fd;
}

static bool connect_and_go(const struct link_settings *settings, struct mosquitto *client,
			   const char *certificate, const char *key, struct attempt *attempt,
			   struct error *err)
{
	const usec_t until = clock_boottime() + WAIT_MS * USEC_PER_MSEC;
	int code = mosquitto_tls_set(client, settings->ca_path, NULL, certificate, key, NULL);

	mosquitto_connect_callback_set(client, on_connect);
	if (code == MOSQ_ERR_SUCCESS)
		code = mosquitto_tls_opts_set(client, 1, "tlsv1.2", NULL);
	if (code == MOSQ_ERR_SUCCESS)
		code = mosquitto_connect(client, settings->host, settings->port, KEEPALIVE_S);
	while (code == MOSQ_ERR_SUCCESS && !attempt->answered && clock_boottime() < until)
		code = mosquitto_loop(client, TURN_MS, 1);
	if (attempt->answered && attempt->code == 0) {
		mosquitto_disconnect(client);
		return true;
	}
	return error_set(err, ERR_UNAVAILABLE, "could not take a session over: %s",
			 attempt->answered	    ? mosquitto_connack_string(attempt->code)
			 : code == MOSQ_ERR_ERRNO   ? strerror(errno)
			 : code != MOSQ_ERR_SUCCESS ? mosquitto_strerror(code)
						    : "the broker does not answer");
}

bool cut_session(const struct link_settings *settings, const char *client_id,
		 const char *certificate_pem, const char *key_pem, struct error *err)
{
	char certificate_path[PATH_SIZE], key_path[PATH_SIZE];
	CLEANUP(fd_cleanup) int certificate = memory_file(certificate_pem, certificate_path);
	CLEANUP(fd_cleanup) int key = memory_file(key_pem, key_path);
	struct attempt attempt = {0};
	struct mosquitto *client = mosquitto_new(client_id, true, &attempt);

	if (certificate < 0 || key < 0 || client == NULL) {
		mosquitto_destroy(client);
		return error_set(err, ERR_UNAVAILABLE, "no memory to take a session over");
	}
	bool ok = connect_and_go(settings, client, certificate_path, key_path, &attempt, err);
	mosquitto_destroy(client);
	return ok;
}
