/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/spec_decode.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "protocol/capabilities.h"

enum {
	MAX_INTERVAL_MS = 24 * 3600 * 1000,
	DEFAULT_GRACE_MS = 10000,
	DEFAULT_START_GRACE_MS = 10000,
	DEFAULT_DELAY_MS = 500,
	DEFAULT_MAX_DELAY_MS = 60000,
	DEFAULT_BURST = 4,
	DEFAULT_WINDOW_MS = 60000,
	DEFAULT_HOLD_MS = 300000,
};

static const char *const PROBE_KINDS[] = {"process", "tcp", "http", "mqtt", "exec", "log", NULL};
static const char *const POLICIES[] = {"always", "on-failure", "never", NULL};

struct stop_record {
	const char *signal;
	int64_t grace_ms;
};

struct reload_record {
	const char *signal;
	const char *const *files;
	size_t file_count;
};

/* The document as it is written; service_spec is what it means. */
struct record {
	const char *const *command;
	size_t command_count;
	json_t *env;
	const char *cwd;
	const char *user;
	const char *const *capabilities;
	size_t capability_count;
	bool no_new_privs, private_tmp;
	struct stop_record stop;
	struct reload_record reload;
	struct restart_spec restart;
	const char *const *after;
	size_t after_count;
	struct limit_spec limits;
	struct probe_spec *probes;
	size_t probe_count;
	const char *const *snapshot;
	size_t snapshot_count;
};

static const struct field PROBE_FIELDS[] = {
	FIELD_ENUM(struct probe_spec, kind, FIELD_REQUIRED, PROBE_KINDS),
	FIELD_BOOL(struct probe_spec, readiness, 0),
	FIELD_BOOL(struct probe_spec, liveness, 0),
	FIELD_STRING(struct probe_spec, host, 0, 255),
	FIELD_INT(struct probe_spec, port, 0, 1, 65535),
	FIELD_STRING(struct probe_spec, path, 0, 2048),
	FIELD_INT(struct probe_spec, status, 0, 100, 599),
	FIELD_STRING(struct probe_spec, body, 0, 1024),
	FIELD_STRING(struct probe_spec, match, 0, 1024),
	FIELD_STRINGS(struct probe_spec, headers, header_count, 0, 16, 1024),
	FIELD_STRING(struct probe_spec, username, 0, 255),
	FIELD_STRING(struct probe_spec, password, 0, 255),
	FIELD_STRING(struct probe_spec, bearer, 0, SPEC_MAX_STRING),
	FIELD_STRING(struct probe_spec, topic, 0, 255),
	FIELD_STRINGS(struct probe_spec, command, command_count, 0, SPEC_MAX_ARGUMENTS,
		      SPEC_MAX_STRING),
	FIELD_INT(struct probe_spec, interval_ms, 0, 50, MAX_INTERVAL_MS),
	FIELD_INT(struct probe_spec, timeout_ms, 0, 10, 600000),
	FIELD_INT(struct probe_spec, success, 0, 1, SPEC_MAX_ANSWERS),
	FIELD_INT(struct probe_spec, success_of, 0, 1, SPEC_MAX_ANSWERS),
	FIELD_INT(struct probe_spec, failure, 0, 1, SPEC_MAX_ANSWERS),
	FIELD_INT(struct probe_spec, failure_of, 0, 1, SPEC_MAX_ANSWERS),
	FIELD_INT(struct probe_spec, start_grace_ms, 0, 0, MAX_INTERVAL_MS),
	FIELD_END,
};

static const struct field STOP_FIELDS[] = {
	FIELD_STRING(struct stop_record, signal, 0, 16),
	FIELD_INT64(struct stop_record, grace_ms, 0, 0, 3600000),
	FIELD_END,
};

static const struct field RELOAD_FIELDS[] = {
	FIELD_STRING(struct reload_record, signal, 0, 16),
	FIELD_STRINGS(struct reload_record, files, file_count, 0, SPEC_MAX_GLOBS, 255),
	FIELD_END,
};

