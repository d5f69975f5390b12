/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/settings.h"

static const char PREFIX[] = "MUSTER_AGENT";

enum { FINGERPRINT_DIGITS = 64 };

#define DIR_HELP "folder with everything the agent keeps"

static const struct setting SETTINGS[] = {
	SETTING_PATH(struct config, dir, "/var/lib/muster-agent", DIR_HELP),
	SETTING_STRING(struct config, log_level, "info", "debug, info, warn or error"),
	SETTING_PATH(struct config, shim, "",
		     "muster-shim (empty: beside this program, then PATH)"),
	SETTING_DURATION(struct config, reconnect_min_ms, "1s", "first pause before reconnecting"),
	SETTING_DURATION(struct config, reconnect_max_ms, "300s", "longest such pause"),
	SETTING_DURATION(struct config, broker_patience_ms, "180s",
			 "when the server has moved this node to another broker that cannot be "
			 "reached for so long, the former ones are tried again"),
	SETTING_SIZE(struct config, spool_bytes, "64MiB",
		     "kept for the server while it cannot be reached"),
	SETTING_SIZE(struct config, catchup_rate_bytes, "64KiB",
		     "per second and stream, of what waited while offline (0: no limit)"),
	SETTING_DURATION(struct config, catchup_spread_ms, "30s",
			 "logs and events of an offline time begin within this, by chance"),
	SETTING_DURATION(struct config, log_interval_ms, "1s", "between looks at service logs"),
	SETTING_SIZE(struct config, log_segment_bytes, "1MiB", "size of one log file of a service"),
	SETTING_INT(struct config, log_segment_count, "4", 2, 1000,
		    "number of log files kept of a service"),
	SETTING_INT(struct config, fetch_attempts, "5", 1, 1000, "attempts of one download"),
	SETTING_SIZE(struct config, fetch_rate_bytes, "0", "download limit per second (0: none)"),
	SETTING_STRING(struct config, cache_urls, "",
		       "site caches of packages, asked in this order before the server"),
	SETTING_SIZE(struct config, unpack_max_bytes, "2GiB", "largest unpacked package"),
	SETTING_SIZE(struct config, disk_reserve_bytes, "64MiB",
		     "disk space an update leaves free"),
	SETTING_STRING(struct config, control_group, "",
		       "group that may ask and tell the agent everything on this machine"),
	SETTING_STRING(struct config, control_readers, "",
		       "group that may look (status, explain, logs); *: everybody"),
	SETTING_DURATION(struct config, upgrade_deadline_ms, "300s",
			 "for a new agent to be answered by the server, else the old one returns"),
	SETTING_DURATION(struct config, renew_after_ms, "600s",
			 "without a broker for so long: ask the server over HTTPS for a new "
			 "certificate"),
	SETTING_BOOL(struct config, json, "false", "answer as JSON"),
	SETTING_END,
};

static const struct setting ENROLL_SETTINGS[] = {
	SETTING_PATH(struct enroll_config, dir, "/var/lib/muster-agent", DIR_HELP),
	SETTING_STRING(struct enroll_config, server, "", "https://host:port of the Muster server"),
	SETTING_STRING(struct enroll_config, token, "", "enrolment token (mse_...)"),
	SETTING_STRING(struct enroll_config, ca_fingerprint, "",
		       "sha256 of the server's CA, as the server shows it"),
	SETTING_STRING(struct enroll_config, name, "", "wanted name (default: the host's)"),
	SETTING_END,
};

/* The folder decides which configuration file is read, so it is looked for first. */
static const char *find_dir(int argc, char **argv)
{
	const char *dir = getenv("MUSTER_AGENT_DIR");

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
			dir = argv[i + 1];
		else if (strncmp(argv[i], "--dir=", 6) == 0)
			dir = argv[i] + 6;
	}
	return dir ? dir : SETTINGS[0].preset;
}

static bool check_rest(int argc, char **argv, int index, struct error *err)
{
	return index >= argc ||
	       error_set(err, ERR_INVALID, "unexpected argument \"%s\"", argv[index]);
}

bool config_load(int argc, char **argv, struct arena *arena, struct config *out, struct error *err)
{
	const char *file = arena_printf(arena, "%s/agent.conf", find_dir(argc, argv));
	int index = 0;

	return settings_load(SETTINGS, PREFIX, file, argc, argv, &index, arena, out, err) &&
	       check_rest(argc, argv, index, err);
}

/* Whether the word behind "--name" is its value. */
static bool takes_next(const char *argument)
{
	return !strchr(argument, '=') && strcmp(argument, "--json") != 0;
}

/* The option that an argument names, and its value when that stands behind '='. */
static struct own_option *find_own(struct own_option *options, const char *argument,
				   const char **value)
{
	const char *name = argument + 2;
	size_t length = strcspn(name, "=");

	*value = NULL;
	for (struct own_option *option = options; option && option->name; option++) {
		if (argument[1] != '-' && option->letter == argument[1] && argument[2] == '\0')
			return option;
		if (argument[1] != '-' || strlen(option->name) != length ||
		    strncmp(option->name, name, length) != 0)
			continue;
		if (name[length] == '=')
			*value = name + length + 1;
		return option;
	}
	return NULL;
}

