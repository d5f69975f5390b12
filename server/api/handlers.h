/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prototypes of all handlers, grouped by resource; each group lives in api/<resource>.c and is
 * reached only through the table in api/routes.c. See http/request.h for what a handler may do.
 */
#pragma once

#include "http/request.h"

/* api/system.c */
bool ca_get_handler(struct request *req, struct error *err);
bool healthz_get_handler(struct request *req, struct error *err);
bool metrics_get_handler(struct request *req, struct error *err);
bool openapi_get_handler(struct request *req, struct error *err);
bool readyz_get_handler(struct request *req, struct error *err);
bool version_get_handler(struct request *req, struct error *err);

/* api/install.c */
bool agent_get_handler(struct request *req, struct error *err);
bool install_get_handler(struct request *req, struct error *err);

/* api/logs.c */
bool logs_list_handler(struct request *req, struct error *err);

/* api/plans.c */
bool rollouts_plan_handler(struct request *req, struct error *err);
bool plan_nodes_handler(struct request *req, struct error *err);

/* api/baseline.c */
bool node_baseline_handler(struct request *req, struct error *err);
bool node_history_handler(struct request *req, struct error *err);
bool drift_list_handler(struct request *req, struct error *err);

/* api/undo.c */
bool rollout_rollback_handler(struct request *req, struct error *err);
bool rollout_rollback_plan_handler(struct request *req, struct error *err);

/* api/selections.c */
bool selections_post_handler(struct request *req, struct error *err);
bool selections_get_handler(struct request *req, struct error *err);
bool selections_delete_handler(struct request *req, struct error *err);
bool selection_retire_handler(struct request *req, struct error *err);
bool selection_labels_handler(struct request *req, struct error *err);

/* api/rollouts.c */
bool rollouts_post_handler(struct request *req, struct error *err);
bool rollouts_list_handler(struct request *req, struct error *err);
bool rollouts_get_handler(struct request *req, struct error *err);
bool rollout_steps_handler(struct request *req, struct error *err);
bool rollout_explain_handler(struct request *req, struct error *err);
bool rollout_step_explain_handler(struct request *req, struct error *err);
bool rollout_failures_handler(struct request *req, struct error *err);
bool rollout_start_handler(struct request *req, struct error *err);
bool rollout_approve_handler(struct request *req, struct error *err);
bool rollout_pause_handler(struct request *req, struct error *err);
bool rollout_resume_handler(struct request *req, struct error *err);
bool rollout_promote_handler(struct request *req, struct error *err);
bool rollout_retry_handler(struct request *req, struct error *err);
bool rollout_abort_handler(struct request *req, struct error *err);
bool rollout_finish_handler(struct request *req, struct error *err);
bool rollout_force_handler(struct request *req, struct error *err);
bool rollout_steps_skip_handler(struct request *req, struct error *err);
bool rollout_steps_retry_handler(struct request *req, struct error *err);
bool rollout_steps_exclude_handler(struct request *req, struct error *err);

/* api/session.c */
bool session_delete_handler(struct request *req, struct error *err);
bool session_get_handler(struct request *req, struct error *err);
bool session_post_handler(struct request *req, struct error *err);

/* api/users.c */
bool projects_list_handler(struct request *req, struct error *err);
bool projects_post_handler(struct request *req, struct error *err);
bool users_delete_handler(struct request *req, struct error *err);
bool users_list_handler(struct request *req, struct error *err);
bool users_patch_handler(struct request *req, struct error *err);
bool users_post_handler(struct request *req, struct error *err);

/* api/tokens.c */
bool tokens_delete_handler(struct request *req, struct error *err);
bool tokens_list_handler(struct request *req, struct error *err);
bool tokens_post_handler(struct request *req, struct error *err);

/* api/audit.c */
bool audit_list_handler(struct request *req, struct error *err);

/* api/events.c */
bool events_get_handler(struct request *req, struct error *err);

