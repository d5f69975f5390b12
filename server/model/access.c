/* SPDX-License-Identifier: Apache-2.0 */
#include "model/access.h"

#include <string.h>

static const char *const NAMES[] = {
	[ROLE_VIEWER] = "viewer",
	[ROLE_OPERATOR] = "operator",
	[ROLE_APPROVER] = "approver",
	[ROLE_ADMIN] = "admin",
};

const char *role_name(enum role role)
{
	return NAMES[role];
}

enum role role_parse(const char *name)
{
	for (enum role role = ROLE_VIEWER; name != NULL && role <= ROLE_ADMIN; role++)
		if (strcmp(name, NAMES[role]) == 0)
			return role;
	return ROLE_NONE;
}
