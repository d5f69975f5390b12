/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "muster-agent enroll": makes the device key, shows the token and a signing request to the server
 * whose CA the fingerprint names, and keeps certificate, CA and keys. May be repeated: the key
 * stays, and the server gives the same node again for the same token and key.
 */
#pragma once

#include "base/compiler.h"
#include "base/error.h"
#include "config.h"

/* Prints what it has done. */
MUST_CHECK bool enroll_run(const struct enroll_config *config, struct arena *arena,
			   struct error *err);
