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

	/* nodes */
	{"GET", "/api/v1/overview", ROLE_VIEWER, "nodes:read", 0, overview_get_handler},
	{"GET", "/api/v1/nodes", ROLE_VIEWER, "nodes:read", 0, nodes_list_handler},
	{"GET", "/api/v1/nodes/{node}", ROLE_VIEWER, "nodes:read", 0, nodes_get_handler},
	{"PATCH", "/api/v1/nodes/{node}", ROLE_OPERATOR, "nodes:write", 0, nodes_patch_handler},
	{"POST", "/api/v1/nodes/{node}/retire", ROLE_OPERATOR, "nodes:write", 0,
	 node_retire_handler},
	{"GET", "/api/v1/nodes/{node}/desired", ROLE_VIEWER, "nodes:read", 0, node_desired_handler},
	{"GET", "/api/v1/nodes/{node}/timeline", ROLE_VIEWER, "nodes:read", 0,
	 node_timeline_handler},
	{"GET", "/api/v1/nodes/{node}/explain", ROLE_VIEWER, "nodes:read", 0, node_explain_handler},
	{"POST", "/api/v1/nodes/{node}/commands", ROLE_OPERATOR, "nodes:write", 0,
	 node_commands_post_handler},
	{"GET", "/api/v1/nodes/{node}/variables", ROLE_VIEWER, "configs:read", 0,
	 node_variables_list_handler},
	{"PUT", "/api/v1/nodes/{node}/variables/{name}", ROLE_OPERATOR, "configs:write", 0,
	 node_variables_put_handler},
	{"DELETE", "/api/v1/nodes/{node}/variables/{name}", ROLE_OPERATOR, "configs:write", 0,
	 node_variables_delete_handler},

	/* enrolment */
	{"POST", "/api/v1/enroll", ROLE_NONE, NULL, ROUTE_PUBLIC, enroll_post_handler},
	{"GET", "/api/v1/enroll-tokens", ROLE_OPERATOR, "nodes:read", 0,
	 enroll_tokens_list_handler},
	{"POST", "/api/v1/enroll-tokens", ROLE_OPERATOR, "nodes:write", ROUTE_SECRET,
	 enroll_tokens_post_handler},
	{"DELETE", "/api/v1/enroll-tokens/{id}", ROLE_OPERATOR, "nodes:write", 0,
	 enroll_tokens_delete_handler},

	/* configurations and variables */
	{"GET", "/api/v1/configs", ROLE_VIEWER, "configs:read", 0, configs_list_handler},
	{"POST", "/api/v1/configs", ROLE_OPERATOR, "configs:write", 0, configs_post_handler},
	{"GET", "/api/v1/configs/{config}", ROLE_VIEWER, "configs:read", 0, configs_get_handler},
	{"DELETE", "/api/v1/configs/{config}", ROLE_OPERATOR, "configs:write", 0,
	 configs_delete_handler},
	{"GET", "/api/v1/configs/{config}/versions", ROLE_VIEWER, "configs:read", 0,
	 config_versions_list_handler},
	{"POST", "/api/v1/configs/{config}/versions", ROLE_OPERATOR, "configs:write", 0,
	 config_versions_post_handler},
	{"GET", "/api/v1/configs/{config}/versions/{no}", ROLE_VIEWER, "configs:read", 0,
	 config_versions_get_handler},
	{"GET", "/api/v1/configs/{config}/versions/{no}/render", ROLE_VIEWER, "configs:read", 0,
	 config_render_handler},
	{"GET", "/api/v1/configs/{config}/diff", ROLE_VIEWER, "configs:read", 0,
	 config_diff_handler},
	{"GET", "/api/v1/variables", ROLE_VIEWER, "configs:read", 0, variables_list_handler},
	{"PUT", "/api/v1/variables/{name}", ROLE_OPERATOR, "configs:write", 0,
	 variables_put_handler},
	{"DELETE", "/api/v1/variables/{name}", ROLE_OPERATOR, "configs:write", 0,
	 variables_delete_handler},

	/* packages */
	{"GET", "/api/v1/packages", ROLE_VIEWER, "packages:read", 0, packages_list_handler},
	{"POST", "/api/v1/packages", ROLE_OPERATOR, "packages:write", ROUTE_RAW,
	 packages_post_handler},
	{"GET", "/api/v1/packages/{name}", ROLE_VIEWER, "packages:read", 0, packages_get_handler},
	{"DELETE", "/api/v1/packages/{name}/{version}", ROLE_OPERATOR, "packages:write", 0,
	 packages_delete_handler},
	{"POST", "/api/v1/uploads", ROLE_OPERATOR, "packages:write", 0, uploads_post_handler},
	{"GET", "/api/v1/uploads/{id}", ROLE_OPERATOR, "packages:read", 0, uploads_get_handler},
	{"PATCH", "/api/v1/uploads/{id}", ROLE_OPERATOR, "packages:write", ROUTE_RAW,
	 uploads_patch_handler},
	{"GET", "/api/v1/release-keys", ROLE_ADMIN, "admin:read", 0, release_keys_list_handler},
	{"POST", "/api/v1/release-keys", ROLE_ADMIN, "admin:write", 0, release_keys_post_handler},
	{"DELETE", "/api/v1/release-keys/{id}", ROLE_ADMIN, "admin:write", 0,
	 release_keys_delete_handler},
	{"GET", "/download/{sha256}", ROLE_NONE, NULL, ROUTE_PUBLIC | ROUTE_NO_DB,
	 download_get_handler},
};

const size_t ROUTES_COUNT = sizeof(ROUTES) / sizeof(ROUTES[0]);
