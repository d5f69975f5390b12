/* SPDX-License-Identifier: Apache-2.0 */
/* "muster-agent apply" and "muster-agent report": what a technician with a USB stick does. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fields.h"
#include "base/file.h"
#include "control_ask.h"
#include "local.h"
#include "local_internal.h"

enum { LOOK_MS = 250, WAIT_MIN = 60 };

/* Where the files are, before the agent's folder is entered. */
struct files {
	int bundle;
	char folder[PATH_MAX]; /* of the bundle, absolute */
	char report[PATH_MAX]; /* absolute, or "" */
};

static struct files files = {.bundle = -1};

static bool absolute(const char *path, char out[PATH_MAX], struct error *err)
{
	char here[PATH_MAX] = "";

	if (path[0] != '/' && !getcwd(here, sizeof(here)))
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot tell the folder");
	int length = snprintf(out, PATH_MAX, "%s%s%s", here, here[0] ? "/" : "", path);
	return (length > 0 && length < PATH_MAX) ||
	       error_set(err, ERR_INVALID, "the name is too long: %s", path);
}

static const char *own_value(const struct local *local, const char *name)
{
	for (const struct own_option *option = local->line.options; option->name; option++)
		if (strcmp(option->name, name) == 0)
			return option->value;
	return NULL;
}

static bool open_bundle(struct local *local, struct error *err)
{
	const char *path = local->line.words[0], *report = own_value(local, "report");
	struct stat status;
	char copy[PATH_MAX];

	/* Whoever made the stick may have put a pipe there, at which open() would wait for ever. */
	files.bundle = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (files.bundle < 0 || fstat(files.bundle, &status) != 0)
		return error_set_errno(err, ERR_NOT_FOUND, errno, "cannot read %s", path);
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERR_INVALID, "%s is no file: a bundle is one", path);
	if (!absolute(path, copy, err))
		return false;
	snprintf(files.folder, sizeof(files.folder), "%s", dirname(copy));
	return !report || absolute(report, files.report, err);
}

static bool name_report(struct local *local, struct error *err)
{
	const char *path = local->line.word_count > 0 ? local->line.words[0] : "-";

	return strcmp(path, "-") == 0 || absolute(path, files.report, err);
}

/* --- the report --- */

static bool ask_report(struct local *local, json_t **answer, struct error *err)
{
	json_auto_t *request = json_pack("{s:s}", "do", "report");

	return control_ask(request, local->arena, answer, err);
}

static bool write_report(struct local *local, json_t *answer, struct error *err)
{
	const char *text = text_at(answer, "report");

	if (!files.report[0] && files.folder[0] &&
	    !absolute(arena_printf(local->arena, "%s/%s.report", files.folder,
				   text_at(answer, "name")),
		      files.report, err))
		return false;
	if (!file_write_atomic(files.report, text, strlen(text), 0644, err))
		return error_prefix(err,
				    "the report could not be written (\"muster-agent report FILE\" "
				    "makes it again)");
	if (!local->config.json)
		printf("report   %s%s: hand it in with \"muster bundle report FILE\", or let the node "
		       "send it when it is online\n",
		       files.report,
		       json_is_true(json_object_get(answer, "truncated")) ? " (the oldest part)"
									  : "");
	return true;
}

int local_report(int argc, char **argv)
{
	struct local local = {.line.most_words = 1};
	struct error err = {0};
	json_t *answer;
	bool ok = local_begin(&local, argc, argv, 0, name_report, &err) &&
		  ask_report(&local, &answer, &err);

	if (ok && files.report[0])
		ok = write_report(&local, answer, &err);
	else if (ok)
		fputs(text_at(answer, "report"), stdout);
	return local_finish(&local, ok, &err);
}

/* --- the bundle --- */

struct applying {
	struct local *local;
	long long accepted;
	char digest[80];
	bool in_force;
	bool show; /* progress on a terminal */
};

static bool take_line(json_t *line, void *arg)
{
	struct applying *applying = arg;

	if (json_object_get(line, "total") && applying->show)
		fprintf(stderr, "\rpackages %lld of %lld MB", number_at(line, "done") / 1000000,
			number_at(line, "total") / 1000000);
	else if (json_object_get(line, "generation") && !applying->local->config.json)
		printf("bundle   generation %lld, %lld package%s to bring\n",
		       number_at(line, "generation"), number_at(line, "packages"),
		       number_at(line, "packages") == 1 ? "" : "s");
	if (json_object_get(line, "accepted")) {
		applying->accepted = number_at(line, "accepted");
		applying->in_force = json_is_true(json_object_get(line, "in_force"));
		snprintf(applying->digest, sizeof(applying->digest), "%s", text_at(line, "digest"));
	}
	return true;
}

