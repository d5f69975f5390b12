/* SPDX-License-Identifier: Apache-2.0 */
#include "api/routes.h"

#include "api/handlers.h"

/* Grouped by resource; the order has no meaning: a literal segment wins over a placeholder. */
const struct route ROUTES[] = {
	/* system */
	{"GET", "/healthz", ROLE_NONE, NULL, ROUTE_PUBLIC | ROUTE_NO_DB, healthz_get_handler},
	{"GET", "/readyz", ROLE_NONE, NULL, ROUTE_PUBLIC, readyz_get_handler},
	{"GET", "/metrics", ROLE_NONE, NULL, ROUTE_PUBLIC | ROUTE_NO_DB, metrics_get_handler},
	{"GET", "/api/v1/version", ROLE_NONE, NULL, ROUTE_PUBLIC | ROUTE_NO_DB,
	 version_get_handler},
	{"GET", "/api/v1/openapi.yaml", ROLE_NONE, NULL, ROUTE_PUBLIC | ROUTE_NO_DB,
	 openapi_get_handler},
	{"GET", "/api/v1/ca", ROLE_NONE, NULL, ROUTE_PUBLIC | ROUTE_NO_DB, ca_get_handler},

	/* session */
	{"POST", "/api/v1/session", ROLE_NONE, NULL, ROUTE_PUBLIC, session_post_handler},
	{"GET", "/api/v1/session", ROLE_NONE, NULL, ROUTE_NO_PROJECT, session_get_handler},
	{"DELETE", "/api/v1/session", ROLE_NONE, NULL, ROUTE_NO_PROJECT, session_delete_handler},

	/* people, projects, tokens */
	{"GET", "/api/v1/users", ROLE_ADMIN, "admin:read", 0, users_list_handler},
	{"POST", "/api/v1/users", ROLE_ADMIN, "admin:write", 0, users_post_handler},
	{"PATCH", "/api/v1/users/{id}", ROLE_ADMIN, "admin:write", 0, users_patch_handler},
	{"DELETE", "/api/v1/users/{id}", ROLE_ADMIN, "admin:write", 0, users_delete_handler},
	{"GET", "/api/v1/projects", ROLE_NONE, NULL, ROUTE_NO_PROJECT, projects_list_handler},
	{"POST", "/api/v1/projects", ROLE_NONE, "admin:write",
	 ROUTE_NO_PROJECT | ROUTE_SYSTEM_ADMIN, projects_post_handler},
	{"GET", "/api/v1/tokens", ROLE_ADMIN, "admin:read", 0, tokens_list_handler},
	{"POST", "/api/v1/tokens", ROLE_ADMIN, "admin:write", ROUTE_SECRET, tokens_post_handler},
	{"DELETE", "/api/v1/tokens/{id}", ROLE_ADMIN, "admin:write", 0, tokens_delete_handler},
	{"GET", "/api/v1/audit", ROLE_ADMIN, "admin:read", 0, audit_list_handler},

	/* events */
	{"GET", "/api/v1/logs", ROLE_VIEWER, "nodes:read", 0, logs_list_handler},
	{"GET", "/api/v1/events", ROLE_VIEWER, NULL, ROUTE_STREAM, events_get_handler},

	/* rollouts */
	{"POST", "/api/v1/rollouts/plan", ROLE_VIEWER, "rollouts:read", 0, rollouts_plan_handler},
	{"GET", "/api/v1/rollouts", ROLE_VIEWER, "rollouts:read", 0, rollouts_list_handler},
	{"POST", "/api/v1/rollouts", ROLE_OPERATOR, "rollouts:write", 0, rollouts_post_handler},
	{"GET", "/api/v1/rollouts/{rollout}", ROLE_VIEWER, "rollouts:read", 0,
	 rollouts_get_handler},
	{"GET", "/api/v1/rollouts/{rollout}/steps", ROLE_VIEWER, "rollouts:read", 0,
	 rollout_steps_handler},
	{"GET", "/api/v1/rollouts/{rollout}/explain", ROLE_VIEWER, "rollouts:read", 0,
	 rollout_explain_handler},
	{"POST", "/api/v1/rollouts/{rollout}/start", ROLE_OPERATOR, "rollouts:write", 0,
	 rollout_start_handler},
	{"POST", "/api/v1/rollouts/{rollout}/pause", ROLE_OPERATOR, "rollouts:write", 0,
	 rollout_pause_handler},
	{"POST", "/api/v1/rollouts/{rollout}/resume", ROLE_OPERATOR, "rollouts:write", 0,
	 rollout_resume_handler},
	{"POST", "/api/v1/rollouts/{rollout}/promote", ROLE_OPERATOR, "rollouts:write", 0,
	 rollout_promote_handler},
	{"POST", "/api/v1/rollouts/{rollout}/retry", ROLE_OPERATOR, "rollouts:write", 0,
	 rollout_retry_handler},
	{"POST", "/api/v1/rollouts/{rollout}/abort", ROLE_OPERATOR, "rollouts:write", 0,
	 rollout_abort_handler},
	{"POST", "/api/v1/rollouts/{rollout}/rollback", ROLE_OPERATOR, "rollouts:write", 0,
	 rollout_rollback_handler},
	{"POST", "/api/v1/rollouts/{rollout}/approve", ROLE_APPROVER, "rollouts:write", 0,
	 rollout_approve_handler},
};

const size_t ROUTES_COUNT = sizeof(ROUTES) / sizeof(ROUTES[0]);
