/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/service.h"

/* Ready for how long, counted from the last change at the earliest. */
static int64_t good_for_ms(const struct service *service)
{
	usec_t from =
		service->ready_at > service->gate_from ? service->ready_at : service->gate_from;

	return service->ready_at ? (clock_boottime() - from) / USEC_PER_MSEC : 0;
}

static enum supervisor_gate judge(const struct service *service, int64_t gate_ms,
				  const char **reason)
{
	*reason = service->reason[0] ? service->reason : service_state_name(service->state);
	if (service->gate_failed) {
		*reason = service->gate_reason;
		return GATE_FAILED;
	}
	if (service->asked_for != SERVICE_EVENT_COUNT)
		return GATE_WAIT;
	if (!service->spec.run)
		return service_has_process(service) ? GATE_WAIT : GATE_OK;
	switch (service->state) {
	case SERVICE_COMPLETED:
		return GATE_OK;
	case SERVICE_RUNNING:
		if (good_for_ms(service) >= gate_ms)
			return GATE_OK;
		*reason = "ready, but not for long enough yet";
		return GATE_WAIT;
	case SERVICE_UNHEALTHY:
	case SERVICE_HELD:
	case SERVICE_FAILED:
		return GATE_FAILED;
	default:
		return GATE_WAIT;
	}
}

enum supervisor_gate supervisor_gate(struct supervisor *supervisor, const char *name,
				     int64_t gate_ms, const char **reason)
{
	const struct service *service = supervisor_find(supervisor, name);

	if (!service) {
		*reason = "there is no such service";
		return GATE_FAILED;
	}
	return judge(service, gate_ms, reason);
}
