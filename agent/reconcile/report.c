/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/report.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/limits.h"
#include "reconcile/tree.h"
#include "telemetry/outgoing.h"
#include "upgrade/upgrade.h"

static const enum reported_state STATES[SERVICE_STATE_COUNT] = {
	[SERVICE_STOPPED] = REPORTED_STOPPED,	  [SERVICE_WAITING] = REPORTED_STARTING,
	[SERVICE_STARTING] = REPORTED_STARTING,	  [SERVICE_RUNNING] = REPORTED_RUNNING,
	[SERVICE_UNHEALTHY] = REPORTED_UNHEALTHY, [SERVICE_STOPPING] = REPORTED_STOPPING,
	[SERVICE_RESTARTING] = REPORTED_STOPPING, [SERVICE_BACKOFF] = REPORTED_BACKOFF,
	[SERVICE_HELD] = REPORTED_HELD,		  [SERVICE_FAILED] = REPORTED_FAILED,
	[SERVICE_COMPLETED] = REPORTED_STOPPED,
};

enum reported_state report_state(enum service_state state)
{
	return STATES[state];
}

void report_status(struct arena *arena, const struct service_status *status,
		   struct msg_service *out)
{
	const char *reason = status->reason ? status->reason : "";

	out->name = arena_strdup(arena, status->name);
	out->state = report_state(status->state);
	out->reason = text_clean(arena, reason, strlen(reason), LIMIT_TEXT, false);
	out->since = status->since;
	out->ready = status->ready;
	out->pid = status->pid;
	out->restarts = status->restarts;
	out->run = status->run;
	out->driver = status->driver ? arena_strdup(arena, status->driver) : "generic";
}

static void add_content(struct arena *arena, const struct content_service *service,
			const struct content_place *place, struct msg_service *out)
{
	const struct content_package *package = service->package;
	const struct content_config *config = service->config;

	out->driver = service->driver;
	if (package) {
		out->has_package = true;
		out->package = (struct msg_package){
			.name = package->name,
			.version = package->version,
			.sha256 = package->sha256,
		};
	}
	if (config) {
		out->has_config = true;
		out->config = (struct msg_config){
			.name = config->name,
			.version = config->version,
			.digest = config->digest,
		};
	}
	tree_find_drift(service, place, arena, &out->drift_files, &out->drift_file_count);
	out->drift = out->drift_file_count > 0;
}

/* The agent itself: it runs, or nobody would be told. */
static void add_agent(struct arena *arena, const struct content_service *service,
		      const struct content_place *place, struct msg_service *out)
{
	struct stat status;

	*out = (struct msg_service){
		.name = service->name,
		.state = REPORTED_RUNNING,
		.reason = "",
		.ready = true,
		.pid = getpid(),
		.run = true,
	};
	if (lstat("services/" UPGRADE_SERVICE "/current", &status) == 0)
		out->since = status.st_mtim.tv_sec * USEC_PER_SEC;
	add_content(arena, service, place, out);
}

void report_build(struct arena *arena, struct supervisor *supervisor, const struct content *content,
		  const struct content_place *place, struct msg_reported *out)
{
	size_t count = supervisor_count(supervisor);
	struct msg_service *services = arena_array(arena, count + 1, sizeof(*services));
	size_t n = 0;

	for (size_t i = 0; i < count && n < LIMIT_SERVICES; i++) {
		const struct content_service *service;
		struct service_status status;

		supervisor_status_at(supervisor, i, &status);
		report_status(arena, &status, &services[n]);
		service = content ? content_find(content, services[n].name) : NULL;
		if (service)
			add_content(arena, service, place, &services[n]);
		n++;
	}
	const struct content_service *agent =
		content ? content_find(content, UPGRADE_SERVICE) : NULL;
	if (agent && n < LIMIT_SERVICES)
		add_agent(arena, agent, place, &services[n++]);
	out->services = services;
	out->service_count = n;
}
