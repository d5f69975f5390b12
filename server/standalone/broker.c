/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/broker.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "protocol/limits.h"

enum { CERTIFICATE_BYTES_MAX = 4 * 1024 * 1024, STOP_GRACE_MS = 5000 };

/*
 * Clean sessions and no retained messages only, so there is nothing to persist: what must not be
 * lost is acknowledged by the server after its commit, not by the broker. A packet may hold the
 * largest message and its topic; a client's queue may hold one window of each stream.
 */
static const char CONFIGURATION[] = "# Written by musterd standalone at each start.\n"
				    "per_listener_settings false\n"
				    "allow_anonymous false\n"
				    "acl_file %s/acl\n"
				    "persistence false\n"
				    "retain_available false\n"
				    "log_dest stderr\n"
				    "log_type error\n"
				    "log_type warning\n"
				    "connection_messages false\n"
				    "set_tcp_nodelay true\n"
				    "max_packet_size %d\n"
				    "max_inflight_messages 200\n"
				    "max_inflight_bytes 0\n"
				    "max_queued_messages 20000\n"
				    "max_queued_bytes 67108864\n"
				    "persistent_client_expiration 14d\n"
				    "memory_limit 1073741824\n"
				    "listener %d %s\n"
				    "cafile %s/ca.crt\n"
				    "certfile %s/server.crt\n"
				    "keyfile %s/server.key\n"
				    "crlfile %s/revoked.crl\n"
				    "tls_version tlsv1.2\n"
				    "require_certificate true\n"
				    "use_identity_as_username true\n"
				    "use_username_as_clientid true\n";

static const char ACCESS_RULES[] = "# Written by musterd standalone at each start.\n"
				   "user muster-server\n"
				   "topic readwrite muster/#\n"
				   "\n"
				   "pattern write muster/1/+/%u/up/#\n"
				   "pattern read muster/1/+/%u/down/#\n";

static bool copy(const struct broker *broker, const char *from, const char *name,
		 struct arena *arena, struct error *err)
{
	char *text;

	return file_read(from, CERTIFICATE_BYTES_MAX, arena, &text, NULL, err) &&
	       account_write_file(&broker->account,
				  arena_printf(arena, "%s/%s", broker->folder, name), text, err);
}

bool broker_prepare(const struct tree *tree, const struct listen_address *listen, int number,
		    const char *ca_pem, struct arena *arena, struct broker *broker,
		    struct error *err)
{
	const char *name = number == 0 ? "mosquitto" : arena_printf(arena, "mosquitto-%d", number);
	const char *folder = arena_printf(arena, "%s/%s", tree->root, name);
	const char *configuration =
		arena_printf(arena, CONFIGURATION, folder, LIMIT_DOWN_MESSAGE + 1024, listen->port,
			     listen->host, folder, folder, folder, folder);

	*broker = (struct broker){
		.folder = folder,
		.name = name,
		.log_path = arena_printf(arena, "%s/%s.log", tree->log, name),
		.revoked = arena_printf(arena, "%s/revoked.crl", tree->keys),
	};
	broker_revoked_changed(broker);
	return account_find("mosquitto", &broker->account, err) &&
	       account_check_reach(&broker->account, folder, err) &&
	       account_make_folder(&broker->account, folder, 0700, err) &&
	       copy(broker, arena_printf(arena, "%s/server.crt", tree->keys), "server.crt", arena,
		    err) &&
	       copy(broker, arena_printf(arena, "%s/server.key", tree->keys), "server.key", arena,
		    err) &&
	       copy(broker, broker->revoked, "revoked.crl", arena, err) &&
	       account_write_file(&broker->account, arena_printf(arena, "%s/ca.crt", folder),
				  ca_pem, err) &&
	       account_write_file(&broker->account, arena_printf(arena, "%s/acl", folder),
				  ACCESS_RULES, err) &&
	       account_write_file(&broker->account,
				  arena_printf(arena, "%s/mosquitto.conf", folder), configuration,
				  err);
}

/* Debian keeps it in /usr/sbin, which an ordinary user's PATH may lack. */
static const char *find_program(void)
{
	static const char *const places[] = {"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return "mosquitto";
}

bool broker_start(struct broker *broker, struct loop *loop, struct arena *arena, struct error *err)
{
	char **argv = arena_array(arena, 4, sizeof(*argv));

	argv[0] = arena_strdup(arena, find_program());
	argv[1] = arena_strdup(arena, "-c");
	argv[2] = arena_printf(arena, "%s/mosquitto.conf", broker->folder);
	broker->keeper = (struct keeper){
		.name = broker->name,
		.argv = argv,
		.log_path = broker->log_path,
		.account = &broker->account,
		.stop_signal = SIGTERM,
		.stop_grace_ms = STOP_GRACE_MS,
	};
	return keeper_start(&broker->keeper, loop, err);
}

bool broker_revoked_changed(struct broker *broker)
{
	struct stat status;

	if (stat(broker->revoked, &status) != 0 ||
	    (status.st_ino == broker->revoked_seen.st_ino &&
	     status.st_mtim.tv_sec == broker->revoked_seen.st_mtim.tv_sec &&
	     status.st_mtim.tv_nsec == broker->revoked_seen.st_mtim.tv_nsec))
		return false;
	broker->revoked_seen = status;
	return true;
}

bool broker_reload(struct broker *broker, struct error *err)
{
	struct arena *arena = arena_new();
	bool ok = copy(broker, broker->revoked, "revoked.crl", arena, err);

	arena_free(arena);
	if (!ok || !keeper_running(&broker->keeper))
		return ok;
	return kill(broker->keeper.child.pid, SIGHUP) == 0 ||
	       error_set_errno(err, ERR_INTERNAL, errno, "could not tell mosquitto to read again");
}

void broker_stop(struct broker *broker)
{
	keeper_stop(&broker->keeper);
}
