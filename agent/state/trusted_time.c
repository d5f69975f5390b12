/* SPDX-License-Identifier: Apache-2.0 */
#include "state/trusted_time.h"

#include <string.h>

#include "base/crypto.h"
#include "base/encoding.h"
#include "state/boots.h"

static const char KEY[] = "trusted_time";

#define KEEP_EVERY (10 * USEC_PER_MINUTE)
#define ASK_EVERY (24 * USEC_PER_HOUR)
#define SLOWEST_ANSWER (10 * USEC_PER_SEC)

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
	return boots_learn_least(state, time->anchor - time->at_boot, err);
}

usec_t trusted_time_now(const struct trusted_time *time)
{
	return time->anchor + (clock_boottime() - time->at_boot);
}

static bool keep(struct trusted_time *time, struct error *err)
{
	usec_t now = trusted_time_now(time);

	if (now - time->kept < KEEP_EVERY)
		return true;
	time->kept = now;
	return state_set_int(time->state, KEY, now, err);
}

static void advance(struct trusted_time *time, usec_t issued)
{
	if (issued > trusted_time_now(time)) {
		time->anchor = issued;
		time->at_boot = clock_boottime();
	}
	time->anchored = true;
}

bool trusted_time_learn(struct trusted_time *time, usec_t issued, struct error *err)
{
	advance(time, issued);
	return boots_learn_least(time->state, issued - clock_boottime(), err) && keep(time, err);
}

bool trusted_time_wants_answer(const struct trusted_time *time)
{
	return !time->answered || clock_boottime() - time->answered_at > ASK_EVERY;
}

const char *trusted_time_ask(struct trusted_time *time)
{
	unsigned char bytes[(TRUSTED_TIME_NONCE_SIZE - 1) / 2];

	random_bytes(bytes, sizeof(bytes));
	hex_encode(bytes, sizeof(bytes), time->nonce);
	time->asked_at = clock_boottime();
	return time->nonce;
}

bool trusted_time_answer(struct trusted_time *time, const char *nonce, usec_t issued,
			 struct error *err)
{
	usec_t now = clock_boottime();

	/* An answer to another question, or one that took so long that it says little. */
	if (!time->nonce[0] || strcmp(nonce, time->nonce) != 0)
		return error_set(err, ERR_INVALID, "nobody has asked for this time");
	time->nonce[0] = '\0';
	if (time->heard_at == 0)
		time->heard_at = now;
	if (now - time->asked_at > SLOWEST_ANSWER)
		return trusted_time_learn(time, issued, err);
	advance(time, issued);
	time->answered = true;
	time->answered_at = now;
	return boots_learn(time->state, issued - now, issued - time->asked_at, err) &&
	       keep(time, err);
}

int64_t trusted_time_offset_ms(const struct trusted_time *time)
{
	if (!time->anchored)
		return 0;
	return (clock_now_utc() - trusted_time_now(time)) / USEC_PER_MSEC;
}
