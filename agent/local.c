/* SPDX-License-Identifier: Apache-2.0 */
#include "local.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fields.h"
#include "base/log.h"
#include "control_ask.h"
#include "local_internal.h"

enum { EXIT_USAGE = 2 };

bool local_begin(struct local *local, int argc, char **argv, int need,
		 bool (*open_first)(struct local *local, struct error *err), struct error *err)
{
	struct command_line line = local->line;

	*local = (struct local){.arena = arena_new(), .line = line};
	if (!config_load_command(argc, argv, &local->line, local->arena, &local->config, err))
		return false;
	if (local->line.word_count < need)
		return error_set(err, ERR_INVALID,
				 "an argument is missing; see muster-agent --help");
	if (open_first && !open_first(local, err))
		return false;
	if (chdir(local->config.dir) == 0)
		return true;
	if (errno == ENOENT)
		return error_set(err, ERR_NOT_FOUND,
				 "there is no agent's folder %s; --dir names another one",
				 local->config.dir);
	return error_set_errno(err, ERR_FORBIDDEN, errno, "cannot enter %s", local->config.dir);
}

int local_finish(struct local *local, bool ok, const struct error *err)
{
	int status = ok ? EXIT_SUCCESS : err->code == ERR_INVALID ? EXIT_USAGE : EXIT_FAILURE;

	if (!ok)
		fprintf(stderr, "muster-agent: %s\n", err->text);
	arena_free(local->arena);
	return status;
}

const char *text_at(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text ? text : "";
}

long long number_at(const json_t *json, const char *key)
{
	return (long long)json_integer_value(json_object_get(json, key));
}

static const char *span_words(struct arena *arena, usec_t span)
{
	long long seconds = (long long)(span / USEC_PER_SEC);

	if (seconds < 120)
		return arena_printf(arena, "%lld s", seconds);
	if (seconds < 2 * 3600)
		return arena_printf(arena, "%lld min", seconds / 60);
	if (seconds < 2 * 86400)
		return arena_printf(arena, "%lld h", seconds / 3600);
	return arena_printf(arena, "%lld days", seconds / 86400);
}

const char *time_words(struct arena *arena, const char *time, usec_t now)
{
	usec_t at;

	if (!time_parse(time, strlen(time), &at))
		return "";
	const char *span = span_words(arena, at > now ? at - now : now - at);
	return arena_printf(arena, "%.19sZ (%s%s%s)", time, at > now ? "in " : "", span,
			    at > now ? "" : " ago");
}

/* --- status --- */

static void print_generation(const json_t *answer)
{
	const json_t *verdict = json_object_get(answer, "verdict");

	printf("generation  %lld, %s\n", number_at(answer, "generation"),
	       text_at(answer, "activity"));
	if (!json_is_object(verdict) || number_at(verdict, "generation") <= 0)
		return;
	printf("            generation %lld was %s: %s\n", number_at(verdict, "generation"),
	       text_at(verdict, "state"), text_at(verdict, "text"));
	if (text_at(verdict, "stderr")[0])
		printf("            its last lines: %s\n", text_at(verdict, "stderr"));
}

static void print_status(struct local *local, json_t *answer)
{
	usec_t now = clock_now_utc();
	long long offset_ms = number_at(answer, "clock_offset_ms");
	size_t index;
	json_t *service;

	printf("node        %s (%s), agent %s\n", text_at(answer, "name"), text_at(answer, "node"),
	       text_at(answer, "version"));
	printf("server      %s, %s\n", text_at(answer, "server"), text_at(answer, "connection"));
	print_generation(answer);
	printf("unsent      %lld bytes wait for the server\n", number_at(answer, "unsent_bytes"));
	if (offset_ms > 5000 || offset_ms < -5000)
		printf("clock       is %lld s %s what the server has proved\n",
		       offset_ms > 0 ? offset_ms / 1000 : -offset_ms / 1000,
		       offset_ms > 0 ? "ahead of" : "behind");
	json_array_foreach (json_object_get(answer, "services"), index, service) {
		const char *reason = text_at(service, "reason");

		printf("%s%-11s %-10s", index == 0 ? "\n" : "", text_at(service, "name"),
		       text_at(service, "state"));
		if (number_at(service, "pid") > 0)
			printf(" pid %-7lld", number_at(service, "pid"));
		printf(" since %s", time_words(local->arena, text_at(service, "since"), now));
		if (number_at(service, "restarts") > 0)
			printf(", restarts %lld", number_at(service, "restarts"));
		if (json_is_string(json_object_get(service, "retry_at")))
			printf(", next try %s",
			       time_words(local->arena, text_at(service, "retry_at"), now));
		printf("%s%s\n", reason[0] ? ": " : "", reason);
	}
}

static void print_json(struct local *local, const json_t *answer)
{
	printf("%s\n", json_text(answer, local->arena));
}

