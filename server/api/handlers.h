/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prototypes of all handlers, grouped by resource; each group lives in api/<resource>.c and is
 * reached only through the table in api/routes.c. See http/request.h for what a handler may do.
 */
#pragma once

#include "http/request.h"

/* api/system.c */
bool version_get_handler(struct request *req, struct error *err);
