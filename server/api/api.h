/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame around all handlers: who is it, may he, in which project, was it done before; then the
 * handler; then the answer or a problem. Called by the workers.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"
#include "domain/access/access.h"

struct event_hub;
struct http_server;
struct installer;
struct request;

/* What the handlers need of the process. Made by app.c; ctx->server->api. */
struct api {
	struct access_limits limits;
	struct event_hub *events;
	struct installer *installer;
	bool secure_cookies; /* people reach us through https */
	/* Until the schema of the database has been checked, all but health answers 503. */
	atomic_bool serving;
	/* Fills in what keeps the process from being ready; true = ready. */
	bool (*ready)(void *arg, struct error *err);
	void *ready_arg;
};

/* Whether the body of a request may come in: everything that api_handle checks before the handler. */
MUST_CHECK bool api_admit(struct request *req, struct error *err);

/* Runs a complete request. False = answer with a problem. */
MUST_CHECK bool api_handle(struct request *req, struct error *err);

/* For handlers of public routes that tell more to those with a token. */
MUST_CHECK bool api_check_bearer(struct request *req, struct error *err);

/* The secret of the session cookie, or NULL. */
const char *api_session_cookie(struct request *req);

/* "__Host-sid", or a plain name where people come by http. */
const char *api_cookie_name(const struct api *api);
