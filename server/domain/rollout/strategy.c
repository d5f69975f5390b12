/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/strategy.h"

#include <string.h>

#include "base/fields.h"
#include "domain/package/drivers.h"
#include "protocol/limits.h"

enum { DAY_MS = 24 * 3600 * 1000 };

const char *const ALERT_BAR_NAMES[] = {"none", "info", "warning", "critical", NULL};

static const char *const ON_FAILURE_NAMES[] = {"pause", "rollback", "fail", "rollback_wave", NULL};
static const char *const NEW_FAILURE_NAMES[] = {"ignore", "stop", NULL};
static const char *const OFFLINE_NAMES[] = {"later", "wait", "skip", "fail", NULL};

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

/* The waves are a list of numbers and strings, or an object, so they come as JSON. */
struct strategy_wire {
	json_t *waves;
	struct strategy strategy;
};

struct label_waves {
	const char *label;
	const char *const *order;
	size_t order_count;
};

static const struct field LABEL_WAVES_FIELDS[] = {
	FIELD_STRING(struct label_waves, label, FIELD_REQUIRED | FIELD_NOT_EMPTY, LIMIT_NAME),
	FIELD_STRINGS(struct label_waves, order, order_count, 0, ROLLOUT_WAVES_MAX, LIMIT_NAME),
	FIELD_END,
};

static const struct field WINDOW_FIELDS[] = {
	FIELD_STRING(struct update_window, cron, FIELD_REQUIRED, 120),
	FIELD_INT64(struct update_window, duration_ms, FIELD_REQUIRED, 60000, 7LL * DAY_MS),
	FIELD_END,
};

static const struct field RETRIES_FIELDS[] = {
	FIELD_INT64(struct retries, max, 0, 0, 100),
	FIELD_INT64(struct retries, backoff_ms, 0, 1000, DAY_MS),
	FIELD_END,
};