static const struct field RESTART_FIELDS[] = {
	FIELD_ENUM(struct restart_spec, policy, 0, POLICIES),
	FIELD_INT64(struct restart_spec, delay_ms, 0, 0, MAX_INTERVAL_MS),
	FIELD_INT64(struct restart_spec, max_delay_ms, 0, 0, MAX_INTERVAL_MS),
	FIELD_INT(struct restart_spec, burst, 0, 1, 32),
	FIELD_INT64(struct restart_spec, window_ms, 0, 1000, MAX_INTERVAL_MS),
	FIELD_INT64(struct restart_spec, hold_ms, 0, 1000, INT64_C(7) * MAX_INTERVAL_MS),
	FIELD_END,
};

static const struct field LIMIT_FIELDS[] = {
	FIELD_INT64(struct limit_spec, memory_bytes, 0, 0, INT64_C(1) << 50),
	FIELD_INT(struct limit_spec, cpu_percent, 0, 0, 100000),
	FIELD_INT(struct limit_spec, pids, 0, 0, 1 << 22),
	FIELD_INT(struct limit_spec, files, 0, 0, 1 << 20),
	FIELD_END,
};

static const struct field RECORD_FIELDS[] = {
	FIELD_STRINGS(struct record, command, command_count, 0, SPEC_MAX_ARGUMENTS,
		      SPEC_MAX_STRING),
	FIELD_JSON(struct record, env, 0),
	FIELD_STRING(struct record, cwd, 0, SPEC_MAX_STRING),
	FIELD_STRING(struct record, user, 0, 32),
	FIELD_STRINGS(struct record, capabilities, capability_count, 0, CAPABILITY_COUNT,
		      SPEC_MAX_NAME),
	FIELD_BOOL(struct record, no_new_privs, 0),
	FIELD_BOOL(struct record, private_tmp, 0),
	FIELD_OBJECT(struct record, stop, 0, STOP_FIELDS),
	FIELD_OBJECT(struct record, reload, 0, RELOAD_FIELDS),
	FIELD_OBJECT(struct record, restart, 0, RESTART_FIELDS),
	FIELD_STRINGS(struct record, after, after_count, 0, SPEC_MAX_AFTER, SPEC_MAX_NAME),
	FIELD_OBJECT(struct record, limits, 0, LIMIT_FIELDS),
	FIELD_OBJECTS(struct record, probes, probe_count, 0, SPEC_MAX_PROBES, PROBE_FIELDS,
		      sizeof(struct probe_spec)),
	FIELD_STRINGS(struct record, snapshot, snapshot_count, 0, SPEC_MAX_SNAPSHOT,
		      SPEC_MAX_STRING),
	FIELD_END,
};

static const struct {
	const char *name;
	int number;
} SIGNALS[] = {
	{"SIGTERM", SIGTERM}, {"SIGINT", SIGINT},   {"SIGQUIT", SIGQUIT},   {"SIGHUP", SIGHUP},
	{"SIGUSR1", SIGUSR1}, {"SIGUSR2", SIGUSR2}, {"SIGWINCH", SIGWINCH}, {"SIGKILL", SIGKILL},
};

static bool signal_decode(const char *name, const char *field, int *out, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(SIGNALS); i++) {
		if (strcmp(name, SIGNALS[i].name) == 0 || strcmp(name, SIGNALS[i].name + 3) == 0) {
			*out = SIGNALS[i].number;
			return true;
		}
	}
	return error_set_field(err, ERR_INVALID, field, "unknown signal \"%s\"", name);
}

/* A number may come out of "${param.port}", which makes it a string of digits. */
static void numbers_from_strings(json_t *object, const struct field *table)
{
	for (const struct field *field = table; field->name; field++) {
		const char *text = json_string_value(json_object_get(object, field->name));

		if (field->type != FIELD_TYPE_INT && field->type != FIELD_TYPE_INT64)
			continue;
		if (!text || !*text || strlen(text) > 18 ||
		    strspn(text, "0123456789") != strlen(text))
			continue;
		json_object_set_new(object, field->name, json_integer(strtoll(text, NULL, 10)));
	}
}

