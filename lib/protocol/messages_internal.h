/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind messages.h share; nobody else includes it. */
#pragma once

#include "protocol/messages.h"

#define DIGEST_LENGTH (7 + 64) /* "sha256:" and hex */

/* The rows of struct msg_place, which lies flat in the message. */
#define PLACE_FIELDS_OF(type)                                                         \
	FIELD_STRING_AS("epoch", type, place.epoch, FIELD_REQUIRED, 16),              \
		FIELD_INT64_AS("seq", type, place.seq, FIELD_REQUIRED, 1, INT64_MAX), \
		FIELD_INT64_AS("first", type, place.first, 0, 1, INT64_MAX),          \
		FIELD_INT64_AS("dropped", type, place.dropped, 0, 0, INT64_MAX),      \
		FIELD_INT64_AS("corrected_ms", type, place.corrected_ms, 0, INT64_MIN, INT64_MAX)

bool digest_valid(const char *digest);
MUST_CHECK bool place_check(struct msg_place *place, struct error *err);

/* Adds "v" and hands the reference on. */
json_t *message_seal(json_t *json);
