/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/messages.h"

#include <assert.h>
#include <string.h>

#include "protocol/messages_internal.h"

const char *const REPORTED_STATE_NAMES[] = {"stopped",	 "starting", "running",
					    "unhealthy", "stopping", "backoff",
					    "held",	 "failed",   NULL};
const char *const PROBE_USE_NAMES[] = {"none", "readiness", "liveness", "both", NULL};
const char *const PROBE_RESULT_NAMES[] = {"unknown", "good", "bad", NULL};
const char *const RESULT_STATE_NAMES[] = {"accepted",	     "fetching",  "applying",
					  "verifying",	     "succeeded", "rolled_back",
					  "rollback_failed", "refused",	  NULL};
const char *const SEVERITY_NAMES[] = {"info", "warning", "error", NULL};
const char *const LOG_STREAM_NAMES[] = {"stdout", "stderr", NULL};

static const struct field PLACE_FIELDS[] = {PLACE_FIELDS_OF(struct msg_events), FIELD_END};

static const struct field STREAMS_FIELDS[] = {
	FIELD_INT64(struct msg_streams, reported, FIELD_REQUIRED, 0, INT64_MAX),
	FIELD_INT64(struct msg_streams, logs, FIELD_REQUIRED, 0, INT64_MAX),
	FIELD_INT64(struct msg_streams, events, FIELD_REQUIRED, 0, INT64_MAX),
	FIELD_INT64(struct msg_streams, result, FIELD_REQUIRED, 0, INT64_MAX),
	FIELD_END,
};

static const struct field HELLO_FIELDS[] = {
	FIELD_STRING(struct msg_hello, node, FIELD_REQUIRED, LIMIT_NODE_ID),
	FIELD_INT(struct msg_hello, protocol, FIELD_REQUIRED, 1, 1000),
	FIELD_STRING(struct msg_hello, agent_version, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct msg_hello, platform, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct msg_hello, hostname, FIELD_REQUIRED, 255),
	FIELD_STRING(struct msg_hello, boot_id, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct msg_hello, epoch, FIELD_REQUIRED, 16),
	FIELD_INT64(struct msg_hello, generation, FIELD_REQUIRED, 0, LIMIT_GENERATION),
	FIELD_STRING(struct msg_hello, digest, FIELD_REQUIRED, DIGEST_LENGTH),
	FIELD_OBJECT(struct msg_hello, streams, FIELD_REQUIRED, STREAMS_FIELDS),
	FIELD_STRING(struct msg_hello, ask_time, 0, 16),
	FIELD_STRING(struct msg_hello, certificate, 0, 32),
	FIELD_STRING(struct msg_hello, csr, 0, LIMIT_CSR),
	FIELD_INT(struct msg_hello, trust, 0, 0, 1000000),
	FIELD_END,
};

