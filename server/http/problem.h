/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as RFC 9457 problems. */
#pragma once

#include <jansson.h>

#include "base/error.h"

unsigned int problem_status(enum error_code code);

/*
 * {type, title, status, detail, instance, code, errors?}: a new reference. What went wrong inside is
 * not told to the client: the detail of ERR_INTERNAL is replaced, the log has the rest under
 * the request id. status 0 = the one of the code.
 */
json_t *problem_json(const struct error *err, unsigned int status, const char *request_id);
