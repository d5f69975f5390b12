/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The step of a change that is the agent itself. It comes last, when all others are through: the change
 * stays open in the journal, this process makes way, and whoever runs then finishes or undoes it.
 */
#include "reconcile/transaction_internal.h"

bool step_is_agent(const struct plan_step *step)
{
	return content_is_agent(step->to ? step->to : step->from);
}

static const char *program_of(const struct content_service *service)
{
	return service && service->spec.command_count > 0 ? service->spec.command[0] : "";
}

enum supervisor_gate agent_step_look(struct transaction *transaction, const struct plan_step *step,
				     const char **reason)
{
	switch (upgrade_want(transaction->options.upgrade, program_of(step->to),
			     transaction->to.gate_ms, reason)) {
	case UPGRADE_RUNS:
		return GATE_OK;
	case UPGRADE_WAITS:
		return GATE_WAIT;
	case UPGRADE_FAILED:
		break;
	}
	return GATE_FAILED;
}

void agent_step_blame(struct transaction *transaction, const struct plan_step *step)
{
	const struct upgrade_failure *failure = upgrade_failure(transaction->options.upgrade);

	transaction_blame(transaction, "agent", failure->code, step->name, failure->text);
	if (failure->stderr_text)
		transaction->failure.stderr_text =
			arena_strdup(transaction->arena, failure->stderr_text);
}

bool agent_step_is_back(struct transaction *transaction)
{
	if (!upgrade_on_trial(transaction->options.upgrade))
		return true;
	upgrade_give_up(transaction->options.upgrade, transaction->failure.text);
	return false;
}
