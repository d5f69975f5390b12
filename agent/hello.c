/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "app_internal.h"
#include "base/log.h"
#include "protocol/limits.h"
#include "state/spool.h"

static bool produced(struct app *app, enum channel stream, int64_t *out, struct error *err)
{
	struct spool_counters counters;

	if (!spool_counters(app->state, stream, &counters, err))
		return false;
	*out = counters.produced;
	return true;
}

void hello_send(struct app *app)
{
	struct arena *arena = arena_new();
	char boot_id[BOOT_ID_SIZE], epoch[SPOOL_EPOCH_SIZE], hostname[256] = "";
	struct error err = {0};
	struct msg_hello hello = {
		.node = app->identity.node_id,
		.protocol = PROTOCOL_VERSION,
		.agent_version = MUSTER_VERSION,
		.platform = identity_platform(),
		.hostname = hostname,
		.boot_id = boot_id,
		.epoch = epoch,
		.generation = reconcile_generation(app->reconcile),
		.digest = reconcile_digest(app->reconcile),
	};

	if (trusted_time_wants_answer(&app->time))
		hello.ask_time = trusted_time_ask(&app->time);
	gethostname(hostname, sizeof(hostname) - 1);
	host_boot_id(boot_id);
	if (!spool_epoch(app->state, epoch, &err) ||
	    !produced(app, CHANNEL_REPORTED, &hello.streams.reported, &err) ||
	    !produced(app, CHANNEL_LOGS, &hello.streams.logs, &err) ||
	    !produced(app, CHANNEL_EVENTS, &hello.streams.events, &err) ||
	    !produced(app, CHANNEL_RESULT, &hello.streams.result, &err)) {
		log_error("could not read the spool: %s", err.text);
	} else {
		hello.trust = app->identity.trust;
		hello.certificate = renewal_serial(app->renewal);
		hello.csr = renewal_request(app->renewal, arena);
		json_t *json = json_keep(msg_hello_encode(&hello), arena);

		link_publish(app->link, CHANNEL_HELLO, json_text(json, arena));
	}
	arena_free(arena);
}
