/* SPDX-License-Identifier: Apache-2.0 */
/* Windows, gates, label waves, pairs, retries, nodes that are away, and several rollouts at once. */
#include "harness/fleet.h"

#include "domain/rollout/steps.h"
#include "domain/rollout/windows.h"

static struct rollout_step step_at(const char *id, const char *node)
{
	struct error err = {0};
	struct rollout_step step;

	assert_done(rollout_steps_get(harness_ctx(), id, node, &step, &err), err);
	return step;
}

static struct rollout rollout_at(const char *id)
{
	struct error err = {0};
	struct rollout rollout;

	assert_done(rollouts_get(harness_ctx(), id, &rollout, &err), err);
	return rollout;
}

static void assert_steps(const char *id, const char *a, const char *b, const char *c, const char *d,
			 const char *e)
{
	const char *const expected[] = {a, b, c, d, e};

	for (size_t i = 0; i < 5; i++) {
		struct rollout_step step = step_at(id, NODES[i]);
		if (strcmp(step.state, expected[i]) != 0)
			fail_msg("node %zu is %s (%s), not %s", i, step.state,
				 step.reason ? step.reason : "", expected[i]);
	}
}

static void sql(const char *text)
{
	harness_sql(harness_ctx()->db, text);
}

static struct rollout act(const char *id, enum rollout_event event)
{
	struct error err = {0};
	struct rollout rollout;

	assert_done(rollout_act(harness_ctx(), id, event, &rollout, &err), err);
	return rollout;
}

static struct rollout_wave wave_at(const char *id, size_t no)
{
	struct error err = {0};
	struct rollout_wave *waves;
	size_t count;

	assert_done(rollout_waves_list(harness_ctx(), id, &waves, &count, &err), err);
	assert_true(no >= 1 && no <= count);
	return waves[no - 1];
}

/* --- windows --- */

static usec_t moment(const char *text)
{
	usec_t at;

	assert_true(time_parse(text, strlen(text), &at));
	return at;
}

/* Whether the window is open in the zone at that moment, and when it opens next ("" = open). */
static void look(const char *strategy_text, const char *zone, const char *now, const char *opens)
{
	struct ctx ctx = *harness_ctx();
	struct error err = {0};
	struct strategy strategy;
	struct zone_window window;
	char text[TIME_TEXT_SIZE];

	assert_done(strategy_decode(parse(strategy_text), ctx.arena, &strategy, &err), err);
	ctx.now = moment(now);
	assert_done(windows_look(&ctx, &strategy, &zone, 1, &window, &err), err);
	time_format(window.opens_at, text);
	if (window.open != (opens[0] == '\0') || (!window.open && window.opens_at != moment(opens)))
		fail_msg("%s at %s: %s, opens at %s, not \"%s\"", zone, now,
			 window.open ? "open" : "closed", text, opens);
}

#define NIGHT "{\"windows\":[{\"cron\":\"30 2 * * *\",\"duration_ms\":3600000}]}"

static void test_windows_follow_the_clock_of_the_zone(void **state)
{
	(void)state;
	look(NIGHT, "UTC", "2026-06-01T02:29:59Z", "2026-06-01T02:30:00Z");
	look(NIGHT, "UTC", "2026-06-01T02:30:00Z", "");
	look(NIGHT, "UTC", "2026-06-01T03:29:59Z", "");
	look(NIGHT, "UTC", "2026-06-01T03:30:00Z", "2026-06-02T02:30:00Z");
	look(NIGHT, "Asia/Shanghai", "2026-06-01T02:30:00Z", "2026-06-01T18:30:00Z");
	look(NIGHT, "Asia/Shanghai", "2026-06-01T19:00:00Z", "");
	look(NIGHT, "America/New_York", "2026-12-01T07:45:00Z", "");
	/* Unknown and absent ones are the strategy's, which is UTC. */
	look(NIGHT, "Mars/Olympus", "2026-06-01T02:45:00Z", "");
	look(NIGHT, "", "2026-06-01T02:45:00Z", "");
	look("{\"timezone\":\"Asia/Shanghai\",\"windows\":[{\"cron\":\"30 2 * * *\","
	     "\"duration_ms\":3600000}]}",
	     "", "2026-06-01T19:00:00Z", "");
}

