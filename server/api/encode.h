/* SPDX-License-Identifier: Apache-2.0 */
/* Small values as JSON, the same everywhere. New references. */
#pragma once

#include <jansson.h>

#include "base/clock.h"

/* RFC 3339, or null for 0. */
json_t *encode_time(usec_t time);
