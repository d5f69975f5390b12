/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/package/drivers.h"

#include "base/fields.h"

const char *const DRIVER_NAMES[] = {"generic", "mosquitto", "agent", NULL};

bool driver_check(const char *name, struct error *err)
{
	if (name != NULL && names_find(DRIVER_NAMES, name) < 0)
		return error_set_field(err, ERR_INVALID, "driver",
				       "there is no driver %.63s (generic, mosquitto, agent)",
				       name);
	return true;
}
