/* SPDX-License-Identifier: Apache-2.0 */
/* What commands.c refers to, by file. */
#pragma once

#include "cli.h"
#include "output.h"

typedef bool command_run(struct cli *cli, struct error *err);

extern const struct column PROJECTS[];

/* common.c: lists and single objects need only a path and columns. */
bool run_list(struct cli *cli, const char *path, const struct column *columns, const char *empty,
	      struct error *err);
bool run_show(struct cli *cli, const char *path, const struct column *columns, struct error *err);
/* Sends and says text; the reply is printed only as JSON. */
bool run_change(struct cli *cli, const char *method, const char *path, const json_t *body,
		const char *said, struct error *err);
/* The id of the one in a list that is called so: by id, or by one of the members in keys, which ends
 * with NULL. noun is for the error. */
MUST_CHECK bool find_id(struct cli *cli, const char *list, const char *noun,
			const char *const *keys, const char **id, struct error *err);
/* "k=v" -> object member; ERR_INVALID when there is no "=". */
MUST_CHECK bool add_pair(json_t *object, const char *pair, struct error *err);

/* session.c */
/* From the terminal without echo, else a line of standard input. */
bool ask_secret(struct cli *cli, const char *prompt, const char **out, struct error *err);
command_run login_command, logout_command, whoami_command, version_command;
/* nodes.c */
command_run node_list_command, node_show_command, node_rename_command, node_label_command,
	node_retire_command, node_timeline_command, node_desired_command, node_restart_command,
	node_retry_command, node_start_command, node_stop_command;
/* bundles.c */
command_run bundle_create_command, bundle_report_command;
/* enrolment.c */
command_run enroll_token_create_command, enroll_token_list_command, enroll_token_revoke_command;
/* configs.c */
command_run config_list_command, config_show_command, config_create_command, config_push_command,
	config_versions_command, config_diff_command, config_render_command, config_pull_command,
	config_delete_command, var_list_command, var_set_command, var_unset_command;
/* packages.c */
command_run package_list_command, package_show_command, package_upload_command,
	package_delete_command, release_key_create_command, release_key_list_command,
	release_key_add_command, release_key_remove_command;
/* rollouts.c */
command_run rollout_plan_command, rollout_start_command, rollout_list_command, rollout_show_command,
	rollout_steps_command, rollout_failures_command, rollout_wait_command,
	rollout_rollback_command, rollout_run_command, rollout_pause_command,
	rollout_resume_command, rollout_promote_command, rollout_retry_command,
	rollout_abort_command, rollout_approve_command, rollout_force_command,
	rollout_finish_command, rollout_skip_nodes_command, rollout_retry_nodes_command,
	rollout_exclude_nodes_command;
/* rollouts.c, for undo.c: what the strategy options say; the end of a command that made a rollout; the
 * rollout that the first argument names. */
bool rollout_strategy(struct cli *cli, json_t *strategy, struct error *err);
bool rollout_finish(struct cli *cli, json_t *rollout, struct error *err);
const char *rollout_argument(const struct cli *cli);
/* undo.c */
command_run rollout_undo_command;
/* baseline.c */
command_run node_baseline_command, node_history_command, drift_list_command;
/* plans.c: the groups of a plan, and with --diff what changes in their files. */
void print_plan(struct cli *cli, json_t *plan);
command_run plan_nodes_command;
/* selections.c */
command_run selection_create_command, selection_show_command, selection_delete_command,
	selection_retire_command, selection_label_command;
/* explain.c */
command_run node_explain_command, rollout_explain_command, step_explain_command;
/* watch.c: follows a rollout to its end and sets the exit status. */
bool rollout_watch(struct cli *cli, const char *id, json_t **rollout, struct error *err);
/* logs.c */
command_run logs_command, events_command;
/* alerts.c */
command_run alert_list_command, alert_ack_command, alert_rule_list_command, alert_rule_set_command,
	webhook_list_command, webhook_create_command, webhook_set_command, webhook_test_command,
	webhook_deliveries_command, webhook_redeliver_command, webhook_delete_command;
/* access.c */
command_run token_list_command, token_create_command, token_revoke_command, user_list_command,
	user_create_command, user_set_command, user_delete_command, project_list_command,
	audit_list_command;
