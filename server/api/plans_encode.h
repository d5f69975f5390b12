/* SPDX-License-Identifier: Apache-2.0 */
/* Plans as JSON. The caller owns what is returned. */
#pragma once

#include <jansson.h>

#include "domain/rollout/plan.h"

struct request;

/* Lists the first groups and nodes; the counts are of all. */
json_t *plan_encode(const struct plan *plan);

/* 200 with the plan, kept for paging. */
bool plan_reply(struct request *req, struct plan *plan, struct error *err);

/* Puts the plan beside the problem that the handler is about to fail with, and keeps it for paging. */
void plan_reply_with_problem(struct request *req, const struct plan *plan);
