/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fields.h"
#include "base/file.h"
#include "base/settings.h"
#include "client.h"
#include "handlers.h"

enum { REQUEST_MAX = 1024 * 1024 };

static const struct column ROLLOUTS[] = {
	{"#", "number", COLUMN_TEXT},
	{"NAME", "name", COLUMN_TEXT},
	{"STATE", "state", COLUMN_TEXT},
	{"OK", "counts.succeeded", COLUMN_TEXT},
	{"FAILED", "counts.failed", COLUMN_TEXT},
	{"OF", "counts.total", COLUMN_TEXT},
	{"BY", "created_by", COLUMN_TEXT},
	{"CREATED", "created_at", COLUMN_TIME},
	{"REASON", "reason", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

static const struct column ROLLOUT[] = {
	{"number", "number", COLUMN_TEXT},
	{"name", "name", COLUMN_TEXT},
	{"kind", "kind", COLUMN_TEXT},
	{"state", "state", COLUMN_TEXT},
	{"reason", "reason", COLUMN_TEXT},
	{"changes", "changes", COLUMN_CHANGES},
	{"targets", "targets", COLUMN_TARGETS},
	{"by", "created_by", COLUMN_TEXT},
	{"wave", "current_wave", COLUMN_TEXT},
	{"succeeded", "counts.succeeded", COLUMN_TEXT},
	{"failed", "counts.failed", COLUMN_TEXT},
	{"in progress", "counts.in_progress", COLUMN_TEXT},
	{"offline", "counts.offline", COLUMN_TEXT},
	{"pending", "counts.pending", COLUMN_TEXT},
	{"fetched", "traffic.fetched_bytes", COLUMN_SIZE},
	{"saved", "traffic.saved_bytes", COLUMN_SIZE},
	{"created", "created_at", COLUMN_TIME},
	{"started", "started_at", COLUMN_TIME},
	{"finished", "finished_at", COLUMN_TIME},
	{NULL, NULL, COLUMN_TEXT},
};

static const struct column FAILURES[] = {
	{"KIND", "fingerprint", COLUMN_TEXT},  {"NODES", "count", COLUMN_TEXT},
	{"CODE", "error.code", COLUMN_TEXT},   {"SERVICE", "error.service", COLUMN_TEXT},
	{"NEW", "new", COLUMN_TEXT},	       {"FIRST", "first_seen_at", COLUMN_TIME},
	{"FOR EXAMPLE", "names", COLUMN_LIST}, {NULL, NULL, COLUMN_TEXT},
};

static const struct column WAVES[] = {
	{"WAVE", "no", COLUMN_TEXT},
	{"STATE", "state", COLUMN_TEXT},
	{"SIZE", "size", COLUMN_TEXT},
	{"OK", "counts.succeeded", COLUMN_TEXT},
	{"FAILED", "counts.failed", COLUMN_TEXT},
	{"RUNNING", "counts.in_progress", COLUMN_TEXT},
	{"OFFLINE", "counts.offline", COLUMN_TEXT},
	{"PENDING", "counts.pending", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

static const struct column STEPS[] = {
	{"NODE", "name", COLUMN_TEXT},
	{"WAVE", "wave", COLUMN_TEXT},
	{"STATE", "state", COLUMN_TEXT},
	{"SINCE", "state_since", COLUMN_TIME},
	{"FETCHED", "progress.done_bytes", COLUMN_SIZE},
	{"SAVED", "progress.saved_bytes", COLUMN_SIZE},
	{"REASON", "reason", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

/* The dashboard writes R-12 for number 12. */
const char *rollout_argument(const struct cli *cli)
{
	const char *text = cli->arguments[0];
	bool prefixed = (text[0] == 'R' || text[0] == 'r') && text[1] == '-' && text[2] != '\0' &&
			text[2 + strspn(text + 2, "0123456789")] == '\0';

	return prefixed ? text + 2 : text;
}

/* "name@version" -> {name, version}; the version of a config is a number or "latest". */
static bool named_version(const struct cli *cli, const char *text, bool config, json_t **out,
			  struct error *err)
{
	const char *at = strrchr(text, '@');
	char *end;

	if (at == NULL && config) {
		*out = json_pack("{s:s}", "name", text);
		return true;
	}
	if (at == NULL || at == text || at[1] == '\0')
		return error_set(err, ERR_INVALID, "expected NAME@VERSION, not \"%s\"", text);
	const char *name = arena_strndup(cli->arena, text, (size_t)(at - text));
	long long number = strtoll(at + 1, &end, 10);
	*out = json_pack("{s:s, s:o}", "name", name, "version",
			 config && *end == '\0' ? json_integer(number) : json_string(at + 1));
	return true;
}

/* Each --service begins a change; what follows it, up to the next, belongs to it. */
static bool changes_of(struct cli *cli, json_t *changes, struct error *err)
{
	json_t *change = NULL, *value;

	for (size_t i = 0; i < cli->option_count; i++) {
		const char *name = cli->options[i].name, *text = cli->options[i].value;
		bool mine = strcmp(name, "package") == 0 || strcmp(name, "config") == 0 ||
			    strcmp(name, "run") == 0 || strcmp(name, "remove") == 0 ||
			    strcmp(name, "driver") == 0 || strcmp(name, "param") == 0;
		if (strcmp(name, "service") == 0) {
			change = json_pack("{s:s}", "service", text);
			json_array_append_new(changes, change);
			continue;
		}
		if (!mine)
			continue;
		if (change == NULL)
			return error_set(err, ERR_INVALID, "--%s comes after its --service", name);
		if (strcmp(name, "package") == 0 || strcmp(name, "config") == 0) {
			if (!named_version(cli, text, name[0] == 'c', &value, err))
				return false;
			json_object_set_new(change, name, value);
		} else if (strcmp(name, "run") == 0) {
			bool run;
			if (!bool_parse(name, text, &run, err))
				return false;
			json_object_set_new(change, name, json_boolean(run));
		} else if (strcmp(name, "remove") == 0) {
			json_object_set_new(change, name, json_true());
		} else if (strcmp(name, "driver") == 0) {
			json_object_set_new(change, name, json_string(text));
		} else {
			json_t *parameters = json_object_get(change, "parameters");
			if (parameters == NULL) {
				parameters = json_pack("{s:{}}", "values");
				json_object_set_new(change, "parameters", parameters);
			}
			if (!add_pair(json_object_get(parameters, "values"), text, err))
				return false;
		}
	}
	return true;
}

/* "a,b" as a list of strings, of numbers where numbers is true. */
static json_t *list_of(const struct cli *cli, const char *text, bool numbers)
{
	json_t *list = json_array();

	while (*text != '\0') {
		size_t length = strcspn(text, ",");
		const char *item = arena_strndup(cli->arena, text, length);
		char *end;
		long long number = strtoll(item, &end, 10);
		json_array_append_new(list, numbers && *end == '\0' ? json_integer(number)
								    : json_string(item));
		text += length + (text[length] == ',');
	}
	return list;
}

/* "1,2,50%" or "label:site=a,b". */
static json_t *waves_of(const struct cli *cli, const char *text)
{
	static const char LABEL[] = "label:";

	if (strncmp(text, LABEL, strlen(LABEL)) != 0)
		return list_of(cli, text, true);
	text += strlen(LABEL);
	size_t length = strcspn(text, "=");
	return json_pack("{s:s%, s:o}", "label", text, length, "order",
			 list_of(cli, text[length] == '=' ? text + length + 1 : "", false));
}

/* Each --window is five fields of cron and a duration. */
static bool windows_of(const struct cli *cli, json_t *strategy, struct error *err)
{
	size_t count;
	const char *const *windows = cli_options(cli, "window", &count);
	json_t *list = json_keep(json_array(), cli->arena);

	for (size_t i = 0; i < count; i++) {
		const char *space = strrchr(windows[i], ' ');
		int64_t milliseconds;
		if (space == NULL || !duration_parse(space + 1, &milliseconds))
			return error_set(err, ERR_INVALID,
					 "--window takes five fields of cron and a time, such as "
					 "\"0 22 * * mon-fri 4h\", not \"%s\"",
					 windows[i]);
		json_array_append_new(list, json_pack("{s:s%, s:I}", "cron", windows[i],
						      (size_t)(space - windows[i]), "duration_ms",
						      (json_int_t)milliseconds));
	}
	if (count > 0)
		json_object_set(strategy, "windows", list);
	return true;
}

bool rollout_strategy(struct cli *cli, json_t *strategy, struct error *err)
{
	static const struct {
		const char *option, *member;
	} times[] = {{"health-gate", "health_gate_ms"},
		     {"soak", "soak_ms"},
		     {"deadline", "deadline_ms"},
		     {"rollout-deadline", "rollout_deadline_ms"}},
	  numbers[] = {{"max-failures", "max_failures"},
		       {"max-parallel", "max_parallel"},
		       {"max-failed-percent", "max_failed_percent"},
		       {"max-unreachable-percent", "max_unreachable_percent"}},
	  words[] = {{"on-failure", "on_failure"},
		     {"offline", "offline"},
		     {"apart", "apart"},
		     {"start-at", "start_at"},
		     {"timezone", "timezone"},
		     {"stop-on-alert", "stop_on_alert"},
		     {"new-failure", "new_failure"}};
	long long value;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (!cli_option_ms(cli, times[i].option, -1, &value, err))
			return false;
		if (value >= 0)
			json_object_set_new(strategy, times[i].member, json_integer(value));
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (!cli_option_int(cli, numbers[i].option, -1, &value, err))
			return false;
		if (value >= 0)
			json_object_set_new(strategy, numbers[i].member, json_integer(value));
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (cli_option(cli, words[i].option) != NULL)
			json_object_set_new(strategy, words[i].member,
					    json_string(cli_option(cli, words[i].option)));
	if (cli_switch(cli, "approval"))
		json_object_set_new(strategy, "approval", json_true());

	if (cli_switch(cli, "follow"))
		json_object_set_new(strategy, "follow", json_true());
	if (cli_option(cli, "priority") != NULL)
		json_object_set_new(strategy, "priority",
				    json_integer(strtoll(cli_option(cli, "priority"), NULL, 10)));
	if (!cli_option_int(cli, "retries", -1, &value, err))
		return false;
	if (value >= 0)
		json_object_set_new(strategy, "retries",
				    json_pack("{s:I}", "max", (json_int_t)value));
	if (cli_option(cli, "waves") != NULL)
		json_object_set_new(strategy, "waves", waves_of(cli, cli_option(cli, "waves")));
	return windows_of(cli, strategy, err);
}

/* The request from --file, overlaid by what the options say. */
static bool request_of(struct cli *cli, json_t **out, struct error *err)
{
	const char *file = cli_option(cli, "file"), *selector = cli_option(cli, "selector");
	json_t *request = NULL, *changes = json_keep(json_array(), cli->arena);
	size_t count;
	long long confirm;
	const char *const *nodes = cli_options(cli, "node", &count);

	if (file != NULL) {
		char *text;
		size_t size;
		if (!file_read(file, REQUEST_MAX, cli->arena, &text, &size, err) ||
		    !json_parse_limited(text, size, 16, &request, err))
			return error_prefix(err, "%s", file);
	}
	request = json_keep(request != NULL ? request : json_object(), cli->arena);
	if (!changes_of(cli, changes, err))
		return false;
	if (json_array_size(changes) > 0)
		json_object_set(request, "changes", changes);
	if (selector != NULL)
		json_object_set_new(request, "targets", json_pack("{s:s}", "selector", selector));
	if (count > 0) {
		json_t *list = json_array();
		for (size_t i = 0; i < count; i++)
			json_array_append_new(list, json_string(nodes[i]));
		json_object_set_new(request, "targets", json_pack("{s:o}", "nodes", list));
	}
	if (cli_option(cli, "selection") != NULL)
		json_object_set_new(request, "targets",
				    json_pack("{s:s}", "selection", cli_option(cli, "selection")));
	if (!cli_option_int(cli, "confirm", -1, &confirm, err))
		return false;
	if (confirm >= 0 && json_object_get(request, "targets") != NULL)
		json_object_set_new(json_object_get(request, "targets"), "confirm_count",
				    json_integer(confirm));
	json_t *strategy = json_object_get(request, "strategy");
	if (strategy == NULL) {
		strategy = json_object();
		json_object_set_new(request, "strategy", strategy);
	}
	if (!rollout_strategy(cli, strategy, err))
		return false;
	if (json_object_get(request, "changes") == NULL)
		return error_set(err, ERR_INVALID,
				 "what changes? --service S with --package, --config, --run, "
				 "--param or --remove, or --file");
	if (json_object_get(request, "targets") == NULL)
		return error_set(err, ERR_INVALID,
				 "where? --selector (\"*\" is every node), --node or --selection");
	*out = request;
	return true;
}

bool rollout_plan_command(struct cli *cli, struct error *err)
{
	json_t *request, *plan;

	if (!request_of(cli, &request, err) ||
	    !client_call(cli->client, "POST", "/api/v1/rollouts/plan", request, cli->arena, &plan,
			 err))
		return false;
	if (cli->json) {
		print_json(plan);
		return true;
	}
	print_plan(cli, plan);
	return true;
}

static const char *number_of(struct cli *cli, json_t *rollout)
{
	return value_text(cli, json_object_get(rollout, "number"), COLUMN_TEXT);
}

/* Waits if asked for, then prints the rollout. */
bool rollout_finish(struct cli *cli, json_t *rollout, struct error *err)
{
	if (cli_switch(cli, "wait") && !rollout_watch(cli, number_of(cli, rollout), &rollout, err))
		return false;
	if (cli->json)
		print_json(rollout);
	else
		cli_say(cli, "rollout %s (%s) is %s%s%s", number_of(cli, rollout),
			value_text(cli, json_at(rollout, "name"), COLUMN_TEXT),
			value_text(cli, json_at(rollout, "state"), COLUMN_TEXT),
			json_is_string(json_at(rollout, "reason")) ? ": " : "",
			json_is_string(json_at(rollout, "reason"))
				? json_string_value(json_at(rollout, "reason"))
				: "");
	return true;
}

bool rollout_start_command(struct cli *cli, struct error *err)
{
	json_t *request, *rollout;

	if (!request_of(cli, &request, err))
		return false;
	if (cli_option(cli, "name") != NULL)
		json_object_set_new(request, "name", json_string(cli_option(cli, "name")));
	if (cli_option(cli, "plan-hash") != NULL)
		json_object_set_new(request, "plan_hash",
				    json_string(cli_option(cli, "plan-hash")));
	if (cli_switch(cli, "draft"))
		json_object_set_new(request, "draft", json_true());
	return client_call(cli->client, "POST", "/api/v1/rollouts", request, cli->arena, &rollout,
			   err) &&
	       rollout_finish(cli, rollout, err);
}

bool rollout_list_command(struct cli *cli, struct error *err)
{
	return run_list(cli,
			cli_query(cli, "/api/v1/rollouts", "state", cli_option(cli, "state"), NULL),
			ROLLOUTS, "no rollout yet; \"muster rollout start\" makes one", err);
}

/* What became of a node, why, and what its service said last. */
static void print_failure(struct cli *cli, const char *who, json_t *step)
{
	json_t *error = json_object_get(step, "error");
	const char *outcome = json_string_value(json_at(error, "outcome"));
	const char *text = json_string_value(json_at(error, "text"));
	const char *last = json_string_value(json_at(error, "stderr"));
	json_t *exit = json_object_get(error, "exit"), *probe = json_object_get(error, "probe");

	if (!text)
		text = value_text(cli, json_at(step, "reason"), COLUMN_TEXT);
	cli_say(cli, "\n%s: %s: %s", who,
		outcome ? outcome : value_text(cli, json_at(step, "state"), COLUMN_TEXT), text);
	if (json_is_string(json_at(error, "service")))
		cli_say(cli, "  service %s, in %s, code %s",
			json_string_value(json_at(error, "service")),
			value_text(cli, json_at(error, "phase"), COLUMN_TEXT),
			value_text(cli, json_at(error, "code"), COLUMN_TEXT));
	if (json_integer_value(json_at(exit, "signal")) > 0)
		cli_say(cli, "  killed by signal %lld",
			(long long)json_integer_value(json_at(exit, "signal")));
	else if (json_is_integer(json_at(exit, "code")))
		cli_say(cli, "  exit status %lld",
			(long long)json_integer_value(json_at(exit, "code")));
	if (json_is_object(probe))
		cli_say(cli, "  probe %s: %s", value_text(cli, json_at(probe, "kind"), COLUMN_TEXT),
			value_text(cli, json_at(probe, "text"), COLUMN_TEXT));
	while (last && *last) {
		size_t length = strcspn(last, "\n");

		cli_say(cli, "  | %.*s", (int)length, last);
		last += length + (last[length] == '\n');
	}
}

static bool print_failures(struct cli *cli, struct error *err)
{
	static const char FAILED[] = "failed,rolled_back,rollback_failed,timed_out";
	const char *path =
		cli_query(cli, cli_path(cli, "/api/v1/rollouts/%s/steps", rollout_argument(cli)),
			  "state", FAILED, "limit", "10", NULL);
	json_t *steps, *step;
	size_t index;

	if (!client_call(cli->client, "GET", path, NULL, cli->arena, &steps, err))
		return false;
	json_array_foreach (json_object_get(steps, "items"), index, step)
		print_failure(cli, value_text(cli, json_at(step, "name"), COLUMN_TEXT), step);
	if (json_is_string(json_object_get(steps, "next_cursor")))
		cli_say(cli, "\nmore: muster rollout steps %s --state %s", rollout_argument(cli),
			FAILED);
	return true;
}

bool rollout_failures_command(struct cli *cli, struct error *err)
{
	json_t *reply, *kind;
	size_t index;

	if (!client_call(cli->client, "GET",
			 cli_path(cli, "/api/v1/rollouts/%s/failures", rollout_argument(cli)), NULL,
			 cli->arena, &reply, err))
		return false;
	if (cli->json) {
		print_json(reply);
		return true;
	}
	print_list(cli, reply, FAILURES, "nothing has failed");
	json_array_foreach (json_object_get(reply, "items"), index, kind)
		print_failure(cli,
			      value_text(cli, json_object_get(kind, "fingerprint"), COLUMN_TEXT),
			      kind);
	return true;
}

bool rollout_show_command(struct cli *cli, struct error *err)
{
	json_t *rollout;

	if (!client_call(cli->client, "GET",
			 cli_path(cli, "/api/v1/rollouts/%s", rollout_argument(cli)), NULL,
			 cli->arena, &rollout, err))
		return false;
	print_object(cli, rollout, ROLLOUT);
	if (cli->json)
		return true;
	cli_say(cli, "%s", "");
	print_list(cli,
		   json_keep(json_pack("{s:O}", "items", json_object_get(rollout, "waves")),
			     cli->arena),
		   WAVES, "no wave");
	return print_failures(cli, err);
}

bool rollout_steps_command(struct cli *cli, struct error *err)
{
	const char *path =
		cli_query(cli, cli_path(cli, "/api/v1/rollouts/%s/steps", rollout_argument(cli)),
			  "state", cli_option(cli, "state"), "wave", cli_option(cli, "wave"),
			  "fingerprint", cli_option(cli, "fingerprint"), NULL);

	return run_list(cli, path, STEPS, "no step", err);
}

bool rollout_wait_command(struct cli *cli, struct error *err)
{
	json_t *rollout;

	if (!rollout_watch(cli, rollout_argument(cli), &rollout, err))
		return false;
	if (cli->json)
		print_json(rollout);
	return true;
}

static bool act(struct cli *cli, const char *action, struct error *err)
{
	json_t *rollout;

	return client_call(cli->client, "POST",
			   cli_path(cli, "/api/v1/rollouts/%s/%s", rollout_argument(cli), action),
			   NULL, cli->arena, &rollout, err) &&
	       rollout_finish(cli, rollout, err);
}

bool rollout_run_command(struct cli *cli, struct error *err)
{
	return act(cli, "start", err);
}

bool rollout_pause_command(struct cli *cli, struct error *err)
{
	return act(cli, "pause", err);
}

bool rollout_resume_command(struct cli *cli, struct error *err)
{
	return act(cli, "resume", err);
}

bool rollout_promote_command(struct cli *cli, struct error *err)
{
	return act(cli, "promote", err);
}

bool rollout_retry_command(struct cli *cli, struct error *err)
{
	return act(cli, "retry", err);
}

bool rollout_abort_command(struct cli *cli, struct error *err)
{
	return act(cli, "abort", err);
}

bool rollout_force_command(struct cli *cli, struct error *err)
{
	return act(cli, "force", err);
}

bool rollout_finish_command(struct cli *cli, struct error *err)
{
	return act(cli, "finish", err);
}

static bool act_on_nodes(struct cli *cli, const char *action, struct error *err)
{
	json_t *body = json_keep(json_object(), cli->arena), *nodes = json_array(), *answer;

	for (size_t i = 1; i < cli->argument_count; i++)
		json_array_append_new(nodes, json_string(cli->arguments[i]));
	json_object_set_new(body, "nodes", nodes);
	if (cli_option(cli, "cause") != NULL)
		json_object_set_new(body, "cause", json_string(cli_option(cli, "cause")));
	if (!client_call(
		    cli->client, "POST",
		    cli_path(cli, "/api/v1/rollouts/%s/steps/%s", rollout_argument(cli), action),
		    body, cli->arena, &answer, err))
		return false;
	if (cli->json)
		print_json(answer);
	else
		cli_say(cli, "%s nodes: %s",
			value_text(cli, json_object_get(answer, "count"), COLUMN_TEXT), action);
	return true;
}

bool rollout_skip_nodes_command(struct cli *cli, struct error *err)
{
	return act_on_nodes(cli, "skip", err);
}

bool rollout_retry_nodes_command(struct cli *cli, struct error *err)
{
	return act_on_nodes(cli, "retry", err);
}

bool rollout_exclude_nodes_command(struct cli *cli, struct error *err)
{
	return act_on_nodes(cli, "exclude", err);
}

bool rollout_approve_command(struct cli *cli, struct error *err)
{
	return act(cli, "approve", err);
}

bool rollout_rollback_command(struct cli *cli, struct error *err)
{
	json_t *strategy = json_keep(json_object(), cli->arena), *rollout;

	if (!rollout_strategy(cli, strategy, err))
		return false;
	json_t *body = json_keep(json_pack("{s:O}", "strategy", strategy), cli->arena);
	return client_call(cli->client, "POST",
			   cli_path(cli, "/api/v1/rollouts/%s/rollback", rollout_argument(cli)),
			   body, cli->arena, &rollout, err) &&
	       rollout_finish(cli, rollout, err);
}
