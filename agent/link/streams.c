/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/crypto.h"
#include "base/log.h"
#include "link/link_internal.h"
#include "protocol/limits.h"
#include "protocol/messages.h"

/* What runs before how a change went, which tells people to look; bulk last. */
static const enum channel ORDER[] = {CHANNEL_REPORTED, CHANNEL_RESULT, CHANNEL_EVENTS,
				     CHANNEL_LOGS};

/* How a change went must not wait behind a drawn delay; bulk may. */
static bool may_be_delayed(enum channel stream)
{
	return stream == CHANNEL_LOGS || stream == CHANNEL_EVENTS;
}

bool streams_connect(struct link *link, struct error *err)
{
	int64_t delay_ms =
		link->options.catchup_spread_ms > 0
			? (int64_t)random_below((uint64_t)link->options.catchup_spread_ms + 1)
			: 0;
	usec_t now = clock_boottime();

	if (!spool_epoch(link->options.state, link->epoch, err))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ORDER); i++) {
		struct spool_counters counters;

		if (!spool_counters(link->options.state, ORDER[i], &counters, err))
			return false;
		window_connect(&link->windows[ORDER[i]], counters.acked, now);
		pace_connect(&link->paces[ORDER[i]], link->options.catchup_rate_bytes,
			     counters.acked, counters.produced,
			     may_be_delayed(ORDER[i]) ? delay_ms : 0, now);
	}
	return true;
}

static void pace_due(void *arg)
{
	struct link *link = arg;

	link->pace_timer = 0;
	if (link->online)
		streams_send(link);
}

/* Comes back after wait_ms, or earlier. */
static void come_back(struct link *link, int64_t wait_ms)
{
	if (!link->pace_timer)
		link->pace_timer = loop_timer_set(link->options.loop, wait_ms, pace_due, link);
}

static bool is_paced(struct link *link, enum channel stream)
{
	int64_t wait_ms = pace_wait_ms(&link->paces[stream], link->windows[stream].sent + 1,
				       clock_boottime());

	if (wait_ms > 0)
		come_back(link, wait_ms);
	return wait_ms > 0;
}

/* Sends the next message of a stream; false when there is nothing more to do for it. */
static bool send_next(struct link *link, enum channel stream)
{
	struct window *window = &link->windows[stream];
	struct spool_message message;
	struct error err = {0};
	usec_t correction;
	bool found = false;

	if (!window_has_room(window) || is_paced(link, stream))
		return false;
	arena_reset(link->arena);
	if (!spool_next(link->options.state, stream, window->sent, link->arena, &message, &found,
			&err) ||
	    (found && !boots_correction(link->options.state, &message.made, &correction, &err))) {
		log_error("could not read the spool: %s", err.text);
		return false;
	}
	if (!found)
		return false;
	int64_t first = window_first(window, message.seq, message.first);
	const char *text = spool_text(link->arena, &message, link->options.node, link->epoch, first,
				      correction);
	if (!link_send(link, stream, text, strlen(text)))
		return false;
	pace_spend(&link->paces[stream], message.seq, (int64_t)strlen(text));
	window_mark_sent(window, message.seq, clock_boottime());
	return true;
}

void streams_send(struct link *link)
{
	usec_t now = clock_boottime();

	if (now < link->held_until) {
		come_back(link, (link->held_until - now) / USEC_PER_MSEC + 1);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ORDER); i++)
		/* What the socket does not take now would only fill our memory. */
		while (link->online && !mosquitto_want_write(link->client))
			if (!send_next(link, ORDER[i]))
				break;
}

void streams_tick(struct link *link)
{
	usec_t now = clock_boottime();

	for (size_t i = 0; i < ARRAY_SIZE(ORDER); i++)
		if (window_retry(&link->windows[ORDER[i]], now))
			log_debug("stream %s is sent again from %lld", channel_info(ORDER[i])->name,
				  (long long)link->windows[ORDER[i]].acked + 1);
	streams_send(link);
}

static bool begin_epoch(struct link *link, struct error *err)
{
	log_warn("the server has more of our messages than we have sent: beginning a new epoch");
	if (!spool_renumber(link->options.state, err) || !streams_connect(link, err))
		return false;
	link->options.connected(link->options.arg);
	return true;
}

static bool apply_ack(struct link *link, const struct msg_ack *ack, struct error *err)
{
	enum channel stream = channel_find(ack->stream);
	struct spool_counters counters;

	link->beats = ack->beats;
	if (stream == CHANNEL_HEALTH) {
		link->options.lacks_health(link->options.arg);
		return true;
	}
	if (strcmp(ack->epoch, link->epoch) != 0)
		return true;
	if (link->served == 0)
		link->served = clock_boottime();
	if (!spool_counters(link->options.state, stream, &counters, err))
		return false;
	switch (window_acknowledge(&link->windows[stream], ack->upto, counters.produced,
				   clock_boottime())) {
	case WINDOW_ACK_PROGRESS:
		return spool_ack(link->options.state, stream, ack->upto, err);
	case WINDOW_ACK_FUTURE:
		return begin_epoch(link, err);
	case WINDOW_ACK_BEHIND:
	case WINDOW_ACK_OLD:
		break;
	}
	return true;
}

void streams_receive_ack(struct link *link, const void *payload, size_t size)
{
	enum { MAX_ACK = 4096 };
	struct error err = {0};
	struct msg_ack ack;
	json_t *json;

	arena_reset(link->arena);
	if (!message_parse(payload, size, MAX_ACK, link->arena, &json, &err) ||
	    !msg_ack_decode(json, link->arena, &ack, &err)) {
		log_warn("ignoring an acknowledgement that cannot be read: %s", err.text);
		return;
	}
	if (!apply_ack(link, &ack, &err))
		log_error("could not record an acknowledgement: %s", err.text);
	link_wake(link);
}