int local_status(int argc, char **argv)
{
	struct local local = {0};
	struct error err = {0};
	json_auto_t *request = json_pack("{s:s}", "do", "status");
	json_t *answer;
	bool ok = local_begin(&local, argc, argv, 0, NULL, &err) &&
		  control_ask(request, local.arena, &answer, &err);

	if (ok && local.config.json)
		print_json(&local, answer);
	else if (ok)
		print_status(&local, answer);
	return local_finish(&local, ok, &err);
}

/* --- explain --- */

static void print_explanation(struct local *local, const char *subject, const json_t *why)
{
	usec_t now = clock_now_utc();

	printf("%s %s: %s\n", subject, text_at(why, "state"), text_at(why, "text"));
	if (text_at(why, "since")[0])
		printf("  since    %s\n", time_words(local->arena, text_at(why, "since"), now));
	if (text_at(why, "until")[0])
		printf("  until    %s, then %s\n",
		       time_words(local->arena, text_at(why, "until"), now), text_at(why, "then"));
	printf("  changes  with %s\n", text_at(why, "change"));
}

static void print_explain(struct local *local, json_t *answer)
{
	size_t index;
	json_t *service;

	printf("server %s: %s\n",
	       json_is_true(json_object_get(answer, "online")) ? "connected" : "not reached",
	       text_at(answer, "connection"));
	print_explanation(local, "desired state", json_object_get(answer, "generation"));
	json_array_foreach (json_object_get(answer, "services"), index, service)
		print_explanation(local, text_at(service, "name"), service);
}

int local_explain(int argc, char **argv)
{
	struct local local = {.line.most_words = 1};
	struct error err = {0};
	json_auto_t *request = json_pack("{s:s}", "do", "explain");
	json_t *answer;
	bool ok = local_begin(&local, argc, argv, 0, NULL, &err);

	if (ok && local.line.word_count == 1)
		json_object_set_new(request, "service", json_string(local.line.words[0]));
	ok = ok && control_ask(request, local.arena, &answer, &err);
	if (ok && local.config.json)
		print_json(&local, answer);
	else if (ok)
		print_explain(&local, answer);
	return local_finish(&local, ok, &err);
}

/* --- logs --- */

static bool print_line(json_t *line, void *arg)
{
	const struct local *local = arg;

	if (local->config.json) {
		json_dumpf(line, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		printf("%s %s %s%s\n", text_at(line, "at"),
		       strcmp(text_at(line, "stream"), "stderr") == 0  ? "E"
		       : strcmp(text_at(line, "stream"), "agent") == 0 ? "-"
								       : "O",
		       text_at(line, "text"),
		       json_is_true(json_object_get(line, "continues")) ? " ..." : "");
	}
	fflush(stdout);
	return !ferror(stdout);
}

int local_logs(int argc, char **argv)
{
	struct own_option options[] = {{.name = "follow", .letter = 'f'},
				       {.name = "lines", .letter = 'n', .has_value = true},
				       {.name = NULL}};
	struct local local = {.line = {.options = options, .most_words = 1}};
	struct error err = {0};
	json_auto_t *request = json_pack("{s:s}", "do", "logs");
	bool ok = local_begin(&local, argc, argv, 1, NULL, &err);

	if (ok && options[1].value) {
		char *end;
		long long lines = strtoll(options[1].value, &end, 10);

		ok = (*options[1].value && !*end) ||
		     error_set(&err, ERR_INVALID, "-n %s is no number", options[1].value);
		json_object_set_new(request, "lines", json_integer(lines));
	}
	if (ok) {
		json_object_set_new(request, "service", json_string(local.line.words[0]));
		json_object_set_new(request, "follow", json_boolean(options[0].value != NULL));
		ok = control_ask_lines(request, -1, print_line, &local, &err);
	}
	return local_finish(&local, ok, &err);
}

/* --- restart --- */

int local_restart(int argc, char **argv)
{
	struct local local = {.line.most_words = 1};
	struct error err = {0};
	json_auto_t *request = json_pack("{s:s}", "do", "restart");
	json_t *answer;
	bool ok = local_begin(&local, argc, argv, 1, NULL, &err);

	if (ok)
		json_object_set_new(request, "service", json_string(local.line.words[0]));
	ok = ok && control_ask(request, local.arena, &answer, &err);
	if (ok && local.config.json)
		print_json(&local, answer);
	else if (ok)
		printf("%s is restarted; \"muster-agent explain %s\" shows how it comes up\n",
		       local.line.words[0], local.line.words[0]);
	return local_finish(&local, ok, &err);
}

/* --- retry --- */

int local_retry(int argc, char **argv)
{
	struct local local = {0};
	struct error err = {0};
	json_auto_t *request = json_pack("{s:s}", "do", "retry");
	json_t *answer;
	bool ok = local_begin(&local, argc, argv, 0, NULL, &err) &&
		  control_ask(request, local.arena, &answer, &err);

	if (ok && local.config.json)
		print_json(&local, answer);
	else if (ok)
		printf("%s; \"muster-agent explain\" shows how it goes\n",
		       text_at(answer, "retry"));
	return local_finish(&local, ok, &err);
}
