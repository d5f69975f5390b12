/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who this node is and whom it trusts: keys/ below the agent's folder. keys/identity.json is written
 * last at enrolment, so its presence means that all of it is there. Paths are relative to the
 * current folder.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "protocol/dsse.h"

#define IDENTITY_KEY_FILE "keys/node.key"
#define IDENTITY_CERTIFICATE_FILE "keys/node.crt"
#define IDENTITY_CA_FILE "keys/ca.crt"
#define IDENTITY_FILE "keys/identity.json"

struct identity {
	const char *node_id;
	const char *name;
	const char *project;
	const char *server; /* URL that it was enrolled at */
	const char *const *brokers;
	size_t broker_count;
	const char *const *former_brokers; /* where it was before the server has moved it */
	size_t former_broker_count;
	struct dsse_key *signing_keys;
	size_t signing_key_count;
	int trust; /* number of the newest statement on them, 0: as enrolled */
	int health_interval_ms;
	usec_t server_time;
};

/* ERR_NOT_FOUND: this folder is not enrolled. */
MUST_CHECK bool identity_load(struct arena *arena, struct identity *out, struct error *err);

/* From the JSON of the file or of an enrolment answer. ERR_INVALID names the field. */
MUST_CHECK bool identity_decode(json_t *json, struct arena *arena, struct identity *out,
				struct error *err);

/*
 * From now on keys (array of {id, public}) are the signing keys, as statement number says: in the file,
 * then in *identity. Its strings live in the arena.
 */
MUST_CHECK bool identity_trust(struct identity *identity, json_t *keys, int number,
			       struct arena *arena, struct error *err);

/*
 * From now on urls (array of texts) are the brokers, and the present ones the former: in the file, then in
 * *identity, whose strings live in the arena. changed: they were not before, in this order. ERR_INVALID when
 * they cannot be addresses of brokers.
 */
MUST_CHECK bool identity_move(struct identity *identity, json_t *urls, struct arena *arena,
			      bool *changed, struct error *err);

/* "linux-amd64" and so on, of this build. */
const char *identity_platform(void);
