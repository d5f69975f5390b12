/* SPDX-License-Identifier: Apache-2.0 */
/* Walks every state of a rollout with every state of a wave and of a step: none is without words. */
#include "domain/rollout/explain.h"

#include "domain/rollout/machine.h"
#include "test.h"

#define NOW (INT64_C(1700000000) * USEC_PER_SEC)

static const char *const WAVE_STATES[] = {"pending", "running", "soaking", "succeeded", "failed"};
static const char *const BY[] = {"operator", "approver", "admin", "site", "node", "server"};

static struct rollout_wave wave_of(int64_t no, const char *state)
{
	return (struct rollout_wave){
		.no = no,
		.state = state,
		.size = 4,
		.soak_until = NOW + 9,
		.counts = {.total = 4, .succeeded = 1, .failed = 1, .in_progress = 1, .offline = 1},
	};
}

static void check(const struct explanation *why, bool final, const char *where)
{
	if (why->text == NULL || strlen(why->text) < 8 || strstr(why->text, "(null)") != NULL)
		fail_msg("%s: no text", where);
	/* Who is not at an end says what he waits for, and who can do something about it. */
	if (!final && (why->waits_for == NULL || why->way_count == 0))
		fail_msg("%s: %s: waits for nothing, or nobody can help", where, why->text);
	if ((why->until != 0) != (why->then != NULL))
		fail_msg("%s: an end without what happens then, or the other way round", where);
	for (size_t i = 0; i < why->way_count; i++) {
		bool known = false;
		for (size_t b = 0; b < ARRAY_SIZE(BY); b++)
			known |= strcmp(BY[b], why->ways[i].by) == 0;
		assert_true(known);
		assert_true(strlen(why->ways[i].text) > 4);
	}
}

static void every_rollout_state_says_why(void **state)
{
	struct arena *arena = arena_new();
	const struct strategy strategy = {.gate = {.max_failures = 1}};

	(void)state;
	for (int r = 0; r < ROLLOUT_STATE_COUNT; r++)
		for (int64_t current = 0; current <= 2; current++)
			for (size_t w = 0; w < ARRAY_SIZE(WAVE_STATES); w++)
				for (int reason = 0; reason < 2; reason++) {
					const struct rollout rollout = {
						.number = 3,
						.state = ROLLOUT_STATE_NAMES[r],
						.reason = reason ? "by alice" : NULL,
						.created_by = reason ? "alice" : NULL,
						.current_wave = current,
						.state_since = NOW,
					};
					const struct rollout_wave waves[] = {
						wave_of(1, WAVE_STATES[w]),
						wave_of(2, WAVE_STATES[w])};
					const struct rollout_facts facts = {&rollout, waves, 2,
									    &strategy,
									    reason ? NOW + 5 : 0};
					struct explanation why;

					rollout_explain(&facts, arena, &why);
					check(&why, rollout_state_final((enum rollout_state)r),
					      rollout.state);
					assert_true(why.since == NOW);
				}
	arena_free(arena);
}

static void walk_steps(struct arena *arena, const struct rollout_facts *facts, bool online,
		       const char *reason)
{
	for (int s = 0; s < STEP_STATE_COUNT; s++)
		for (int64_t wave = 1; wave <= 2; wave++) {
			const struct rollout_step step = {
				.node_name = "gw-1",
				.wave = wave,
				.state = STEP_STATE_NAMES[s],
				.reason = reason,
				.generation = 5,
				.online = online,
				.state_since = NOW,
				.deadline_at = online ? NOW + 7 : 0,
				.retry_at = online && wave == 2 ? NOW + 8 : 0,
				.opens_at = online && reason ? NOW + 9 : 0,
			};
			const char *where =
				arena_printf(arena, "%s in %s", step.state, facts->rollout->state);
			/* What never had its turn in a rollout that has ended waits for nobody. */
			bool unsent = s == STEP_PENDING || s == STEP_QUEUED;
			bool over =
				facts->rollout->state == ROLLOUT_STATE_NAMES[ROLLOUT_ROLLING_BACK];
			struct explanation why;

			for (int r = 0; r < ROLLOUT_STATE_COUNT; r++)
				over |= facts->rollout->state == ROLLOUT_STATE_NAMES[r] &&
					rollout_state_final((enum rollout_state)r);
			step_explain(facts, &step, arena, &why);
			check(&why, step_state_final((enum step_state)s) || (unsent && over),
			      where);
			assert_true(why.since == NOW);
		}
}

