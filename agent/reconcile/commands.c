/* SPDX-License-Identifier: Apache-2.0 */
/* Signed commands: each id runs once, within minutes, and there is no "run this program". */
#include <string.h>

#include "base/log.h"
#include "reconcile/reconcile_internal.h"

static bool open_command(struct reconcile *reconcile, const void *payload, size_t size,
			 struct arena *arena, struct msg_command *out, struct error *err)
{
	const struct signed_message message = {DSSE_COMMAND, payload, size};
	json_t *json;

	return reconcile_open(reconcile, &message, arena, &json, err) &&
	       msg_command_decode(json, arena, out, err) &&
	       reconcile_addressed(reconcile, out->node, out->expires, err);
}

static bool run_restart(struct reconcile *reconcile, const struct msg_command *command,
			struct error *err)
{
	return supervisor_restart(reconcile->options.supervisor, command->service, err);
}

static bool run_start(struct reconcile *reconcile, const struct msg_command *command,
		      struct error *err)
{
	return supervisor_start(reconcile->options.supervisor, command->service, err);
}

static bool run_stop(struct reconcile *reconcile, const struct msg_command *command,
		     struct error *err)
{
	return supervisor_stop(reconcile->options.supervisor, command->service, err);
}

static bool run_log_level(struct reconcile *reconcile, const struct msg_command *command,
			  struct error *err)
{
	const char *name = json_string_value(json_object_get(command->args, "level"));
	enum log_level level;

	(void)reconcile;
	if (!name || !log_level_parse(name, &level))
		return error_set(err, ERR_INVALID, "args.level must be debug, info, warn or error");
	log_set_level(level);
	return true;
}

static bool run_resend(struct reconcile *reconcile, const struct msg_command *command,
		       struct error *err)
{
	(void)command;
	(void)err;
	reconcile->reported[0] = '\0';
	reconcile_report_soon(reconcile);
	reconcile->options.resend(reconcile->options.arg);
	return true;
}

static bool run_renew(struct reconcile *reconcile, const struct msg_command *command,
		      struct error *err)
{
	const char *pem = json_string_value(json_object_get(command->args, "certificate"));

	if (!pem)
		return error_set(err, ERR_INVALID, "args.certificate is missing");
	return reconcile->options.certificate(pem, reconcile->options.arg, err);
}

static bool run_retry(struct reconcile *reconcile, const struct msg_command *command,
		      struct error *err)
{
	const char *what;

	(void)command;
	if (!reconcile_retry(reconcile, &what, err))
		return false;
	log_info("retry: %s", what);
	return true;
}

static const struct {
	const char *kind;
	bool service;
	bool (*run)(struct reconcile *reconcile, const struct msg_command *command,
		    struct error *err);
} COMMANDS[] = {
	{"restart", true, run_restart}, {"start", true, run_start},
	{"stop", true, run_stop},	{"log_level", false, run_log_level},
	{"resend", false, run_resend},	{"renew", false, run_renew},
	{"retry", false, run_retry},
};

static bool run(struct reconcile *reconcile, const struct msg_command *command, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++) {
		if (strcmp(COMMANDS[i].kind, command->kind) != 0)
			continue;
		if (COMMANDS[i].service && !command->service)
			return error_set(err, ERR_INVALID, "%s needs a service", command->kind);
		if (COMMANDS[i].service && reconcile->transaction)
			return error_set(err, ERR_CONFLICT,
					 "a change is being applied; try again when it is done");
		return COMMANDS[i].run(reconcile, command, err);
	}
	return error_set(err, ERR_INVALID, "this agent does not know the command %s",
			 command->kind);
}

static void answer(struct reconcile *reconcile, const struct msg_command *command, bool ok,
		   const struct error *err)
{
	json_t *data = json_pack("{s:s, s:s}", "id", command->id, "kind", command->kind);

	log_info("command %s kind=%s service=%s%s%s", ok ? "done" : "failed", command->kind,
		 command->service ? command->service : "-",
		 ok ? "" : " reason=", ok ? "" : err->text);
	if (ok)
		outgoing_event(reconcile->options.outgoing, SEVERITY_INFO, "command.done",
			       command->service, data, "%s was done", command->kind);
	else
		outgoing_event(reconcile->options.outgoing, SEVERITY_ERROR, "command.failed",
			       command->service, data, "%s failed: %s", command->kind, err->text);
}

/*
 * The server's answer to a question in hello, and where this node belongs. Its word makes a time good
 * once; the brokers are the same however often they are told. Nothing is told of it.
 */
static void take_time(struct reconcile *reconcile, const struct msg_command *command)
{
	const char *word = json_string_value(json_object_get(command->args, "ask_time"));
	json_t *brokers = json_object_get(command->args, "brokers");
	struct error err = {0};

	if (json_is_array(brokers) && reconcile->options.brokers)
		reconcile->options.brokers(brokers, reconcile->options.arg);
	if (!word)
		return;
	if (!trusted_time_answer(reconcile->options.time, word, command->issued, &err))
		log_debug("ignoring a time: %s", err.text);
	else if (reconcile->options.timed)
		reconcile->options.timed(reconcile->options.arg);
}

void reconcile_receive_command(struct reconcile *reconcile, const void *payload, size_t size)
{
	struct arena *arena = arena_new();
	struct msg_command command;
	struct error err = {0};
	bool known = false;

	if (!open_command(reconcile, payload, size, arena, &command, &err)) {
		reconcile_refuse(reconcile, "command.refused", "a command", err.text);
	} else if (strcmp(command.kind, "time") == 0) {
		take_time(reconcile, &command);
	} else if (!trusted_time_learn(reconcile->options.time, command.issued, &err) ||
		   !command_insert(reconcile->options.state, command.id, command.expires,
				   trusted_time_now(reconcile->options.time), &known, &err)) {
		log_error("could not keep a command: %s", err.text);
	} else if (!known) {
		bool ok = run(reconcile, &command, &err);

		answer(reconcile, &command, ok, &err);
	}
	arena_free(arena);
}
