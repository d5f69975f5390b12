/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages that server and agent exchange, as structs with a codec each. schema/messages holds
 * the same as JSON Schema; a test holds both against the same examples.
 *
 * Decoding: the caller has bounded and parsed the JSON (message_parse). Strings and arrays live in
 * the arena, json_t members are kept by it. Unknown fields are ignored. Failure is ERR_INVALID or
 * ERR_TOO_LARGE with the field's path. Encoding gives a new object that the caller owns.
 * Numbers are non-negative; times are usec_t UTC, 0 when absent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/fields.h"
#include "protocol/failure.h"
#include "protocol/limits.h"

enum reported_state {
	REPORTED_STOPPED,
	REPORTED_STARTING,
	REPORTED_RUNNING,
	REPORTED_UNHEALTHY,
	REPORTED_STOPPING,
	REPORTED_BACKOFF,
	REPORTED_HELD,
	REPORTED_FAILED,
};
extern const char *const REPORTED_STATE_NAMES[];

/* What a probe decides: bits of readiness and liveness. */
enum probe_use {
	PROBE_USE_NONE,
	PROBE_USE_READINESS,
	PROBE_USE_LIVENESS,
	PROBE_USE_BOTH,
};
extern const char *const PROBE_USE_NAMES[];

enum probe_result { PROBE_RESULT_UNKNOWN, PROBE_RESULT_GOOD, PROBE_RESULT_BAD };
extern const char *const PROBE_RESULT_NAMES[];

enum result_state {
	RESULT_ACCEPTED,
	RESULT_FETCHING,
	RESULT_APPLYING,
	RESULT_VERIFYING,
	RESULT_SUCCEEDED,
	RESULT_ROLLED_BACK,
	RESULT_ROLLBACK_FAILED,
	RESULT_REFUSED,
};
extern const char *const RESULT_STATE_NAMES[];

enum severity {
	SEVERITY_INFO,
	SEVERITY_WARNING,
	SEVERITY_ERROR,
};
extern const char *const SEVERITY_NAMES[];

enum log_stream {
	LOG_STDOUT,
	LOG_STDERR,
};
extern const char *const LOG_STREAM_NAMES[];

/*
 * Place in a stream. The message covers first..seq; first is seq when it was absent. dropped counts the
 * log lines, events or results that were lost before it. corrected_ms: the device's clock was
 * wrong, and the times in the message were moved by so much.
 */
struct msg_place {
	const char *epoch; /* 16 hex digits */
	int64_t seq;
	int64_t first;
	int64_t dropped;
	int64_t corrected_ms;
};

struct msg_hello {
	const char *node;
	int protocol;
	const char *agent_version;
	const char *platform;
	const char *hostname;
	const char *boot_id;
	const char *epoch;
	int64_t generation;
	const char *digest; /* "" before the first generation */
	struct msg_streams {
		int64_t reported, logs, events, result; /* last seq produced */
	} streams;
	const char *ask_time;	 /* a word that the command "time" shall repeat, or NULL */
	const char *certificate; /* serial of the one in use, lower hex, or NULL */
	const char *csr;	 /* PEM: it is time for a new one; or NULL */
	int trust; /* newest statement on signing keys that it has; 0: none, -1: not said */
};

struct msg_package {
	const char *name;
	const char *version;
	const char *sha256;
};

struct msg_config {
	const char *name;
	int64_t version;
	const char *digest;
};

/* One probe of a service, in health. */
struct msg_probe {
	const char *kind;	  /* process, tcp, http, mqtt, exec, log */
	const char *target;	  /* what it asks: port and path, command, line; NULL: nothing */
	enum probe_use use;	  /* what it decides */
	enum probe_result result; /* so many of so many answers, as its spec says */
	int64_t duration_us;	  /* of the last attempt; 0: not asked yet, or no attempt needed */
	const char *text;	  /* why the last attempt failed; NULL: it did not */
};

/* One service in health and reported; health leaves out what it does not carry. */
struct msg_service {
	const char *name; /* the key of the map */
	enum reported_state state;
	const char *reason;
	usec_t since;
	bool ready;
	int64_t pid;
	int64_t restarts;
	double cpu_percent;	  /* health */
	int64_t mem_bytes;	  /* health */
	struct msg_probe *probes; /* health */
	size_t probe_count;
	bool run; /* reported, as are all below */
	const char *driver;
	bool has_package;
	struct msg_package package;
	bool has_config;
	struct msg_config config;
	bool drift;
	const char *const *drift_files;
	size_t drift_file_count;
};

struct msg_host {
	double cpu_percent, load1;
	int64_t mem_total, mem_available, disk_total, disk_free; /* bytes */
	const char *limits;					 /* cgroup2, cgroup1, rlimit */
};

