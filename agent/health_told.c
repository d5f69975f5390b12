/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a health message says anything that the last full one did not. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app_internal.h"
#include "base/strbuf.h"

enum {
	FULL_EVERY_MS = 15 * 60 * 1000,
	CPU_POINTS = 10,
	MEMORY_PERCENT = 20,
	DISK_PERCENT = 1, /* of the whole */
	CLOCK_MS = 1000,
	TEXT_BYTES = 256 * 1024,
};

/* All that is no measurement: states, processes, verdicts of probes. */
static void text_digest(const struct msg_health *health, struct arena *arena,
			char digest[SHA256_HEX_SIZE])
{
	struct strbuf text;

	strbuf_init(&text, arena, TEXT_BYTES);
	strbuf_printf(&text, "%lld %s %s %s\n", (long long)health->generation, health->digest,
		      health->boot_id, health->host.limits);
	for (size_t i = 0; i < health->service_count; i++) {
		const struct msg_service *service = &health->services[i];

		strbuf_printf(&text, "%s %d %d %lld %lld %s\n", service->name, service->state,
			      service->ready, (long long)service->pid, (long long)service->restarts,
			      service->reason ? service->reason : "");
		for (size_t j = 0; j < service->probe_count; j++)
			strbuf_printf(&text, "%d %s\n", service->probes[j].result,
				      service->probes[j].text ? service->probes[j].text : "");
	}
	sha256_hex(text.data, text.length, digest);
}

/* Relative to what was told. */
static bool memory_differs(int64_t told, int64_t now)
{
	return llabs(now - told) > told / 100 * MEMORY_PERCENT;
}

static bool host_differs(const struct msg_host *told, const struct msg_host *now)
{
	return fabs(now->cpu_percent - told->cpu_percent) > CPU_POINTS ||
	       memory_differs(told->mem_available, now->mem_available) ||
	       llabs(now->disk_free - told->disk_free) > told->disk_total / 100 * DISK_PERCENT;
}

static bool differs(const struct health_told *told, const struct msg_health *health)
{
	if (told->at == 0 || clock_boottime() - told->at >= FULL_EVERY_MS * USEC_PER_MSEC ||
	    llabs(health->clock_offset_ms - told->clock_offset_ms) > CLOCK_MS ||
	    host_differs(&told->host, &health->host))
		return true;
	for (size_t i = 0; i < health->service_count; i++) {
		const struct msg_service *service = &health->services[i];

		if (fabs(service->cpu_percent - told->cpu_percent[i]) > CPU_POINTS ||
		    memory_differs(told->mem_bytes[i], service->mem_bytes))
			return true;
	}
	return false;
}

bool health_is_told(struct health_told *told, const struct msg_health *health, struct arena *arena)
{
	char digest[SHA256_HEX_SIZE];

	text_digest(health, arena, digest);
	if (strcmp(digest, told->digest) == 0 && !differs(told, health))
		return true;
	memcpy(told->digest, digest, sizeof(digest));
	told->at = clock_boottime();
	told->host = health->host;
	told->host.limits = NULL; /* is in the digest */
	told->clock_offset_ms = health->clock_offset_ms;
	for (size_t i = 0; i < health->service_count; i++) {
		told->cpu_percent[i] = health->services[i].cpu_percent;
		told->mem_bytes[i] = health->services[i].mem_bytes;
	}
	return false;
}
