/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include "app_internal.h"
#include "base/log.h"

void verb_tell(void *arg, const struct control_client *client, const char *kind,
	       const char *service, const char *text)
{
	struct app *app = arg;
	json_t *data = json_pack("{s:i}", "uid", (int)control_uid(client));

	log_info("%s by the local user %u", text, (unsigned)control_uid(client));
	outgoing_event(&app->outgoing, SEVERITY_INFO, kind, service, data,
		       "%s by the local user %u", text, (unsigned)control_uid(client));
}

static void verb_restart(struct control_client *client, json_t *request, void *arg)
{
	const char *name = json_string_value(json_object_get(request, "service"));
	struct app *app = arg;
	struct error err = {0};
	bool ok;

	if (!name)
		ok = error_set(&err, ERR_INVALID, "restart needs the name of a service");
	else if (reconcile_busy(app->reconcile))
		ok = error_set(&err, ERR_CONFLICT,
			       "a change is being applied; try again when it is done "
			       "(\"muster-agent explain\" shows how far it is)");
	else
		ok = supervisor_restart(app->supervisor, name, &err);
	if (!ok) {
		control_fail(client, &err);
		return;
	}
	verb_tell(app, client, "local.restart", name, "restarted");
	control_end(client, json_pack("{s:s}", "restarted", name));
}

static void verb_retry(struct control_client *client, json_t *request, void *arg)
{
	struct app *app = arg;
	struct error err = {0};
	const char *what;

	(void)request;
	if (!reconcile_retry(app->reconcile, &what, &err)) {
		control_fail(client, &err);
		return;
	}
	verb_tell(app, client, "local.retry", NULL, "what has failed may be tried again, allowed");
	control_end(client, json_pack("{s:s}", "retry", what));
}

static void verb_shutdown(struct control_client *client, json_t *request, void *arg)
{
	struct error err = {0};

	(void)request;
	if (app_shut_down(arg, client))
		return;
	error_set(&err, ERR_CONFLICT, "it is shutting down already");
	control_fail(client, &err);
}

const struct control_verb VERBS[] = {
	{"status", CONTROL_READ, verb_status}, {"explain", CONTROL_READ, verb_explain},
	{"logs", CONTROL_READ, verb_logs},     {"restart", CONTROL_CHANGE, verb_restart},
	{"apply", CONTROL_CHANGE, verb_apply}, {"report", CONTROL_CHANGE, verb_report},
	{"diag", CONTROL_CHANGE, verb_diag},   {"shutdown", CONTROL_CHANGE, verb_shutdown},
	{"retry", CONTROL_CHANGE, verb_retry},
};

const size_t VERBS_COUNT = ARRAY_SIZE(VERBS);
