/* SPDX-License-Identifier: Apache-2.0 */
/* What people and pipelines see: tables for the one, the API's own JSON for the other. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "cli.h"

/* How a value is shown. */
enum column_kind {
	COLUMN_TEXT,
	COLUMN_TIME,	 /* RFC 3339 -> local time (or UTC with --utc) */
	COLUMN_SIZE,	 /* bytes -> "1.2 MB" */
	COLUMN_LABELS,	 /* {"k":"v"} -> "k=v,..." */
	COLUMN_LIST,	 /* ["a","b"] -> "a,b" */
	COLUMN_SERVICES, /* of a node: "broker:running collector:failed" */
	COLUMN_DURATION, /* milliseconds -> "1m" */
	COLUMN_CHANGES,	 /* of a rollout: "broker mosquitto@2.0.21" */
	COLUMN_PLAN,	 /* of a plan: "broker package 2.0.11 -> 2.0.21 (restart)" */
	COLUMN_TARGETS,	 /* of a rollout: its selector, or its nodes */
};

/* A table ends with title NULL. path: "config.version" goes down into objects. */
struct column {
	const char *title;
	const char *path;
	enum column_kind kind;
};

/* The member that path leads to, borrowed, or NULL. */
json_t *json_at(json_t *json, const char *path);

/* Its text as a table shows it; "-" for nothing. In the arena. */
const char *value_text(const struct cli *cli, json_t *value, enum column_kind kind);

/* With --output json the reply as it is, else {items} as a table, or empty when there is none. */
void print_list(const struct cli *cli, json_t *reply, const struct column *columns,
		const char *empty);

/* JSON, or one "title: value" line per column. */
void print_object(const struct cli *cli, json_t *object, const struct column *columns);

void print_json(json_t *json);
