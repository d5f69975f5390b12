/* SPDX-License-Identifier: Apache-2.0 */
#include "api/encode.h"

json_t *encode_time(usec_t time)
{
	char text[TIME_TEXT_SIZE];

	if (time == 0)
		return json_null();
	time_format(time, text);
	return json_string(text);
}
