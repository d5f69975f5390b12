/* SPDX-License-Identifier: Apache-2.0 */
#include "link/pace.h"

#include "protocol/limits.h"

void pace_connect(struct pace *pace, int64_t rate_bytes, int64_t acked, int64_t produced,
		  int64_t delay_ms, usec_t now)
{
	*pace = (struct pace){.at = now, .begin = now, .credit = rate_bytes * PACE_BURST_S};
	if (rate_bytes <= 0 || produced - acked <= LIMIT_STREAM_WINDOW)
		return;
	pace->rate_bytes = rate_bytes;
	pace->until = produced;
	pace->begin = now + delay_ms * USEC_PER_MSEC;
}

int64_t pace_wait_ms(struct pace *pace, int64_t seq, usec_t now)
{
	if (pace->rate_bytes == 0 || seq > pace->until)
		return 0;
	if (now < pace->begin)
		return (pace->begin - now) / USEC_PER_MSEC + 1;
	/* Longer than this has filled the bucket anyhow; the products stay small. */
	usec_t passed = now - pace->at < USEC_PER_HOUR ? now - pace->at : USEC_PER_HOUR;
	pace->credit += pace->rate_bytes * (passed / USEC_PER_SEC) +
			pace->rate_bytes * (passed % USEC_PER_SEC) / USEC_PER_SEC;
	pace->at = now;
	if (pace->credit > pace->rate_bytes * PACE_BURST_S)
		pace->credit = pace->rate_bytes * PACE_BURST_S;
	if (pace->credit > 0)
		return 0;
	return -pace->credit * 1000 / pace->rate_bytes + 1;
}

void pace_spend(struct pace *pace, int64_t seq, int64_t bytes)
{
	if (pace->rate_bytes > 0 && seq <= pace->until)
		pace->credit -= bytes + PACE_MESSAGE_COST;
}