static void test_windows_stand_changes_of_the_clock(void **state)
{
	(void)state;
	/* Berlin, 2026-03-29: 02:00 becomes 03:00, so 02:30 is told as 03:30 summer time, 01:30Z. */
	look(NIGHT, "Europe/Berlin", "2026-03-29T00:59:00Z", "2026-03-29T01:30:00Z");
	look(NIGHT, "Europe/Berlin", "2026-03-29T01:10:00Z", "2026-03-29T01:30:00Z");
	look(NIGHT, "Europe/Berlin", "2026-03-29T01:30:00Z", "");
	look(NIGHT, "Europe/Berlin", "2026-03-29T02:30:00Z", "2026-03-30T00:30:00Z");
	/* 2026-10-25: 03:00 becomes 02:00; 02:30 comes twice, at 00:30Z and 01:30Z, and opens once. */
	look(NIGHT, "Europe/Berlin", "2026-10-25T00:35:00Z", "2026-10-25T01:30:00Z");
	look(NIGHT, "Europe/Berlin", "2026-10-25T01:30:00Z", "");
	look(NIGHT, "Europe/Berlin", "2026-10-25T02:29:00Z", "");
	look(NIGHT, "Europe/Berlin", "2026-10-25T02:30:00Z", "2026-10-26T01:30:00Z");
}

/* Looking at it would fail for ever, with nothing but a line in the log. */
static void test_what_cannot_go_on_is_given_to_a_person(void **state)
{
	struct error err = {0};
	bool busy;

	(void)state;
	fleet_on_two();
	struct rollout rollout = create("3", "{\"waves\":[1,1]}");
	advance();
	sql(arena_printf(harness_ctx()->arena,
			 "UPDATE rollout SET strategy = '{\"waves\": \"x\"}' WHERE id = '%s'",
			 rollout.id));
	struct ctx ctx = *harness_ctx();
	assert_false(rollouts_advance(&ctx, &busy, &err));
	assert_string_equal(state_of(rollout.id), "paused");
	assert_non_null(strstr(rollout_at(rollout.id).reason, "cannot go on: "));
	assert_int_equal(act(rollout.id, ROLLOUT_ABORT).number, rollout.number);
}

