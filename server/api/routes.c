/* SPDX-License-Identifier: Apache-2.0 */
#include "api/routes.h"

#include "api/handlers.h"

/* Grouped by resource; the order has no meaning: a literal segment wins over a placeholder. */
const struct route ROUTES[] = {
	{"GET", "/api/v1/version", ROLE_NONE, NULL, ROUTE_PUBLIC | ROUTE_NO_DB,
	 version_get_handler},
};

const size_t ROUTES_COUNT = sizeof(ROUTES) / sizeof(ROUTES[0]);
