/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions open, fire and resolve alerts, and each change reaches the webhooks that want it. */
#include "harness/harness.h"

#include "domain/alert/alert.h"
#include "domain/alert/webhook.h"
#include "store/alerts.h"
#include "store/deliveries.h"

static const char NODE[] =
	"INSERT INTO node (id, project_id, name, shard, state, online) VALUES"
	" ('nnodeaaaaaaaaaaaaaaa', '" HARNESS_PROJECT "', 'press-7', 0, 'active', true);"
	"UPDATE alert_rule SET for_ms = 0 WHERE kind = 'node-offline'";

static void evaluate(void)
{
	struct error err = {0};
	bool busy;

	assert_done(alerts_evaluate(harness_ctx(), &busy, &err), err);
	harness_ctx()->project_id = HARNESS_PROJECT;
	assert_false(busy);
}

static struct alert *list(const char *state, size_t expected)
{
	struct error err = {0};
	struct alert *alerts;
	size_t count;
	int64_t total;

	assert_done(alerts_list(harness_ctx(), state, NULL, 0, NULL, 100, &alerts, &count, &total,
				&err),
		    err);
	assert_int_equal(count, expected);
	assert_int_equal(total, expected);
	return alerts;
}

static struct webhook receiver(const char *event)
{
	static const char *events[1];
	struct error err = {0};
	struct webhook webhook = {.name = "plant",
				  .url = "https://example.com/hook",
				  .events = events,
				  .event_count = 1,
				  .enabled = true};
	const char *secret;

	events[0] = event;
	assert_done(webhook_create(harness_ctx(), &webhook, &secret, &err), err);
	assert_int_equal(strncmp(secret, "whsec_", 6), 0);
	return webhook;
}

static struct delivery *deliveries(const struct webhook *webhook, size_t expected)
{
	struct error err = {0};
	struct delivery *found;
	size_t count;
	int64_t total;

	assert_done(deliveries_list(harness_ctx(), webhook->id, 0, NULL, 100, &found, &count,
				    &total, &err),
		    err);
	assert_int_equal(count, expected);
	return found;
}

static void test_offline_fires_and_resolves(void **state)
{
	(void)state;
	harness_sql(harness_ctx()->db, NODE);
	struct webhook webhook = receiver("alert.*");
	evaluate();
	list(NULL, 0);

	harness_sql(harness_ctx()->db, "UPDATE node SET online = false");
	evaluate();
	evaluate();
	struct alert *alert = list("firing", 1);
	assert_string_equal(alert->summary, "Node press-7 is offline");
	assert_string_equal(alert->node_name, "press-7");
	struct delivery *sent = deliveries(&webhook, 1);
	assert_string_equal(sent->event_type, "alert.firing");
	assert_non_null(strstr(sent->body, "press-7"));

	harness_sql(harness_ctx()->db, "UPDATE node SET online = true");
	evaluate();
	list("open", 0);
	list("resolved", 1);
	deliveries(&webhook, 2);
}

static void test_pending_waits_and_is_forgotten(void **state)
{
	(void)state;
	harness_sql(harness_ctx()->db, NODE);
	harness_sql(harness_ctx()->db, "UPDATE alert_rule SET for_ms = 3600000");
	struct webhook webhook = receiver("*");
	harness_sql(harness_ctx()->db, "UPDATE node SET online = false");
	evaluate();
	list("pending", 1);
	harness_sql(harness_ctx()->db, "UPDATE node SET online = true");
	evaluate();
	list(NULL, 0);
	deliveries(&webhook, 0);
}

static void test_pending_fires_when_due(void **state)
{
	(void)state;
	harness_sql(harness_ctx()->db, NODE);
	harness_sql(harness_ctx()->db, "UPDATE alert_rule SET for_ms = 3600000");
	harness_sql(harness_ctx()->db, "UPDATE node SET online = false");
	evaluate();
	list("pending", 1);
	harness_sql(harness_ctx()->db, "UPDATE node SET status_since = now() - interval '2 hours'");
	evaluate();
	list("firing", 1);
}

