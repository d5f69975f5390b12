/* SPDX-License-Identifier: Apache-2.0 */
/* What can be asked at the local door (control.h), each with who may. The args are the app. */
#pragma once

#include "control.h"

extern const struct control_verb VERBS[];
extern const size_t VERBS_COUNT;

/* status.c */
void verb_status(struct control_client *client, json_t *request, void *arg);
void verb_explain(struct control_client *client, json_t *request, void *arg);

/* local_logs.c: {"service", "lines", "follow"}; a line {"at", "stream", "text"} each. */
void verb_logs(struct control_client *client, json_t *request, void *arg);

/*
 * apply.c: a bundle, whose open file comes with the request. Lines {"generation", "packages"},
 * {"done", "total"}, then {"accepted": generation, "digest", "in_force"}.
 */
void verb_apply(struct control_client *client, json_t *request, void *arg);

/* report.c: {"report": text of the file, "truncated"}. */
void verb_report(struct control_client *client, json_t *request, void *arg);

/* diag_verb.c: {"logs": bool}; a line {"file", "text"} each, then {"done"}. */
void verb_diag(struct control_client *client, json_t *request, void *arg);

/* What was done here is told to the server like everything else that happens. service may be NULL. */
void verb_tell(void *app, const struct control_client *client, const char *kind,
	       const char *service, const char *text);