/* api/nodes.c */
bool nodes_list_handler(struct request *req, struct error *err);
bool nodes_get_handler(struct request *req, struct error *err);
bool nodes_patch_handler(struct request *req, struct error *err);
bool node_retire_handler(struct request *req, struct error *err);
bool node_commands_post_handler(struct request *req, struct error *err);
bool node_desired_handler(struct request *req, struct error *err);
bool node_explain_handler(struct request *req, struct error *err);
bool node_timeline_handler(struct request *req, struct error *err);

/* api/overview.c */
bool overview_get_handler(struct request *req, struct error *err);

/* api/enroll.c */
bool enroll_post_handler(struct request *req, struct error *err);
bool enroll_renew_post_handler(struct request *req, struct error *err);
bool enroll_tokens_list_handler(struct request *req, struct error *err);
bool enroll_tokens_post_handler(struct request *req, struct error *err);
bool enroll_tokens_delete_handler(struct request *req, struct error *err);

/* api/configs.c */
bool configs_list_handler(struct request *req, struct error *err);
bool configs_post_handler(struct request *req, struct error *err);
bool configs_get_handler(struct request *req, struct error *err);
bool configs_delete_handler(struct request *req, struct error *err);
bool config_versions_list_handler(struct request *req, struct error *err);
bool config_versions_post_handler(struct request *req, struct error *err);
bool config_versions_get_handler(struct request *req, struct error *err);
bool config_diff_handler(struct request *req, struct error *err);
bool config_render_handler(struct request *req, struct error *err);

/* api/variables.c */
bool variables_list_handler(struct request *req, struct error *err);
bool variables_put_handler(struct request *req, struct error *err);
bool variables_delete_handler(struct request *req, struct error *err);
bool node_variables_list_handler(struct request *req, struct error *err);
bool node_variables_put_handler(struct request *req, struct error *err);
bool node_variables_delete_handler(struct request *req, struct error *err);

/* api/packages.c */
bool packages_list_handler(struct request *req, struct error *err);
bool packages_get_handler(struct request *req, struct error *err);
bool packages_post_handler(struct request *req, struct error *err);
bool packages_delete_handler(struct request *req, struct error *err);
bool uploads_post_handler(struct request *req, struct error *err);
bool uploads_get_handler(struct request *req, struct error *err);
bool uploads_patch_handler(struct request *req, struct error *err);
bool release_keys_list_handler(struct request *req, struct error *err);
bool release_keys_post_handler(struct request *req, struct error *err);
bool release_keys_delete_handler(struct request *req, struct error *err);
bool download_get_handler(struct request *req, struct error *err);
bool download_patch_handler(struct request *req, struct error *err);

/* api/bundles.c */
bool bundles_post_handler(struct request *req, struct error *err);
bool bundle_reports_post_handler(struct request *req, struct error *err);

/* api/alerts.c */
bool alerts_list_handler(struct request *req, struct error *err);
bool alerts_acknowledge_handler(struct request *req, struct error *err);
bool alert_rules_list_handler(struct request *req, struct error *err);
bool alert_rules_post_handler(struct request *req, struct error *err);
bool alert_rules_get_handler(struct request *req, struct error *err);
bool alert_rules_patch_handler(struct request *req, struct error *err);
bool alert_rules_delete_handler(struct request *req, struct error *err);

/* api/webhooks.c */
bool webhooks_list_handler(struct request *req, struct error *err);
bool webhooks_post_handler(struct request *req, struct error *err);
bool webhooks_get_handler(struct request *req, struct error *err);
bool webhooks_patch_handler(struct request *req, struct error *err);
bool webhooks_delete_handler(struct request *req, struct error *err);
bool webhooks_test_handler(struct request *req, struct error *err);
bool deliveries_list_handler(struct request *req, struct error *err);
bool deliveries_redeliver_handler(struct request *req, struct error *err);
