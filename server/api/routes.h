/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of all endpoints. One row = method, path, who may call it, handler; the dispatcher reads
 * nothing else, `musterd check --routes` prints it and tests/lint/routes.py compares it with
 * schema/openapi.yaml. See http/route.h for the row.
 */
#pragma once

#include "http/route.h"

extern const struct route ROUTES[];
extern const size_t ROUTES_COUNT;
