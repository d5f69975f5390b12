/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/service.h"

static void probes_fill(struct service *service)
{
	for (size_t i = 0; i < service->probe_count; i++) {
		const struct probe *probe = service->probes[i];

		service->probe_statuses[i] = (struct probe_status){
			.kind = service->spec.probes[i].kind,
			.target = probe_target(probe),
			.readiness = service->spec.probes[i].readiness,
			.liveness = service->spec.probes[i].liveness,
			.known = probe_verdict(probe) != PROBE_UNKNOWN,
			.good = probe_verdict(probe) == PROBE_GOOD,
			.duration_us = probe_duration_us(probe),
			.text = probe_text(probe),
		};
	}
}

static int64_t ready_for_ms(const struct service *service)
{
	return service->ready_at ? (clock_boottime() - service->ready_at) / USEC_PER_MSEC : 0;
}

void service_status_fill(struct service *service, struct service_status *status)
{
	probes_fill(service);
	*status = (struct service_status){
		.name = service->name,
		.state = service->state,
		.reason = service->reason,
		.since = service->since,
		.retry_at = service->retry_at,
		.run = service->claimed && service->spec.run && !service->halted &&
		       !service->removing,
		.ready = service->state == SERVICE_RUNNING,
		.ready_for_ms = ready_for_ms(service),
		.pid = service->pid,
		.restarts = service->restarts,
		.generation = service->generation,
		.driver = service->spec.driver,
		.cgroup = service->cgroup_count > 0 ? service->cgroups[0] : NULL,
		.exit = service->exit,
		.probes = service->probe_statuses,
		.probe_count = service->probe_count,
	};
}