static void test_nodes_wait_for_their_window(void **state)
{
	struct error err = {0};
	struct rollout rollout;

	(void)state;
	fleet_on_two();
	sql("UPDATE node SET labels = labels || '{\"timezone\":\"Asia/Shanghai\"}'"
	    " WHERE name IN ('node-a', 'node-b')");
	harness.ctx.now = moment("2026-06-01T02:45:00Z");
	struct rollout night = create("3", NIGHT);
	advance();
	assert_steps(night.id, "pending", "pending", "sent", "sent", "sent");
	struct rollout_step step = step_at(night.id, NODES[0]);
	assert_int_equal(step.opens_at, moment("2026-06-01T18:30:00Z"));
	assert_non_null(strstr(step.reason, "opens at 2026-06-01T18:30:00"));
	assert_int_equal(wave_at(night.id, 1).counts.window, 2);
	assert_int_equal(wave_at(night.id, 1).counts.pending, 2);
	for (size_t i = 2; i < 5; i++)
		report(NODES[i], RESULT_SUCCEEDED);
	advance();
	assert_string_equal(state_of(night.id), "running");
	assert_non_null(strstr(rollout_at(night.id).reason, "waits for its update window"));

	harness.ctx.now = moment("2026-06-01T18:31:00Z");
	advance();
	assert_string_equal(step_of(night.id, NODES[0]), "sent");
	assert_null(rollout_at(night.id).reason);
	assert_int_equal(wave_at(night.id, 1).counts.window, 0);
	harness.ctx.now = moment("2026-06-01T10:00:00Z");

	struct rollout forced = create("2", NIGHT);
	advance();
	assert_steps(forced.id, "pending", "pending", "pending", "pending", "pending");
	assert_done(rollout_force(harness_ctx(), forced.id, &rollout, &err), err);
	assert_true(rollout.forced);
	advance();
	assert_steps(forced.id, "sent", "sent", "sent", "sent", "sent");
	assert_false(rollout_force(harness_ctx(), forced.id, &rollout, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
}

static void refused_create(const char *strategy, const char *field)
{
	struct rollout_request request = request_of("3", strategy);
	struct error err = {0};
	struct rollout rollout;

	assert_false(rollout_create(harness_ctx(), &request, &rollout, &err));
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.field, field);
}

static void test_impossible_times_are_refused(void **state)
{
	(void)state;
	fleet_on_two();
	harness.ctx.now = moment("2026-06-01T10:00:00Z");
	refused_create("{\"timezone\":\"Mars/Olympus\"}", "strategy.timezone");
	refused_create("{\"rollout_deadline_ms\":3600000,\"windows\":[{\"cron\":\"30 2 * * *\","
		       "\"duration_ms\":3600000}]}",
		       "strategy.windows");
}

static void test_starts_no_sooner(void **state)
{
	(void)state;
	fleet_on_two();
	harness.ctx.now = moment("2026-06-01T10:00:00Z");
	struct rollout later = create("3", "{\"start_at\":\"2026-06-01T12:00:00Z\"}");
	advance();
	assert_string_equal(step_of(later.id, NODES[0]), "pending");
	assert_non_null(strstr(rollout_at(later.id).reason, "starts at 2026-06-01T12:00:00"));
	harness.ctx.now = moment("2026-06-01T12:00:00Z");
	advance();
	assert_string_equal(step_of(later.id, NODES[0]), "sent");
	assert_null(rollout_at(later.id).reason);
}

static void test_deadline_of_the_rollout(void **state)
{
	(void)state;
	fleet_on_two();
	harness.ctx.now = moment("2026-06-01T10:00:00Z");
	struct rollout slow = create(
		"3", "{\"waves\":[1,4],\"rollout_deadline_ms\":3600000,\"soak_ms\":3600000}");
	advance();
	report(NODES[0], RESULT_SUCCEEDED);
	advance();
	harness.ctx.now = moment("2026-06-01T11:00:00Z");
	advance();
	assert_steps(slow.id, "succeeded", "timed_out", "timed_out", "timed_out", "timed_out");
	assert_string_equal(step_at(slow.id, NODES[1]).reason,
			    "not started before the rollout's deadline");
	assert_string_equal(state_of(slow.id), "paused");
	assert_string_equal(desired_of(NODES[1]), "2/1 true");
	/* Whoever tries again after it has lifted it. */
	act(slow.id, ROLLOUT_RETRY);
	advance();
	assert_string_equal(step_of(slow.id, NODES[1]), "sent");
}

/* --- waves and pairs --- */

static void test_one_site_after_the_other(void **state)
{
	(void)state;
	fleet_on_two();
	sql("UPDATE node SET labels = labels || jsonb_build_object('line', CASE name"
	    " WHEN 'node-a' THEN 'two' WHEN 'node-b' THEN 'one' WHEN 'node-c' THEN 'two' END)"
	    " WHERE name < 'node-d'");
	struct rollout lines = create("3", "{\"waves\":{\"label\":\"line\"}}");
	advance();
	assert_steps(lines.id, "pending", "sent", "pending", "pending", "pending");
	report(NODES[1], RESULT_SUCCEEDED);
	advance();
	assert_steps(lines.id, "sent", "succeeded", "sent", "pending", "pending");
	report(NODES[0], RESULT_SUCCEEDED);
	report(NODES[2], RESULT_SUCCEEDED);
	advance();
	assert_steps(lines.id, "succeeded", "succeeded", "succeeded", "sent", "sent");
}

static void test_pairs_are_never_under_way_together(void **state)
{
	(void)state;
	fleet_on_two();
	sql("UPDATE node SET labels = labels || '{\"ha-group\":\"g1\"}'"
	    " WHERE name IN ('node-a', 'node-b')");
	struct rollout all = create("3", "{}");
	advance();
	assert_steps(all.id, "sent", "pending", "sent", "sent", "sent");
	report(NODES[0], RESULT_APPLYING);
	advance();
	assert_string_equal(step_of(all.id, NODES[1]), "pending");
	report(NODES[0], RESULT_SUCCEEDED);
	advance();
	assert_string_equal(step_of(all.id, NODES[1]), "sent");

	/* Nor by two rollouts. */
	sql("UPDATE rollout_step SET state = 'applying' WHERE node_id = '" NODE("b") "'");
	struct rollout other = create("2", "{\"max_failures\":4}");
	sql("DELETE FROM rollout_step WHERE rollout_id <> (SELECT id FROM rollout ORDER BY number"
	    " DESC LIMIT 1) AND node_id <> '" NODE("b") "'");
	sql("UPDATE rollout_step SET state = 'skipped' WHERE node_id = '" NODE("b") "' AND state ="
										    " 'pending'");
	advance();
	assert_string_equal(step_of(other.id, NODES[0]), "pending");
	assert_string_equal(step_of(other.id, NODES[2]), "sent");
}

/* --- gates --- */

static void test_share_of_failures(void **state)
{
	(void)state;
	fleet_on_two();
	struct rollout share = create("3", "{\"max_failed_percent\":20}");
	advance();
	report(NODES[0], RESULT_ROLLED_BACK);
	advance();
	assert_string_equal(state_of(share.id), "running");
	report(NODES[1], RESULT_ROLLED_BACK);
	advance();
	assert_string_equal(state_of(share.id), "paused");
	assert_string_equal(rollout_at(share.id).reason, "wave 1: 2 of 5 failed, 20% allowed");
}

static void test_share_of_unreachable(void **state)
{
	(void)state;
	fleet_on_two();
	struct rollout dark = create("3", "{\"waves\":[2,3],\"max_unreachable_percent\":40}");
	advance();
	report(NODES[0], RESULT_SUCCEEDED);
	sql("UPDATE node SET online = false WHERE name = 'node-a'");
	advance();
	assert_string_equal(state_of(dark.id), "paused");
	assert_string_equal(rollout_at(dark.id).reason,
			    "wave 1: 1 of 2 cannot be reached since they were told, 40% allowed");
	act(dark.id, ROLLOUT_RESUME);
	advance();
	assert_string_equal(state_of(dark.id), "running");
}

static void test_alert_stops(void **state)
{
	(void)state;
	fleet_on_two();
	sql("INSERT INTO alert_rule (id, project_id, kind, name) VALUES ('rulaaaaaaaaaaaaaaaaa', '" HARNESS_PROJECT
	    "', 'service-crash-loop', 'loops')");
	struct rollout loud = create("3", "{\"stop_on_alert\":\"warning\"}");
	advance();
	sql("INSERT INTO alert (id, project_id, rule_id, fingerprint, state, severity, summary,"
	    " node_id, started_at, firing_at) SELECT 'alrtaaaaaaaaaaaaaaa' || v, '" HARNESS_PROJECT
	    "', 'rulaaaaaaaaaaaaaaaaa', v, 'firing', s, s || ' thing', '" NODE(
		    "b") "', now(),"
			 " clock_timestamp() FROM (VALUES ('a', 'info')) t (v, s)");
	advance();
	assert_string_equal(state_of(loud.id), "running");
	sql("UPDATE alert SET severity = 'critical', summary = 'broker restarts all the time'");
	advance();
	assert_string_equal(state_of(loud.id), "paused");
	assert_string_equal(rollout_at(loud.id).reason,
			    "wave 1: an alert fired on node-b: broker restarts all the time");
	act(loud.id, ROLLOUT_RESUME);
	advance();
	assert_string_equal(state_of(loud.id), "running");
}

static void test_only_the_wave_is_rolled_back(void **state)
{
	(void)state;
	fleet_on_two();
	struct rollout bad = create("3", "{\"waves\":[2,3],\"on_failure\":\"rollback_wave\"}");
	advance();
	report(NODES[0], RESULT_SUCCEEDED);
	report(NODES[1], RESULT_SUCCEEDED);
	advance();
	report(NODES[2], RESULT_SUCCEEDED);
	report(NODES[3], RESULT_ROLLED_BACK);
	advance();
	struct rollout now = rollout_at(bad.id);
	assert_string_equal(now.state, "paused");
	assert_non_null(strstr(now.reason, "wave 2: 1 of 3 failed, 0 allowed; rollout 3 rolls it"));
	assert_string_equal(desired_of(NODES[0]), "3/2 true");
	assert_string_equal(desired_of(NODES[2]), "2/1 true");
	assert_string_equal(desired_of(NODES[4]), "2/1 true");
}

static void test_nothing_left_to_roll_back_fails(void **state)
{
	(void)state;
	fleet_on_two();
	struct rollout bad = create("3", "{\"waves\":[1,4],\"on_failure\":\"rollback\"}");
	advance();
	report(NODES[0], RESULT_ROLLED_BACK);
	advance();
	assert_string_equal(state_of(bad.id), "failed");
	assert_string_equal(rollout_at(bad.id).reason, "wave 1: 1 of 1 failed, 0 allowed");
}

/* --- away --- */

static void test_offline_nodes_hold_nothing(void **state)
{
	(void)state;
	fleet_on_two();
	sql("UPDATE node SET online = false WHERE name IN ('node-a', 'node-e')");
	struct rollout all = create("3", "{\"waves\":[2,3]}");
	advance();
	report(NODES[1], RESULT_SUCCEEDED);
	advance();
	assert_string_equal(step_of(all.id, NODES[2]), "sent");
	assert_int_equal(step_at(all.id, NODES[0]).deadline_at, 0);
	report(NODES[2], RESULT_SUCCEEDED);
	report(NODES[3], RESULT_SUCCEEDED);
	advance();
	struct rollout now = rollout_at(all.id);
	assert_string_equal(now.state, "succeeded");
	assert_string_equal(now.reason, "2 offline nodes get it when they are back");

	/* Back after weeks: it finds the newest state, has its time, and its verdict counts. */
	sql("UPDATE node SET online = true WHERE name = 'node-a'");
	assert_string_equal(desired_of(NODES[0]), "3/2 true");
	advance();
	assert_true(step_at(all.id, NODES[0]).deadline_at > 0);
	report(NODES[0], RESULT_SUCCEEDED);
	assert_string_equal(step_of(all.id, NODES[0]), "succeeded");

	/* A newer one takes over what is still waiting. */
	struct rollout newer = create("2", "{}");
	advance();
	assert_string_equal(step_of(all.id, NODES[4]), "superseded");
	assert_string_equal(step_at(all.id, NODES[4]).superseded_by, newer.id);
	assert_int_equal(wave_at(all.id, 2).counts.superseded, 1);
	assert_int_equal(wave_at(all.id, 2).counts.skipped, 1);
	assert_string_equal(desired_of(NODES[4]), "2/1 true");
}

static void test_dosed_nodes_have_their_turn_when_they_are_back(void **state)
{
	(void)state;
	fleet_on_two();
	sql("UPDATE node SET online = false WHERE name IN ('node-a', 'node-b')");
	struct rollout all = create("3", "{\"max_parallel\":1}");
	for (size_t i = 2; i < 5; i++) {
		advance();
		report(NODES[i], RESULT_SUCCEEDED);
	}
	advance();
	assert_string_equal(state_of(all.id), "succeeded");
	assert_steps(all.id, "pending", "pending", "succeeded", "succeeded", "succeeded");
	sql("UPDATE node SET online = true");
	advance();
	assert_string_equal(step_of(all.id, NODES[0]), "sent");
	report(NODES[0], RESULT_SUCCEEDED);
	advance();
	assert_string_equal(step_of(all.id, NODES[1]), "sent");
}

static void test_who_goes_dark_while_it_is_told_times_out(void **state)
{
	(void)state;
	fleet_on_two();
	struct rollout dark = create("3", "{\"waves\":[1,4]}");
	advance();
	sql("UPDATE node SET online = false WHERE name = 'node-a'");
	advance();
	assert_string_equal(step_of(dark.id, NODES[1]), "pending");
	sql("UPDATE rollout_step SET deadline_at = 'epoch' WHERE state = 'sent'");
	advance();
	assert_string_equal(step_of(dark.id, NODES[0]), "timed_out");
	assert_string_equal(state_of(dark.id), "paused");
}

static void test_aborted_before_it_was_back(void **state)
{
	(void)state;
	fleet_on_two();
	sql("UPDATE node SET online = false WHERE name = 'node-a'");
	struct rollout bad = create("3", "{\"max_failures\":4}");
	advance();
	assert_string_equal(desired_of(NODES[0]), "3/2 true");
	act(bad.id, ROLLOUT_ABORT);
	advance();
	assert_string_equal(step_of(bad.id, NODES[0]), "skipped");
	assert_string_equal(desired_of(NODES[0]), "2/1 true");
	assert_string_equal(step_of(bad.id, NODES[1]), "sent");
	sql("UPDATE rollout_step SET deadline_at = 'epoch' WHERE state = 'sent'");
	advance();
	assert_string_equal(step_of(bad.id, NODES[1]), "timed_out");
}

/* --- retries --- */

static void test_transient_causes_are_tried_again(void **state)
{
	(void)state;
	fleet_on_two();
	struct rollout flaky =
		create("3", "{\"waves\":[1,4],\"retries\":{\"max\":1,\"backoff_ms\":60000}}");
	advance();
	report(NODES[0], RESULT_REFUSED);
	advance();
	struct rollout_step step = step_at(flaky.id, NODES[0]);
	assert_string_equal(step.state, "pending");
	assert_int_equal(step.retries, 1);
	assert_true(step.retry_at > clock_now_utc() + 30 * USEC_PER_SEC);
	assert_string_equal(step.reason, "tried again after fetch_failed (1 of 1)");
	assert_string_equal(state_of(flaky.id), "running");
	sql("UPDATE rollout_step SET retry_at = now() - interval '1 s' WHERE retries > 0");
	advance();
	assert_string_equal(step_of(flaky.id, NODES[0]), "sent");
	report(NODES[0], RESULT_REFUSED);
	advance();
	assert_string_equal(step_of(flaky.id, NODES[0]), "failed");
	assert_string_equal(state_of(flaky.id), "paused");
}

/* --- several at once --- */

static void create_run(struct rollout *out, bool run, const char *strategy)
{
	struct rollout_request request = request_of("2", strategy);
	struct error err = {0};

	request.changes = parse(run ? "[{\"service\":\"broker\",\"run\":true}]"
				    : "[{\"service\":\"broker\",\"run\":false}]");
	assert_done(rollout_create(harness_ctx(), &request, out, &err), err);
}

static void test_a_hotfix_passes_a_paused_rollout(void **state)
{
	struct rollout fix;

	(void)state;
	fleet_on_two();
	struct rollout slow = create("3", "{\"waves\":[1,4]}");
	advance();
	report(NODES[0], RESULT_ROLLED_BACK);
	advance();
	assert_string_equal(state_of(slow.id), "paused");
	create_run(&fix, false, "{}");
	advance();
	assert_steps(fix.id, "sent", "sent", "sent", "sent", "sent");
	assert_steps(slow.id, "rolled_back", "superseded", "superseded", "superseded",
		     "superseded");
	/* What the newer one has set is not taken back by trying the older one again. */
	act(slow.id, ROLLOUT_RETRY);
	for (size_t i = 0; i < 5; i++)
		report(NODES[i], RESULT_SUCCEEDED);
	advance();
	assert_string_equal(step_of(slow.id, NODES[0]), "superseded");
	assert_string_equal(desired_of(NODES[0]), "2/1 false");
	assert_string_equal(state_of(fix.id), "succeeded");
	assert_string_equal(state_of(slow.id), "succeeded");
}

static void test_newer_takes_its_services_only(void **state)
{
	static const char PARTS[] =
		"SELECT string_agg(service || ' ' || desired_run, ', ' ORDER BY service)"
		" FROM node_service WHERE node_id = $1 AND desired_driver IS NOT NULL";
	struct rollout_request request = request_of("2", "{\"waves\":[1,4]}");
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct rollout both, fix;
	struct db_rows rows;

	(void)state;
	fleet_on_two();
	sql("INSERT INTO node_service (project_id, node_id, service, desired_driver, desired_run,"
	    " package_release_id, parameters) SELECT project_id, node_id, 'other', 'generic', true,"
	    " package_release_id, '{}' FROM node_service");
	request.changes = parse("[{\"service\":\"broker\",\"run\":false},"
				"{\"service\":\"other\",\"run\":false}]");
	assert_done(rollout_create(ctx, &request, &both, &err), err);
	advance();
	create_run(&fix, true, "{}");
	advance();
	assert_string_equal(step_of(both.id, NODES[1]), "pending");
	assert_int_equal(json_array_size(step_at(both.id, NODES[1]).lost), 1);
	for (size_t i = 0; i < 5; i++)
		report(NODES[i], RESULT_SUCCEEDED);
	advance();
	assert_string_equal(step_of(both.id, NODES[1]), "sent");
	assert_done(db_query(ctx->db, ctx->arena, PARTS, DB_ARGS(db_text(NODES[1])), &rows, &err),
		    err);
	assert_string_equal(db_get_text(&rows, 0, 0), "broker true, other false");
}

static void test_the_higher_priority_goes_first(void **state)
{
	struct rollout low, high;

	(void)state;
	fleet_on_two();
	create_run(&high, true, "{\"priority\":10}");
	advance();
	create_run(&low, false, "{}");
	advance();
	/* Newer, but the other one is under way and has priority. */
	assert_string_equal(step_of(low.id, NODES[0]), "pending");
	report(NODES[0], RESULT_SUCCEEDED);
	advance();
	assert_string_equal(step_of(low.id, NODES[0]), "sent");
	assert_string_equal(step_of(low.id, NODES[1]), "pending");
}

static void test_follow_takes_nodes_that_appear(void **state)
{
	struct rollout_request request = request_of("3", "{\"follow\":true}");
	struct error err = {0};
	struct rollout rollout;

	(void)state;
	fleet_on_two();
	request.targets = parse("{\"nodes\":[\"node-a\"]}");
	assert_false(rollout_create(harness_ctx(), &request, &rollout, &err));
	assert_string_equal(err.field, "strategy.follow");

	sql("UPDATE node SET labels = '{}' WHERE name = 'node-e'");
	struct rollout base = create("3", "{\"follow\":true,\"max_failures\":1}");
	advance();
	for (size_t i = 0; i < 4; i++)
		report(NODES[i], RESULT_SUCCEEDED);
	advance();
	struct rollout now = rollout_at(base.id);
	assert_string_equal(now.state, "running");
	assert_string_equal(now.reason, "follows: nodes that appear or match later get it too");
	sql("UPDATE node SET labels = '{\"site\":\"plant-1\"}' WHERE name = 'node-e'");
	sql("UPDATE rollout SET followed_at = NULL");
	advance();
	assert_string_equal(step_of(base.id, NODES[4]), "sent");
	report(NODES[4], RESULT_SUCCEEDED);
	advance();
	assert_string_equal(state_of(base.id), "running");
	act(base.id, ROLLOUT_FINISH);
	assert_string_equal(state_of(base.id), "succeeded");
}

/* --- many at once --- */

static void test_same_content_is_built_once_and_faults_stay_alone(void **state)
{
	static const char TOLD[] = "SELECT count(*), count(DISTINCT digest) FROM node_desired"
				   " WHERE rollout_id = $1";
	static const char HISTORY[] =
		"SELECT count(*) FROM node_service_history WHERE rollout_id = $1";
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct db_rows rows;

	(void)state;
	fleet_on_two();
	sql("UPDATE node SET labels = labels || jsonb_build_object('line', CASE WHEN name < 'node-c'"
	    " THEN '1' ELSE '2' END) WHERE name < 'node-z' AND name <> 'bystander'");
	sql("UPDATE blob SET data = convert_to('${node.label.line}', 'UTF8'), size = 18");
	sql("UPDATE config_file SET size = 18");
	struct rollout all = create("3", "{\"max_failures\":4}");
	sql("UPDATE node SET labels = labels - 'line' WHERE name = 'node-e'");
	advance();
	assert_steps(all.id, "sent", "sent", "sent", "sent", "failed");
	assert_non_null(strstr(step_at(all.id, NODES[4]).reason, "node node-e: service broker:"));
	assert_string_equal(desired_of(NODES[4]), "2/1 true");
	assert_done(db_query(ctx->db, ctx->arena, TOLD, DB_ARGS(db_text(all.id)), &rows, &err),
		    err);
	assert_int_equal(db_get_int(&rows, 0, 0), 4);
	assert_int_equal(db_get_int(&rows, 0, 1), 2);
	assert_done(db_query(ctx->db, ctx->arena, HISTORY, DB_ARGS(db_text(all.id)), &rows, &err),
		    err);
	assert_int_equal(db_get_int(&rows, 0, 0), 4);
}

/* --- what a person does while it runs --- */

static void test_nodes_are_skipped_retried_excluded(void **state)
{
	struct error err = {0};
	struct rollout rollout;
	int64_t moved;

	(void)state;
	fleet_on_two();
	struct rollout bad = create("3", "{\"waves\":[2,3]}");
	advance();
	report(NODES[0], RESULT_ROLLED_BACK);
	report(NODES[1], RESULT_ROLLED_BACK);
	advance();
	assert_string_equal(state_of(bad.id), "paused");

	struct steps_request skip = {.nodes = (const char *const[]){"node-e"}, .node_count = 1};
	assert_done(
		rollout_steps_act(harness_ctx(), bad.id, STEPS_SKIP, &skip, &rollout, &moved, &err),
		err);
	assert_int_equal(moved, 1);
	assert_string_equal(step_of(bad.id, NODES[4]), "skipped");

	struct steps_request wrong = {.cause = "no_such_thing"};
	assert_false(rollout_steps_act(harness_ctx(), bad.id, STEPS_RETRY, &wrong, &rollout, &moved,
				       &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_false(rollout_steps_act(harness_ctx(), bad.id, STEPS_RETRY,
				       &(struct steps_request){0}, &rollout, &moved, &err));
	assert_int_equal(err.code, ERR_INVALID);

	struct steps_request one = {.nodes = (const char *const[]){NODES[0]}, .node_count = 1};
	assert_done(rollout_steps_act(harness_ctx(), bad.id, STEPS_EXCLUDE, &one, &rollout, &moved,
				      &err),
		    err);
	assert_string_equal(step_of(bad.id, NODES[0]), "skipped");
	struct steps_request cause = {.cause = "service_failed"};
	assert_done(rollout_steps_act(harness_ctx(), bad.id, STEPS_RETRY, &cause, &rollout, &moved,
				      &err),
		    err);
	assert_int_equal(moved, 1);
	assert_string_equal(rollout.state, "running");
	advance();
	assert_string_equal(step_of(bad.id, NODES[1]), "sent");

	/* What is under way is put back. */
	struct steps_request flying = {.nodes = (const char *const[]){NODES[1]}, .node_count = 1};
	assert_string_equal(desired_of(NODES[1]), "3/2 true");
	assert_done(rollout_steps_act(harness_ctx(), bad.id, STEPS_EXCLUDE, &flying, &rollout,
				      &moved, &err),
		    err);
	assert_string_equal(desired_of(NODES[1]), "2/1 true");
	advance();
	assert_string_equal(step_of(bad.id, NODES[2]), "sent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_windows_follow_the_clock_of_the_zone),
		STORE_TEST(test_windows_stand_changes_of_the_clock),
		STORE_TEST(test_what_cannot_go_on_is_given_to_a_person),
		STORE_TEST(test_nodes_wait_for_their_window),
		STORE_TEST(test_impossible_times_are_refused),
		STORE_TEST(test_starts_no_sooner),
		STORE_TEST(test_deadline_of_the_rollout),
		STORE_TEST(test_one_site_after_the_other),
		STORE_TEST(test_pairs_are_never_under_way_together),
		STORE_TEST(test_share_of_failures),
		STORE_TEST(test_share_of_unreachable),
		STORE_TEST(test_alert_stops),
		STORE_TEST(test_only_the_wave_is_rolled_back),
		STORE_TEST(test_nothing_left_to_roll_back_fails),
		STORE_TEST(test_offline_nodes_hold_nothing),
		STORE_TEST(test_dosed_nodes_have_their_turn_when_they_are_back),
		STORE_TEST(test_who_goes_dark_while_it_is_told_times_out),
		STORE_TEST(test_aborted_before_it_was_back),
		STORE_TEST(test_transient_causes_are_tried_again),
		STORE_TEST(test_a_hotfix_passes_a_paused_rollout),
		STORE_TEST(test_newer_takes_its_services_only),
		STORE_TEST(test_the_higher_priority_goes_first),
		STORE_TEST(test_follow_takes_nodes_that_appear),
		STORE_TEST(test_same_content_is_built_once_and_faults_stay_alone),
		STORE_TEST(test_nodes_are_skipped_retried_excluded),
	};

	return cmocka_run_group_tests(tests, harness_group_setup, harness_group_teardown);
}
