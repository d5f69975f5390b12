/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/failure.h"

#include "base/fields.h"
#include "protocol/limits.h"

static const struct field FAILURE_FIELDS[] = {
	FIELD_STRING(struct msg_failure, phase, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct msg_failure, code, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct msg_failure, text, FIELD_REQUIRED, LIMIT_TEXT),
	FIELD_STRING(struct msg_failure, service, 0, LIMIT_NAME),
	FIELD_STRING_AS("stderr", struct msg_failure, stderr_text, 0, LIMIT_STDERR),
	FIELD_END,
};

static const struct field EXIT_FIELDS[] = {
	FIELD_INT(struct msg_exit, code, FIELD_REQUIRED, -1, 255),
	FIELD_INT(struct msg_exit, signal, FIELD_REQUIRED, 0, 128),
	FIELD_END,
};

static const struct field PROBE_FIELDS[] = {
	FIELD_STRING(struct msg_failed_probe, kind, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct msg_failed_probe, text, FIELD_REQUIRED, LIMIT_TEXT),
	FIELD_END,
};

bool msg_failure_decode(json_t *json, struct arena *arena, struct msg_failure *out,
			struct error *err)
{
	json_t *exit = json_object_get(json, "exit"), *probe = json_object_get(json, "probe");
	struct msg_failure failure = {.has_exit = exit != NULL, .has_probe = probe != NULL};

	if (!fields_decode(FAILURE_FIELDS, json, FIELDS_TOLERANT, arena, &failure, err) ||
	    (exit &&
	     !fields_decode(EXIT_FIELDS, exit, FIELDS_TOLERANT, arena, &failure.exit, err)) ||
	    (probe &&
	     !fields_decode(PROBE_FIELDS, probe, FIELDS_TOLERANT, arena, &failure.probe, err)))
		return false;
	*out = failure;
	return true;
}

json_t *msg_failure_encode(const struct msg_failure *msg)
{
	json_t *json = fields_encode(FAILURE_FIELDS, msg);

	if (msg->has_exit)
		json_object_set_new(json, "exit", fields_encode(EXIT_FIELDS, &msg->exit));
	if (msg->has_probe)
		json_object_set_new(json, "probe", fields_encode(PROBE_FIELDS, &msg->probe));
	return json;
}
