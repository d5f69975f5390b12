/* SPDX-License-Identifier: Apache-2.0 */
#include "state/trusted_time.h"

static const char KEY[] = "trusted_time";

#define KEEP_EVERY (10 * USEC_PER_MINUTE)

bool trusted_time_init(struct trusted_time *time, struct state *state, usec_t least,
		       struct error *err)
{
	int64_t kept;

	if (!state_get_int(state, KEY, 0, &kept, err))
		return false;
	*time = (struct trusted_time){
		.state = state,
		.anchor = kept > least ? kept : least,
		.at_boot = clock_boottime(),
		.kept = kept,
	};
	return true;
}

usec_t trusted_time_now(const struct trusted_time *time)
{
	return time->anchor + (clock_boottime() - time->at_boot);
}

bool trusted_time_learn(struct trusted_time *time, usec_t issued, struct error *err)
{
	usec_t now = trusted_time_now(time);

	if (issued > now) {
		time->anchor = issued;
		time->at_boot = clock_boottime();
		now = issued;
	}
	time->anchored = true;
	if (now - time->kept < KEEP_EVERY)
		return true;
	time->kept = now;
	return state_set_int(time->state, KEY, now, err);
}

int64_t trusted_time_offset_ms(const struct trusted_time *time)
{
	if (!time->anchored)
		return 0;
	return (clock_now_utc() - trusted_time_now(time)) / USEC_PER_MSEC;
}
