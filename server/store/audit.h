/* SPDX-License-Identifier: Apache-2.0 */
/* Table audit: inserts and reads, nothing else. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

struct audit_entry {
	int64_t id;
	usec_t at;
	const char *actor_kind;
	const char *actor_id;
	const char *actor_name;
	const char *action;
	const char *object_kind;
	const char *object_id;
	json_t *detail; /* borrowed when inserted, kept by the arena when read */
	const char *remote;
	const char *request_id;
};

/* Actor, remote, request id, project and time are those of ctx. */
MUST_CHECK bool audit_insert(struct ctx *ctx, const struct audit_entry *entry, struct error *err);

/* All members may be NULL or 0: no such condition. */
struct audit_filter {
	const char *actor_id;
	const char *action; /* as a prefix: "node." */
	const char *object_kind;
	const char *object_id;
	int64_t before; /* ids below; 0 = from the newest */
	int64_t limit;
	bool homeless; /* also what belongs to no project, such as refused sign-ins */
};

/* Newest first, of ctx's project. */
MUST_CHECK bool audit_list(struct ctx *ctx, const struct audit_filter *filter,
			   struct audit_entry **out, size_t *count, struct error *err);

/* Refused sign-ins (action session.refuse) since an instant from the actor's address: for a login, and all. A login
 * alone is not counted, or anybody could lock out anybody. */
MUST_CHECK bool audit_count_refused(struct ctx *ctx, const char *login, usec_t since,
				    int64_t *by_login, int64_t *by_address, struct error *err);

/* As JSON for the API: a new reference. */
json_t *audit_encode(const struct audit_entry *entry);
