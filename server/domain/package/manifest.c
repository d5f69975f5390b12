/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/package/manifest.h"

#include <string.h>

#include "base/fields.h"
#include "base/id.h"
#include "domain/package/drivers.h"
#include "protocol/capabilities.h"
#include "protocol/limits.h"

enum {
	STRING_MAX = 4096,
	ITEMS_MAX = 64,
	PROBES_MAX = 16,
	SNAPSHOT_MAX = 32,
	HEADERS_MAX = 16,
	ANSWERS_MAX = 100, /* of a probe that an agent looks back at */
	BURST_MAX = 32,	   /* exits that an agent remembers */
	PATH_LENGTH_MAX = 1024,
	HOUR_MS = 3600000,
	TEN_MINUTES_MS = 600000,
};

static const char *const FORMAT_NAMES[] = {"tar.gz", "tar.xz", "tar.zst", "deb", NULL};
static const char *const POLICY_NAMES[] = {"always", "on-failure", "never", NULL};
static const char *const SIGNAL_NAMES[] = {"SIGTERM", "SIGINT",	  "SIGQUIT", "SIGHUP", "SIGUSR1",
					   "SIGUSR2", "SIGWINCH", "SIGKILL", NULL};
static const char *const PROBE_NAMES[] = {"process", "tcp", "http", "mqtt", "exec", "log", NULL};

/* A list of strings; the tables want somewhere to put it. */
struct strings {
	const char *const *items;
	size_t count;
};

struct signal_spec {
	const char *signal;
	int64_t grace_ms;
	struct strings files;
};

struct restart_spec {
	int policy;
	int64_t delay_ms, max_delay_ms, burst, window_ms, hold_ms;
};

struct limits_spec {
	int64_t memory_bytes, cpu_percent, pids, files;
};

struct probe_spec {
	int kind;
	bool readiness, liveness;
	const char *host, *path, *body, *topic, *match, *username, *password, *bearer;
	json_t *port;
	struct strings command, headers;
	int64_t status, interval_ms, timeout_ms, start_grace_ms;
	int64_t success, success_of, failure, failure_of;
};

struct hook_spec {
	struct strings command;
	int64_t timeout_ms, attempts, delay_ms;
};

struct hooks_spec {
	struct hook_spec before, after;
};

struct take_over_spec {
	const char *unit, *pid_file;
	struct strings start;
};

struct service_spec {
	int driver;
	struct strings command, after, snapshot, capabilities;
	bool no_new_privs, private_tmp;
	json_t *env, *values;
	const char *cwd, *user;
	struct signal_spec stop, reload;
	struct restart_spec restart;
	struct limits_spec limits;
	struct hooks_spec hooks;
	json_t *in_place;
	struct take_over_spec take_over;
	struct probe_spec *probes;
	size_t probe_count;
};

static const struct field STOP_FIELDS[] = {
	FIELD_STRING(struct signal_spec, signal, 0, 13),
	FIELD_INT64(struct signal_spec, grace_ms, 0, 0, TEN_MINUTES_MS),
	FIELD_END,
};

static const struct field RELOAD_FIELDS[] = {
	FIELD_STRING(struct signal_spec, signal, FIELD_REQUIRED, 13),
	FIELD_STRINGS_AS("files", struct signal_spec, files.items, files.count, FIELD_REQUIRED,
			 LIMIT_CONFIG_FILES, LIMIT_CONFIG_PATH),
	FIELD_END,
};

static const struct field RESTART_FIELDS[] = {
	FIELD_ENUM(struct restart_spec, policy, 0, POLICY_NAMES),
	FIELD_INT64(struct restart_spec, delay_ms, 0, 0, HOUR_MS),
	FIELD_INT64(struct restart_spec, max_delay_ms, 0, 0, HOUR_MS),
	FIELD_INT64(struct restart_spec, burst, 0, 1, BURST_MAX),
	FIELD_INT64(struct restart_spec, window_ms, 0, 1000, HOUR_MS),
	FIELD_INT64(struct restart_spec, hold_ms, 0, 1000, 24 * HOUR_MS),
	FIELD_END,
};

static const struct field LIMITS_FIELDS[] = {
	FIELD_INT64(struct limits_spec, memory_bytes, 0, 1 << 20, INT64_MAX),
	FIELD_INT64(struct limits_spec, cpu_percent, 0, 1, 6400),
	FIELD_INT64(struct limits_spec, pids, 0, 1, INT64_MAX),
	FIELD_INT64(struct limits_spec, files, 0, 16, INT64_MAX),
	FIELD_END,
};