static bool take_own(struct own_option *option, const char *value, int argc, char **argv, int *at,
		     struct error *err)
{
	if (!option->has_value && value)
		return error_set(err, ERR_INVALID, "--%s takes no value", option->name);
	if (option->has_value && !value) {
		if (*at + 1 >= argc)
			return error_set(err, ERR_INVALID, "%s needs a value", argv[*at]);
		value = argv[++*at];
	}
	option->value = option->has_value ? value : "";
	return true;
}

bool config_load_command(int argc, char **argv, struct command_line *line, struct arena *arena,
			 struct config *out, struct error *err)
{
	char **others = arena_array(arena, (size_t)argc + 1, sizeof(*others));
	bool only_words = false;
	int count = 0;

	line->words = arena_array(arena, (size_t)argc + 1, sizeof(*line->words));
	line->word_count = 0;
	for (int i = 0; i < argc; i++) {
		struct own_option *own = NULL;
		const char *value = NULL;

		if (only_words || argv[i][0] != '-' || argv[i][1] == '\0') {
			line->words[line->word_count++] = argv[i];
			continue;
		}
		if (strcmp(argv[i], "--") == 0) {
			only_words = true;
			continue;
		}
		own = find_own(line->options, argv[i], &value);
		if (own && !take_own(own, value, argc, argv, &i, err))
			return false;
		if (own)
			continue;
		if (argv[i][1] != '-')
			return error_set(err, ERR_INVALID, "there is no option %s", argv[i]);
		others[count++] = argv[i];
		if (takes_next(argv[i]) && i + 1 < argc)
			others[count++] = argv[++i];
	}
	return config_load(count, others, arena, out, err) &&
	       (line->word_count <= line->most_words ||
		error_set(err, ERR_INVALID, "unexpected argument \"%s\"",
			  line->words[line->most_words]));
}

/* --label may come again and again, which the table does not know: picks them out of argv. */
static bool take_labels(int argc, char **argv, struct enroll_config *out, int *rest, char **others,
			struct error *err)
{
	*rest = 0;
	for (int i = 0; i < argc; i++) {
		const char *label = NULL;

		if (strcmp(argv[i], "--label") == 0 && i + 1 < argc)
			label = argv[++i];
		else if (strncmp(argv[i], "--label=", 8) == 0)
			label = argv[i] + 8;
		if (!label) {
			others[(*rest)++] = argv[i];
			continue;
		}
		if (!strchr(label, '=') || label[0] == '=')
			return error_set(err, ERR_INVALID, "--label %s is not like key=value",
					 label);
		if (out->label_count == MAX_LABELS)
			return error_set(err, ERR_TOO_LARGE, "more than %d labels", MAX_LABELS);
		out->labels[out->label_count++] = label;
	}
	return true;
}

/* A cut-off copy is told apart from another server. */
static bool check_fingerprint(const char *text, struct error *err)
{
	const char *digits = strncmp(text, "sha256:", 7) == 0 ? text + 7 : text;
	size_t length = strspn(digits, "0123456789abcdefABCDEF");

	if (length == FINGERPRINT_DIGITS && digits[length] == '\0')
		return true;
	return error_set(err, ERR_INVALID, "--ca-fingerprint is %d hexadecimal digits, not \"%s\"",
			 FINGERPRINT_DIGITS, text);
}

bool enroll_config_load(int argc, char **argv, struct arena *arena, struct enroll_config *out,
			struct error *err)
{
	char **others = arena_array(arena, (size_t)argc + 1, sizeof(*others));
	int count, index = 0;

	*out = (struct enroll_config){0};
	if (!take_labels(argc, argv, out, &count, others, err) ||
	    !settings_load(ENROLL_SETTINGS, PREFIX, NULL, count, others, &index, arena, out, err) ||
	    !check_rest(count, others, index, err))
		return false;
	if (!out->server[0])
		return error_set(err, ERR_INVALID,
				 "--server is missing; \"muster enroll-token create\" prints the "
				 "whole command");
	if (strncmp(out->server, "https://", 8) != 0)
		return error_set(err, ERR_INVALID, "--server is https://host:port, not \"%s\"",
				 out->server);
	if (!out->token[0])
		return error_set(err, ERR_INVALID,
				 "--token is missing; \"muster enroll-token create\" makes one");
	if (!out->ca_fingerprint[0])
		return error_set(err, ERR_INVALID,
				 "--ca-fingerprint is missing; the server prints it at its start "
				 "and beside each enrolment token");
	return check_fingerprint(out->ca_fingerprint, err);
}

void config_help(struct strbuf *out)
{
	settings_help(SETTINGS, out);
}

void enroll_config_help(struct strbuf *out)
{
	settings_help(ENROLL_SETTINGS, out);
	strbuf_printf(out, "  --%-29s %s\n", "label", "key=value of the node; may come again");
}