static void test_acknowledged_still_resolves(void **state)
{
	struct error err = {0};
	struct alert alert;

	(void)state;
	harness_sql(harness_ctx()->db, NODE);
	harness_sql(harness_ctx()->db, "UPDATE node SET online = false");
	evaluate();
	const char *id = list("firing", 1)->id;
	assert_done(alert_acknowledge(harness_ctx(), id, &alert, &err), err);
	assert_string_equal(alert.state, "acknowledged");
	assert_string_equal(alert.acknowledged_by, "tester");
	assert_false(alert_acknowledge(harness_ctx(), id, &alert, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	harness_sql(harness_ctx()->db, "UPDATE node SET online = true");
	/* The failed call doomed nothing that was to be kept. */
	harness_ctx()->db->doomed = false;
	evaluate();
	list("resolved", 1);
}

static void test_held_service_fires(void **state)
{
	(void)state;
	harness_sql(harness_ctx()->db, NODE);
	harness_sql(harness_ctx()->db,
		    "INSERT INTO node_service (project_id, node_id, service, reported_state,"
		    " reported_reason, reported_at) VALUES ('" HARNESS_PROJECT "',"
		    " 'nnodeaaaaaaaaaaaaaaa', 'broker', 'held', '4 exits in 60 s', now())");
	evaluate();
	struct alert *alert = list("firing", 1);
	assert_string_equal(alert->kind, "service-crash-loop");
	assert_string_equal(alert->summary,
			    "Service broker on press-7 keeps failing: 4 exits in 60 s");
}

static void test_claim_is_exclusive_and_fenced(void **state)
{
	struct error err = {0};
	struct delivery_job *jobs, *none;
	struct delivery_outcome outcome = {.state = "succeeded", .status = 204};
	size_t count, none_count;

	(void)state;
	struct webhook webhook = receiver("alert.firing");
	assert_done(webhook_test(harness_ctx(), webhook.id, &err), err);
	assert_done(deliveries_claim(harness_ctx(), 10, 60, &jobs, &count, &err), err);
	assert_int_equal(count, 1);
	assert_done(deliveries_claim(harness_ctx(), 10, 60, &none, &none_count, &err), err);
	assert_int_equal(none_count, 0);

	struct delivery_job late = jobs[0];
	late.attempt--;
	outcome.state = "failed";
	assert_done(deliveries_finish(harness_ctx(), &late, &outcome, &err), err);
	assert_string_equal(deliveries(&webhook, 1)->state, "pending");
	outcome.state = "succeeded";
	assert_done(deliveries_finish(harness_ctx(), &jobs[0], &outcome, &err), err);
	assert_string_equal(deliveries(&webhook, 1)->state, "succeeded");
}

static void test_bad_webhooks_are_refused(void **state)
{
	static const char *const urls[] = {"ftp://x/",	     "https://",     "https:///x",
					   "https://u:p@x/", "https://x/ y", "javascript:alert(1)"};
	static const char *const events[] = {"alert.*"};
	const char *secret;

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct error err = {0};
		struct webhook webhook = {
			.name = "x", .url = urls[i], .events = events, .event_count = 1};
		if (webhook_create(harness_ctx(), &webhook, &secret, &err))
			fail_msg("%s was taken", urls[i]);
		assert_string_equal(err.field, "url");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_offline_fires_and_resolves),
		STORE_TEST(test_pending_waits_and_is_forgotten),
		STORE_TEST(test_pending_fires_when_due),
		STORE_TEST(test_acknowledged_still_resolves),
		STORE_TEST(test_held_service_fires),
		STORE_TEST(test_claim_is_exclusive_and_fenced),
		STORE_TEST(test_bad_webhooks_are_refused),
	};

	return cmocka_run_group_tests(tests, harness_group_setup, harness_group_teardown);
}