static const struct field HOOK_FIELDS[] = {
	FIELD_STRINGS_AS("command", struct hook_spec, command.items, command.count, FIELD_REQUIRED,
			 ITEMS_MAX, STRING_MAX),
	FIELD_INT64(struct hook_spec, timeout_ms, 0, 100, HOUR_MS),
	FIELD_INT64(struct hook_spec, attempts, 0, 1, 100),
	FIELD_INT64(struct hook_spec, delay_ms, 0, 0, HOUR_MS),
	FIELD_END,
};

static const struct field HOOKS_FIELDS[] = {
	FIELD_OBJECT(struct hooks_spec, before, 0, HOOK_FIELDS),
	FIELD_OBJECT(struct hooks_spec, after, 0, HOOK_FIELDS),
	FIELD_END,
};

static const struct field TAKE_OVER_FIELDS[] = {
	FIELD_STRING(struct take_over_spec, unit, 0, 255),
	FIELD_STRING(struct take_over_spec, pid_file, 0, PATH_LENGTH_MAX),
	FIELD_STRINGS_AS("start", struct take_over_spec, start.items, start.count, 0, ITEMS_MAX,
			 STRING_MAX),
	FIELD_END,
};

static const struct field PROBE_FIELDS[] = {
	FIELD_ENUM(struct probe_spec, kind, FIELD_REQUIRED, PROBE_NAMES),
	FIELD_BOOL(struct probe_spec, readiness, 0),
	FIELD_BOOL(struct probe_spec, liveness, 0),
	FIELD_STRING(struct probe_spec, host, 0, 255),
	FIELD_JSON(struct probe_spec, port, 0),
	FIELD_STRING(struct probe_spec, path, 0, 1024),
	FIELD_INT64(struct probe_spec, status, 0, 100, 599),
	FIELD_STRING(struct probe_spec, body, 0, 1024),
	FIELD_STRINGS_AS("headers", struct probe_spec, headers.items, headers.count, 0, HEADERS_MAX,
			 1024),
	FIELD_STRING(struct probe_spec, topic, 0, 255),
	FIELD_STRINGS_AS("command", struct probe_spec, command.items, command.count, 0, ITEMS_MAX,
			 STRING_MAX),
	FIELD_STRING(struct probe_spec, match, 0, 1024),
	FIELD_STRING(struct probe_spec, username, 0, 255),
	FIELD_STRING(struct probe_spec, password, 0, 255),
	FIELD_STRING(struct probe_spec, bearer, 0, STRING_MAX),
	FIELD_INT64(struct probe_spec, interval_ms, 0, 50, HOUR_MS),
	FIELD_INT64(struct probe_spec, timeout_ms, 0, 50, TEN_MINUTES_MS),
	FIELD_INT64(struct probe_spec, success, 0, 1, ANSWERS_MAX),
	FIELD_INT64(struct probe_spec, success_of, 0, 1, ANSWERS_MAX),
	FIELD_INT64(struct probe_spec, failure, 0, 1, ANSWERS_MAX),
	FIELD_INT64(struct probe_spec, failure_of, 0, 1, ANSWERS_MAX),
	FIELD_INT64(struct probe_spec, start_grace_ms, 0, 0, HOUR_MS),
	FIELD_END,
};

