/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/strategy.h"

#include <string.h>

#include "base/fields.h"
#include "domain/package/drivers.h"
#include "protocol/limits.h"

enum { DAY_MS = 24 * 3600 * 1000 };

static const char *const ON_FAILURE_NAMES[] = {"pause", "rollback", "fail", NULL};
static const char *const NEW_FAILURE_NAMES[] = {"ignore", "stop", NULL};
static const char *const OFFLINE_NAMES[] = {"wait", "skip", "fail", NULL};

static const struct field PACKAGE_FIELDS[] = {
	FIELD_STRING(struct change_package, name, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct change_package, version, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_END,
};

static const struct field CONFIG_FIELDS[] = {
	FIELD_STRING(struct change_config, name, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_JSON(struct change_config, version, 0),
	FIELD_END,
};

static const struct field CHANGE_FIELDS[] = {
	FIELD_STRING(struct rollout_change, service, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct rollout_change, driver, 0, LIMIT_NAME),
	FIELD_OBJECT(struct rollout_change, package, 0, PACKAGE_FIELDS),
	FIELD_OBJECT(struct rollout_change, config, 0, CONFIG_FIELDS),
	FIELD_BOOL(struct rollout_change, run, 0),
	FIELD_BOOL(struct rollout_change, remove, 0),
	FIELD_JSON(struct rollout_change, parameters, 0),
	FIELD_END,
};

static const struct field TARGETS_FIELDS[] = {
	FIELD_STRING(struct targets, selector, FIELD_NULLABLE, 4096),
	FIELD_STRINGS(struct targets, nodes, node_count, 0, ROLLOUT_TARGETS_MAX, LIMIT_NAME),
	FIELD_STRING(struct targets, selection, FIELD_NULLABLE, LIMIT_NAME),
	FIELD_INT64(struct targets, confirm_count, 0, 0, 1000000000),
	FIELD_END,
};

/* The waves are mixed numbers and strings, so they come as JSON. */
struct strategy_wire {
	json_t *waves;
	struct strategy strategy;
};

static const struct field STRATEGY_FIELDS[] = {
	FIELD_JSON(struct strategy_wire, waves, 0),
	FIELD_INT64_AS("max_parallel", struct strategy_wire, strategy.max_parallel, 0, 0, 1000000),
	FIELD_INT64_AS("health_gate_ms", struct strategy_wire, strategy.health_gate_ms, 0, 0,
		       DAY_MS),
	FIELD_INT64_AS("soak_ms", struct strategy_wire, strategy.soak_ms, 0, 0, 30LL * DAY_MS),
	FIELD_INT64_AS("max_failures", struct strategy_wire, strategy.max_failures, 0, 0, 1000000),
	FIELD_ENUM_AS("on_failure", struct strategy_wire, strategy.on_failure, 0, ON_FAILURE_NAMES),
	FIELD_INT64_AS("deadline_ms", struct strategy_wire, strategy.deadline_ms, 0, 1000, DAY_MS),
	FIELD_ENUM_AS("offline", struct strategy_wire, strategy.offline, 0, OFFLINE_NAMES),
	FIELD_BOOL_AS("approval", struct strategy_wire, strategy.approval, 0),
	FIELD_ENUM_AS("new_failure", struct strategy_wire, strategy.new_failure, 0,
		      NEW_FAILURE_NAMES),
	FIELD_END,
};

static bool name_valid(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return len > 0 && name[len] == '\0' && strchr("._-", name[0]) == NULL;
}

static bool version_valid(json_t *version, struct error *err)
{
	if (version == NULL || (json_is_integer(version) && json_integer_value(version) > 0) ||
	    (json_is_string(version) && strcmp(json_string_value(version), "latest") == 0))
		return true;
	return error_set_field(err, ERR_INVALID, "config.version",
			       "expected a version number or \"latest\"");
}

/*
 * What a rollout may set. The program, its user and its probes belong to the package's manifest, which a
 * release key has signed: whoever may only start rollouts cannot make a gateway run something else.
 */
static const char *const PARAMETER_KEYS[] = {"values", "env",	 "restart", "reload",
					     "stop",   "limits", "after",   NULL};

static bool parameters_check(json_t *parameters, struct error *err)
{
	const char *key;
	json_t *value;

	if (parameters == NULL)
		return true;
	if (!json_is_object(parameters))
		return error_set_field(err, ERR_INVALID, "parameters", "expected an object");
	json_object_foreach (parameters, key, value)
		if (names_find(PARAMETER_KEYS, key) < 0)
			return error_set_field(
				err, ERR_INVALID, "parameters",
				"\"%.40s\" cannot be set by a rollout: the program "
				"belongs to the package's signed manifest (values, env, "
				"restart, reload, stop, limits and after can)",
				key);
	json_object_foreach (json_object_get(parameters, "env"), key, value)
		if (strncmp(key, "LD_", 3) == 0)
			return error_set_field(err, ERR_INVALID, "parameters.env",
					       "%.40s would load other code into the program", key);
	return true;
}

static bool change_check(const struct rollout_change *change, struct error *err)
{
	if (!name_valid(change->service))
		return error_set_field(err, ERR_INVALID, "service",
				       "a service name holds a-z, 0-9, '.', '_' and '-' only");
	if (!driver_check(change->driver, err) || !parameters_check(change->parameters, err))
		return false;
	if (change->remove &&
	    (change->driver != NULL || change->package.name != NULL ||
	     change->config.name != NULL || change->has_run || change->parameters != NULL))
		return error_set_field(err, ERR_INVALID, "remove",
				       "a service that is removed takes no other change");
	if (!change->remove && change->driver == NULL && change->package.name == NULL &&
	    change->config.name == NULL && !change->has_run && change->parameters == NULL)
		return error_set_field(err, ERR_INVALID, "service",
				       "nothing changes: give package, config, run, parameters, "
				       "driver or remove");
	return version_valid(change->config.version, err);
}

bool changes_decode(json_t *json, struct arena *arena, struct rollout_change **out, size_t *count,
		    struct error *err)
{
	size_t n = json_array_size(json), i;
	json_t *item;

	if (!json_is_array(json) || n == 0)
		return error_set_field(err, ERR_INVALID, "changes",
				       "expected a list of at least one change");
	if (n > ROLLOUT_CHANGES_MAX)
		return error_set_field(err, ERR_TOO_LARGE, "changes", "more than %d changes",
				       ROLLOUT_CHANGES_MAX);

	struct rollout_change *changes = arena_array(arena, n, sizeof(*changes));
	json_array_foreach (json, i, item) {
		changes[i].has_run = json_object_get(item, "run") != NULL;
		bool good = fields_decode(CHANGE_FIELDS, item, FIELDS_STRICT, arena, &changes[i],
					  err) &&
			    change_check(&changes[i], err);
		for (size_t other = 0; good && other < i; other++)
			if (strcmp(changes[other].service, changes[i].service) == 0)
				good = error_set_field(err, ERR_INVALID, "service",
						       "%s is changed twice", changes[i].service);
		if (!good) {
			error_prefix_field(err, arena_printf(arena, "changes[%zu]", i));
			return false;
		}
	}
	*out = changes;
	*count = n;
	return true;
}

bool targets_decode(json_t *json, struct arena *arena, struct targets *out, struct error *err)
{
	struct targets targets = {.confirm_count = -1};

	if (!json_is_object(json))
		return error_set_field(err, ERR_INVALID, "targets",
				       "expected {\"selector\": ...}, {\"nodes\": [...]} or "
				       "{\"selection\": ...}");
	if (!fields_decode(TARGETS_FIELDS, json, FIELDS_STRICT, arena, &targets, err)) {
		error_prefix_field(err, "targets");
		return false;
	}
	if ((targets.selector != NULL) + (targets.node_count > 0) + (targets.selection != NULL) !=
	    1)
		return error_set_field(err, ERR_INVALID, "targets",
				       "give either a selector, a list of nodes or a selection");
	*out = targets;
	return true;
}

static bool wave_decode(json_t *item, struct wave_size *wave)
{
	if (json_is_integer(item)) {
		wave->count = json_integer_value(item);
		return wave->count > 0;
	}
	if (!json_is_string(item))
		return false;

	const char *text = json_string_value(item);
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 3 || strcmp(text + digits, "%") != 0)
		return false;
	for (size_t i = 0; i < digits; i++)
		wave->percent = wave->percent * 10 + (text[i] - '0');
	return wave->percent >= 1 && wave->percent <= 100;
}

static bool waves_decode(json_t *json, struct arena *arena, struct strategy *strategy,
			 struct error *err)
{
	size_t i;
	json_t *item;

	if (json == NULL) {
		strategy->waves[0] = (struct wave_size){.percent = 100};
		strategy->wave_count = 1;
		return true;
	}
	if (!json_is_array(json) || json_array_size(json) == 0 ||
	    json_array_size(json) > ROLLOUT_WAVES_MAX)
		return error_set_field(err, ERR_INVALID, "strategy.waves",
				       "expected a list of 1 to %d waves", ROLLOUT_WAVES_MAX);
	json_array_foreach (json, i, item) {
		if (!wave_decode(item, &strategy->waves[i])) {
			error_set_field(err, ERR_INVALID,
					arena_printf(arena, "strategy.waves[%zu]", i),
					"a wave is a number of nodes or a share like \"25%%\"");
			return false;
		}
	}
	strategy->wave_count = json_array_size(json);
	return true;
}

bool strategy_decode(json_t *json, struct arena *arena, struct strategy *out, struct error *err)
{
	struct strategy_wire wire = {
		.strategy = {.health_gate_ms = 5000, .deadline_ms = 600000},
	};

	if (json != NULL && !json_is_null(json) &&
	    !fields_decode(STRATEGY_FIELDS, json, FIELDS_STRICT, arena, &wire, err)) {
		error_prefix_field(err, "strategy");
		return false;
	}
	if (!waves_decode(wire.waves, arena, &wire.strategy, err))
		return false;
	if (wire.strategy.health_gate_ms >= wire.strategy.deadline_ms)
		return error_set_field(err, ERR_INVALID, "strategy.health_gate_ms",
				       "the gate of %lld ms does not fit the deadline of %lld ms",
				       (long long)wire.strategy.health_gate_ms,
				       (long long)wire.strategy.deadline_ms);
	*out = wire.strategy;
	return true;
}

json_t *strategy_encode(const struct strategy *strategy)
{
	struct strategy_wire wire = {.strategy = *strategy};
	json_t *json = fields_encode(STRATEGY_FIELDS, &wire);
	json_t *waves = json_array();

	for (size_t i = 0; i < strategy->wave_count; i++) {
		const struct wave_size *wave = &strategy->waves[i];
		json_array_append_new(waves, wave->percent > 0
						     ? json_sprintf("%d%%", (int)wave->percent)
						     : json_integer(wave->count));
	}
	json_object_set_new(json, "waves", waves);
	return json;
}

size_t waves_split(const struct strategy *strategy, int64_t total, int64_t sizes[])
{
	int64_t left = total;
	size_t count = 0;

	for (size_t i = 0; i < strategy->wave_count && left > 0; i++) {
		const struct wave_size *wave = &strategy->waves[i];
		/* A share is rounded up, so that a small share of a small fleet is a canary too. */
		int64_t size = wave->percent > 0 ? (total * wave->percent + 99) / 100 : wave->count;
		if (size > left || i + 1 == strategy->wave_count)
			size = left;
		sizes[count++] = size;
		left -= size;
	}
	return count;
}
