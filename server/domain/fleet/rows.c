/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/fleet/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/id.h"

static json_t *time_json(usec_t at)
{
	char text[TIME_TEXT_SIZE];

	if (at == 0)
		return json_null();
	time_format(at, text);
	return json_string(text);
}

json_t *row_change(const struct health_node *node)
{
	return json_pack("{s:s, s:s}", "project_id", node->project_id, "id", node->id);
}

json_t *row_hello(const struct msg_hello *hello, const char *node_id)
{
	return json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:i, s:s, s:i}", "id", node_id,
			 "agent_version", hello->agent_version, "platform", hello->platform,
			 "hostname", hello->hostname, "boot_id", hello->boot_id, "protocol",
			 hello->protocol, "epoch", hello->epoch, "trust",
			 hello->trust > 0 ? hello->trust : 0);
}

json_t *row_keys(const char *node_id)
{
	char id[ID_SIZE];

	id_random(id, "");
	return json_pack("{s:s, s:{s:s, s:s}}", "node_id", node_id, "payload", "id", id, "kind",
			 "keys");
}

json_t *row_renewal(const char *node_id, const char *csr)
{
	char id[ID_SIZE];

	id_random(id, "");
	return json_pack("{s:s, s:{s:s, s:s, s:{s:s}}}", "node_id", node_id, "payload", "id", id,
			 "kind", "renew", "args", "csr", csr);
}

json_t *row_time(const char *node_id, const char *ask_time, json_t *brokers)
{
	char id[ID_SIZE];

	id_random(id, "t");
	return json_pack("{s:s, s:{s:s, s:s, s:{s:s*, s:o*}}}", "node_id", node_id, "payload", "id",
			 id, "kind", "time", "args", "ask_time", ask_time, "brokers", brokers);
}

json_t *row_seen(const char *node_id, usec_t seen_at, int mark, const struct msg_beat *beat)
{
	json_t *row = json_pack("{s:s, s:o}", "id", node_id, "seen_at", time_json(seen_at));

	if (mark >= 0)
		json_object_set_new(row, "mark", json_integer(mark));
	if (beat != NULL) {
		json_object_set_new(row, "cpu", json_integer(beat->cpu));
		json_object_set_new(row, "memory", json_integer(beat->memory));
		json_object_set_new(row, "disk", json_integer(beat->disk));
	}
	return row;
}

json_t *row_health_body(const struct msg_health *health)
{
	return json_pack("{s:o, s:I, s:s?, s:I, s:O?, s:O?, s:{s:I}}", "at", time_json(health->at),
			 "uptime_s", (json_int_t)health->uptime_s, "boot_id", health->boot_id,
			 "clock_offset_ms", (json_int_t)health->clock_offset_ms, "host",
			 health->host_json, "services", health->services_json, "agent", "rss_bytes",
			 (json_int_t)health->agent_rss_bytes);
}

static json_t *texts_json(const char *const *texts, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(texts[i]));
	return array;
}

static void add_package(json_t *row, const struct msg_package *package)
{
	json_object_set_new(row, "package_name", json_string(package->name));
	json_object_set_new(row, "package_version", json_string(package->version));
	json_object_set_new(row, "package_sha256", json_string(package->sha256));
}

static void add_config(json_t *row, const struct msg_config *config)
{
	json_object_set_new(row, "config_name", json_string(config->name));
	json_object_set_new(row, "config_version", json_integer(config->version));
	json_object_set_new(row, "config_digest", json_string(config->digest));
}

