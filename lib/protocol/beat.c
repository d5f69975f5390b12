/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/beat.h"

#include <assert.h>

enum {
	FIRST_BYTE = 0xb0 | BEAT_VERSION, /* no JSON and no UTF-8 begins so */
	HEAD_SIZE = 6,
	VARINT_MAX = 8, /* 7 bits each: LIMIT_GENERATION has 53 */
};

int beat_figure(double used, double total)
{
	if (!(total > 0))
		return BEAT_UNKNOWN;
	if (!(used > 0))
		return 0;
	return used >= total ? BEAT_FULL : (int)(used / total * BEAT_FULL + 0.5);
}

size_t msg_beat_encode(const struct msg_beat *msg, uint8_t out[BEAT_MAX_SIZE])
{
	uint64_t rest = (uint64_t)msg->generation;
	size_t size = HEAD_SIZE;

	assert(msg->mark > 0 && msg->mark <= UINT16_MAX && rest <= LIMIT_GENERATION);
	out[0] = FIRST_BYTE;
	out[1] = (uint8_t)msg->cpu;
	out[2] = (uint8_t)msg->memory;
	out[3] = (uint8_t)msg->disk;
	out[4] = (uint8_t)(msg->mark >> 8);
	out[5] = (uint8_t)(msg->mark & 0xff);
	for (; rest > 0x7f; rest >>= 7)
		out[size++] = (uint8_t)(0x80 | (rest & 0x7f));
	out[size++] = (uint8_t)rest;
	return size;
}

static bool figure_valid(uint8_t figure)
{
	return figure <= BEAT_FULL || figure == BEAT_UNKNOWN;
}

/* The end of the number, or NULL when it has none or is over the limit. */
static const uint8_t *read_generation(const uint8_t *at, const uint8_t *end, int64_t *out)
{
	uint64_t value = 0;

	for (int i = 0; i < VARINT_MAX && at < end; i++, at++) {
		value |= (uint64_t)(*at & 0x7f) << (7 * i);
		if (*at & 0x80)
			continue;
		*out = (int64_t)value;
		return value <= LIMIT_GENERATION ? at + 1 : NULL;
	}
	return NULL;
}

bool msg_beat_decode(const void *bytes, size_t size, struct msg_beat *out, struct error *err)
{
	const uint8_t *at = bytes;
	struct msg_beat beat;

	if (size > BEAT_MAX_SIZE)
		return error_set(err, ERR_TOO_LARGE, "beat has %zu bytes, the limit is %d", size,
				 BEAT_MAX_SIZE);
	if (size <= HEAD_SIZE || at[0] != FIRST_BYTE)
		return error_set(err, ERR_INVALID, "beat is not of version %d", BEAT_VERSION);
	beat = (struct msg_beat){
		.cpu = at[1],
		.memory = at[2],
		.disk = at[3],
		.mark = at[4] << 8 | at[5],
	};
	if (!figure_valid(at[1]) || !figure_valid(at[2]) || !figure_valid(at[3]))
		return error_set(err, ERR_INVALID, "figure of a beat is over 100 percent");
	if (beat.mark == 0)
		return error_set(err, ERR_INVALID, "beat has no mark");
	if (!read_generation(at + HEAD_SIZE, at + size, &beat.generation))
		return error_set(err, ERR_INVALID, "generation of a beat is out of range");
	*out = beat;
	return true;
}