struct msg_health {
	bool offline; /* last will or farewell: nothing else is set */
	const char *node;
	int mark; /* what later beats refer to, 1..65535; 0: there will be none */
	int64_t generation;
	const char *digest;
	usec_t at;
	int64_t uptime_s;
	const char *boot_id;
	int64_t clock_offset_ms;
	struct msg_host host;
	struct msg_service *services;
	size_t service_count;
	int64_t agent_rss_bytes;
	json_t *host_json, *services_json; /* decoded messages: as they came, to be stored */
};

struct msg_reported {
	struct msg_place place;
	usec_t at;
	int64_t generation;
	const char *digest;
	struct msg_service *services;
	size_t service_count;
};

struct msg_event {
	usec_t at;
	const char *kind;
	enum severity severity;
	const char *service; /* or NULL */
	const char *text;
	json_t *data; /* or NULL */
};

struct msg_events {
	struct msg_place place;
	usec_t at;
	struct msg_event *events;
	size_t event_count;
};

struct msg_log_line {
	usec_t at;
	enum log_stream stream;
	const char *text;
};

struct msg_logs {
	struct msg_place place;
	const char *service;
	struct msg_log_line *lines;
	size_t line_count;
};

struct msg_result {
	struct msg_place place;
	usec_t at;
	int64_t generation;
	const char *digest;
	const char *rollout; /* or NULL */
	enum result_state state;
	const char *service; /* or NULL */
	bool has_progress;
	int64_t done_bytes, total_bytes;
	int64_t saved_bytes; /* that need not be fetched, since an older version was here */
	bool has_error;
	struct msg_failure error;
};

/* Of stream "health", which is none: nothing of it has come, tell all; its epoch is MSG_NO_EPOCH. */
struct msg_ack {
	const char *stream;
	const char *epoch;
	int64_t upto;
	int beats; /* newest version of beats that the server takes; 0: none */
};
#define MSG_NO_EPOCH "0000000000000000"

/* The payload of a desired envelope. */
struct msg_desired {
	const char *node;
	int64_t generation;
	usec_t issued, expires;
	const char *digest;  /* of content's bytes */
	const char *content; /* JSON text */
	json_t *fetch;	     /* sha256 hex -> URL */
};

/* The payload of a command envelope. */
struct msg_command {
	const char *node;
	const char *id;
	usec_t issued, expires;
	const char *kind;
	const char *service; /* or NULL */
	json_t *args;	     /* or NULL */
};

/* Bounded parse of one message: max_size as limits.h says, an object with "v": 1. */
MUST_CHECK bool message_parse(const void *bytes, size_t size, size_t max_size, struct arena *arena,
			      json_t **out, struct error *err);

MUST_CHECK bool msg_hello_decode(json_t *json, struct arena *arena, struct msg_hello *out,
				 struct error *err);
MUST_CHECK bool msg_health_decode(json_t *json, struct arena *arena, struct msg_health *out,
				  struct error *err);
MUST_CHECK bool msg_reported_decode(json_t *json, struct arena *arena, struct msg_reported *out,
				    struct error *err);
MUST_CHECK bool msg_events_decode(json_t *json, struct arena *arena, struct msg_events *out,
				  struct error *err);
MUST_CHECK bool msg_logs_decode(json_t *json, struct arena *arena, struct msg_logs *out,
				struct error *err);
MUST_CHECK bool msg_result_decode(json_t *json, struct arena *arena, struct msg_result *out,
				  struct error *err);
MUST_CHECK bool msg_ack_decode(json_t *json, struct arena *arena, struct msg_ack *out,
			       struct error *err);
MUST_CHECK bool msg_desired_decode(json_t *json, struct arena *arena, struct msg_desired *out,
				   struct error *err);
MUST_CHECK bool msg_command_decode(json_t *json, struct arena *arena, struct msg_command *out,
				   struct error *err);

/* Only the place, for the dedupe that comes before the rest is looked at. */
MUST_CHECK bool msg_place_decode(json_t *json, struct arena *arena, struct msg_place *out,
				 struct error *err);

json_t *msg_hello_encode(const struct msg_hello *msg);
json_t *msg_health_encode(const struct msg_health *msg);
json_t *msg_reported_encode(const struct msg_reported *msg);
json_t *msg_events_encode(const struct msg_events *msg);
json_t *msg_logs_encode(const struct msg_logs *msg);
json_t *msg_result_encode(const struct msg_result *msg);
json_t *msg_ack_encode(const struct msg_ack *msg);
json_t *msg_desired_encode(const struct msg_desired *msg);
json_t *msg_command_encode(const struct msg_command *msg);
