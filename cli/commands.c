/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all commands: help, completion and checks come from it. */
#include "handlers.h"
#include "help.h"

/* Rows that several commands share. */
#define PAGE_ROWS                                 \
	{"limit", "N", "at most so many", false}, \
	{                                         \
		"all", NULL, "all of them", false \
	}
#define WAIT_ROWS                                                                    \
	{"wait", NULL, "wait for the end; the exit status says how it went", false}, \
	{                                                                            \
		"timeout", "TIME", "wait no longer than this", false                 \
	}
#define STRATEGY_ROWS                                                                             \
	{"waves", "1,2,50%|label:LABEL[=A,B]",                                                    \
	 "sizes of the waves, the last takes the rest; or one per value of a label", false},      \
		{"apart", "LABEL", "never two with the same value at once (default ha-group)",    \
		 false},                                                                          \
		{"max-parallel", "N", "so many nodes at once", false},                            \
		{"health-gate", "TIME",                                                           \
		 "how long services must be well on each node (default 5s)", false},              \
		{"soak", "TIME", "how long a wave is observed", false},                           \
		{"max-failures", "N", "more in one wave stop the rollout (default 0)", false},    \
		{"max-failed-percent", "N", "or a larger share of a wave", false},                \
		{"max-unreachable-percent", "N", "or a larger share that went silent", false},    \
		{"stop-on-alert", "info|warning|critical", "or an alert on one of its nodes",     \
		 false},                                                                          \
		{"on-failure", "pause|rollback|rollback_wave|fail",                               \
		 "what happens then (default pause)", false},                                     \
		{"deadline", "TIME", "for each node (default 10m)", false},                       \
		{"start-at", "RFC3339", "not before", false},                                     \
		{"rollout-deadline", "TIME", "what has not begun by then times out", false},      \
		{"window", "CRON TIME", "begin only in these: \"0 22 * * mon-fri 4h\"", true},    \
		{"timezone", "ZONE", "of nodes without the label timezone (default UTC)", false}, \
		{"retries", "N", "of causes that may go away by themselves (default 2)", false},  \
		{"priority", "N", "the higher goes first", false},                                \
		{"follow", NULL, "nodes that match later get it too", false},                     \
		{"offline", "later|wait|skip|fail",                                               \
		 "what to do with nodes that are offline (default later)", false},                \
		{"new-failure", "stop|ignore",                                                    \
		 "whether one failure of a kind never seen pauses it (default ignore)", false},   \
	{                                                                                         \
		"approval", NULL, "a second person must approve it", false                        \
	}

static const struct option_spec PAGE_OPTIONS[] = {
	PAGE_ROWS,
	{NULL, NULL, NULL, false},
};