static void document_prepare(json_t *document)
{
	json_t *probes = json_object_get(document, "probes");
	size_t index;
	json_t *probe;

	json_array_foreach (probes, index, probe) {
		numbers_from_strings(probe, PROBE_FIELDS);
		if (json_is_object(probe) && !json_object_get(probe, "readiness"))
			json_object_set_new(probe, "readiness", json_true());
		if (json_is_object(probe) && !json_object_get(probe, "liveness"))
			json_object_set_new(probe, "liveness", json_true());
		if (json_is_object(probe) && !json_object_get(probe, "start_grace_ms"))
			json_object_set_new(probe, "start_grace_ms",
					    json_integer(DEFAULT_START_GRACE_MS));
	}
	numbers_from_strings(json_object_get(document, "stop"), STOP_FIELDS);
	numbers_from_strings(json_object_get(document, "restart"), RESTART_FIELDS);
	numbers_from_strings(json_object_get(document, "limits"), LIMIT_FIELDS);
}

static void default_int(int *value, int preset)
{
	if (*value == 0)
		*value = preset;
}

/* Probes ask this machine, as a rule: no resolver that could block is needed. */
static bool host_valid(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	return strcmp(host, "localhost") == 0 || inet_pton(AF_INET, host, address) == 1 ||
	       inet_pton(AF_INET6, host, address) == 1;
}

static void probe_default(struct probe_spec *probe)
{
	default_int(&probe->interval_ms, 1000);
	default_int(&probe->timeout_ms, 1000);
	default_int(&probe->success, 1);
	default_int(&probe->failure, 3);
	/* In a row, unless the spec looks further back. */
	if (probe->success_of < probe->success)
		probe->success_of = probe->success;
	if (probe->failure_of < probe->failure)
		probe->failure_of = probe->failure;
	default_int(&probe->status, 200);
	if (!probe->host)
		probe->host = "127.0.0.1";
	if (!probe->path)
		probe->path = "/";
}

/* Printable ASCII without spaces. */
static bool token_valid(const char *token)
{
	for (const char *at = token; *at; at++) {
		if (*at <= ' ' || *at > '~')
			return false;
	}
	return *token != '\0';
}

/* What goes into a request as it stands must not end its line. */
static bool request_check(const struct probe_spec *probe, struct error *err)
{
	if (probe->path[0] != '/' || strpbrk(probe->path, " \r\n\t"))
		return error_set_field(err, ERR_INVALID, "path", "cannot be asked for");
	for (size_t i = 0; i < probe->header_count; i++) {
		if (strpbrk(probe->headers[i], "\r\n") || !strchr(probe->headers[i], ':'))
			return error_set_field(err, ERR_INVALID, "headers",
					       "\"Name: value\" is expected");
	}
	if (probe->bearer && !token_valid(probe->bearer))
		return error_set_field(err, ERR_INVALID, "bearer", "is no token");
	if (probe->bearer && probe->username)
		return error_set_field(err, ERR_INVALID, "bearer",
				       "goes without username and password");
	return true;
}

static bool probe_check(const struct probe_spec *probe, struct error *err)
{
	bool network =
		probe->kind == PROBE_TCP || probe->kind == PROBE_HTTP || probe->kind == PROBE_MQTT;

	if (network && probe->port == 0)
		return error_set_field(err, ERR_INVALID, "port", "is required");
	if (probe->kind == PROBE_EXEC && probe->command_count == 0)
		return error_set_field(err, ERR_INVALID, "command", "is required");
	if (probe->kind == PROBE_LOG && (!probe->match || !*probe->match))
		return error_set_field(err, ERR_INVALID, "match", "is required");
	if (network && !host_valid(probe->host))
		return error_set_field(err, ERR_INVALID, "host",
				       "\"%s\" is neither localhost nor a numeric address",
				       probe->host);
	return request_check(probe, err);
}

