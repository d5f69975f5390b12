/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The content of a desired state as structs. Decoding checks everything that can be checked without
 * the disk: shapes, limits, names, paths, package manifests and their signatures. What passes
 * here can be planned (plan.h). Everything lives in the arena.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "drivers/spec.h"

struct content_file {
	const char *path; /* relative and clean */
	mode_t mode;
	const char *data; /* as it came: ${muster.*} not yet replaced */
	size_t size;
};

struct content_package {
	const char *name;
	const char *version;
	const char *platform;
	const char *sha256;
	int64_t size;
	const char *tar_sha256; /* of the tar inside, as the manifest says once verified, or NULL */
	int64_t tar_size;
	int64_t release;   /* counter against downgrades, 0: none */
	bool downgrade;	   /* going back was asked for */
	json_t *manifest;  /* the DSSE envelope */
	json_t *statement; /* its payload, once verified */
};

struct content_config {
	const char *name;
	int64_t version;
	const char *digest;
	struct content_file *files;
	size_t file_count;
};

struct content_service {
	const char *name;
	const char *driver;
	bool run;
	struct content_package *package; /* or NULL */
	struct content_config *config;	 /* or NULL */
	json_t *parameters;
	json_t *json;		  /* the whole object, to compare with another content's */
	struct service_spec spec; /* filled in by content_specify */
};

struct content {
	const char *project;
	int health_interval_ms;
	const char *rollout; /* or NULL */
	int64_t gate_ms;
	int64_t deadline_ms;
	bool downgrade; /* a rollback: every package may be older than what ran */
	json_t *release_keys;
	struct content_service *services; /* in order of names */
	size_t service_count;
};

/* Where a content is to be used. */
struct content_place {
	const char *root;     /* the agent's folder, absolute */
	const char *node;     /* our id */
	const char *platform; /* "linux-amd64" */
};

MUST_CHECK bool content_decode(const char *text, size_t length, struct arena *arena,
			       struct content *out, struct error *err);

/*
 * Verifies the manifests against the content's release keys and builds the specs. ERR_FORBIDDEN: not
 * signed by a release key; ERR_INVALID: manifest and package differ, other platform, or no
 * valid spec. *service names the culprit (NULL: none).
 */
MUST_CHECK bool content_specify(struct content *content, const struct content_place *place,
				struct arena *arena, const char **service, struct error *err);

/* Is it the agent itself? Then nobody supervises it: agent_step.c changes its program. */
bool content_is_agent(const struct content_service *service);

const struct content_service *content_find(const struct content *content, const char *name);

/* The input of spec_build and spec_expand_file for a service. */
struct spec_input content_spec_input(const struct content_service *service,
				     const struct content_place *place);