static const struct option_spec YES_OPTIONS[] = {
	{"yes", NULL, "do it without asking", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec NODE_OPTIONS[] = {
	{"node", "NODE", "of this node; without it, of the project", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec LOGIN_OPTIONS[] = {
	{"user", "LOGIN", "sign in as; the password is asked for or read from standard input",
	 false},
	{"ca-fingerprint", "SHA256", "the fingerprint that musterd prints", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec LOGS_OPTIONS[] = {
	{"node", "NODE", "of this node", false},
	{"service", "SERVICE", "of this service", false},
	{"text", "WORD", "holding this", false},
	{"follow", NULL, "go on as they come (-f)", false},
	{"limit", "N", "at most so many (default 200)", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec EVENTS_OPTIONS[] = {
	{"topics", "node,rollout,...", "only these", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec NODE_LIST_OPTIONS[] = {
	{"selector", "SELECTOR", "site=plant-3,line in (1,2)", false},
	{"status", "STATUS", "online, offline, warning, updating, pending, retired", false},
	{"text", "WORD", "in name, id, host or labels", false},
	{"sort", "name|-last_seen", "order", false},
	PAGE_ROWS,
	{NULL, NULL, NULL, false},
};

static const struct option_spec BUNDLE_OPTIONS[] = {
	{"out", "FILE", "where it goes (default NODE.mst)", false},
	{"selector", "SELECTOR", "for these nodes as well; * is every node", false},
	{"valid", "DAYS", "agents refuse it later (default 14, at most 90)", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec ENROLL_OPTIONS[] = {
	{"name", "NAME", "for the list", false},
	{"uses", "N", "how many gateways (default 1)", false},
	{"expires", "TIME", "valid for (default 24h)", false},
	{"label", "KEY=VALUE", "labels of the nodes", true},
	{NULL, NULL, NULL, false},
};

static const struct option_spec CONFIG_CREATE_OPTIONS[] = {
	{"service", "SERVICE", "the service that it is for", false},
	{"driver", "DRIVER", "generic or mosquitto", false},
	{"description", "TEXT", "for people", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec CONFIG_PUSH_OPTIONS[] = {
	{"message", "TEXT", "why (-m)", false},
	{"create", NULL, "make the config if it is not there", false},
	{"service", "SERVICE", "with --create", false},
	{"driver", "DRIVER", "with --create", false},
	{"description", "TEXT", "with --create", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec CONFIG_RENDER_OPTIONS[] = {
	{"node", "NODE", "for this node", false},
	{"version", "N", "default: the latest", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec CONFIG_PULL_OPTIONS[] = {
	{"version", "N", "default: the latest", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec PACKAGE_OPTIONS[] = {
	{"manifest", "FILE", "JSON; archive facts are filled in", false},
	{"key", "FILE", "release key that signs it", false},
	{"resumable", NULL, "send in parts that can be resumed", false},
	{"resume", "UPLOAD", "go on with an upload", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec KEY_OPTIONS[] = {
	{"out", "FILE", "where the private key goes (default NAME.key)", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec PLAN_NODES_OPTIONS[] = {
	{"list", "LIST", "all (default), group-N, offline, held-ROLLOUT", false},
	PAGE_ROWS,
	{NULL, NULL, NULL, false},
};

static const struct option_spec SELECTION_OPTIONS[] = {
	{"selector", "SELECTOR", "these nodes; * is every node", false},
	{"node", "NODE", "this node", true},
	{NULL, NULL, NULL, false},
};

static const struct option_spec CONFIRM_OPTIONS[] = {
	{"confirm", "COUNT", "the number of nodes, typed, when it is every node", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec RETIRE_MANY_OPTIONS[] = {
	{"confirm", "COUNT", "the number of nodes, typed, when it is every node", false},
	{"yes", NULL, "do it without asking", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec ROLLOUT_OPTIONS[] = {
	{"service", "SERVICE", "what changes; the options up to the next --service belong to it",
	 true},
	{"package", "NAME@VERSION", "run this package", true},
	{"config", "NAME[@N]", "with this config (default: latest)", true},
	{"run", "true|false", "run or stop it", true},
	{"param", "KEY=VALUE", "value of ${param.KEY}", true},
	{"driver", "DRIVER", "generic or mosquitto", true},
	{"remove", NULL, "take the service away", true},
	{"file", "FILE", "request as JSON; options overlay it", false},
	{"selector", "SELECTOR", "on these nodes; * is every node", false},
	{"node", "NODE", "on this node", true},
	{"selection", "ID", "on these nodes, if they still are what was counted", false},
	{"confirm", "COUNT", "the number of nodes, typed, when it is every node", false},
	{"diff", NULL, "plan: show what changes in the files", false},
	{"name", "TEXT", "for people", false},
	STRATEGY_ROWS,
	{"draft", NULL, "do not start yet", false},
	{"plan-hash", "HASH", "only if the plan still holds", false},
	WAIT_ROWS,
	{NULL, NULL, NULL, false},
};

static const struct option_spec ROLLOUT_LIST_OPTIONS[] = {
	{"state", "STATE", "only these", false},
	PAGE_ROWS,
	{NULL, NULL, NULL, false},
};

static const struct option_spec STEPS_OPTIONS[] = {
	{"state", "STATE", "only these", false},
	{"wave", "N", "only this one", false},
	{"fingerprint", "KIND", "only those that failed so (see rollout failures)", false},
	PAGE_ROWS,
	{NULL, NULL, NULL, false},
};

static const struct option_spec CAUSE_OPTIONS[] = {
	{"cause", "CODE|FINGERPRINT", "those that failed with it", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec WAIT_OPTIONS[] = {
	WAIT_ROWS,
	{NULL, NULL, NULL, false},
};

static const struct option_spec UNDO_OPTIONS[] = {
	{"wave", "N", "of ROLLOUT: only this wave", false},
	{"failed", NULL, "of ROLLOUT: only nodes that failed", false},
	{"at", "TIME", "instead of ROLLOUT: as it was at 2026-10-05T09:00:00Z", false},
	{"node", "NODE", "only on this node", true},
	{"selector", "SELECTOR", "with --at: on these nodes; * is every node", false},
	{"selection", "ID", "with --at: on these nodes", false},
	{"confirm", "COUNT", "the number of nodes, typed, when it is every node", false},
	{"plan", NULL, "foresee it, do nothing", false},
	{"diff", NULL, "with --plan: show what changes in the files", false},
	{"plan-hash", "HASH", "only if the plan still holds", false},
	STRATEGY_ROWS,
	WAIT_ROWS,
	{NULL, NULL, NULL, false},
};

static const struct option_spec ROLLBACK_OPTIONS[] = {
	STRATEGY_ROWS,
	WAIT_ROWS,
	{NULL, NULL, NULL, false},
};

static const struct option_spec ALERT_OPTIONS[] = {
	{"state", "STATE", "open (default), firing, acknowledged, pending, resolved, all", false},
	{"node", "NODE", "of this node", false},
	PAGE_ROWS,
	{NULL, NULL, NULL, false},
};

static const struct option_spec RULE_OPTIONS[] = {
	{"for", "TIME", "how long it must hold before it fires", false},
	{"enabled", "true|false", "watch or not", false},
	{"severity", "info|warning|critical", "how bad it is", false},
	{"name", "TEXT", "for people", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec WEBHOOK_OPTIONS[] = {
	{"url", "URL", "https://...", false},
	{"event", "TYPE", "alert.*, rollout.failed, ...; default all", true},
	{NULL, NULL, NULL, false},
};

static const struct option_spec WEBHOOK_SET_OPTIONS[] = {
	{"url", "URL", "https://...", false},
	{"event", "TYPE", "alert.*, rollout.failed, ...; replaces those it has", true},
	{"enabled", "true|false", "send or not", false},
	{"name", "TEXT", "another name", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec TOKEN_OPTIONS[] = {
	{"role", "ROLE", "viewer, operator, approver, admin", false},
	{"scope", "SCOPE", "nodes:read, rollouts:write, ...; default all", true},
	{"expires", "TIME", "valid for; default no end", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec USER_OPTIONS[] = {
	{"role", "ROLE", "viewer (default), operator, approver, admin", false},
	{"name", "TEXT", "full name", false},
	{NULL, NULL, NULL, false},
};

static const struct option_spec USER_SET_OPTIONS[] = {
	{"role", "ROLE", "viewer, operator, approver, admin", false},
	{"name", "TEXT", "full name", false},
	{"password", NULL, "a new one; it is asked for or read from standard input", false},
	{"disabled", "true|false", "may not sign in", false},
	{NULL, NULL, NULL, false},
};

const struct command COMMANDS[] = {
	{NULL, "login", "[URL]", "sign in and keep a token for this machine", LOGIN_OPTIONS, 0, 1,
	 true, login_command},
	{NULL, "logout", "", "forget the token", NULL, 0, 0, true, logout_command},
	{NULL, "whoami", "", "what the token reaches", NULL, 0, 0, false, whoami_command},
	{NULL, "logs", "", "log lines of services", LOGS_OPTIONS, 0, 0, false, logs_command},
	{NULL, "events", "", "follow what changes, one JSON object per line", EVENTS_OPTIONS, 0, 0,
	 false, events_command},
	{NULL, "version", "", "version of this program", NULL, 0, 0, true, version_command},
	{NULL, "completion", "bash|zsh", "print a completion script", NULL, 1, 1, true,
	 completion_command},
	{"node", "list", "", "nodes and what they run", NODE_LIST_OPTIONS, 0, 0, false,
	 node_list_command},
	{"node", "show", "NODE", "one node and its services", NULL, 1, 1, false, node_show_command},
	{"node", "rename", "NODE NEW-NAME", "give it another name", NULL, 2, 2, false,
	 node_rename_command},
	{"node", "label", "NODE KEY=VALUE|KEY- ...", "set and take away labels", NULL, 2, -1, false,
	 node_label_command},
	{"node", "retire", "NODE", "cut it off for good", YES_OPTIONS, 1, 1, false,
	 node_retire_command},
	{"node", "explain", "NODE", "why it is in its state, in words", NULL, 1, 1, false,
	 node_explain_command},
	{"node", "timeline", "NODE", "what happened to it", PAGE_OPTIONS, 1, 1, false,
	 node_timeline_command},
	{"node", "desired", "NODE", "what it should run, as JSON", NULL, 1, 1, false,
	 node_desired_command},
	{"node", "baseline", "NODE", "what it should run, and which rollout gave it that", NULL, 1,
	 1, false, node_baseline_command},
	{"node", "history", "NODE", "every change of what it should run", PAGE_OPTIONS, 1, 1, false,
	 node_history_command},
	{"drift", "list", "", "services whose files differ from what the node was told",
	 PAGE_OPTIONS, 0, 0, false, drift_list_command},
	{"node", "retry", "NODE", "let it try again what has failed there", NULL, 1, 1, false,
	 node_retry_command},
	{"node", "restart", "NODE SERVICE", "restart a service", NULL, 2, 2, false,
	 node_restart_command},
	{"node", "start", "NODE SERVICE", "start a service", NULL, 2, 2, false, node_start_command},
	{"node", "stop", "NODE SERVICE", "stop a service until it is started again", NULL, 2, 2,
	 false, node_stop_command},
	{"bundle", "create", "[NODE ...]", "desired states and packages as a file, for a USB stick",
	 BUNDLE_OPTIONS, 0, -1, false, bundle_create_command},
	{"bundle", "report", "FILE ...", "hand in reports that were carried back", NULL, 1, -1,
	 false, bundle_report_command},
	{"enroll-token", "create", "", "let gateways in", ENROLL_OPTIONS, 0, 0, false,
	 enroll_token_create_command},
	{"enroll-token", "list", "", "enrolment tokens", PAGE_OPTIONS, 0, 0, false,
	 enroll_token_list_command},
	{"enroll-token", "revoke", "ID", "end one", NULL, 1, 1, false, enroll_token_revoke_command},
	{"config", "list", "", "configs", PAGE_OPTIONS, 0, 0, false, config_list_command},
	{"config", "show", "CONFIG", "one config", NULL, 1, 1, false, config_show_command},
	{"config", "create", "CONFIG", "a new config without a version", CONFIG_CREATE_OPTIONS, 1,
	 1, false, config_create_command},
	{"config", "push", "CONFIG FOLDER|FILE ...", "a new version from files",
	 CONFIG_PUSH_OPTIONS, 2, -1, false, config_push_command},
	{"config", "versions", "CONFIG", "its versions", PAGE_OPTIONS, 1, 1, false,
	 config_versions_command},
	{"config", "diff", "CONFIG FROM [TO]", "what changed between two versions", NULL, 2, 3,
	 false, config_diff_command},
	{"config", "render", "CONFIG", "the files as a node gets them", CONFIG_RENDER_OPTIONS, 1, 1,
	 false, config_render_command},
	{"config", "pull", "CONFIG FOLDER", "write a version's files to a folder",
	 CONFIG_PULL_OPTIONS, 2, 2, false, config_pull_command},
	{"config", "delete", "CONFIG", "delete a config that nothing uses", NULL, 1, 1, false,
	 config_delete_command},
	{"var", "list", "", "variables of the project or of a node", NODE_OPTIONS, 0, 0, false,
	 var_list_command},
	{"var", "set", "NAME VALUE", "set one", NODE_OPTIONS, 2, 2, false, var_set_command},
	{"var", "unset", "NAME", "take one away", NODE_OPTIONS, 1, 1, false, var_unset_command},
	{"package", "list", "", "released packages", PAGE_OPTIONS, 0, 0, false,
	 package_list_command},
	{"package", "show", "PACKAGE", "its versions", NULL, 1, 1, false, package_show_command},
	{"package", "upload", "ARCHIVE", "sign and upload a .tar.gz, .tar.xz, .tar.zst or .deb",
	 PACKAGE_OPTIONS, 1, 1, false, package_upload_command},
	{"package", "delete", "PACKAGE VERSION", "delete a version that no node needs", NULL, 2, 2,
	 false, package_delete_command},
	{"release-key", "create", "NAME", "make a key and register it", KEY_OPTIONS, 1, 1, false,
	 release_key_create_command},
	{"release-key", "list", "", "keys whose packages are accepted", NULL, 0, 0, false,
	 release_key_list_command},
	{"release-key", "add", "NAME PUBLIC-KEY.pem", "register a key made elsewhere", NULL, 2, 2,
	 false, release_key_add_command},
	{"release-key", "remove", "ID", "accept nothing new from it", NULL, 1, 1, false,
	 release_key_remove_command},
	{"rollout", "plan", "", "foresee a rollout without doing anything", ROLLOUT_OPTIONS, 0, 0,
	 false, rollout_plan_command},
	{"rollout", "plan-nodes", "HASH", "the nodes behind a number of a plan", PLAN_NODES_OPTIONS,
	 1, 1, false, plan_nodes_command},
	{"selection", "create", "", "freeze and count nodes for an hour", SELECTION_OPTIONS, 0, 0,
	 false, selection_create_command},
	{"selection", "show", "ID", "what was counted, and what it is now", NULL, 1, 1, false,
	 selection_show_command},
	{"selection", "delete", "ID", "forget it", NULL, 1, 1, false, selection_delete_command},
	{"selection", "retire", "ID", "cut all its nodes off for good", RETIRE_MANY_OPTIONS, 1, 1,
	 false, selection_retire_command},
	{"selection", "label", "ID KEY=VALUE|KEY- ...", "set and take away labels on all its nodes",
	 CONFIRM_OPTIONS, 2, -1, false, selection_label_command},
	{"rollout", "start", "", "start a rollout", ROLLOUT_OPTIONS, 0, 0, false,
	 rollout_start_command},
	{"rollout", "list", "", "rollouts, newest first", ROLLOUT_LIST_OPTIONS, 0, 0, false,
	 rollout_list_command},
	{"rollout", "show", "ROLLOUT", "one rollout and its waves", NULL, 1, 1, false,
	 rollout_show_command},
	{"rollout", "steps", "ROLLOUT", "each node's part", STEPS_OPTIONS, 1, 1, false,
	 rollout_steps_command},
	{"rollout", "failures", "ROLLOUT", "what failed, by kind", NULL, 1, 1, false,
	 rollout_failures_command},
	{"rollout", "explain", "ROLLOUT", "why it is in its state, in words", NULL, 1, 1, false,
	 rollout_explain_command},
	{"step", "explain", "ROLLOUT NODE", "why a node's part in it is in its state", NULL, 2, 2,
	 false, step_explain_command},
	{"rollout", "wait", "ROLLOUT", "wait for its end", WAIT_OPTIONS, 1, 1, false,
	 rollout_wait_command},
	{"rollout", "run", "ROLLOUT", "start a draft", WAIT_OPTIONS, 1, 1, false,
	 rollout_run_command},
	{"rollout", "approve", "ROLLOUT", "let it run, as the second person", WAIT_OPTIONS, 1, 1,
	 false, rollout_approve_command},
	{"rollout", "pause", "ROLLOUT", "start nothing new", WAIT_OPTIONS, 1, 1, false,
	 rollout_pause_command},
	{"rollout", "resume", "ROLLOUT", "go on, accepting what failed so far", WAIT_OPTIONS, 1, 1,
	 false, rollout_resume_command},
	{"rollout", "promote", "ROLLOUT", "start the next wave now", WAIT_OPTIONS, 1, 1, false,
	 rollout_promote_command},
	{"rollout", "retry", "ROLLOUT", "try failed steps again", WAIT_OPTIONS, 1, 1, false,
	 rollout_retry_command},
	{"rollout", "force", "ROLLOUT", "go on outside of its update windows", WAIT_OPTIONS, 1, 1,
	 false, rollout_force_command},
	{"rollout", "finish", "ROLLOUT", "end one that follows", WAIT_OPTIONS, 1, 1, false,
	 rollout_finish_command},
	{"rollout", "skip-nodes", "ROLLOUT [NODE ...]", "these have no turn", CAUSE_OPTIONS, 1, -1,
	 false, rollout_skip_nodes_command},
	{"rollout", "retry-nodes", "ROLLOUT [NODE ...]", "try these again", CAUSE_OPTIONS, 1, -1,
	 false, rollout_retry_nodes_command},
	{"rollout", "exclude-nodes", "ROLLOUT [NODE ...]", "take these out and put them back",
	 CAUSE_OPTIONS, 1, -1, false, rollout_exclude_nodes_command},
	{"rollout", "abort", "ROLLOUT", "end it; nothing is undone", WAIT_OPTIONS, 1, 1, false,
	 rollout_abort_command},
	{"rollout", "undo", "[ROLLOUT]", "take back a part of it, or all since a moment",
	 UNDO_OPTIONS, 0, 1, false, rollout_undo_command},
	{"rollout", "rollback", "ROLLOUT", "restore what ran before, as a new rollout",
	 ROLLBACK_OPTIONS, 1, 1, false, rollout_rollback_command},
	{"alert", "list", "", "open alerts", ALERT_OPTIONS, 0, 0, false, alert_list_command},
	{"alert", "ack", "ALERT", "say that you take care", NULL, 1, 1, false, alert_ack_command},
	{"alert-rule", "list", "", "what is watched", NULL, 0, 0, false, alert_rule_list_command},
	{"alert-rule", "set", "RULE|KIND", "change a rule", RULE_OPTIONS, 1, 1, false,
	 alert_rule_set_command},
	{"webhook", "list", "", "receivers of events", NULL, 0, 0, false, webhook_list_command},
	{"webhook", "create", "NAME", "a new receiver; shows its secret once", WEBHOOK_OPTIONS, 1,
	 1, false, webhook_create_command},
	{"webhook", "set", "WEBHOOK", "change a receiver", WEBHOOK_SET_OPTIONS, 1, 1, false,
	 webhook_set_command},
	{"webhook", "test", "WEBHOOK", "send it a test event", NULL, 1, 1, false,
	 webhook_test_command},
	{"webhook", "deliveries", "WEBHOOK", "what was sent, and how it went", PAGE_OPTIONS, 1, 1,
	 false, webhook_deliveries_command},
	{"webhook", "redeliver", "DELIVERY", "send one again", NULL, 1, 1, false,
	 webhook_redeliver_command},
	{"webhook", "delete", "WEBHOOK", "delete a receiver", NULL, 1, 1, false,
	 webhook_delete_command},
	{"token", "list", "", "API tokens", PAGE_OPTIONS, 0, 0, false, token_list_command},
	{"token", "create", "NAME", "a new token; shows it once", TOKEN_OPTIONS, 1, 1, false,
	 token_create_command},
	{"token", "revoke", "TOKEN", "end one", NULL, 1, 1, false, token_revoke_command},
	{"user", "list", "", "people", PAGE_OPTIONS, 0, 0, false, user_list_command},
	{"user", "create", "LOGIN", "a new person; asks for the password", USER_OPTIONS, 1, 1,
	 false, user_create_command},
	{"user", "set", "LOGIN", "change a person", USER_SET_OPTIONS, 1, 1, false,
	 user_set_command},
	{"user", "delete", "LOGIN", "take a person out of the project", NULL, 1, 1, false,
	 user_delete_command},
	{"project", "list", "", "projects that the token reaches", PAGE_OPTIONS, 0, 0, false,
	 project_list_command},
	{"audit", "list", "", "who did what", PAGE_OPTIONS, 0, 0, false, audit_list_command},
};

const size_t COMMANDS_COUNT = sizeof(COMMANDS) / sizeof(COMMANDS[0]);
