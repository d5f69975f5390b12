/* SPDX-License-Identifier: Apache-2.0 */
#include "link/window.h"

#include "base/crypto.h"
#include "protocol/limits.h"

void window_connect(struct window *window, int64_t acked, usec_t now)
{
	window->acked = acked;
	window->sent = acked;
	window->floor = acked;
	window->retries = 0;
	window->progress = now;
}

bool window_has_room(const struct window *window)
{
	return window->sent - window->acked < LIMIT_STREAM_WINDOW;
}

void window_mark_sent(struct window *window, int64_t seq, usec_t now)
{
	if (window->sent == window->acked)
		window->progress = now;
	window->sent = seq;
}

enum window_ack window_acknowledge(struct window *window, int64_t upto, int64_t produced,
				   usec_t now)
{
	if (upto > produced)
		return WINDOW_ACK_FUTURE;
	if (upto > window->acked) {
		window->acked = upto;
		window->floor = upto;
		window->retries = 0;
		window->progress = now;
		if (window->sent < upto)
			window->sent = upto;
		return WINDOW_ACK_PROGRESS;
	}
	/* Each message that it could not place is answered so; only the first answer is news. */
	if (upto < window->acked && upto < window->floor) {
		window->floor = upto;
		window->sent = window->acked;
		return WINDOW_ACK_BEHIND;
	}
	return WINDOW_ACK_OLD;
}

bool window_retry(struct window *window, usec_t now)
{
	usec_t patience = WINDOW_PATIENCE << window->retries;

	if (window->sent == window->acked || now - window->progress < patience)
		return false;
	if (window->retries < WINDOW_MAX_DOUBLINGS)
		window->retries++;
	window->sent = window->acked;
	window->progress = now;
	return true;
}

int64_t window_first(const struct window *window, int64_t seq, int64_t first)
{
	int64_t due = window->floor + 1;

	/* Only the first message behind acked closes the gap, the others follow it. */
	if (window->sent == window->acked && due < first)
		first = due;
	return first < seq ? first : seq;
}

int64_t backoff_delay_ms(int attempt, int64_t min_ms, int64_t max_ms)
{
	int64_t ceiling = min_ms;

	for (int i = 0; i < attempt && ceiling < max_ms; i++)
		ceiling *= 2;
	if (ceiling > max_ms)
		ceiling = max_ms;
	if (ceiling < 1)
		ceiling = 1;
	return (int64_t)random_below((uint64_t)ceiling) + 1;
}
