/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mosquitto of musterd standalone, below DIR/mosquitto (the first) or DIR/mosquitto-N: one listener with mutual TLS, on which a
 * certificate may use the topics of its own node only.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "standalone/account.h"
#include "standalone/keeper.h"
#include "standalone/ports.h"
#include "standalone/tree.h"

struct broker {
	struct account account;
	const char *name;
	const char *folder;
	const char *log_path;
	const char *revoked; /* list of certificates that count no more, as the server writes it */
	struct stat revoked_seen;
	struct keeper keeper;
};

/*
 * Number counts from 0. Writes configuration, access rules and copies of certificates and key, readable for mosquitto's
 * account only. ca_pem is the only authority that clients are checked against.
 */
MUST_CHECK bool broker_prepare(const struct tree *tree, const struct listen_address *listen,
			       int number, const char *ca_pem, struct arena *arena,
			       struct broker *broker, struct error *err);

/* Starts it and keeps it running. ERR_NOT_FOUND when mosquitto is not installed. */
MUST_CHECK bool broker_start(struct broker *broker, struct loop *loop, struct arena *arena,
			     struct error *err);
void broker_stop(struct broker *broker);

/* Has the server written another list since it was asked last? */
bool broker_revoked_changed(struct broker *broker);

/* Gives the list to the broker, which reads it without a restart. */
MUST_CHECK bool broker_reload(struct broker *broker, struct error *err);