void rows_reported(json_t *rows, const struct health_node *node,
		   const struct msg_reported *reported)
{
	for (size_t i = 0; i < reported->service_count; i++) {
		const struct msg_service *service = &reported->services[i];
		json_t *row = json_pack(
			"{s:s, s:s, s:s, s:s, s:s?, s:o, s:b, s:I, s:I, s:b, s:s?, s:b, s:o, s:o}",
			"project_id", node->project_id, "node_id", node->id, "service",
			service->name, "state", REPORTED_STATE_NAMES[service->state], "reason",
			service->reason, "since", time_json(service->since), "ready",
			service->ready, "pid", (json_int_t)service->pid, "restarts",
			(json_int_t)service->restarts, "run", service->run, "driver",
			service->driver, "drift", service->drift, "drift_files",
			texts_json(service->drift_files, service->drift_file_count), "reported_at",
			time_json(reported->at));

		if (service->has_package)
			add_package(row, &service->package);
		if (service->has_config)
			add_config(row, &service->config);
		json_array_append_new(rows, row);
	}
}

/* The event's own data with the mark added; a new reference or NULL. */
static json_t *marked_data(const struct msg_event *event, int64_t corrected_ms)
{
	json_t *data;

	if (corrected_ms == 0)
		return json_incref(event->data);
	data = json_is_object(event->data) ? json_copy(event->data) : json_object();
	json_object_set_new(data, "clock_corrected_ms", json_integer(corrected_ms));
	return data;
}

void rows_events(json_t *rows, const struct health_node *node, const struct msg_events *events)
{
	for (size_t i = 0; i < events->event_count; i++) {
		const struct msg_event *event = &events->events[i];

		json_array_append_new(
			rows,
			json_pack("{s:s, s:s, s:s?, s:o, s:s, s:s, s:s?, s:o?}", "project_id",
				  node->project_id, "node_id", node->id, "service", event->service,
				  "at", time_json(event->at != 0 ? event->at : events->at), "kind",
				  event->kind, "severity", SEVERITY_NAMES[event->severity], "text",
				  event->text, "data",
				  marked_data(event, events->place.corrected_ms)));
	}
}

static void add_line(struct log_rows *rows, const struct health_node *node,
		     const struct msg_logs *logs, usec_t at, const char *stream, const char *text)
{
	rows->rows[rows->count++] = (struct log_row){
		.project_id = node->project_id,
		.node_id = node->id,
		.service = logs->service,
		.at = at,
		.stream = stream,
		.text = text,
		.corrected = logs->place.corrected_ms != 0,
	};
}

/* Room for so many more lines; what was there moves. */
static void make_room(struct log_rows *rows, struct arena *arena, size_t more)
{
	if (rows->count + more <= rows->room)
		return;
	rows->room = (rows->count + more) * 2;
	struct log_row *grown = arena_array(arena, rows->room, sizeof(*grown));
	if (rows->count > 0)
		memcpy(grown, rows->rows, rows->count * sizeof(*grown));
	rows->rows = grown;
}

void rows_logs(struct log_rows *rows, struct arena *arena, const struct health_node *node,
	       const struct msg_logs *logs)
{
	make_room(rows, arena, logs->line_count + 1);
	if (logs->place.dropped > 0)
		add_line(rows, node, logs,
			 logs->line_count > 0 ? logs->lines[0].at : clock_now_utc(), "agent",
			 arena_printf(arena, "%" PRId64 " earlier lines were dropped on the node",
				      logs->place.dropped));
	for (size_t i = 0; i < logs->line_count; i++)
		add_line(rows, node, logs, logs->lines[i].at,
			 LOG_STREAM_NAMES[logs->lines[i].stream], logs->lines[i].text);
}

json_t *row_gap(const struct health_node *node, usec_t at, const char *stream, int64_t dropped)
{
	char text[100];

	snprintf(text, sizeof(text),
		 "%" PRId64 " earlier %s were given up on the node: no room left", dropped, stream);
	return row_event(node, at, "stream.gap", "warning", text);
}

json_t *row_event(const struct health_node *node, usec_t at, const char *kind, const char *severity,
		  const char *text)
{
	return json_pack("{s:s, s:s, s:n, s:o, s:s, s:s, s:s, s:n}", "project_id", node->project_id,
			 "node_id", node->id, "service", "at", time_json(at), "kind", kind,
			 "severity", severity, "text", text, "data");
}
