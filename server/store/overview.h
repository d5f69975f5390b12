/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of the first page, each in one set-based statement. New references in JSON. */
#pragma once

#include <jansson.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/* {nodes, services, rollouts, alerts, versions, map, attention, activity}; a new reference. */
MUST_CHECK bool overview_load(struct ctx *ctx, json_t **out, struct error *err);
