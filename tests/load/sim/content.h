/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Desired contents, each kept once however many nodes run it: taken apart when the first one comes, with what a
 * node will say of it prepared as text. Counted: a content that no node holds any more is forgotten.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "protocol/limits.h"
#include "sim/fleet.h"

struct content {
	struct content *next; /* in its bucket */
	size_t holders;
	char digest[DIGEST_SIZE];
	char rollout[LIMIT_NODE_ID + 1]; /* "": none */
	int64_t health_interval_ms;	 /* 0: not said */
	char service[LIMIT_NAME + 1];	 /* one of them, or "" */
	char *reported;			 /* JSON object of services, as in reported */
	char *health;			 /* the same as in health */
	char *runs;			 /* as in record.h */
};

struct contents;

struct contents *contents_new(void);
void contents_free(struct contents *contents);

/* NULL when it is not there. Holds nothing. */
struct content *content_find(struct contents *contents, const char *digest);

/* Takes a content apart that is not there yet. */
MUST_CHECK bool content_add(struct contents *contents, const char *digest, const char *text,
			    size_t size, usec_t now, struct content **out, struct error *err);

struct content *content_hold(struct content *content);
/* Accepts NULL. */
void content_release(struct contents *contents, struct content *content);
