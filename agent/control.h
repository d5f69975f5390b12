/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local door: run/agent.sock, for root and for the user that the agent runs as. A client sends one
 * line with a word ("status", "shutdown") and gets one JSON object back.
 */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/loop.h"

struct control;
struct control_client;

/* Answers with control_answer, now or later. word is valid during the call. */
typedef void (*control_fn)(struct control_client *client, const char *word, void *arg);

MUST_CHECK bool control_new(struct loop *loop, control_fn handler, void *arg, struct control **out,
			    struct error *err);
void control_free(struct control *control); /* accepts NULL */

/* Takes over answer, and ends the client. */
void control_answer(struct control_client *client, json_t *answer);

/* The other side, which blocks. ERR_UNAVAILABLE: no agent runs here. */
MUST_CHECK bool control_ask(const char *word, struct arena *arena, json_t **answer,
			    struct error *err);
