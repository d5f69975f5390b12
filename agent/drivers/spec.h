/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a service is, all told: the driver's defaults, then the package manifest,
 * then the parameters of the desired state, with every ${...} replaced. Built by a
 * pure function, so that the whole of it can be checked before anything is touched.
 *
 * ${muster.package} ${muster.config} ${muster.data} ${muster.run} ${muster.node}
 * ${muster.service} and ${param.NAME} (values.NAME of the merged object) may stand in
 * any string. Objects are merged key by key, null removes a key, arrays are replaced.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/error.h"
#include "drivers/change.h"

enum {
	SPEC_MAX_NAME = 63,
	SPEC_MAX_ARGUMENTS = 128,
	SPEC_MAX_ENV = 128,
	SPEC_MAX_STRING = 4096,
	SPEC_MAX_AFTER = 64,
	SPEC_MAX_PROBES = 16,
	SPEC_MAX_ANSWERS = 100, /* of a probe that are looked back at */
	SPEC_MAX_GLOBS = 100,
	SPEC_MAX_SNAPSHOT = 32,
	SPEC_MAX_EXPANDED = 128 * 1024, /* bytes of the merged and expanded document */
	SPEC_MAX_DEPTH = 8,
};

enum probe_kind {
	PROBE_PROCESS, /* the process exists */
	PROBE_TCP,     /* a connection is accepted */
	PROBE_HTTP,    /* GET answers with the status (and the text) expected */
	PROBE_MQTT,    /* connect, subscribe and get an own message back */
	PROBE_EXEC,    /* a command ends with 0 */
	PROBE_LOG,     /* a line with the text was written in this run */
};

struct probe_spec {
	enum probe_kind kind;
	bool readiness;
	bool liveness;
	const char *host; /* numeric address or localhost */
	int port;
	const char *path;
	int status;
	const char *body;	    /* http: text that the answer holds */
	const char *match;	    /* log: text of the line */
	const char *const *headers; /* http: "Name: value" */
	size_t header_count;
	const char *username; /* http, mqtt */
	const char *password;
	const char *bearer;	    /* http: a token */
	const char *topic;	    /* mqtt */
	const char *const *command; /* exec, NULL-terminated */
	size_t command_count;
	int interval_ms;
	int timeout_ms;
	int success; /* so many good answers of the last success_of make it good */
	int success_of;
	int failure; /* so many bad ones of the last failure_of make it bad */
	int failure_of;
	int start_grace_ms; /* readiness must come within it; failures before do not count */
};

enum restart_policy { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER };

struct restart_spec {
	enum restart_policy policy;
	int64_t delay_ms; /* of the second restart; the first is immediate, then doubled */
	int64_t max_delay_ms;
	int burst; /* so many exits within window_ms are a crash loop */
	int64_t window_ms;
	int64_t hold_ms; /* a crash loop is tried again after this time */
};

struct limit_spec { /* 0: no limit */
	int64_t memory_bytes;
	int cpu_percent; /* 100 = one core */
	int pids;
	int files;
};

struct service_spec {
	const char *name;
	const char *driver;
	bool run;
	const char *const *command; /* NULL-terminated */
	size_t command_count;
	const char *const *env; /* "NAME=value", NULL-terminated */
	size_t env_count;
	const char *cwd;
	const char *user;      /* NULL: the agent's own */
	bool has_capabilities; /* only these, bits by number; else what the user has by itself */
	uint64_t capabilities;
	bool no_new_privs;
	bool private_tmp; /* an own, empty /tmp and /var/tmp for each start */
	int stop_signal;
	int64_t stop_grace_ms;
	int reload_signal;		 /* 0: cannot reload */
	const char *const *reload_globs; /* files whose change needs no restart */
	size_t reload_glob_count;
	struct restart_spec restart;
	const char *const *after;
	size_t after_count;
	struct limit_spec limits;
	struct probe_spec *probes;
	size_t probe_count;
	const char *const *snapshot; /* absolute paths below the data folder */
	size_t snapshot_count;
	const char *data_dir; /* ${muster.data}, made before the start */
	const char *run_dir;  /* ${muster.run}, made before the start */
	const char *root;     /* the agent's folder */
	struct change_spec change;
	/* Of everything that only a restart changes: command, env, cwd, user and what it may do, limits, in_place,
	 * package and the config files that no reload glob names. */
	char process_digest[SHA256_HEX_SIZE];
	/* Of the config files that a reload takes over. */
	char hot_digest[SHA256_HEX_SIZE];
	json_t *document; /* the merged and expanded object; kept by the arena */
};

struct spec_input {
	const char *root;	/* DIR of the agent, absolute */
	const char *node;	/* node id */
	const char *name;	/* of the service */
	const json_t *service;	/* content.services.<name> of the desired state */
	const json_t *manifest; /* payload of its verified package manifest, or NULL */
};

/* ERR_INVALID or ERR_TOO_LARGE name the failing key in err->field. Everything in *spec
 * lives in the arena; the input is not referenced any more afterwards. */
MUST_CHECK bool spec_build(struct arena *arena, const struct spec_input *input,
			   struct service_spec *spec, struct error *err);

/* A deep copy into another arena. */
void spec_copy(struct arena *arena, const struct service_spec *from, struct service_spec *to);

/* Where things of a service are, below root: "packages/<sha256>" and so on, absolute. */
const char *spec_package_dir(struct arena *arena, const char *root, const char *sha256);
const char *spec_config_dir(struct arena *arena, const char *root, const char *name);
const char *spec_data_dir(struct arena *arena, const char *root, const char *name);

/*
 * Replaces ${muster.*} in text (the content of a config file) by the same values as in
 * the spec; other ${...} stay as they are. The result lives in the arena.
 */
char *spec_expand_file(struct arena *arena, const struct spec_input *input, const char *text,
		       size_t length, size_t *out_length);

const char *probe_kind_name(enum probe_kind kind);
