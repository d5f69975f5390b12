/* SPDX-License-Identifier: Apache-2.0 */
/* A rollout from plan to rollback on a real database; the nodes are played by the test. */
#include "harness/fleet.h"

#include "store/scheduler_leases.h"

static void test_waves_follow_each_other(void **state)
{
	(void)state;
	fleet_on_two();
	struct rollout second = create("3", "{\"waves\":[1,2,2]}");
	advance();
	assert_string_equal(step_of(second.id, NODES[0]), "sent");
	assert_string_equal(step_of(second.id, NODES[1]), "pending");
	assert_string_equal(desired_of(NODES[0]), "3/2 true");
	assert_string_equal(desired_of(NODES[1]), "2/1 true");
	report(NODES[0], RESULT_FETCHING);
	report(NODES[0], RESULT_ACCEPTED); /* late: goes nowhere */
	assert_string_equal(step_of(second.id, NODES[0]), "fetching");
	report(NODES[0], RESULT_SUCCEEDED);
	report(NODES[0], RESULT_ROLLED_BACK); /* a verdict stays */
	assert_string_equal(step_of(second.id, NODES[0]), "succeeded");
	advance();
	assert_string_equal(step_of(second.id, NODES[1]), "sent");
	assert_string_equal(step_of(second.id, NODES[2]), "sent");
	assert_string_equal(step_of(second.id, NODES[3]), "pending");
}

