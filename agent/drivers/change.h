/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a spec says about its own change: programs that run before and after it, files that stand at
 * their own paths, and the program that did the work before Muster. All of it can reach
 * anything on the machine, so for a service with a package only the signed manifest may say it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

enum hook_kind {
	HOOK_BEFORE, /* the old version is stopped, the files are not switched yet */
	HOOK_AFTER,  /* the new version is through the health gate */
	HOOK_KINDS
};

struct hook_spec {
	const char *const *command; /* NULL-terminated */
	size_t command_count;	    /* 0: there is no such hook */
	int64_t timeout_ms;
	int attempts; /* that "try again" is good for */
	int64_t delay_ms;
};

struct in_place_file {
	const char *file; /* of the config */
	const char *path; /* absolute and clean */
};

/* How the program that ran before Muster is stopped, and started again when Muster lets go. */
struct take_over_spec {
	const char *unit;	  /* of systemd, or NULL */
	const char *pid_file;	  /* absolute, or NULL */
	const char *const *start; /* with pid_file; NULL-terminated, or NULL */
	size_t start_count;
};

struct change_spec {
	struct hook_spec hooks[HOOK_KINDS];
	struct in_place_file *in_place; /* in order of file */
	size_t in_place_count;
	bool adopts; /* the document has in_place, perhaps without files */
	struct take_over_spec take_over;
};

/* Reads hooks, in_place and take_over of a merged and expanded document. root: the agent's folder,
 * where nothing may be in place. ERR_INVALID or ERR_TOO_LARGE with the field. */
MUST_CHECK bool change_decode(struct arena *arena, json_t *document, const char *root,
			      struct change_spec *out, struct error *err);

/* Do these parameters say something that only a manifest may? NULL: no, else the key. */
const char *change_key(const json_t *parameters);

/* The path that a file of the config has in place; NULL: it has none. */
const char *change_path(const struct change_spec *change, const char *file);

const char *hook_kind_name(enum hook_kind kind);
