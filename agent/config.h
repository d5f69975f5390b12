/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of muster-agent: from DIR/agent.conf, MUSTER_AGENT_* in the environment, and the command
 * line. One table each for what every command knows and for enrolment; --help is made from them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/strbuf.h"

struct config {
	const char *dir;
	const char *log_level;
	const char *shim;
	int64_t reconnect_min_ms;
	int64_t reconnect_max_ms;
	int64_t broker_patience_ms;
	int64_t spool_bytes;
	int64_t catchup_rate_bytes;
	int64_t catchup_spread_ms;
	int64_t log_interval_ms;
	int64_t log_segment_bytes;
	int64_t log_segment_count;
	int64_t fetch_attempts;
	int64_t fetch_rate_bytes;
	const char *cache_urls;
	int64_t unpack_max_bytes;
	int64_t disk_reserve_bytes;
	const char *control_group;   /* may do everything at the local door */
	const char *control_readers; /* may look: a group, or "*" */
	int64_t upgrade_deadline_ms;
	int64_t renew_after_ms;
	bool json;
	bool contained; /* not a setting: we end with our container, and so must the services */
};

enum { MAX_LABELS = 32 };

struct enroll_config {
	const char *dir;
	const char *server;
	const char *token;
	const char *ca_fingerprint;
	const char *name;
	const char *labels[MAX_LABELS]; /* "key=value" */
	int label_count;
};

/* An option of one command, beside the settings: "--lines N" or "-n N", "--follow" or "-f". */
struct own_option {
	const char *name;
	char letter; /* 0: none */
	bool has_value;
	const char *value; /* what was given, "" for a switch; NULL: not given */
};

struct command_line {
	struct own_option *options; /* ends with name NULL; may be NULL */
	const char **words;	    /* what is no option */
	int word_count;
	int most_words;
};

/* The same for a command with options and words of its own, in any order. */
MUST_CHECK bool config_load_command(int argc, char **argv, struct command_line *line,
				    struct arena *arena, struct config *out, struct error *err);

/* argv begins behind the command's name. */
MUST_CHECK bool config_load(int argc, char **argv, struct arena *arena, struct config *out,
			    struct error *err);
MUST_CHECK bool enroll_config_load(int argc, char **argv, struct arena *arena,
				   struct enroll_config *out, struct error *err);

/* The options as --help shows them. */
void config_help(struct strbuf *out);
void enroll_config_help(struct strbuf *out);
