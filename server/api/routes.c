/* SPDX-License-Identifier: Apache-2.0 */
#include "api/routes.h"

#include "api/handlers.h"

/* Grouped by resource; the order has no meaning: a literal segment wins over a placeholder. */
const struct route ROUTES[] = {
	{"GET", "/api/v1/version", ROLE_NONE, NULL, ROUTE_PUBLIC | ROUTE_NO_DB,
	 version_get_handler},

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