static bool probes_take(struct arena *arena, const struct record *record, struct service_spec *spec,
			struct error *err)
{
	spec->probes = record->probes;
	spec->probe_count = record->probe_count;
	if (spec->probe_count == 0) {
		spec->probes = arena_alloc(arena, sizeof(*spec->probes));
		spec->probes[0] = (struct probe_spec){
			.kind = PROBE_PROCESS, .readiness = true, .liveness = true};
		spec->probe_count = 1;
	}
	for (size_t i = 0; i < spec->probe_count; i++) {
		probe_default(&spec->probes[i]);
		if (!probe_check(&spec->probes[i], err)) {
			error_prefix_field(err, arena_printf(arena, "probes[%zu]", i));
			return false;
		}
	}
	return true;
}

static bool env_name_valid(const char *name)
{
	static const char LETTERS[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

	return *name && (*name < '0' || *name > '9') && strspn(name, LETTERS) == strlen(name);
}

/* What every service sees unless it says otherwise. Ours may hold secrets and is not given. */
static const struct {
	const char *name;
	const char *value; /* NULL: the data folder */
} BASE_ENV[] = {
	{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
	{"LANG", "C.UTF-8"},
	{"HOME", NULL},
};

static bool env_take(struct arena *arena, json_t *env, struct service_spec *spec, struct error *err)
{
	const char *name;
	json_t *value;
	size_t count = 0;

	if (env && !json_is_object(env))
		return error_set_field(err, ERR_INVALID, "env", "an object is expected");
	if (json_object_size(env) > SPEC_MAX_ENV)
		return error_set_field(err, ERR_TOO_LARGE, "env", "more than %d variables",
				       SPEC_MAX_ENV);
	const char **list =
		arena_array(arena, json_object_size(env) + ARRAY_SIZE(BASE_ENV) + 1, sizeof(*list));
	for (size_t i = 0; i < ARRAY_SIZE(BASE_ENV); i++) {
		if (json_object_get(env, BASE_ENV[i].name))
			continue;
		list[count++] =
			arena_printf(arena, "%s=%s", BASE_ENV[i].name,
				     BASE_ENV[i].value ? BASE_ENV[i].value : spec->data_dir);
	}
	json_object_foreach (env, name, value) {
		if (!env_name_valid(name))
			return error_set_field(err, ERR_INVALID, "env",
					       "\"%.64s\" is no name of a variable", name);
		if (!json_is_string(value) || json_string_length(value) > SPEC_MAX_STRING)
			return error_set_field(err, ERR_INVALID, "env",
					       "the value of %.64s is no short string", name);
		list[count++] = arena_printf(arena, "%s=%s", name, json_string_value(value));
	}
	spec->env = list;
	spec->env_count = count;
	return true;
}

static bool path_is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	if (strncmp(path, folder, length) != 0 || (path[length] != '/' && path[length] != '\0'))
		return false;
	for (const char *part = path + length; *part;) {
		part++;
		size_t size = strcspn(part, "/");
		if (size == 2 && part[0] == '.' && part[1] == '.')
			return false;
		part += size;
	}
	return true;
}

static bool snapshot_take(struct arena *arena, const struct record *record,
			  struct service_spec *spec, struct error *err)
{
	const char **paths = arena_array(arena, record->snapshot_count + 1, sizeof(*paths));

	for (size_t i = 0; i < record->snapshot_count; i++) {
		const char *path = record->snapshot[i];

		paths[i] =
			path[0] == '/' ? path : arena_printf(arena, "%s/%s", spec->data_dir, path);
		if (!path_is_below(paths[i], spec->data_dir))
			return error_set_field(err, ERR_INVALID, "snapshot",
					       "\"%s\" is not below the data folder", path);
	}
	spec->snapshot = paths;
	spec->snapshot_count = record->snapshot_count;
	return true;
}

static bool reload_take(struct arena *arena, json_t *document, const struct record *record,
			struct service_spec *spec, struct error *err)
{
	if (!json_is_object(json_object_get(document, "reload")))
		return true;
	if (!record->reload.signal)
		return error_set_field(err, ERR_INVALID, "reload.signal", "is required");
	if (!signal_decode(record->reload.signal, "reload.signal", &spec->reload_signal, err))
		return false;
	spec->reload_globs = record->reload.files;
	spec->reload_glob_count = record->reload.file_count;
	if (!json_object_get(json_object_get(document, "reload"), "files")) {
		const char **all = arena_array(arena, 2, sizeof(*all));

		all[0] = "*";
		spec->reload_globs = all;
		spec->reload_glob_count = 1;
	}
	return true;
}

static bool capabilities_take(const struct record *record, struct service_spec *spec,
			      struct error *err)
{
	spec->has_capabilities = record->capabilities != NULL;
	spec->capabilities = 0;
	for (size_t i = 0; i < record->capability_count; i++) {
		int number = names_find(CAPABILITY_NAMES, record->capabilities[i]);

		if (number < 0)
			return error_set_field(err, ERR_INVALID, "capabilities",
					       "unknown capability \"%s\"",
					       record->capabilities[i]);
		spec->capabilities |= UINT64_C(1) << number;
	}
	return true;
}

static bool names_valid(const struct record *record, struct error *err)
{
	for (size_t i = 0; i < record->after_count; i++) {
		const char *name = record->after[i];

		if (!*name ||
		    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != strlen(name))
			return error_set_field(err, ERR_INVALID, "after",
					       "\"%s\" is no service name", name);
	}
	return true;
}

static bool command_check(const struct record *record, struct error *err)
{
	if (record->command_count == 0 || !record->command[0][0])
		return error_set_field(err, ERR_INVALID, "command", "is required");
	if (strchr(record->command[0], '/') && record->command[0][0] != '/')
		return error_set_field(err, ERR_INVALID, "command[0]",
				       "\"%s\" is neither absolute nor a plain name",
				       record->command[0]);
	return true;
}

bool spec_decode(struct arena *arena, json_t *document, struct service_spec *spec,
		 struct error *err)
{
	struct record record = {
		.no_new_privs = true,
		.stop = {.signal = "SIGTERM", .grace_ms = DEFAULT_GRACE_MS},
		.restart = {.policy = RESTART_ALWAYS,
			    .delay_ms = DEFAULT_DELAY_MS,
			    .max_delay_ms = DEFAULT_MAX_DELAY_MS,
			    .burst = DEFAULT_BURST,
			    .window_ms = DEFAULT_WINDOW_MS,
			    .hold_ms = DEFAULT_HOLD_MS},
	};

	document_prepare(document);
	if (!fields_decode(RECORD_FIELDS, document, FIELDS_TOLERANT, arena, &record, err))
		return false;
	if (!capabilities_take(&record, spec, err) || !command_check(&record, err) ||
	    !names_valid(&record, err) ||
	    !signal_decode(record.stop.signal, "stop.signal", &spec->stop_signal, err) ||
	    !env_take(arena, record.env, spec, err) || !probes_take(arena, &record, spec, err) ||
	    !snapshot_take(arena, &record, spec, err) ||
	    !reload_take(arena, document, &record, spec, err) ||
	    !change_decode(arena, document, spec->root, &spec->change, err))
		return false;
	spec->command = record.command;
	spec->command_count = record.command_count;
	spec->cwd = record.cwd ? record.cwd : spec->data_dir;
	spec->user = record.user;
	spec->no_new_privs = record.no_new_privs;
	spec->private_tmp = record.private_tmp;
	spec->stop_grace_ms = record.stop.grace_ms;
	spec->restart = record.restart;
	spec->after = record.after;
	spec->after_count = record.after_count;
	spec->limits = record.limits;
	spec->document = json_keep(json_incref(document), arena);
	return true;
}

const char *probe_kind_name(enum probe_kind kind)
{
	return PROBE_KINDS[kind];
}