static bool bring(struct applying *applying, struct error *err)
{
	json_auto_t *request = json_pack("{s:s}", "do", "apply");
	bool ok = control_ask_lines(request, files.bundle, take_line, applying, err);

	if (applying->show)
		fputs("\n", stderr);
	if (ok && applying->accepted == 0)
		return error_set(err, ERR_UNAVAILABLE,
				 "the agent ended while it was reading the bundle");
	return ok;
}

static bool failed(const json_t *status, const struct applying *applying, struct error *err)
{
	const json_t *verdict = json_object_get(status, "verdict");

	if (number_at(verdict, "generation") != applying->accepted)
		return false;
	if (text_at(verdict, "stderr")[0])
		fprintf(stderr, "%s\n", text_at(verdict, "stderr"));
	error_set(err, ERR_CONFLICT, "generation %lld was %s: %s", applying->accepted,
		  text_at(verdict, "state"), text_at(verdict, "text"));
	return true;
}

/* Looks until the change has come to an end. The agent may restart meanwhile. */
static bool wait_for_end(struct applying *applying, struct error *err)
{
	json_auto_t *request = json_pack("{s:s}", "do", "status");
	usec_t end = clock_boottime() + WAIT_MIN * USEC_PER_MINUTE;
	const char *shown = "";

	while (clock_boottime() < end) {
		struct error away = {0};
		json_t *status;

		if (!control_ask(request, applying->local->arena, &status, &away)) {
			if (away.code == ERR_FORBIDDEN) {
				*err = away;
				return false;
			}
		} else {
			const char *activity = text_at(status, "activity");

			if (strcmp(text_at(status, "digest"), applying->digest) == 0)
				return true;
			if (failed(status, applying, err))
				return false;
			if (number_at(status, "accepted") > applying->accepted)
				return error_set(err, ERR_CONFLICT,
						 "a newer desired state has come meanwhile");
			if (strcmp(activity, shown) != 0 && !applying->local->config.json)
				printf("change   %s\n", activity);
			fflush(stdout);
			shown = activity;
		}
		usleep(LOOK_MS * 1000);
	}
	return error_set(
		err, ERR_TIMEOUT,
		"the change has not ended within %d minutes; \"muster-agent explain\" says why",
		WAIT_MIN);
}

static void print_end(const struct applying *applying, bool ok, const struct error *err)
{
	json_auto_t *answer = json_pack("{s:b, s:I, s:s, s:s*}", "succeeded", ok, "generation",
					(json_int_t)applying->accepted, "report", files.report,
					"error", ok ? NULL : err->text);

	if (applying->local->config.json) {
		json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (ok) {
		printf("done     generation %lld is what runs\n", applying->accepted);
	}
}

int local_apply(int argc, char **argv)
{
	struct own_option options[] = {
		{.name = "report", .has_value = true}, {.name = "no-wait"}, {.name = NULL}};
	struct local local = {.line = {.options = options, .most_words = 1}};
	struct applying applying = {.local = &local};
	struct error err = {0}, report_err = {0};
	json_t *answer;
	bool ok = local_begin(&local, argc, argv, 1, open_bundle, &err);

	if (!ok)
		return local_finish(&local, false, &err);
	applying.show = !local.config.json && isatty(STDERR_FILENO);
	ok = bring(&applying, &err);
	bool refused = !ok && err.code != ERR_FORBIDDEN && err.code != ERR_NOT_FOUND &&
		       err.code != ERR_UNAVAILABLE;
	if (ok && !options[1].value)
		ok = wait_for_end(&applying, &err);
	/* Bad news is news for the server, too. */
	if (applying.accepted > 0 || refused) {
		bool written = ask_report(&local, &answer, &report_err) &&
			       write_report(&local, answer, &report_err);
		if (!written)
			fprintf(stderr, "muster-agent: %s\n", report_err.text);
	}
	print_end(&applying, ok, &err);
	return local_finish(&local, ok, &err);
}
