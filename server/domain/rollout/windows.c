/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/windows.h"

#include "base/arena.h"
#include "store/time_zones.h"

/* Moments of one window in one zone that can matter now; see candidates_of. */
enum { CANDIDATES = 3, CHANGE_MINUTES = 120 };

struct candidates {
	const char **zones;
	int64_t *minutes;
	size_t *window; /* index into the strategy's */
	size_t *owner;	/* index into the zones that were asked for */
	size_t count;
};

static void candidate_add(struct candidates *list, const char *zone, int64_t minute, size_t window,
			  size_t owner)
{
	list->zones[list->count] = zone;
	list->minutes[list->count] = minute;
	list->window[list->count] = window;
	list->owner[list->count] = owner;
	list->count++;
}

/*
 * The last opening, the next one, and the last before any change of the clocks that may just have been:
 * an hour that the clock shows twice begins windows in its second pass only.
 */
static void candidates_of(const struct cron *cron, int64_t now, const char *zone, size_t window,
			  size_t owner, struct candidates *list)
{
	int64_t minute;

	if (cron_previous(cron, now, &minute))
		candidate_add(list, zone, minute, window, owner);
	if (cron_previous(cron, now - CHANGE_MINUTES, &minute))
		candidate_add(list, zone, minute, window, owner);
	if (cron_next(cron, now, &minute))
		candidate_add(list, zone, minute, window, owner);
}

static bool wall_clocks(struct ctx *ctx, const struct strategy *strategy, const char *const *zones,
			size_t count, struct zone_window out[], int64_t now[], struct error *err)
{
	const char **asked = arena_array(ctx->arena, count + 1, sizeof(*asked));
	int64_t *minutes = arena_array(ctx->arena, count + 1, sizeof(*minutes));
	bool *known = arena_array(ctx->arena, count + 1, sizeof(*known));

	for (size_t i = 0; i < count; i++)
		asked[i] = zones[i];
	asked[count] = strategy->timezone;
	if (!time_zones_now(ctx, asked, count + 1, minutes, known, err))
		return false;
	if (!known[count])
		return error_set_field(err, ERR_INVALID, "strategy.timezone",
				       "\"%.60s\" is no time zone: give a name like Europe/Berlin",
				       strategy->timezone);
	for (size_t i = 0; i < count; i++) {
		size_t use = known[i] ? i : count;
		out[i] = (struct zone_window){.zone = zones[i], .clock = asked[use]};
		now[i] = minutes[use];
	}
	return true;
}

bool windows_look(struct ctx *ctx, const struct strategy *strategy, const char *const *zones,
		  size_t count, struct zone_window out[], struct error *err)
{
	size_t most = count * strategy->window_count * CANDIDATES + 1;
	int64_t *now = arena_array(ctx->arena, count + 1, sizeof(*now));
	struct candidates list = {
		.zones = arena_array(ctx->arena, most, sizeof(*list.zones)),
		.minutes = arena_array(ctx->arena, most, sizeof(*list.minutes)),
		.window = arena_array(ctx->arena, most, sizeof(*list.window)),
		.owner = arena_array(ctx->arena, most, sizeof(*list.owner)),
	};
	usec_t *moments = arena_array(ctx->arena, most, sizeof(*moments));

	if (!wall_clocks(ctx, strategy, zones, count, out, now, err))
		return false;
	for (size_t i = 0; i < count; i++)
		for (size_t w = 0; w < strategy->window_count; w++)
			candidates_of(&strategy->windows[w].parsed, now[i], out[i].clock, w, i,
				      &list);
	if (!time_zones_moments(ctx, list.zones, list.minutes, list.count, moments, err))
		return false;
	for (size_t i = 0; i < list.count; i++) {
		struct zone_window *zone = &out[list.owner[i]];
		usec_t lasts =
			strategy->windows[list.window[i]].duration_ms * (usec_t)USEC_PER_MSEC;
		if (moments[i] > ctx->now) {
			if (zone->opens_at == 0 || moments[i] < zone->opens_at)
				zone->opens_at = moments[i];
		} else if (ctx->now < moments[i] + lasts) {
			zone->open = true;
		}
	}
	for (size_t i = 0; i < count; i++)
		if (out[i].open)
			out[i].opens_at = 0;
	return true;
}

bool windows_check_times(struct ctx *ctx, const struct strategy *strategy, struct error *err)
{
	struct ctx then = *ctx;
	struct zone_window zone;

	if (strategy->start_at > then.now)
		then.now = strategy->start_at;
	if (!windows_look(&then, strategy, &strategy->timezone, 1, &zone, err))
		return false;
	if (strategy->window_count == 0 || zone.open || strategy->rollout_deadline_ms == 0)
		return true;
	if (zone.opens_at == 0 ||
	    zone.opens_at > then.now + strategy->rollout_deadline_ms * (usec_t)USEC_PER_MSEC)
		return error_set_field(err, ERR_INVALID, "strategy.windows",
				       "no window opens before the rollout's deadline: it could "
				       "never begin");
	return true;
}