static void test_failed_wave_pauses_and_restores(void **state)
{
	struct error err = {0};
	struct rollout rollout;

	(void)state;
	fleet_on_two();
	struct rollout bad = create("3", "{\"waves\":[1,2,2]}");
	advance();
	report(NODES[0], RESULT_ROLLED_BACK);
	assert_string_equal(desired_of(NODES[0]), "2/1 true");
	advance();
	assert_string_equal(state_of(bad.id), "paused");
	assert_string_equal(step_of(bad.id, NODES[1]), "pending");
	assert_done(rollouts_get(harness_ctx(), bad.id, &rollout, &err), err);
	assert_string_equal(rollout.reason, "wave 1: 1 of 1 failed, 0 allowed");

	/* Nothing that it changed is left, so there is nothing to roll back. */
	assert_false(rollout_roll_back(harness_ctx(), bad.id, NULL, &rollout, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
}

static void test_resume_accepts_what_failed(void **state)
{
	struct error err = {0};
	struct rollout rollout;

	(void)state;
	fleet_on_two();
	struct rollout bad = create("3", "{\"waves\":[1,4]}");
	advance();
	report(NODES[0], RESULT_ROLLED_BACK);
	advance();
	assert_done(rollout_act(harness_ctx(), bad.id, ROLLOUT_RESUME, &rollout, &err), err);
	advance();
	assert_string_equal(state_of(bad.id), "running");
	assert_string_equal(step_of(bad.id, NODES[1]), "sent");
}

static void test_retry_tries_again(void **state)
{
	struct error err = {0};
	struct rollout rollout;

	(void)state;
	fleet_on_two();
	struct rollout bad = create("3", "{\"waves\":[1,4]}");
	advance();
	report(NODES[0], RESULT_ROLLED_BACK);
	advance();
	assert_done(rollout_act(harness_ctx(), bad.id, ROLLOUT_RETRY, &rollout, &err), err);
	advance();
	assert_string_equal(step_of(bad.id, NODES[0]), "sent");
	assert_string_equal(desired_of(NODES[0]), "3/2 true");
	/* An agent refuses content that has failed on it: the second try must be another. */
	assert_int_equal(digests_of(NODES[0], bad.id), 2);
	report(NODES[0], RESULT_SUCCEEDED);
	advance();
	assert_string_equal(step_of(bad.id, NODES[1]), "sent");
}

static void test_rollback_restores_each_node(void **state)
{
	struct error err = {0};
	struct rollout back;
	struct db_rows rows;
	static const char CONTENTS[] =
		"SELECT count(DISTINCT (content::jsonb -> 'services')::text) FROM node_desired"
		" WHERE node_id = $1 AND generation IN (1, 3)";

	(void)state;
	fleet_on_two();
	struct rollout second = create("3", "{\"waves\":[2,3]}");
	advance();
	report(NODES[0], RESULT_SUCCEEDED);
	report(NODES[1], RESULT_SUCCEEDED);
	advance();
	assert_done(rollout_roll_back(harness_ctx(), second.id, parse("{}"), &back, &err), err);
	assert_string_equal(state_of(second.id), "rolling_back");
	advance();
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(desired_of(NODES[i]), "2/1 true");
		report(NODES[i], RESULT_SUCCEEDED);
	}
	advance();
	assert_string_equal(state_of(back.id), "succeeded");
	assert_string_equal(state_of(second.id), "rolled_back");
	/* Not only the same version: the very same content. */
	assert_done(db_query(harness_ctx()->db, harness_ctx()->arena, CONTENTS,
			     DB_ARGS(db_text(NODES[0])), &rows, &err),
		    err);
	assert_int_equal(db_get_int(&rows, 0, 0), 1);
}

static void test_rollback_of_the_first_removes(void **state)
{
	struct error err = {0};
	struct rollout back;

	(void)state;
	struct rollout first = fleet_on_two();
	assert_done(rollout_roll_back(harness_ctx(), first.id, NULL, &back, &err), err);
	advance();
	assert_string_equal(desired_of(NODES[4]), "");
}

static void test_newer_supersedes(void **state)
{
	struct error err = {0};
	struct rollout_step step;

	(void)state;
	fleet_on_two();
	struct rollout older = create("3", "{\"waves\":[5]}");
	advance();
	struct rollout newer = create("2", "{\"waves\":[5]}");
	advance();
	assert_done(rollout_steps_get(harness_ctx(), older.id, NODES[0], &step, &err), err);
	assert_string_equal(step.state, "superseded");
	assert_non_null(strstr(step.reason, "superseded by rollout"));
	assert_string_equal(step_of(newer.id, NODES[0]), "sent");
}

static void test_plan_hash_guards(void **state)
{
	struct error err = {0};
	struct plan plan;
	struct rollout rollout;

	(void)state;
	fleet_on_two();
	struct rollout_request request = request_of("3", "{}");
	const struct plan_request wanted = {
		.changes = request.changes,
		.targets = request.targets,
		.strategy = request.strategy,
	};
	assert_done(plan_make(harness_ctx(), &wanted, &plan, &err), err);
	assert_int_equal(plan.change, 5);
	request.plan_hash = plan.hash;
	harness_sql(harness_ctx()->db, "UPDATE node SET labels = '{}' WHERE name = 'node-e'");
	assert_false(rollout_create(harness_ctx(), &request, &rollout, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_string_equal(err.field, "plan_hash");
	request.plan_hash = NULL;
	assert_done(rollout_create(harness_ctx(), &request, &rollout, &err), err);
}

static void test_unrenderable_is_refused_at_plan(void **state)
{
	struct error err = {0};
	struct rollout rollout;

	(void)state;
	harness.server.health_interval_ms = 30000;
	harness_sql(harness_ctx()->db, FLEET);
	harness_sql(harness_ctx()->db, "UPDATE blob SET data = 'a\n${b}' WHERE size = 6");
	struct rollout_request request = request_of("2", "{}");
	assert_false(rollout_create(harness_ctx(), &request, &rollout, &err));
	assert_int_equal(err.code, ERR_INVALID);
	assert_non_null(strstr(err.text, "mosquitto.conf:2:1"));
}

static void test_empty_selector_matches_nothing(void **state)
{
	struct error err = {0};
	struct rollout rollout;

	(void)state;
	harness_sql(harness_ctx()->db, FLEET);
	struct rollout_request request = request_of("2", "{}");
	request.targets = parse("{\"selector\":\"\"}");
	assert_false(rollout_create(harness_ctx(), &request, &rollout, &err));
	assert_string_equal(err.field, "targets");
}

static void test_deadline_times_out_and_restores(void **state)
{
	(void)state;
	fleet_on_two();
	struct rollout slow = create("3", "{\"waves\":[1,4]}");
	advance();
	harness_sql(harness_ctx()->db, "UPDATE rollout_step SET deadline_at = 'epoch'"
				       " WHERE state = 'sent'");
	advance();
	assert_string_equal(step_of(slow.id, NODES[0]), "timed_out");
	assert_string_equal(desired_of(NODES[0]), "2/1 true");
	assert_string_equal(state_of(slow.id), "paused");
}

static void take(struct lease *lease, bool expected)
{
	struct error err = {0};
	bool held;

	assert_done(scheduler_leases_take(harness_ctx(), 60, lease, &held, &err), err);
	assert_int_equal(held, expected);
}

static bool advance_under(const struct lease *lease, struct error *err)
{
	struct ctx ctx = *harness_ctx();
	bool busy;

	ctx.lease = lease;
	return rollouts_advance(&ctx, &busy, err);
}

/* Two engines on one database: the one that was too slow finds its lease gone, and writes nothing. */
static void test_who_lost_the_lease_writes_nothing(void **state)
{
	struct lease one = {.name = "scheduler", .owner = "one"};
	struct lease two = {.name = "scheduler", .owner = "two"};
	struct error err = {0};

	(void)state;
	fleet_on_two();
	take(&one, true);
	take(&two, false);
	struct rollout rollout = create("3", "{}");
	harness_sql(harness_ctx()->db, "UPDATE scheduler_lease SET lease_until = 'epoch'");
	take(&two, true);
	assert_false(advance_under(&one, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_string_equal(step_of(rollout.id, NODES[0]), "pending");
	assert_string_equal(desired_of(NODES[0]), "2/1 true");
	assert_string_equal(state_of(rollout.id), "running");

	while (strcmp(step_of(rollout.id, NODES[0]), "sent") != 0)
		assert_done(advance_under(&two, &err), err);
	assert_false(advance_under(&one, &err));
	assert_string_equal(desired_of(NODES[0]), "3/2 true");

	/* Back to the first, under another fence: what it was before does not count again. */
	const struct lease before = one;
	harness_sql(harness_ctx()->db, "UPDATE scheduler_lease SET lease_until = 'epoch'");
	take(&one, true);
	assert_false(advance_under(&before, &err));
	assert_done(advance_under(&one, &err), err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_waves_follow_each_other),
		STORE_TEST(test_failed_wave_pauses_and_restores),
		STORE_TEST(test_resume_accepts_what_failed),
		STORE_TEST(test_retry_tries_again),
		STORE_TEST(test_rollback_restores_each_node),
		STORE_TEST(test_rollback_of_the_first_removes),
		STORE_TEST(test_newer_supersedes),
		STORE_TEST(test_plan_hash_guards),
		STORE_TEST(test_unrenderable_is_refused_at_plan),
		STORE_TEST(test_empty_selector_matches_nothing),
		STORE_TEST(test_deadline_times_out_and_restores),
		STORE_TEST(test_who_lost_the_lease_writes_nothing),
	};

	return cmocka_run_group_tests(tests, harness_group_setup, harness_group_teardown);
}