static void every_step_of_every_rollout_says_why(void **state)
{
	struct arena *arena = arena_new();
	const struct rollout_wave waves[] = {wave_of(1, "running"), wave_of(2, "pending")};

	(void)state;
	for (int r = 0; r < ROLLOUT_STATE_COUNT; r++)
		for (int64_t current = 0; current <= 2; current++)
			for (int bits = 0; bits < 8; bits++) {
				const char *reason = bits & 1 ? "by alice" : NULL;
				const struct strategy strategy = {
					.max_parallel = bits & 2 ? 2 : 0,
					.offline = bits & 1 ? OFFLINE_WAIT : OFFLINE_LATER};
				const struct rollout rollout = {
					.number = 3,
					.state = ROLLOUT_STATE_NAMES[r],
					.reason = reason,
					.current_wave = current,
				};
				const struct rollout_facts facts = {&rollout, waves, 2, &strategy,
								    0};

				walk_steps(arena, &facts, bits & 4, reason);
			}
	arena_free(arena);
}

static struct explanation explain_one(struct arena *arena, enum rollout_state rollout_state,
				      const struct rollout_step *step)
{
	const struct rollout_wave waves[] = {wave_of(1, "running"), wave_of(2, "pending")};
	const struct strategy strategy = {.max_parallel = 2};
	const struct rollout rollout = {.number = 3,
					.state = ROLLOUT_STATE_NAMES[rollout_state],
					.reason = "by alice",
					.current_wave = 1};
	const struct rollout_facts facts = {&rollout, waves, 2, &strategy, 0};
	struct explanation why;

	step_explain(&facts, step, arena, &why);
	return why;
}

static bool has_way(const struct explanation *why, const char *by, const char *action)
{
	for (size_t i = 0; i < why->way_count; i++)
		if (strcmp(why->ways[i].by, by) == 0 &&
		    (action == NULL ||
		     (why->ways[i].action != NULL && strcmp(why->ways[i].action, action) == 0)))
			return true;
	return false;
}

static void the_words_fit_the_facts(void **state)
{
	struct arena *arena = arena_new();
	struct explanation why;

	(void)state;
	why = explain_one(arena, ROLLOUT_RUNNING,
			  &(struct rollout_step){.wave = 2, .state = "pending"});
	assert_string_equal(why.text, "Its turn comes with wave 2; the rollout is at wave 1");
	assert_string_equal(why.waits_for, "wave 1 to pass its gate");
	assert_true(has_way(&why, "operator", "promote"));

	why = explain_one(arena, ROLLOUT_PAUSED,
			  &(struct rollout_step){.wave = 1, .state = "pending"});
	assert_string_equal(why.text, "Rollout 3 is paused: by alice");
	assert_true(has_way(&why, "operator", "resume"));

	why = explain_one(arena, ROLLOUT_RUNNING,
			  &(struct rollout_step){
				  .wave = 1, .state = "sent", .generation = 9, .deadline_at = NOW});
	assert_contains(why.waits_for, "offline");
	assert_true(why.until == NOW);
	assert_contains(why.then, "timed out");
	assert_true(has_way(&why, "site", NULL));
	assert_false(has_way(&why, "operator", "pause"));

	why = explain_one(arena, ROLLOUT_SUCCEEDED,
			  &(struct rollout_step){.wave = 1, .state = "pending"});
	assert_contains(why.text, "turn when it is back");
	assert_true(has_way(&why, "site", NULL));

	why = explain_one(arena, ROLLOUT_RUNNING,
			  &(struct rollout_step){.wave = 1,
						 .state = "pending",
						 .online = true,
						 .reason = "waits for its update window",
						 .opens_at = NOW + 9});
	assert_string_equal(why.text, "waits for its update window");
	assert_true(why.until == NOW + 9);
	assert_true(has_way(&why, "operator", "force"));

	why = explain_one(
		arena, ROLLOUT_RUNNING,
		&(struct rollout_step){.wave = 1, .state = "pending", .retry_at = NOW + 3});
	assert_string_equal(why.then, "it is tried again");
	assert_true(has_way(&why, "operator", "steps/retry"));

	json_t *error = json_pack("{s:s}", "text", "broker exited");
	why = explain_one(
		arena, ROLLOUT_RUNNING,
		&(struct rollout_step){.wave = 1, .state = "rolled_back", .error = error});
	assert_contains(why.text, "put back what ran before: broker exited");
	assert_true(has_way(&why, "operator", "retry"));
	json_decref(error);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rollout_state_says_why),
		cmocka_unit_test(every_step_of_every_rollout_says_why),
		cmocka_unit_test(the_words_fit_the_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
