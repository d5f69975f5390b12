/* SPDX-License-Identifier: Apache-2.0 */
/* A beat as a broker that cannot be trusted delivers it: what is taken survives being written and read. */
#include <stdlib.h>
#include <string.h>

#include "protocol/beat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t written[BEAT_MAX_SIZE], second[BEAT_MAX_SIZE];
	struct msg_beat beat, again;
	struct error err;

	if (!msg_beat_decode(data, size, &beat, &err))
		return 0;
	size_t length = msg_beat_encode(&beat, written);
	if (!msg_beat_decode(written, length, &again, &err) ||
	    msg_beat_encode(&again, second) != length || memcmp(written, second, length) != 0)
		abort();
	return 0;
}
