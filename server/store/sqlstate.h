/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller does next about an SQLSTATE. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* state is five characters, or NULL or "" when the server did not answer at all. */
enum error_code sqlstate_code(const char *state);

/* Serialization failure or deadlock: the same transaction may succeed when run again. */
bool sqlstate_retryable(const char *state);
