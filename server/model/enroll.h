/* SPDX-License-Identifier: Apache-2.0 */
/* What lets devices in. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/clock.h"

struct enroll_token {
	const char *id;
	const char *project_id;
	const char *project_name;
	const char *name;
	json_t *labels; /* given to the nodes that enrol with it */
	int64_t uses;
	int64_t uses_left;
	usec_t expires_at;
	usec_t revoked_at; /* 0: not revoked */
	const char *created_by;
	usec_t created_at;
};
