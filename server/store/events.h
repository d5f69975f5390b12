/* SPDX-License-Identifier: Apache-2.0 */
/* Table node_event: what happened on nodes and to them, for timelines and rules. */
#pragma once

#include <jansson.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/* Rows [{project_id, node_id, service, at, kind, severity, text, data}], of any project; service and
 * data may be null. Borrowed. */
MUST_CHECK bool events_insert(struct ctx *ctx, const json_t *rows, struct error *err);
