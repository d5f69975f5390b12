/* SPDX-License-Identifier: Apache-2.0 */
/* health and reported: the two messages with a map of services. */
#include <string.h>

#include "protocol/messages.h"
#include "protocol/messages_internal.h"

static const struct field PACKAGE_FIELDS[] = {
	FIELD_STRING(struct msg_package, name, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct msg_package, version, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct msg_package, sha256, FIELD_REQUIRED, 64),
	FIELD_END,
};

static const struct field CONFIG_FIELDS[] = {
	FIELD_STRING(struct msg_config, name, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_INT64(struct msg_config, version, FIELD_REQUIRED, 1, INT64_MAX),
	FIELD_STRING(struct msg_config, digest, FIELD_REQUIRED, DIGEST_LENGTH),
	FIELD_END,
};

#define STATE_FIELDS                                                                 \
	FIELD_ENUM(struct msg_service, state, FIELD_REQUIRED, REPORTED_STATE_NAMES), \
		FIELD_STRING(struct msg_service, reason, 0, LIMIT_TEXT),             \
		FIELD_TIME(struct msg_service, since, 0),                            \
		FIELD_BOOL(struct msg_service, ready, FIELD_REQUIRED),               \
		FIELD_INT64(struct msg_service, pid, FIELD_REQUIRED, 0, INT64_MAX),  \
		FIELD_INT64(struct msg_service, restarts, FIELD_REQUIRED, 0, INT64_MAX)

static const struct field PROBE_FIELDS[] = {
	FIELD_STRING(struct msg_probe, kind, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct msg_probe, target, 0, LIMIT_NAME),
	FIELD_ENUM_AS("for", struct msg_probe, use, 0, PROBE_USE_NAMES),
	FIELD_ENUM(struct msg_probe, result, FIELD_REQUIRED, PROBE_RESULT_NAMES),
	FIELD_INT64(struct msg_probe, duration_us, 0, 0, INT64_MAX),
	FIELD_STRING(struct msg_probe, text, 0, LIMIT_PROBE_TEXT),
	FIELD_END,
};

static const struct field HEALTH_SERVICE_FIELDS[] = {
	STATE_FIELDS,
	FIELD_DOUBLE(struct msg_service, cpu_percent, 0),
	FIELD_INT64(struct msg_service, mem_bytes, 0, 0, INT64_MAX),
	FIELD_OBJECTS(struct msg_service, probes, probe_count, 0, LIMIT_PROBES, PROBE_FIELDS,
		      sizeof(struct msg_probe)),
	FIELD_END,
};

static const struct field REPORTED_SERVICE_FIELDS[] = {
	STATE_FIELDS,
	FIELD_BOOL(struct msg_service, run, FIELD_REQUIRED),
	FIELD_STRING(struct msg_service, driver, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_BOOL(struct msg_service, drift, FIELD_REQUIRED),
	FIELD_STRINGS(struct msg_service, drift_files, drift_file_count, 0, LIMIT_CONFIG_FILES,
		      LIMIT_CONFIG_PATH),
	FIELD_END,
};

static const struct field HOST_FIELDS[] = {
	FIELD_DOUBLE(struct msg_host, cpu_percent, 0),
	FIELD_DOUBLE(struct msg_host, load1, 0),
	FIELD_INT64(struct msg_host, mem_total, 0, 0, INT64_MAX),
	FIELD_INT64(struct msg_host, mem_available, 0, 0, INT64_MAX),
	FIELD_INT64(struct msg_host, disk_total, 0, 0, INT64_MAX),
	FIELD_INT64(struct msg_host, disk_free, 0, 0, INT64_MAX),
	FIELD_STRING(struct msg_host, limits, 0, LIMIT_NAME),
	FIELD_END,
};

static const struct field HEALTH_FIELDS[] = {
	FIELD_STRING(struct msg_health, node, FIELD_REQUIRED, LIMIT_NODE_ID),
	FIELD_INT(struct msg_health, mark, 0, 0, UINT16_MAX),
	FIELD_INT64(struct msg_health, generation, FIELD_REQUIRED, 0, LIMIT_GENERATION),
	FIELD_STRING(struct msg_health, digest, FIELD_REQUIRED, DIGEST_LENGTH),
	FIELD_TIME(struct msg_health, at, FIELD_REQUIRED),
	FIELD_INT64(struct msg_health, uptime_s, 0, 0, INT64_MAX),
	FIELD_STRING(struct msg_health, boot_id, 0, LIMIT_NAME),
	FIELD_INT64(struct msg_health, clock_offset_ms, 0, INT64_MIN, INT64_MAX),
	FIELD_OBJECT(struct msg_health, host, 0, HOST_FIELDS),
	FIELD_END,
};

static const struct field AGENT_FIELDS[] = {
	FIELD_INT64_AS("rss_bytes", struct msg_health, agent_rss_bytes, 0, 0, INT64_MAX),
	FIELD_END,
};

static const struct field REPORTED_FIELDS[] = {
	PLACE_FIELDS_OF(struct msg_reported),
	FIELD_TIME(struct msg_reported, at, FIELD_REQUIRED),
	FIELD_INT64(struct msg_reported, generation, FIELD_REQUIRED, 0, LIMIT_GENERATION),
	FIELD_STRING(struct msg_reported, digest, FIELD_REQUIRED, DIGEST_LENGTH),
	FIELD_END,
};

static bool name_valid(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return len > 0 && len <= LIMIT_NAME && name[len] == '\0' && strchr("._-", name[0]) == NULL;
}

/* Absent or null: none. */
static bool optional_decode(json_t *object, const char *key, const struct field *table,
			    struct arena *arena, void *record, bool *present, struct error *err)
{
	json_t *value = json_object_get(object, key);

	*present = value != NULL && !json_is_null(value);
	if (!*present)
		return true;
	if (!fields_decode(table, value, FIELDS_TOLERANT, arena, record, err)) {
		error_prefix_field(err, key);
		return false;
	}
	return true;
}

static bool service_decode(const char *name, json_t *value, const struct field *table,
			   struct arena *arena, struct msg_service *service, struct error *err)
{
	service->name = arena_strdup(arena, name);
	if (!name_valid(name))
		return error_set(err, ERR_INVALID, "service name is not valid");
	return fields_decode(table, value, FIELDS_TOLERANT, arena, service, err) &&
	       optional_decode(value, "package", PACKAGE_FIELDS, arena, &service->package,
			       &service->has_package, err) &&
	       optional_decode(value, "config", CONFIG_FIELDS, arena, &service->config,
			       &service->has_config, err);
}

static bool services_decode(json_t *object, const struct field *table, struct arena *arena,
			    struct msg_service **out, size_t *count, struct error *err)
{
	const char *name;
	json_t *value;
	size_t n = 0;

	if (!json_is_object(object))
		return error_set_field(err, ERR_INVALID, "services", "services is not an object");
	if (json_object_size(object) > LIMIT_SERVICES)
		return error_set_field(err, ERR_TOO_LARGE, "services", "more than %d services",
				       LIMIT_SERVICES);

	struct msg_service *services =
		arena_array(arena, json_object_size(object) + 1, sizeof(*services));
	json_object_foreach (object, name, value) {
		if (!service_decode(name, value, table, arena, &services[n], err)) {
			error_prefix_field(err, "services");
			return false;
		}
		n++;
	}
	*out = services;
	*count = n;
	return true;
}

bool msg_health_decode(json_t *json, struct arena *arena, struct msg_health *out, struct error *err)
{
	struct msg_health health = {.digest = ""};
	bool has_agent;

	health.offline = json_is_true(json_object_get(json, "offline"));
	if (health.offline) {
		*out = health;
		return true;
	}
	if (!fields_decode(HEALTH_FIELDS, json, FIELDS_TOLERANT, arena, &health, err) ||
	    !optional_decode(json, "agent", AGENT_FIELDS, arena, &health, &has_agent, err))
		return false;
	health.host_json = json_object_get(json, "host");
	health.services_json = json_object_get(json, "services");
	if (health.services_json != NULL &&
	    !services_decode(health.services_json, HEALTH_SERVICE_FIELDS, arena, &health.services,
			     &health.service_count, err))
		return false;
	*out = health;
	return true;
}

bool msg_reported_decode(json_t *json, struct arena *arena, struct msg_reported *out,
			 struct error *err)
{
	struct msg_reported reported = {0};

	if (!fields_decode(REPORTED_FIELDS, json, FIELDS_TOLERANT, arena, &reported, err) ||
	    !place_check(&reported.place, err))
		return false;
	if (reported.digest[0] != '\0' && !digest_valid(reported.digest))
		return error_set_field(err, ERR_INVALID, "digest", "digest is not sha256:<hex>");
	if (!services_decode(json_object_get(json, "services"), REPORTED_SERVICE_FIELDS, arena,
			     &reported.services, &reported.service_count, err))
		return false;
	*out = reported;
	return true;
}

json_t *msg_health_encode(const struct msg_health *msg)
{
	if (msg->offline)
		return message_seal(json_pack("{s:b}", "offline", 1));

	json_t *json = fields_encode(HEALTH_FIELDS, msg);
	json_t *services = json_object();
	for (size_t i = 0; i < msg->service_count; i++)
		json_object_set_new(services, msg->services[i].name,
				    fields_encode(HEALTH_SERVICE_FIELDS, &msg->services[i]));
	json_object_set_new(json, "services", services);
	json_object_set_new(json, "agent", fields_encode(AGENT_FIELDS, msg));
	return message_seal(json);
}

json_t *msg_reported_encode(const struct msg_reported *msg)
{
	json_t *json = fields_encode(REPORTED_FIELDS, msg);
	json_t *services = json_object();

	for (size_t i = 0; i < msg->service_count; i++) {
		const struct msg_service *service = &msg->services[i];
		json_t *value = fields_encode(REPORTED_SERVICE_FIELDS, service);
		json_object_set_new(value, "package",
				    service->has_package
					    ? fields_encode(PACKAGE_FIELDS, &service->package)
					    : json_null());
		json_object_set_new(value, "config",
				    service->has_config
					    ? fields_encode(CONFIG_FIELDS, &service->config)
					    : json_null());
		json_object_set_new(services, service->name, value);
	}
	json_object_set_new(json, "services", services);
	return message_seal(json);
}
