/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a health message says anything that a beat would not. States, processes and verdicts are told at once. The
 * figures of the host are in the beat; those of services, and the words of probes that fail anyway, must not
 * make a busy gateway talk: they are told when they have moved far, and seldom.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app_internal.h"
#include "base/strbuf.h"

enum {
	FULL_EVERY_S = 6 * 3600,
	FIGURES_EVERY_S = 30 * 60,
	CPU_POINTS = 20,
	MEMORY_PERCENT = 25,
	MEMORY_BYTES = 4 << 20, /* less is nothing, however small the service */
	CLOCK_MS = 1000,
	TEXT_BYTES = 256 * 1024,
};

/* All that is no measurement: states, processes, verdicts of probes. */
static void state_digest(const struct msg_health *health, struct arena *arena,
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
			strbuf_printf(&text, "%d\n", service->probes[j].result);
	}
	sha256_hex(text.data, text.length, digest);
}

static void texts_digest(const struct msg_health *health, struct arena *arena,
			 char digest[SHA256_HEX_SIZE])
{
	struct strbuf text;

	strbuf_init(&text, arena, TEXT_BYTES);
	for (size_t i = 0; i < health->service_count; i++)
		for (size_t j = 0; j < health->services[i].probe_count; j++) {
			const char *words = health->services[i].probes[j].text;

			strbuf_printf(&text, "%s\n", words ? words : "");
		}
	sha256_hex(text.data, text.length, digest);
}

/* Relative to what was told. */
static bool memory_differs(int64_t told, int64_t now)
{
	int64_t apart = llabs(now - told);

	return apart > MEMORY_BYTES && apart > told / 100 * MEMORY_PERCENT;
}

static bool figures_differ(const struct health_told *told, const struct msg_health *health)
{
	for (size_t i = 0; i < health->service_count; i++) {
		const struct msg_service *service = &health->services[i];

		if (fabs(service->cpu_percent - told->cpu_percent[i]) > CPU_POINTS ||
		    memory_differs(told->mem_bytes[i], service->mem_bytes))
			return true;
	}
	return false;
}

static bool is_due(const struct health_told *told, int64_t period_s)
{
	return told->at == 0 || clock_boottime() - told->at >= period_s * USEC_PER_SEC;
}

bool health_is_told(struct health_told *told, const struct msg_health *health, struct arena *arena)
{
	char digest[SHA256_HEX_SIZE], texts[SHA256_HEX_SIZE];

	state_digest(health, arena, digest);
	texts_digest(health, arena, texts);
	if (strcmp(digest, told->digest) == 0 && !is_due(told, FULL_EVERY_S) &&
	    llabs(health->clock_offset_ms - told->clock_offset_ms) <= CLOCK_MS &&
	    (!is_due(told, FIGURES_EVERY_S) ||
	     (strcmp(texts, told->texts) == 0 && !figures_differ(told, health))))
		return true;
	memcpy(told->digest, digest, sizeof(digest));
	memcpy(told->texts, texts, sizeof(texts));
	told->at = clock_boottime();
	/* By chance at first: an agent that was started anew must not continue what it does not know. */
	told->mark = (told->mark ? told->mark : (int)random_below(UINT16_MAX)) % UINT16_MAX + 1;
	told->clock_offset_ms = health->clock_offset_ms;
	for (size_t i = 0; i < health->service_count; i++) {
		told->cpu_percent[i] = health->services[i].cpu_percent;
		told->mem_bytes[i] = health->services[i].mem_bytes;
	}
	return false;
}
