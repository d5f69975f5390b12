/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/waves.h"

#include <stdlib.h>
#include <string.h>

size_t waves_split(const struct strategy *strategy, int64_t total, int64_t sizes[])
{
	int64_t left = total;
	size_t count = 0;

	for (size_t i = 0; i < strategy->wave_count && left > 0; i++) {
		const struct wave_size *wave = &strategy->waves[i];
		/* A share is rounded up, so that a small share of a small fleet is a canary too. */
		int64_t size = wave->percent > 0 ? (total * wave->percent + 99) / 100 : wave->count;
		if (size > left || i + 1 == strategy->wave_count)
			size = left;
		sizes[count++] = size;
		left -= size;
	}
	return count;
}

static void deal_by_size(const struct strategy *strategy, size_t count, int64_t of_node[],
			 struct waves *out)
{
	int64_t wave = 1, left;

	out->count = waves_split(strategy, (int64_t)count, out->sizes);
	left = out->count > 0 ? out->sizes[0] : 0;
	for (size_t i = 0; i < count; i++) {
		if (left == 0)
			left = out->sizes[wave++];
		of_node[i] = wave;
		left--;
	}
}

static int order_of(const struct strategy *strategy, const char *value)
{
	for (size_t i = 0; i < strategy->wave_order_count; i++)
		if (strcmp(strategy->wave_order[i], value) == 0)
			return (int)i;
	return (int)strategy->wave_order_count;
}

struct place {
	const char *value; /* NULL comes last */
	int order;
	size_t node;
};

static int place_compare(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	if (a->value == NULL || b->value == NULL)
		return (a->value == NULL) - (b->value == NULL);
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return strcmp(a->value, b->value);
}

static bool same_value(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool deal_by_label(const struct strategy *strategy, struct arena *arena,
			  const char *const values[], size_t count, int64_t of_node[],
			  struct waves *out, struct error *err)
{
	struct place *places = arena_array(arena, count + 1, sizeof(*places));

	for (size_t i = 0; i < count; i++)
		places[i] = (struct place){
			values[i], values[i] != NULL ? order_of(strategy, values[i]) : 0, i};
	qsort(places, count, sizeof(*places), place_compare);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || !same_value(places[i].value, places[i - 1].value)) {
			if (out->count == ROLLOUT_WAVES_MAX)
				return error_set_field(
					err, ERR_INVALID, "strategy.waves.label",
					"label %s has more than %d values, each would be a wave: "
					"choose fewer nodes or another label",
					strategy->wave_label, ROLLOUT_WAVES_MAX);
			out->labels[out->count++] = places[i].value;
		}
		out->sizes[out->count - 1]++;
		of_node[places[i].node] = (int64_t)out->count;
	}
	return true;
}

bool waves_deal(const struct strategy *strategy, struct arena *arena, const char *const values[],
		size_t count, int64_t of_node[], struct waves *out, struct error *err)
{
	memset(out, 0, sizeof(*out));
	if (strategy->wave_label != NULL)
		return deal_by_label(strategy, arena, values, count, of_node, out, err);
	deal_by_size(strategy, count, of_node, out);
	return true;
}
