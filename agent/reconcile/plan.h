/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has to be done to come from one content to another: pure, so that every case is tested
 * without a process or a file. Only what differs is touched.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "reconcile/content.h"

/* A desired message against what was accepted before. */
enum generation_rule {
	GENERATION_NEW,		 /* higher: take it */
	GENERATION_REPEATED,	 /* the same again: acknowledge, take over the URLs */
	GENERATION_OLD,		 /* lower: a late message */
	GENERATION_EQUIVOCATION, /* same number, other content: somebody lies */
};

enum generation_rule generation_judge(int64_t have, const char *have_digest, int64_t given,
				      const char *given_digest);

enum plan_action {
	PLAN_KEEP,    /* nothing at all */
	PLAN_UPDATE,  /* probes, policies, order: taken over while it runs */
	PLAN_RELOAD,  /* files change, the process reloads them */
	PLAN_RESTART, /* stop, change, start (or leave stopped) */
	PLAN_ADD,
	PLAN_REMOVE,
};

struct plan_step {
	const char *name;
	enum plan_action action;
	const struct content_service *from; /* NULL: new */
	const struct content_service *to;   /* NULL: removed */
	/* Filled in by the transaction. */
	bool was_ready;
	bool switched; /* an agent that died had switched it already */
};

struct plan {
	struct plan_step *steps; /* every service of both, each after those it starts after */
	size_t count;
	size_t touched; /* steps that are not KEEP */
};

/* Both contents have their specs. from may be NULL: everything is new. */
void plan_make(struct arena *arena, const struct content *from, const struct content *to,
	       struct plan *out);

/* The packages of a content that a predicate calls absent, each once. */
size_t plan_missing_packages(const struct content *content, bool (*have)(const char *sha256),
			     const struct content_package **out, size_t capacity);

const char *plan_action_name(enum plan_action action);
