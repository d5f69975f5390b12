/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlstate.h"

#include <string.h>

#include "base/compiler.h"

/* Longer prefixes come first: the first row that fits decides. */
static const struct sqlstate_row {
	const char *prefix;
	enum error_code code;
} SQLSTATES[] = {
	{"23505", ERR_CONFLICT},    /* unique_violation */
	{"23503", ERR_CONFLICT},    /* foreign_key_violation: something still refers to it */
	{"23P01", ERR_CONFLICT},    /* exclusion_violation */
	{"23", ERR_INVALID},	    /* check, not null */
	{"22", ERR_INVALID},	    /* data exception */
	{"25P03", ERR_UNAVAILABLE}, /* idle in transaction for too long */
	{"25006", ERR_UNAVAILABLE}, /* read only: a standby, until it is promoted */
	{"40", ERR_UNAVAILABLE},    /* rolled back; retries are used up */
	{"08", ERR_UNAVAILABLE},    /* connection */
	{"28", ERR_UNAVAILABLE},    /* not let in, as yet */
	{"3D000", ERR_UNAVAILABLE}, /* the database is not there, as yet */
	{"53", ERR_UNAVAILABLE},    /* insufficient resources */
	{"55P03", ERR_UNAVAILABLE}, /* lock_not_available */
	{"57014", ERR_TIMEOUT},	    /* query_canceled: statement_timeout */
	{"57", ERR_UNAVAILABLE},    /* operator intervention: shutdown, crash */
	{"58", ERR_UNAVAILABLE},    /* system error: input or output failed */
	{"54", ERR_TOO_LARGE},	    /* program limit exceeded */
};

enum error_code sqlstate_code(const char *state)
{
	if (!state || !state[0])
		return ERR_UNAVAILABLE;
	for (size_t i = 0; i < ARRAY_SIZE(SQLSTATES); i++)
		if (strncmp(state, SQLSTATES[i].prefix, strlen(SQLSTATES[i].prefix)) == 0)
			return SQLSTATES[i].code;
	return ERR_INTERNAL;
}

bool sqlstate_retryable(const char *state)
{
	return state && (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0);
}
