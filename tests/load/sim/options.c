/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/fields.h"
#include "base/settings.h"

static const char *const HEALTH_KINDS[] = {"auto", "full", "beat", NULL};

static const struct setting SETTINGS[] = {
	SETTING_INT(struct options, nodes, "100", 1, 1000000, "nodes of the simulated fleet"),
	SETTING_INT(struct options, connected, "0", 0, 1000000,
		    "so many of them connect, the others are known only; 0: all"),
	SETTING_STRING(
		struct options, url, "",
		"the server, https://host:port; not needed when --state has the whole fleet"),
	SETTING_STRING(struct options, token, "",
		       "enrolment token with as many uses as there are nodes to enrol"),
	SETTING_STRING(struct options, ca_fingerprint, "",
		       "of the server's CA, as the token came with it; empty: trust what it shows"),
	SETTING_PATH(struct options, state, "",
		     "folder that keeps the enrolled nodes for the next run; empty: forget them"),
	SETTING_STRING(struct options, name, "sim", "node names and label fleet begin so"),
	SETTING_INT(struct options, enrol_threads, "8", 1, 64, "connections that enrol at once"),

	SETTING_STRING(struct options, broker, "",
		       "brokers instead of those that the server names, comma separated: "
		       "mqtts://host:port, or mqtt://host:port for a bench without TLS"),
	SETTING_INT(struct options, ramp, "0", 0, 1000000,
		    "new connections per second; 0: as fast as the broker takes them"),
	SETTING_INT(struct options, connecting, "100", 1, 10000,
		    "connections of one process that may be in the making at once"),
	SETTING_DURATION(struct options, reconnect_max, "10s", "longest pause before reconnecting"),
	SETTING_INT(struct options, processes, "0", 0, 256,
		    "worker processes; 0: as many as the limit of open files asks for"),

	SETTING_DURATION(
		struct options, duration, "60s",
		"how long to run once the fleet is connected; 0s: until SIGINT or SIGTERM"),
	SETTING_DURATION(struct options, drain, "10s",
			 "at the end, wait so long for what the server has not acknowledged"),
	SETTING_INT(struct options, seed, "1", 0, INT64_MAX, "the same seed draws the same"),
	SETTING_DURATION(struct options, storm, "0s",
			 "cut all connections after so long, all nodes come back at once; also "
			 "SIGUSR1"),

	SETTING_DURATION(struct options, heartbeat, "0s",
			 "between heartbeats; 0s: as the server says"),
	SETTING_STRING(struct options, health, "auto",
		       "heartbeats: full, beat (the short form), auto: as the server says"),
	SETTING_DURATION(struct options, apply_min, "500ms", "a change takes at least"),
	SETTING_DURATION(struct options, apply_max, "5s", "and at most; drawn for each"),
	SETTING_BOOL(struct options, progress, "true",
		     "tell the phases of a change, not only its end"),
	SETTING_STRING(struct options, fail, "0", "share of changes that fail"),
	SETTING_STRING(struct options, log_rate, "0", "log lines per second of each node"),
	SETTING_INT(struct options, log_batch, "10", 1, 500, "log lines in one message"),
	SETTING_INT(struct options, log_bytes, "80", 40, 4000, "bytes of a log line"),
	SETTING_STRING(struct options, event_rate, "0", "events per minute of each node"),
	SETTING_STRING(struct options, verify, "0.1",
		       "share of desired states whose signature is checked; 1: all"),

	SETTING_STRING(struct options, offline, "0", "share of the fleet that is offline"),
	SETTING_DURATION(struct options, outage, "30s", "how long a node is offline, on average"),
	SETTING_STRING(struct options, drop, "0", "share of messages that get lost"),
	SETTING_STRING(struct options, duplicate, "0", "share of messages that are sent twice"),
	SETTING_STRING(struct options, reorder, "0",
		       "share of the messages of streams that are overtaken by the next"),
	SETTING_DURATION(struct options, retry, "10s",
			 "send again what is not acknowledged after so long"),

	SETTING_PATH(
		struct options, log, "",
		"folder for a log of all that nodes were told and have said, for tests/load/check.py"),
	SETTING_BOOL(struct options, json, "false", "the result as JSON on stdout"),
	SETTING_END,
};

static bool parse_number(const char *name, const char *text, double most, double *out,
			 struct error *err)
{
	char *end;

	*out = strtod(text, &end);
	if (end == text || *end != '\0' || !(*out >= 0 && *out <= most))
		return error_set(err, ERR_INVALID, "--%s is a number from 0 to %g, not \"%.40s\"",
				 name, most, text);
	return true;
}

static bool work_out(struct options *options, struct error *err)
{
	int kind = names_find(HEALTH_KINDS, options->health);

	if (kind < 0)
		return error_set(err, ERR_INVALID, "--health is auto, full or beat, not \"%.40s\"",
				 options->health);
	options->health_kind = (enum health_kind)kind;
	if (options->apply_max < options->apply_min)
		return error_set(err, ERR_INVALID, "--apply-max is less than --apply-min");
	if (options->connected == 0 || options->connected > options->nodes)
		options->connected = options->nodes;
	return parse_number("fail", options->fail, 1, &options->fail_share, err) &&
	       parse_number("verify", options->verify, 1, &options->verify_share, err) &&
	       parse_number("offline", options->offline, 0.95, &options->offline_share, err) &&
	       parse_number("drop", options->drop, 0.9, &options->drop_share, err) &&
	       parse_number("duplicate", options->duplicate, 1, &options->duplicate_share, err) &&
	       parse_number("reorder", options->reorder, 1, &options->reorder_share, err) &&
	       parse_number("log-rate", options->log_rate, 100000, &options->log_per_s, err) &&
	       parse_number("event-rate", options->event_rate, 6000, &options->events_per_min, err);
}

bool options_load(int argc, char **argv, struct arena *arena, struct options *out,
		  struct error *err)
{
	struct options options = {0};
	int index = 1;

	if (!settings_load(SETTINGS, "MUSTER_SIM", NULL, argc, argv, &index, arena, &options, err))
		return false;
	if (index < argc)
		return error_set(err, ERR_INVALID, "unexpected argument %.64s", argv[index]);
	if (!work_out(&options, err))
		return false;
	*out = options;
	return true;
}

void options_help(struct strbuf *out)
{
	strbuf_append_string(
		out,
		"Usage: muster-sim --nodes N --url https://SERVER --token TOKEN [OPTION]...\n\n"
		"Simulates a fleet: enrols N nodes, connects them to the broker that the server "
		"names, and behaves\nas that many agents would. Prints how fast the server takes "
		"it. Make a token for it with\n\"muster enroll-token create --uses N\", in a "
		"project of its own.\n\n");
	settings_help(SETTINGS, out);
}
