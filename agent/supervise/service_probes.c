/* SPDX-License-Identifier: Apache-2.0 */
/* What the probes of a service say together. */
#include "supervise/service.h"

#include <stdio.h>

static void probe_changed(void *arg)
{
	service_probes_evaluate(arg);
}

void service_probes_build(struct service *service)
{
	service_probes_free(service);
	for (size_t i = 0; i < service->spec.probe_count; i++) {
		const struct probe_options options = {
			.loop = service->supervisor->options.loop,
			.service = &service->spec,
			.index = i,
			.log_dir = service->log_dir,
			.changed = probe_changed,
			.arg = service,
		};

		service->probes[service->probe_count++] = probe_new(&options);
	}
}

void service_probes_free(struct service *service)
{
	for (size_t i = 0; i < service->probe_count; i++)
		probe_free(service->probes[i]);
	service->probe_count = 0;
}

void service_probes_prepare(struct service *service)
{
	for (size_t i = 0; i < service->probe_count; i++)
		probe_prepare(service->probes[i]);
}

void service_probes_start(struct service *service, bool adopted)
{
	for (size_t i = 0; i < service->probe_count; i++)
		probe_start(service->probes[i], adopted);
}

void service_probes_stop(struct service *service)
{
	for (size_t i = 0; i < service->probe_count; i++)
		probe_stop(service->probes[i]);
}

/* The first probe of the kind asked for that has this verdict. */
static int find(const struct service *service, bool liveness, enum probe_verdict verdict)
{
	for (size_t i = 0; i < service->probe_count; i++) {
		const struct probe_spec *spec = &service->spec.probes[i];

		if ((liveness ? spec->liveness : spec->readiness) &&
		    probe_verdict(service->probes[i]) == verdict)
			return (int)i;
	}
	return -1;
}

static void blame(struct service *service, int index)
{
	service_set_reason(service, "probe %s: %s",
			   probe_kind_name(service->spec.probes[index].kind),
			   probe_text(service->probes[index]));
	service_fail_gate(service, service->reason);
}

void service_probes_evaluate(struct service *service)
{
	int dead = find(service, true, PROBE_BAD);
	int unready = find(service, false, PROBE_BAD);
	int unknown = find(service, false, PROBE_UNKNOWN);

	if (service->state != SERVICE_STARTING && service->state != SERVICE_RUNNING &&
	    service->state != SERVICE_UNHEALTHY)
		return;
	if (dead >= 0) {
		blame(service, dead);
		service->asked = false;
		service->was_ill = true;
		service_notice(service, NOTICE_UNHEALTHY);
		service_dispatch(service, EVENT_DEAD);
	} else if (unready >= 0) {
		blame(service, unready);
		service_dispatch(service, EVENT_UNREADY);
	} else if (unknown >= 0) {
		if (service->state == SERVICE_STARTING)
			service_set_reason(service, "waits for probe %s",
					   probe_kind_name(service->spec.probes[unknown].kind));
		/* NOTICE_STARTED may be due. */
		service_notice(service, NOTICE_STATE);
		service_deliver(service);
	} else {
		service_dispatch(service, EVENT_READY);
	}
}
