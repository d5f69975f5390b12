/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends the session of a client at the broker: whoever connects under its name takes the session over, at
 * every broker, as MQTT 3.1.1 (3.1.4-2) demands.
 */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "mqtt/link.h"

/* Connects as client_id with this certificate and key (PEM), once, and goes; waits a few seconds. */
MUST_CHECK bool cut_session(const struct link_settings *settings, const char *client_id,
			    const char *certificate_pem, const char *key_pem, struct error *err);
