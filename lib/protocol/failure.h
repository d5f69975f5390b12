/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a change did not come to stand: part of a result, what an agent keeps in its journal and
 * verdicts, and what the server stores with the step.
 */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

struct msg_failure {
	const char *phase;
	const char *code;
	const char *text;
	const char *service;	 /* or NULL */
	const char *stderr_text; /* last lines, or NULL; "stderr" on the wire */
	bool has_exit;		 /* the process of the service, or of the hook, has ended: */
	struct msg_exit {
		int code, signal; /* code or -1; the signal that killed it, or 0 */
	} exit;
	bool has_probe; /* a probe says no: */
	struct msg_failed_probe {
		const char *kind, *text;
	} probe;
};

/* As of messages.h: strings live in the arena, unknown members are ignored. */
MUST_CHECK bool msg_failure_decode(json_t *json, struct arena *arena, struct msg_failure *out,
				   struct error *err);
/* The caller's reference. */
json_t *msg_failure_encode(const struct msg_failure *msg);
