/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/plan.h"

#include <string.h>

static const char *const ACTION_NAMES[] = {
	[PLAN_KEEP] = "keep",	    [PLAN_UPDATE] = "update", [PLAN_RELOAD] = "reload",
	[PLAN_RESTART] = "restart", [PLAN_ADD] = "add",	      [PLAN_REMOVE] = "remove",
};

const char *plan_action_name(enum plan_action action)
{
	return ACTION_NAMES[action];
}

enum generation_rule generation_judge(int64_t have, const char *have_digest, int64_t given,
				      const char *given_digest)
{
	if (given > have)
		return GENERATION_NEW;
	if (given < have)
		return GENERATION_OLD;
	return strcmp(have_digest, given_digest) == 0 ? GENERATION_REPEATED
						      : GENERATION_EQUIVOCATION;
}

static enum plan_action compare(const struct content_service *from,
				const struct content_service *to)
{
	if (!from)
		return PLAN_ADD;
	if (!to)
		return PLAN_REMOVE;
	if (json_equal(from->json, to->json))
		return PLAN_KEEP;
	if (from->run != to->run || strcmp(from->spec.process_digest, to->spec.process_digest) != 0)
		return PLAN_RESTART;
	if (strcmp(from->spec.hot_digest, to->spec.hot_digest) != 0)
		return PLAN_RELOAD;
	return PLAN_UPDATE;
}

static bool is_placed(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->count; i++)
		if (strcmp(plan->steps[i].name, name) == 0)
			return true;
	return false;
}

/* Is everything that it starts after, and that this content has, in the plan already? */
static bool is_free(const struct plan *plan, const struct content *content,
		    const struct content_service *service)
{
	for (size_t i = 0; i < service->spec.after_count; i++) {
		const char *name = service->spec.after[i];

		if (content_find(content, name) && !is_placed(plan, name))
			return false;
	}
	return true;
}

static void place(struct plan *plan, const struct content *from, const struct content_service *to)
{
	struct plan_step *step = &plan->steps[plan->count++];

	step->name = to->name;
	step->from = from ? content_find(from, to->name) : NULL;
	step->to = to;
	step->action = compare(step->from, to);
}

/* Adds every service whose predecessors are in; when none is free (a circle), the first one left. */
static void place_all(struct plan *plan, const struct content *from, const struct content *to)
{
	bool moved = true;

	while (moved) {
		const struct content_service *stuck = NULL;

		moved = false;
		for (size_t i = 0; i < to->service_count; i++) {
			const struct content_service *service = &to->services[i];

			if (is_placed(plan, service->name))
				continue;
			if (is_free(plan, to, service)) {
				place(plan, from, service);
				moved = true;
			} else if (!stuck) {
				stuck = service;
			}
		}
		if (!moved && stuck) {
			place(plan, from, stuck);
			moved = true;
		}
	}
}

void plan_make(struct arena *arena, const struct content *from, const struct content *to,
	       struct plan *out)
{
	size_t most = to->service_count + (from ? from->service_count : 0);
	struct plan plan = {.steps = arena_array(arena, most + 1, sizeof(*plan.steps))};

	for (size_t i = 0; from && i < from->service_count; i++) {
		if (content_find(to, from->services[i].name))
			continue;
		plan.steps[plan.count++] = (struct plan_step){
			.name = from->services[i].name,
			.action = PLAN_REMOVE,
			.from = &from->services[i],
		};
	}
	place_all(&plan, from, to);
	for (size_t i = 0; i < plan.count; i++)
		plan.touched += plan.steps[i].action != PLAN_KEEP;
	*out = plan;
}

size_t plan_missing_packages(const struct content *content, bool (*have)(const char *sha256),
			     const struct content_package **out, size_t capacity)
{
	size_t count = 0;

	for (size_t i = 0; i < content->service_count; i++) {
		const struct content_package *package = content->services[i].package;
		bool known = !package || have(package->sha256);

		for (size_t j = 0; j < count && !known; j++)
			known = strcmp(out[j]->sha256, package->sha256) == 0;
		if (!known && count < capacity)
			out[count++] = package;
	}
	return count;
}
