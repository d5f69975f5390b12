/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations: a name, its numbered versions, their files; and the variables files may use. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct config {
	const char *id;
	const char *name;
	const char *service; /* what it is meant for, or NULL */
	const char *driver;
	const char *description;
	int64_t latest; /* number of the newest version, 0 = none yet */
	usec_t created_at;
	const char *created_by;
	int64_t used_by; /* nodes that should run any of its versions */
};

struct config_file {
	const char *path;
	const char *mode;    /* "0644" */
	const char *sha256;  /* lower hex of the bytes */
	const char *content; /* NULL when only the list was asked for; a zero byte follows */
	int64_t size;
};

struct config_version {
	const char *config_id;
	const char *config; /* name */
	int64_t no;
	const char *author;
	const char *message;
	const char *digest; /* "sha256:..." */
	usec_t created_at;
	int64_t nodes; /* that should run it */
	struct config_file *files;
	size_t file_count;
};

struct variable {
	const char *name;
	const char *value;
	const char *level; /* node, project; after rendering also default, inline, built-in */
	usec_t updated_at;
};
