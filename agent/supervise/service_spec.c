/* SPDX-License-Identifier: Apache-2.0 */
/* A new spec meets what is there. */
#include "supervise/service.h"

#include <string.h>

void service_reload(struct service *service)
{
	char tag[SHIM_CLIENT_TAG_SIZE];

	memcpy(service->hot_digest, service->spec.hot_digest, sizeof(service->hot_digest));
	service_tag(service, tag);
	/* In this order: an agent that dies between the two is followed by one that reloads again, not by
	 * one that takes the old files for the new ones. */
	shim_client_signal(service->client, service->spec.reload_signal);
	shim_client_tag(service->client, tag);
	service->gate_from = clock_boottime();
	service_notice(service, NOTICE_RELOADED);
	service_deliver(service);
}

static bool spec_equal(const struct service *service, const struct service_spec *spec)
{
	return strcmp(service->spec.process_digest, spec->process_digest) == 0 &&
	       strcmp(service->spec.hot_digest, spec->hot_digest) == 0 &&
	       json_equal(service->spec.document, spec->document) &&
	       service->spec.run == spec->run && strcmp(service->spec.driver, spec->driver) == 0;
}

static void spec_replace(struct service *service, const struct service_spec *spec)
{
	struct arena *arena = arena_new();

	/* The probes point into the old spec. */
	service_probes_free(service);
	spec_copy(arena, spec, &service->spec);
	arena_free(service->arena);
	service->arena = arena;
	service_probes_build(service);
	service->claimed = true;
}

/* A process is there (or on its way) and shall go on to be. */
static void running_meets_spec(struct service *service)
{
	bool has_process = service->pid > 0;

	if (strcmp(service->shim_digest, service->spec.process_digest) != 0) {
		service->gate_from = clock_boottime();
		service->asked = true;
		service_set_reason(service, "stops, to start with the new version");
		service_ask(service, EVENT_RESTART);
		return;
	}
	if (has_process && strcmp(service->hot_digest, service->spec.hot_digest) != 0) {
		if (service->spec.reload_signal == 0) {
			service->asked = true;
			service_set_reason(service, "stops, to start with the new files");
			service_ask(service, EVENT_RESTART);
			return;
		}
		service_reload(service);
	}
	/* The new probes have not asked yet; what was ready stays so until they say no. */
	if (has_process) {
		service_probes_start(service, true);
		service_probes_evaluate(service);
	}
}

void service_take_spec(struct service *service, const struct service_spec *spec, int64_t generation)
{
	bool same = service->claimed && spec_equal(service, spec);
	bool untouched =
		same && service->generation == generation && !service->halted && !service->removing;

	service->gate_failed = false;
	service->gate_reason[0] = '\0';
	service->generation = generation;
	if (untouched)
		return;
	service->halted = false;
	service->removing = false;
	/* A restart by command is still wanted, a stop is not. */
	if (!same || service->asked_for == EVENT_STOP)
		service_unask(service);
	if (!same)
		spec_replace(service, spec);
	if (!service->spec.run) {
		service_ask(service, EVENT_STOP);
		return;
	}
	/* What ran to its good end once for this spec does not run again. */
	if (same && service->state == SERVICE_COMPLETED)
		return;
	restart_forget(&service->history);
	if (service->state == SERVICE_STARTING || service->state == SERVICE_RUNNING ||
	    service->state == SERVICE_UNHEALTHY) {
		if (!same)
			running_meets_spec(service);
		return;
	}
	service->gate_from = clock_boottime();
	service->asked = true;
	service_dispatch(service, EVENT_START);
}
