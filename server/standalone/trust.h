/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of DIR/keys that the server itself uses, made with the signer's help: server.key and
 * server.crt (HTTPS and MQTT), mqtt-client.key and mqtt-client.crt (how the server shows itself to
 * the broker), url.key (signs download addresses). Used by standalone and by serve, before anything
 * listens.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

struct signer;

/*
 * Makes what is missing. Certificates are made anew when they are in the last third of their life,
 * do not belong to the authority, or are for other names than these (DNS names and addresses under
 * which the server is reached).
 */
MUST_CHECK bool trust_prepare(const char *keys_folder, struct signer *signer,
			      const char *const *names, size_t name_count, struct arena *arena,
			      struct error *err);
