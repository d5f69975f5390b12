/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "app_internal.h"
#include "base/crypto.h"
#include "base/log.h"
#include "memory.h"
#include "protocol/beat.h"
#include "reconcile/report.h"

enum { JITTER_PERCENT = 10, DISK_LOW_FACTOR = 2, MAX_PROBES_TOLD = 256, ASKED_PAUSE_S = 10 };

/* The processor meter of a service; a new name takes a free place. */
static struct cpu_meter *find_meter(struct app *app, const char *name)
{
	struct health_meter *free_one = NULL;

	for (size_t i = 0; i < SUPERVISOR_MAX_SERVICES; i++) {
		struct service_status status;
		struct health_meter *meter = &app->meters[i];

		if (strcmp(meter->name, name) == 0)
			return &meter->cpu;
		if (!free_one &&
		    (!meter->name[0] || !supervisor_status(app->supervisor, meter->name, &status)))
			free_one = meter;
	}
	if (!free_one)
		return NULL;
	*free_one = (struct health_meter){0};
	memcpy(free_one->name, name, strnlen(name, sizeof(free_one->name) - 1));
	return &free_one->cpu;
}

static void read_probes(const struct service_status *status, struct arena *arena,
			struct msg_service *service)
{
	struct msg_probe *probes = arena_array(arena, status->probe_count + 1, sizeof(*probes));

	for (size_t i = 0; i < status->probe_count; i++) {
		const struct probe_status *probe = &status->probes[i];

		probes[i] = (struct msg_probe){
			.kind = probe_kind_name(probe->kind),
			.target = probe->target[0] ? arena_strdup(arena, probe->target) : NULL,
			.use = (probe->readiness ? PROBE_USE_READINESS : 0) |
			       (probe->liveness ? PROBE_USE_LIVENESS : 0),
			.result = !probe->known ? PROBE_RESULT_UNKNOWN
				  : probe->good ? PROBE_RESULT_GOOD
						: PROBE_RESULT_BAD,
			.duration_us = probe->duration_us > 0 ? probe->duration_us : 0,
			.text = probe->text[0] ? arena_strdup(arena, probe->text) : NULL,
		};
	}
	service->probes = probes;
	service->probe_count = status->probe_count;
}

static size_t read_services(struct app *app, struct arena *arena, struct msg_service *services)
{
	size_t count = supervisor_count(app->supervisor);
	size_t told = 0;

	for (size_t i = 0; i < count; i++) {
		struct service_status status;
		struct process_usage usage;
		struct cpu_meter *meter;

		supervisor_status_at(app->supervisor, i, &status);
		report_status(arena, &status, &services[i]);
		/* A message that is too long would be refused as a whole. */
		if (told + status.probe_count <= MAX_PROBES_TOLD)
			read_probes(&status, arena, &services[i]);
		told += services[i].probe_count;
		process_usage_read(status.pid, status.cgroup, &usage);
		services[i].mem_bytes = usage.memory_bytes;
		meter = find_meter(app, services[i].name);
		if (meter)
			services[i].cpu_percent =
				cpu_meter_percent(meter, usage.cpu_us, clock_monotonic());
	}
	return count;
}

static void check_disk(struct app *app, const struct msg_host *host)
{
	bool low = host->disk_total > 0 &&
		   host->disk_free < DISK_LOW_FACTOR * app->config->disk_reserve_bytes;

	if (low && !app->disk_low)
		outgoing_event(&app->outgoing, SEVERITY_WARNING, "disk.low", NULL, NULL,
			       "%lld MiB of disk are free; updates need more",
			       (long long)(host->disk_free >> 20));
	app->disk_low = low;
}

static void beat(struct app *app, const struct msg_health *health)
{
	const struct msg_host *host = &health->host;
	const struct msg_beat beat = {
		.mark = app->told.mark,
		.generation = health->generation,
		.cpu = beat_figure(host->cpu_percent, 100),
		.memory = beat_figure((double)(host->mem_total - host->mem_available),
				      (double)host->mem_total),
		.disk = beat_figure((double)(host->disk_total - host->disk_free),
				    (double)host->disk_total),
	};

	link_beat(app->link, &beat);
}

static void send_now(struct app *app)
{
	struct arena *arena = arena_new();
	struct process_usage own;
	char boot_id[BOOT_ID_SIZE];
	struct msg_health health = {
		.node = app->identity.node_id,
		.generation = reconcile_generation(app->reconcile),
		.digest = reconcile_digest(app->reconcile),
		.at = clock_now_utc(),
		.uptime_s = host_uptime_s(),
		.boot_id = boot_id,
		.clock_offset_ms = trusted_time_offset_ms(&app->time),
	};

	host_boot_id(boot_id);
	host_read(&app->host_cpu, &health.host);
	health.host.limits = supervisor_limits_kind(app->supervisor);
	check_disk(app, &health.host);
	health.services =
		arena_array(arena, supervisor_count(app->supervisor) + 1, sizeof(*health.services));
	health.service_count = read_services(app, arena, health.services);
	process_usage_read(getpid(), NULL, &own);
	health.agent_rss_bytes = own.memory_bytes;
	if (!link_takes_beats(app->link))
		health_tell_all(app);
	if (health_is_told(&app->told, &health, arena)) {
		beat(app, &health);
	} else {
		health.mark = app->told.mark;
		json_t *json = json_keep(msg_health_encode(&health), arena);
		link_publish(app->link, CHANNEL_HEALTH, json_text(json, arena));
	}
	arena_free(arena);
}

void health_tell_all(struct app *app)
{
	app->told.at = 0;
}

/* Nobody who is at the line may make us talk without end. */
void health_asked(struct app *app)
{
	usec_t now = clock_boottime();
	bool again = app->told.asked_at && now - app->told.asked_at < ASKED_PAUSE_S * USEC_PER_SEC;

	health_tell_all(app);
	if (again)
		return;
	app->told.asked_at = now;
	health_send(app);
}

static void health_due(void *arg)
{
	struct app *app = arg;

	app->health_timer = 0;
	health_send(app);
}

void health_send(struct app *app)
{
	int interval_ms =
		reconcile_health_interval_ms(app->reconcile, app->identity.health_interval_ms);
	int spread_ms = interval_ms * JITTER_PERCENT / 100;

	if (link_online(app->link))
		send_now(app);
	/* A fleet that was started together must not speak together for ever. */
	interval_ms += (int)random_below((uint64_t)(2 * spread_ms + 1)) - spread_ms;
	loop_timer_cancel(app->loop, app->health_timer);
	app->health_timer = loop_timer_set(app->loop, interval_ms, health_due, app);
	memory_let_go();
}
