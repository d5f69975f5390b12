/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All parts of the running server, started in order and stopped in reverse: HTTP server and workers,
 * feed of events, broker link and ingest, outbox, scheduler. Used by `musterd serve`, and by
 * `musterd standalone` once its database and broker have been started.
 *
 * app_start returns as soon as the HTTP server listens. The rest follows in a thread of its own when
 * PostgreSQL can be reached and has the right schema; until then the API answers 503, /healthz
 * is fine and /readyz is not. Signals must be blocked, and SIGPIPE ignored, before.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "config.h"

struct app;
struct signer;

/*
 * config and signer are borrowed until app_stop. Of config these must be set: data (with its folders
 * and keys, see standalone/tree.h and trust.h), database_url, listen, public_url, mqtt_url.
 */
MUST_CHECK bool app_start(const struct config *config, struct signer *signer, struct app **out,
			  struct error *err);

/* Ends all threads; answers what is under way. Accepts NULL. */
void app_stop(struct app *app);

/* The port that HTTPS really listens on. */
int app_https_port(const struct app *app);

/* A descriptor that becomes readable when the app cannot go on (an edited or unknown schema): the
 * program then stops. Owned by app. */
int app_failure_fd(const struct app *app);