static const struct field EVENT_FIELDS[] = {
	FIELD_TIME(struct msg_event, at, FIELD_REQUIRED),
	FIELD_STRING(struct msg_event, kind, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_ENUM(struct msg_event, severity, FIELD_REQUIRED, SEVERITY_NAMES),
	FIELD_STRING(struct msg_event, service, 0, LIMIT_NAME),
	FIELD_STRING(struct msg_event, text, FIELD_REQUIRED, LIMIT_TEXT),
	FIELD_JSON(struct msg_event, data, 0),
	FIELD_END,
};

static const struct field EVENTS_FIELDS[] = {
	PLACE_FIELDS_OF(struct msg_events),
	FIELD_TIME(struct msg_events, at, FIELD_REQUIRED),
	FIELD_OBJECTS(struct msg_events, events, event_count, FIELD_REQUIRED, LIMIT_EVENTS,
		      EVENT_FIELDS, sizeof(struct msg_event)),
	FIELD_END,
};

static const struct field LOG_LINE_FIELDS[] = {
	FIELD_TIME(struct msg_log_line, at, FIELD_REQUIRED),
	FIELD_ENUM(struct msg_log_line, stream, FIELD_REQUIRED, LOG_STREAM_NAMES),
	FIELD_STRING(struct msg_log_line, text, FIELD_REQUIRED, LIMIT_TEXT),
	FIELD_END,
};

static const struct field LOGS_FIELDS[] = {
	PLACE_FIELDS_OF(struct msg_logs),
	FIELD_STRING(struct msg_logs, service, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_OBJECTS(struct msg_logs, lines, line_count, FIELD_REQUIRED, LIMIT_LOG_LINES,
		      LOG_LINE_FIELDS, sizeof(struct msg_log_line)),
	FIELD_END,
};

static const struct field PROGRESS_FIELDS[] = {
	FIELD_INT64(struct msg_result, done_bytes, FIELD_REQUIRED, 0, INT64_MAX),
	FIELD_INT64(struct msg_result, total_bytes, FIELD_REQUIRED, 0, INT64_MAX),
	FIELD_INT64(struct msg_result, saved_bytes, 0, 0, INT64_MAX),
	FIELD_END,
};

static const struct field RESULT_FIELDS[] = {
	PLACE_FIELDS_OF(struct msg_result),
	FIELD_TIME(struct msg_result, at, FIELD_REQUIRED),
	FIELD_INT64(struct msg_result, generation, FIELD_REQUIRED, 0, LIMIT_GENERATION),
	FIELD_STRING(struct msg_result, digest, FIELD_REQUIRED, DIGEST_LENGTH),
	FIELD_STRING(struct msg_result, rollout, FIELD_NULLABLE, LIMIT_NODE_ID),
	FIELD_ENUM(struct msg_result, state, FIELD_REQUIRED, RESULT_STATE_NAMES),
	FIELD_STRING(struct msg_result, service, 0, LIMIT_NAME),
	FIELD_END,
};

static const char *const ACK_NAMES[] = {"reported", "logs", "events", "result", "health", NULL};

static const struct field ACK_FIELDS[] = {
	FIELD_STRING(struct msg_ack, stream, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct msg_ack, epoch, FIELD_REQUIRED, 16),
	FIELD_INT64(struct msg_ack, upto, FIELD_REQUIRED, 0, INT64_MAX),
	FIELD_INT(struct msg_ack, beats, 0, 0, 1000),
	FIELD_END,
};

static const struct field DESIRED_FIELDS[] = {
	FIELD_STRING(struct msg_desired, node, FIELD_REQUIRED, LIMIT_NODE_ID),
	FIELD_INT64(struct msg_desired, generation, FIELD_REQUIRED, 1, INT64_MAX),
	FIELD_TIME(struct msg_desired, issued, FIELD_REQUIRED),
	FIELD_TIME(struct msg_desired, expires, FIELD_REQUIRED),
	FIELD_STRING(struct msg_desired, digest, FIELD_REQUIRED, DIGEST_LENGTH),
	FIELD_STRING(struct msg_desired, content, FIELD_REQUIRED, LIMIT_DESIRED_CONTENT),
	FIELD_JSON(struct msg_desired, fetch, FIELD_REQUIRED),
	FIELD_END,
};

static const struct field COMMAND_FIELDS[] = {
	FIELD_STRING(struct msg_command, node, FIELD_REQUIRED, LIMIT_NODE_ID),
	FIELD_STRING(struct msg_command, id, FIELD_REQUIRED, LIMIT_NODE_ID),
	FIELD_TIME(struct msg_command, issued, FIELD_REQUIRED),
	FIELD_TIME(struct msg_command, expires, FIELD_REQUIRED),
	FIELD_STRING(struct msg_command, kind, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct msg_command, service, 0, LIMIT_NAME),
	FIELD_JSON(struct msg_command, args, 0),
	FIELD_END,
};

static const char *const COMMAND_KINDS[] = {"restart", "start", "stop",	 "log_level", "resend",
					    "time",    "renew", "retry", NULL};

bool message_parse(const void *bytes, size_t size, size_t max_size, struct arena *arena,
		   json_t **out, struct error *err)
{
	json_t *json;

	if (size > max_size)
		return error_set(err, ERR_TOO_LARGE, "message has %zu bytes, the limit is %zu",
				 size, max_size);
	if (!json_parse_limited(bytes, size, LIMIT_JSON_DEPTH, &json, err))
		return false;
	json_keep(json, arena);
	json_t *version = json_object_get(json, "v");
	if (!json_is_integer(version) || json_integer_value(version) != 1)
		return error_set_field(err, ERR_INVALID, "v", "message is not of version 1");
	*out = json;
	return true;
}

bool digest_valid(const char *digest)
{
	return strncmp(digest, "sha256:", 7) == 0 && strlen(digest) == DIGEST_LENGTH &&
	       strspn(digest + 7, "0123456789abcdef") == DIGEST_LENGTH - 7;
}

static bool epoch_valid(const char *epoch)
{
	return strlen(epoch) == 16 && strspn(epoch, "0123456789abcdef") == 16;
}

/* Checks what the field table cannot say, and gives first its default. */
bool place_check(struct msg_place *place, struct error *err)
{
	if (!epoch_valid(place->epoch))
		return error_set_field(err, ERR_INVALID, "epoch", "epoch is not 16 hex digits");
	if (place->first == 0)
		place->first = place->seq;
	if (place->first > place->seq)
		return error_set_field(err, ERR_INVALID, "first", "first is after seq");
	return true;
}

json_t *message_seal(json_t *json)
{
	json_object_set_new(json, "v", json_integer(1));
	return json;
}

bool msg_place_decode(json_t *json, struct arena *arena, struct msg_place *out, struct error *err)
{
	struct msg_events head = {0};

	if (!fields_decode(PLACE_FIELDS, json, FIELDS_TOLERANT, arena, &head, err) ||
	    !place_check(&head.place, err))
		return false;
	*out = head.place;
	return true;
}

bool msg_hello_decode(json_t *json, struct arena *arena, struct msg_hello *out, struct error *err)
{
	struct msg_hello hello = {.trust = -1};

	if (!fields_decode(HELLO_FIELDS, json, FIELDS_TOLERANT, arena, &hello, err))
		return false;
	if (!epoch_valid(hello.epoch))
		return error_set_field(err, ERR_INVALID, "epoch", "epoch is not 16 hex digits");
	if (hello.digest[0] != '\0' && !digest_valid(hello.digest))
		return error_set_field(err, ERR_INVALID, "digest", "digest is not sha256:<hex>");
	*out = hello;
	return true;
}

bool msg_events_decode(json_t *json, struct arena *arena, struct msg_events *out, struct error *err)
{
	struct msg_events events = {0};

	if (!fields_decode(EVENTS_FIELDS, json, FIELDS_TOLERANT, arena, &events, err) ||
	    !place_check(&events.place, err))
		return false;
	for (size_t i = 0; i < events.event_count; i++)
		if (events.events[i].data != NULL && !json_is_object(events.events[i].data))
			return error_set_field(err, ERR_INVALID, "events", "data is not an object");
	*out = events;
	return true;
}

bool msg_logs_decode(json_t *json, struct arena *arena, struct msg_logs *out, struct error *err)
{
	struct msg_logs logs = {0};

	if (!fields_decode(LOGS_FIELDS, json, FIELDS_TOLERANT, arena, &logs, err) ||
	    !place_check(&logs.place, err))
		return false;
	*out = logs;
	return true;
}

bool msg_result_decode(json_t *json, struct arena *arena, struct msg_result *out, struct error *err)
{
	struct msg_result result = {0};
	json_t *progress = json_object_get(json, "progress");
	json_t *error = json_object_get(json, "error");

	if (!fields_decode(RESULT_FIELDS, json, FIELDS_TOLERANT, arena, &result, err) ||
	    !place_check(&result.place, err))
		return false;
	if (!digest_valid(result.digest))
		return error_set_field(err, ERR_INVALID, "digest", "digest is not sha256:<hex>");
	if (progress != NULL) {
		result.has_progress = true;
		if (!fields_decode(PROGRESS_FIELDS, progress, FIELDS_TOLERANT, arena, &result, err))
			return false;
	}
	if (error != NULL) {
		result.has_error = true;
		if (!msg_failure_decode(error, arena, &result.error, err))
			return false;
	}
	*out = result;
	return true;
}

bool msg_ack_decode(json_t *json, struct arena *arena, struct msg_ack *out, struct error *err)
{
	struct msg_ack ack = {0};

	if (!fields_decode(ACK_FIELDS, json, FIELDS_TOLERANT, arena, &ack, err))
		return false;
	if (names_find(ACK_NAMES, ack.stream) < 0)
		return error_set_field(err, ERR_INVALID, "stream", "no stream has this name");
	if (!epoch_valid(ack.epoch))
		return error_set_field(err, ERR_INVALID, "epoch", "epoch is not 16 hex digits");
	*out = ack;
	return true;
}

bool msg_desired_decode(json_t *json, struct arena *arena, struct msg_desired *out,
			struct error *err)
{
	struct msg_desired desired = {0};

	if (!fields_decode(DESIRED_FIELDS, json, FIELDS_TOLERANT, arena, &desired, err))
		return false;
	if (!digest_valid(desired.digest))
		return error_set_field(err, ERR_INVALID, "digest", "digest is not sha256:<hex>");
	if (!json_is_object(desired.fetch))
		return error_set_field(err, ERR_INVALID, "fetch", "fetch is not an object");
	*out = desired;
	return true;
}

bool msg_command_decode(json_t *json, struct arena *arena, struct msg_command *out,
			struct error *err)
{
	struct msg_command command = {0};

	if (!fields_decode(COMMAND_FIELDS, json, FIELDS_TOLERANT, arena, &command, err))
		return false;
	if (names_find(COMMAND_KINDS, command.kind) < 0)
		return error_set_field(err, ERR_INVALID, "kind", "no command is called %s",
				       command.kind);
	*out = command;
	return true;
}

json_t *msg_hello_encode(const struct msg_hello *msg)
{
	json_t *json = fields_encode(HELLO_FIELDS, msg);

	if (msg->trust < 0)
		json_object_del(json, "trust");
	return message_seal(json);
}

json_t *msg_events_encode(const struct msg_events *msg)
{
	return message_seal(fields_encode(EVENTS_FIELDS, msg));
}

json_t *msg_logs_encode(const struct msg_logs *msg)
{
	return message_seal(fields_encode(LOGS_FIELDS, msg));
}

json_t *msg_result_encode(const struct msg_result *msg)
{
	json_t *json = fields_encode(RESULT_FIELDS, msg);

	if (msg->has_progress)
		json_object_set_new(json, "progress", fields_encode(PROGRESS_FIELDS, msg));
	if (msg->has_error)
		json_object_set_new(json, "error", msg_failure_encode(&msg->error));
	return message_seal(json);
}

json_t *msg_ack_encode(const struct msg_ack *msg)
{
	return message_seal(fields_encode(ACK_FIELDS, msg));
}

json_t *msg_desired_encode(const struct msg_desired *msg)
{
	return message_seal(fields_encode(DESIRED_FIELDS, msg));
}

json_t *msg_command_encode(const struct msg_command *msg)
{
	return message_seal(fields_encode(COMMAND_FIELDS, msg));
}