static const struct field SERVICE_FIELDS[] = {
	FIELD_ENUM(struct service_spec, driver, 0, DRIVER_NAMES),
	FIELD_STRINGS_AS("command", struct service_spec, command.items, command.count, 0, ITEMS_MAX,
			 STRING_MAX),
	FIELD_JSON(struct service_spec, env, 0),
	FIELD_STRING(struct service_spec, cwd, 0, 1024),
	FIELD_OBJECT(struct service_spec, stop, 0, STOP_FIELDS),
	FIELD_OBJECT(struct service_spec, reload, 0, RELOAD_FIELDS),
	FIELD_OBJECT(struct service_spec, restart, 0, RESTART_FIELDS),
	FIELD_STRINGS_AS("after", struct service_spec, after.items, after.count, 0, ITEMS_MAX,
			 LIMIT_NAME),
	FIELD_OBJECT(struct service_spec, limits, 0, LIMITS_FIELDS),
	FIELD_STRING(struct service_spec, user, 0, 32),
	FIELD_STRINGS_AS("capabilities", struct service_spec, capabilities.items,
			 capabilities.count, 0, CAPABILITY_COUNT, LIMIT_NAME),
	FIELD_BOOL(struct service_spec, no_new_privs, 0),
	FIELD_BOOL(struct service_spec, private_tmp, 0),
	FIELD_JSON(struct service_spec, values, 0),
	FIELD_OBJECTS(struct service_spec, probes, probe_count, 0, PROBES_MAX, PROBE_FIELDS,
		      sizeof(struct probe_spec)),
	FIELD_STRINGS_AS("snapshot", struct service_spec, snapshot.items, snapshot.count, 0,
			 SNAPSHOT_MAX, LIMIT_CONFIG_PATH),
	FIELD_OBJECT(struct service_spec, hooks, 0, HOOKS_FIELDS),
	FIELD_JSON(struct service_spec, in_place, 0),
	FIELD_OBJECT(struct service_spec, take_over, 0, TAKE_OVER_FIELDS),
	FIELD_END,
};

static const struct field TAR_FIELDS[] = {
	FIELD_STRING(struct manifest_tar, sha256, FIELD_REQUIRED, 64),
	FIELD_INT64(struct manifest_tar, size, FIELD_REQUIRED, 1, INT64_MAX),
	FIELD_END,
};

static const struct field ARCHIVE_FIELDS[] = {
	FIELD_STRING_AS("sha256", struct package_manifest, archive.sha256, FIELD_REQUIRED, 64),
	FIELD_INT64_AS("size", struct package_manifest, archive.size, FIELD_REQUIRED, 1, INT64_MAX),
	FIELD_STRING_AS("format", struct package_manifest, archive.format, FIELD_REQUIRED, 16),
	FIELD_OBJECT_AS("tar", struct package_manifest, archive.tar, 0, TAR_FIELDS),
	FIELD_END,
};

struct manifest_raw {
	json_t *archive;
	struct package_manifest manifest;
};