static const struct field STRATEGY_FIELDS[] = {
	FIELD_JSON(struct strategy_wire, waves, 0),
	FIELD_STRING_AS("apart", struct strategy_wire, strategy.apart, FIELD_NULLABLE, LIMIT_NAME),
	FIELD_INT64_AS("max_parallel", struct strategy_wire, strategy.max_parallel, 0, 0, 1000000),
	FIELD_INT64_AS("health_gate_ms", struct strategy_wire, strategy.health_gate_ms, 0, 0,
		       DAY_MS),
	FIELD_INT64_AS("soak_ms", struct strategy_wire, strategy.soak_ms, 0, 0, 30LL * DAY_MS),
	FIELD_INT64_AS("max_failures", struct strategy_wire, strategy.gate.max_failures, 0, 0,
		       1000000),
	FIELD_INT64_AS("max_failed_percent", struct strategy_wire, strategy.gate.max_failed_percent,
		       0, 0, 100),
	FIELD_INT64_AS("max_unreachable_percent", struct strategy_wire,
		       strategy.gate.max_unreachable_percent, 0, 0, 100),
	FIELD_ENUM_AS("stop_on_alert", struct strategy_wire, strategy.gate.alert, 0,
		      ALERT_BAR_NAMES),
	FIELD_ENUM_AS("on_failure", struct strategy_wire, strategy.on_failure, 0, ON_FAILURE_NAMES),
	FIELD_INT64_AS("deadline_ms", struct strategy_wire, strategy.deadline_ms, 0, 1000, DAY_MS),
	FIELD_TIME_AS("start_at", struct strategy_wire, strategy.start_at, FIELD_NULLABLE),
	FIELD_INT64_AS("rollout_deadline_ms", struct strategy_wire, strategy.rollout_deadline_ms, 0,
		       0, 366LL * DAY_MS),
	FIELD_OBJECTS_AS("windows", struct strategy_wire, strategy.windows, strategy.window_count,
			 0, ROLLOUT_WINDOWS_MAX, WINDOW_FIELDS, sizeof(struct update_window)),
	FIELD_STRING_AS("timezone", struct strategy_wire, strategy.timezone, FIELD_NOT_EMPTY,
			LIMIT_NAME),
	FIELD_OBJECT_AS("retries", struct strategy_wire, strategy.retries, 0, RETRIES_FIELDS),
	FIELD_INT64_AS("priority", struct strategy_wire, strategy.priority, 0, -100, 100),
	FIELD_BOOL_AS("follow", struct strategy_wire, strategy.follow, 0),
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

static bool label_waves_decode(json_t *json, struct arena *arena, struct strategy *strategy,
			       struct error *err)
{
	struct label_waves waves = {0};

	if (!fields_decode(LABEL_WAVES_FIELDS, json, FIELDS_STRICT, arena, &waves, err)) {
		error_prefix_field(err, "strategy.waves");
		return false;
	}
	for (size_t i = 0; i < waves.order_count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(waves.order[i], waves.order[j]) == 0)
				return error_set_field(
					err, ERR_INVALID,
					arena_printf(arena, "strategy.waves.order[%zu]", i),
					"%s comes twice", waves.order[i]);
	strategy->wave_label = waves.label;
	strategy->wave_order = waves.order;
	strategy->wave_order_count = waves.order_count;
	return true;
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
	if (json_is_object(json))
		return label_waves_decode(json, arena, strategy, err);
	if (!json_is_array(json) || json_array_size(json) == 0 ||
	    json_array_size(json) > ROLLOUT_WAVES_MAX)
		return error_set_field(err, ERR_INVALID, "strategy.waves",
				       "expected a list of 1 to %d waves, or {\"label\": ...}",
				       ROLLOUT_WAVES_MAX);
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

static bool windows_check(struct strategy *strategy, struct arena *arena, struct error *err)
{
	for (size_t i = 0; i < strategy->window_count; i++) {
		struct update_window *window = &strategy->windows[i];
		const char *place = arena_printf(arena, "strategy.windows[%zu].cron", i);
		struct error why;
		int64_t ignored;

		if (!cron_parse(window->cron, &window->parsed, &why))
			return error_set_field(err, ERR_INVALID, place, "%s", why.text);
		if (!cron_next(&window->parsed, 0, &ignored))
			return error_set_field(err, ERR_INVALID, place,
					       "the window \"%s\" never opens: no year has such a "
					       "day",
					       window->cron);
	}
	return true;
}

static bool strategy_check(struct strategy *strategy, struct error *err)
{
	if (strategy->health_gate_ms >= strategy->deadline_ms)
		return error_set_field(err, ERR_INVALID, "strategy.health_gate_ms",
				       "the gate of %lld ms does not fit the deadline of %lld ms",
				       (long long)strategy->health_gate_ms,
				       (long long)strategy->deadline_ms);
	if (strategy->follow && strategy->rollout_deadline_ms > 0)
		return error_set_field(err, ERR_INVALID, "strategy.rollout_deadline_ms",
				       "a rollout that follows has no end: leave one of them out");
	if (strategy->rollout_deadline_ms > 0 &&
	    strategy->rollout_deadline_ms < strategy->deadline_ms)
		return error_set_field(err, ERR_INVALID, "strategy.rollout_deadline_ms",
				       "shorter than the %lld ms that one node has",
				       (long long)strategy->deadline_ms);
	if (strategy->apart != NULL && strategy->apart[0] == '\0')
		strategy->apart = NULL;
	return true;
}

bool strategy_decode(json_t *json, struct arena *arena, struct strategy *out, struct error *err)
{
	struct strategy_wire wire = {
		.strategy = {.health_gate_ms = 5000,
			     .deadline_ms = 600000,
			     .apart = "ha-group",
			     .gate = {.max_failures = -1,
				      .max_failed_percent = -1,
				      .max_unreachable_percent = -1},
			     .timezone = "UTC",
			     .retries = {.max = 2, .backoff_ms = 60000}},
	};
	struct strategy *strategy = &wire.strategy;

	if (json != NULL && !json_is_null(json) &&
	    !fields_decode(STRATEGY_FIELDS, json, FIELDS_STRICT, arena, &wire, err)) {
		error_prefix_field(err, "strategy");
		return false;
	}
	/* Without a word on failures none is allowed. */
	if (strategy->gate.max_failures < 0 && strategy->gate.max_failed_percent < 0)
		strategy->gate.max_failures = 0;
	if (!waves_decode(wire.waves, arena, strategy, err) ||
	    !windows_check(strategy, arena, err) || !strategy_check(strategy, err))
		return false;
	*out = *strategy;
	return true;
}

static json_t *waves_encode(const struct strategy *strategy)
{
	json_t *waves = json_array();

	for (size_t i = 0; i < strategy->wave_count; i++) {
		const struct wave_size *wave = &strategy->waves[i];
		json_array_append_new(waves, wave->percent > 0
						     ? json_sprintf("%d%%", (int)wave->percent)
						     : json_integer(wave->count));
	}
	return waves;
}

json_t *strategy_encode(const struct strategy *strategy)
{
	static const char *const unset[] = {"max_failures", "max_failed_percent",
					    "max_unreachable_percent"};
	const struct label_waves by_label = {strategy->wave_label, strategy->wave_order,
					     strategy->wave_order_count};
	struct strategy_wire wire = {.strategy = *strategy};
	json_t *json = fields_encode(STRATEGY_FIELDS, &wire);

	for (size_t i = 0; i < sizeof(unset) / sizeof(unset[0]); i++)
		if (json_integer_value(json_object_get(json, unset[i])) < 0)
			json_object_del(json, unset[i]);
	json_object_set_new(json, "waves",
			    strategy->wave_label != NULL
				    ? fields_encode(LABEL_WAVES_FIELDS, &by_label)
				    : waves_encode(strategy));
	return json;
}
