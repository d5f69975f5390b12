/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What planning a rollout asks about the fleet, in a few set-based statements. Within
 * ctx->project_id; retired nodes are never targets.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

struct target_node {
	const char *id;
	const char *name;
	const char *platform; /* NULL until the node was heard */
	const char *status;
	bool online;
	const char *labels; /* JSON text */
};

/* A service of a target as it is now. */
struct target_service {
	const char *node_id;
	const char *service;
	const char *fingerprint; /* of all that follows; the brief form has nothing else */
	const char *driver;	 /* NULL: not desired */
	bool run;
	json_t *parameters;
	const char *package_release_id, *package_name, *package_version, *package_sha256;
	const char *config_id, *config_name;
	int64_t config_version;
	json_t *content;  /* its JSON as the node was told last, or NULL */
	json_t *manifest; /* of its package, or NULL */
};

struct target_release {
	const char *id, *name, *version, *platform, *sha256;
	int64_t size;
	json_t *manifest;
	const char *envelope;
};

/* What a service on some node has, and a rollout that does not set it renders anew. */
struct target_kept {
	const char *config_id; /* NULL: none */
	int64_t config_version;
	json_t *parameters; /* with variables in them, or NULL */
};

/* How long steps of a kind have taken. */
struct step_duration {
	int64_t median_ms, p90_ms;
	int64_t samples; /* 0: none yet, the others mean nothing */
};

struct service_duration {
	const char *service;
	bool package; /* a package was changed, or only configuration */
	struct step_duration duration;
};

/* Another rollout that is under way on some of the nodes, for one of the services. */
struct plan_held {
	const char *rollout_id, *name, *state;
	int64_t number;
	int64_t count;
	json_t *nodes; /* names of the first ten */
	json_t *ids;   /* of all */
};

/* By parsed selector (domain/inventory/selector.h), ordered by name. */
MUST_CHECK bool targets_by_selector(struct ctx *ctx, const json_t *requirements,
				    struct target_node **out, size_t *count, struct error *err);
/* By id or name, ordered by name; ERR_INVALID names the first that does not exist. */
MUST_CHECK bool targets_by_name(struct ctx *ctx, const char *const *names, size_t name_count,
				struct target_node **out, size_t *count, struct error *err);

/* How many nodes the project has that are not retired. */
MUST_CHECK bool targets_count_all(struct ctx *ctx, int64_t *out, struct error *err);

/* The named services of these nodes, in no order; the brief form has no more than the fingerprint. */
MUST_CHECK bool targets_services_brief(struct ctx *ctx, const char *const *nodes, size_t node_count,
				       const char *const *services, size_t service_count,
				       struct target_service **out, size_t *count,
				       struct error *err);
MUST_CHECK bool targets_services(struct ctx *ctx, const char *const *nodes, size_t node_count,
				 const char *const *services, size_t service_count,
				 struct target_service **out, size_t *count, struct error *err);

/* All releases of this name and version, one per platform. */
MUST_CHECK bool targets_releases(struct ctx *ctx, const char *name, const char *version,
				 struct target_release **out, size_t *count, struct error *err);

/* version 0 = the latest. ERR_INVALID (field config.name or config.version) when there is none. */
MUST_CHECK bool targets_config(struct ctx *ctx, const char *name, int64_t version, const char **id,
			       int64_t *resolved_version, struct error *err);

/* Each distinct one of the service on all nodes of the project. */
MUST_CHECK bool targets_kept(struct ctx *ctx, const char *service, struct target_kept **out,
			     size_t *count, struct error *err);

/* From the last rollouts that changed these services. */
MUST_CHECK bool targets_durations(struct ctx *ctx, const char *const *services,
				  size_t service_count, struct service_duration **out,
				  size_t *count, struct error *err);

MUST_CHECK bool targets_held(struct ctx *ctx, const char *const *nodes, size_t node_count,
			     const char *const *services, size_t service_count,
			     struct plan_held **out, size_t *count, struct error *err);
