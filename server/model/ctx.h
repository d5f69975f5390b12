/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unit of work: what one HTTP request, one batch of messages or one tick of the scheduler
 * carries through api, domain and store. Made by the edge (worker, ingest, scheduler), reset when
 * the unit ends; whatever was allocated from its arena dies with it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct api;
struct arena;
struct db;
struct patches;
struct signer;

enum role {
	ROLE_NONE,
	ROLE_VIEWER,
	ROLE_OPERATOR,
	ROLE_APPROVER,
	ROLE_ADMIN,
};

enum actor_kind {
	ACTOR_SYSTEM,
	ACTOR_USER,
	ACTOR_TOKEN,
	ACTOR_NODE,
	ACTOR_ANONYMOUS,
};

/* Who acts. Strings live as long as the unit of work. */
struct actor {
	enum actor_kind kind;
	const char *id;
	const char *name;
	const char *user_id;	   /* the person behind: himself, or who made the token; or NULL */
	enum role role;		   /* in the project of the unit of work */
	const char *const *scopes; /* of an API token, NULL for sessions and the system */
	size_t scope_count;
	usec_t until;	    /* when the token of an actor expires; 0 = never */
	const char *remote; /* address, or NULL */
	bool system_admin;
};

/* What the process knows and never changes after start. Owned by server/app.c. */
struct server {
	const char *data_dir;
	const char *public_url;		/* https://host:port without trailing slash */
	const char *package_caches;	/* addresses that nodes ask before us, comma separated */
	const char *const *broker_urls; /* mqtts://host:port as nodes see them */
	size_t broker_url_count;
	size_t broker_count; /* brokers; with several, each has one of the URLs */
	const char *ca_pem;
	const char *ca_fingerprint; /* bare lower hex */
	struct signer *signer;
	struct patches *patches; /* domain/package/patches.h */
	unsigned char url_key[32];
	int health_interval_ms;
	int64_t certificate_lifetime_ms; /* of nodes */
	int64_t certificate_grace_ms;	 /* renewal after their end */
	struct api *api;     /* what the handlers of sessions, events and health need: api/api.h */
	const char *replica; /* our fixed name in leases; NULL: any that nobody else has */
	const char *webhook_allow; /* comma separated networks that webhooks may reach, or "" */
};

/* A lease as it was when it was taken: fence is another one when somebody else has had it since. */
struct lease {
	const char *name;
	const char *owner;
	int64_t fence;
};

struct ctx {
	struct db *db;
	struct arena *arena;
	const struct actor *actor; /* never NULL */
	const char *project_id;	   /* NULL only before a project is known */
	usec_t now;		   /* one instant for the whole unit, UTC */
	const char *request_id;
	const struct server *server;
	const struct lease *lease; /* what timed work must still hold when it writes, or NULL */
};