static const struct field MANIFEST_FIELDS[] = {
	FIELD_INT64_AS("v", struct manifest_raw, manifest.v, FIELD_REQUIRED, 1, 1),
	FIELD_STRING_AS("name", struct manifest_raw, manifest.name, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING_AS("version", struct manifest_raw, manifest.version, FIELD_REQUIRED,
			LIMIT_NAME),
	FIELD_STRING_AS("platform", struct manifest_raw, manifest.platform, FIELD_REQUIRED, 32),
	FIELD_JSON(struct manifest_raw, archive, FIELD_REQUIRED),
	FIELD_INT64_AS("release", struct manifest_raw, manifest.release, 0, 0, INT64_MAX),
	FIELD_JSON_AS("service", struct manifest_raw, manifest.service, FIELD_REQUIRED),
	FIELD_END,
};

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

/* The first character of one set, all others of another. */
static bool made_of(const char *text, const char *first, const char *rest)
{
	return text[0] && strchr(first, text[0]) && text[1 + strspn(text + 1, rest)] == '\0';
}

static bool platform_valid(const char *platform)
{
	size_t system = strspn(platform, LOWER DIGIT);

	if (strcmp(platform, "any") == 0)
		return true;
	return system > 0 && platform[system] == '-' &&
	       made_of(platform + system + 1, LOWER DIGIT "_", LOWER DIGIT "_");
}

/* What an agent can send; NULL when the manifest names none. */
static bool signal_valid(const char *name)
{
	return !name || names_find(SIGNAL_NAMES, name) >= 0;
}

static bool fail(struct error *err, const char *field, const char *text)
{
	return error_set_field(err, ERR_INVALID, field, "%s %s", field, text);
}

static bool hash_valid(const char *text)
{
	return strlen(text) == 64 && strspn(text, DIGIT "abcdef") == 64;
}

static bool head_check(const struct package_manifest *manifest, struct error *err)
{
	if (!id_valid_name(manifest->name))
		return fail(err, "name", "is not [a-z0-9] followed by [a-z0-9._-]");
	if (!made_of(manifest->version, LOWER UPPER DIGIT, LOWER UPPER DIGIT ".+~_-"))
		return fail(err, "version",
			    "is not a letter or digit followed by [A-Za-z0-9.+~_-]");
	if (!platform_valid(manifest->platform))
		return fail(err, "platform", "is neither any nor like linux-amd64");
	if (!hash_valid(manifest->archive.sha256))
		return fail(err, "archive.sha256", "is not 64 lower hex digits");
	if (manifest->archive.tar.sha256 && !hash_valid(manifest->archive.tar.sha256))
		return fail(err, "archive.tar.sha256", "is not 64 lower hex digits");
	if (names_find(FORMAT_NAMES, manifest->archive.format) < 0)
		return fail(err, "archive.format", "is none of tar.gz, tar.xz, tar.zst, deb");
	return true;
}

static bool env_check(json_t *env, struct error *err)
{
	const char *name;
	json_t *value;

	if (!env)
		return true;
	if (!json_is_object(env) || json_object_size(env) > ITEMS_MAX)
		return fail(err, "env", "is not an object of at most 64 members");
	json_object_foreach (env, name, value) {
		if (!name[0] || strchr(name, '='))
			return fail(err, "env", "has a name that is empty or holds \"=\"");
		if (!json_is_string(value) || json_string_length(value) > STRING_MAX)
			return fail(err, "env", "has a value that is not a string of 4096 bytes");
	}
	return true;
}

/* What ${param.NAME} stands for unless the parameters of a node say otherwise. */
static bool values_check(json_t *values, struct error *err)
{
	const char *name;
	json_t *value;

	if (!values)
		return true;
	if (!json_is_object(values) || json_object_size(values) > ITEMS_MAX)
		return fail(err, "values", "is not an object of at most 64 members");
	json_object_foreach (values, name, value) {
		if (json_is_string(value) ? json_string_length(value) > STRING_MAX
					  : !json_is_integer(value) && !json_is_boolean(value))
			return fail(err, "values",
				    "has a value that is no short string, whole number or boolean");
	}
	return true;
}

/* A number, or ${param.NAME} that gives one on the device. */
static bool port_valid(const json_t *port)
{
	const char *text = json_string_value(port);
	static const char PREFIX[] = "${param.";

	if (!port)
		return true;
	if (json_is_integer(port))
		return json_integer_value(port) >= 1 && json_integer_value(port) <= 65535;
	if (!text || strncmp(text, PREFIX, strlen(PREFIX)) != 0)
		return false;
	const char *name = text + strlen(PREFIX);
	size_t length = strspn(name, LOWER UPPER DIGIT "_");
	return length > 0 && strcmp(name + length, "}") == 0;
}

/* Printable ASCII without spaces, so that it cannot end its line of a request. */
static bool token_valid(const char *token)
{
	for (const char *at = token; *at; at++)
		if (*at <= ' ' || *at > '~')
			return false;
	return *token != '\0';
}

static bool probe_check(const struct probe_spec *probe, struct error *err)
{
	if (probe->command.items && probe->command.count == 0)
		return fail(err, "probes", "has an empty command");
	if (!port_valid(probe->port))
		return fail(err, "probes", "has a port that is neither a number nor ${param.NAME}");
	if (probe->bearer && !token_valid(probe->bearer))
		return fail(err, "probes",
			    "has a bearer token that is not printable ASCII without spaces");
	if (probe->bearer && probe->username)
		return fail(err, "probes", "has both a bearer token and a username");
	return true;
}

/* Absolute, or made so on the device. */
static bool path_valid(const char *path)
{
	return path[0] == '/' || strncmp(path, "${", 2) == 0;
}

static bool command_valid(const struct strings *command)
{
	return !command->items || (command->count > 0 && path_valid(command->items[0]));
}

/* The agent checks the paths once more when the variables are in. */
static bool in_place_check(json_t *in_place, struct error *err)
{
	const char *file;
	json_t *path;

	if (!in_place)
		return true;
	if (!json_is_object(in_place) || json_object_size(in_place) > LIMIT_CONFIG_FILES)
		return fail(err, "in_place", "is not an object of at most 100 members");
	json_object_foreach (in_place, file, path) {
		if (!file[0] || strlen(file) > LIMIT_CONFIG_PATH || !json_is_string(path) ||
		    json_string_length(path) > PATH_LENGTH_MAX ||
		    !path_valid(json_string_value(path)))
			return fail(err, "in_place",
				    "does not lead from files of the config to absolute paths");
	}
	return true;
}

static bool take_over_check(const struct take_over_spec *take_over, bool given, struct error *err)
{
	if (given && !take_over->unit == !take_over->pid_file)
		return fail(err, "take_over", "has not exactly one of unit and pid_file");
	if (take_over->unit &&
	    !made_of(take_over->unit, LOWER UPPER DIGIT ":_.@", LOWER UPPER DIGIT ":_.@-"))
		return fail(err, "take_over.unit", "is not the name of a unit");
	if (take_over->pid_file && !path_valid(take_over->pid_file))
		return fail(err, "take_over.pid_file", "is not an absolute path");
	return command_valid(&take_over->start) ||
	       fail(err, "take_over.start", "does not begin with an absolute path");
}

static bool service_check(const struct service_spec *service, struct error *err)
{
	/* A driver other than generic brings a command along; an empty one is a mistake. */
	if (service->command.count == 0 && (service->driver == 0 || service->command.items))
		return fail(err, "command", "is empty");
	if (!signal_valid(service->stop.signal))
		return fail(err, "stop.signal",
			    "is not a signal that an agent sends, like SIGTERM");
	if (!signal_valid(service->reload.signal))
		return fail(err, "reload.signal",
			    "is not a signal that an agent sends, like SIGHUP");
	if (service->user && !made_of(service->user, LOWER "_", LOWER DIGIT "_-"))
		return fail(err, "user", "is not the name of a user");
	for (size_t i = 0; i < service->capabilities.count; i++)
		if (names_find(CAPABILITY_NAMES, service->capabilities.items[i]) < 0)
			return fail(err, "capabilities",
				    "has a name that is none, like CAP_NET_BIND_SERVICE");
	for (size_t i = 0; i < service->after.count; i++)
		if (!id_valid_name(service->after.items[i]))
			return fail(err, "after", "has a name that no service can have");
	for (size_t i = 0; i < service->probe_count; i++)
		if (!probe_check(&service->probes[i], err))
			return false;
	if (!command_valid(&service->hooks.before.command) ||
	    !command_valid(&service->hooks.after.command))
		return fail(err, "hooks",
			    "has a command that does not begin with an absolute path");
	return env_check(service->env, err) && values_check(service->values, err) &&
	       in_place_check(service->in_place, err);
}

static bool service_parse(json_t *json, struct arena *arena, struct error *err)
{
	struct service_spec service = {0};

	if (!json_is_object(json))
		return error_set(err, ERR_INVALID, "service is not an object");
	return fields_decode(SERVICE_FIELDS, json, FIELDS_STRICT, arena, &service, err) &&
	       service_check(&service, err) &&
	       take_over_check(&service.take_over, json_object_get(json, "take_over") != NULL, err);
}

static bool parse(const char *text, size_t length, struct arena *arena, struct manifest_raw *raw,
		  struct error *err)
{
	json_t *json;

	if (length > LIMIT_MANIFEST)
		return error_set(err, ERR_TOO_LARGE, "manifest is longer than %d bytes",
				 LIMIT_MANIFEST);
	if (!json_parse_limited(text, length, LIMIT_JSON_DEPTH, &json, err))
		return false;
	raw->manifest.json = json_keep(json, arena);
	if (!json_is_object(json))
		return error_set(err, ERR_INVALID, "manifest is not an object");
	if (!fields_decode(MANIFEST_FIELDS, json, FIELDS_STRICT, arena, raw, err))
		return false;
	if (!json_is_object(raw->archive))
		return fail(err, "archive", "is not an object");
	if (!fields_decode(ARCHIVE_FIELDS, raw->archive, FIELDS_STRICT, arena, &raw->manifest,
			   err)) {
		error_prefix_field(err, "archive");
		return false;
	}
	if (!head_check(&raw->manifest, err))
		return false;
	if (service_parse(raw->manifest.service, arena, err))
		return true;
	error_prefix_field(err, "service");
	return false;
}

bool manifest_parse(const char *text, size_t length, struct arena *arena,
		    struct package_manifest *out, struct error *err)
{
	struct manifest_raw raw = {.manifest = {.release = -1}};

	if (!parse(text, length, arena, &raw, err)) {
		error_prefix_field(err, "manifest");
		return error_prefix(err, "manifest");
	}
	*out = raw.manifest;
	return true;
}
