/* SPDX-License-Identifier: Apache-2.0 */
/* From messages of nodes to rows: what is stored, acknowledged, refused. */
#include "harness/harness.h"

#include "domain/fleet/fleet.h"
#include "store/leases.h"
#include "store/logs.h"
#include "store/outbox.h"

#define NODE "naaaaaaaaaaaaaaaaaaa"
#define OTHER "nbbbbbbbbbbbbbbbbbbb"
#define RETIRED "nccccccccccccccccccc"
#define EPOCH "0123456789abcdef"
#define DIGEST "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char COUNT_NODES[] = "SELECT count(*) FROM node WHERE id = $1 AND status = $2";
static const char COUNT_LOGS[] = "SELECT count(*) FROM log_line WHERE node_id = $1";
static const char COUNT_EVENTS[] =
	"SELECT count(*) FROM node_event WHERE node_id = $1 AND kind = $2";
static const char COUNT_LETTERS[] =
	"SELECT count(*) FROM dead_letter WHERE topic LIKE $1 AND reason LIKE $2";
static const char COUNT_OUTBOX[] = "SELECT count(*) FROM outbox WHERE node_id = $1";
static const char COUNT_CHANGES[] = "SELECT count(*) FROM change_feed WHERE object_id = $1";
static const char SERVICES[] =
	"SELECT service, reported_state, drift_files IS NOT NULL, desired_driver FROM node_service"
	" WHERE node_id = $1 ORDER BY service";
static const char GENERATIONS[] =
	"SELECT desired_generation, reported_generation FROM node WHERE id = $1";

static struct fleet_memory *memory;

static int setup(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	uint64_t shards;

	harness_setup(state);
	harness.server.health_interval_ms = 1000;
	memory = fleet_memory_new();
	harness_sql(ctx->db,
		    "INSERT INTO node (id, project_id, name, shard, state, retired_at) VALUES"
		    " ('" NODE "', '" HARNESS_PROJECT "', 'one', 0, 'active', NULL),"
		    " ('" OTHER "', '" HARNESS_OTHER_PROJECT "', 'two', 0, 'pending', NULL),"
		    " ('" RETIRED "', '" HARNESS_PROJECT "', 'old', 0, 'retired', now())");
	assert_done(leases_renew(ctx, "me", 60, (const usec_t[]){0}, 1, &shards, &err), err);
	assert_true(shards == UINT64_MAX);
	return 0;
}

static int teardown(void **state)
{
	fleet_memory_free(memory);
	return harness_teardown(state);
}

static int64_t count(const char *sql, const struct db_args *args)
{
	struct error err = {0};
	struct db_rows rows;

	assert_done(db_query(harness.ctx.db, harness.ctx.arena, sql, args, &rows, &err), err);
	return db_get_int(&rows, 0, 0);
}

/* A batch that grows message by message. */
struct batch {
	struct fleet_message messages[16];
	size_t count;
	struct fleet_outcome outcome;
};

static void add(struct batch *batch, const char *node, enum channel channel, const char *payload)
{
	struct ctx *ctx = harness_ctx();
	char *topic = arena_alloc(ctx->arena, LIMIT_TOPIC);
	struct fleet_message *message = &batch->messages[batch->count++];

	topic_format(topic, node, channel);
	*message = (struct fleet_message){
		.topic = topic,
		.payload = payload,
		.size = strlen(payload),
		.kept = strlen(payload),
		.received_at = ctx->now,
	};
	fleet_decode(message, ctx->arena);
}

static void add_log(struct batch *batch, const char *node, int first, int seq)
{
	add(batch, node, CHANNEL_LOGS,
	    arena_printf(harness_ctx()->arena,
			 "{\"v\":1,\"epoch\":\"" EPOCH "\",\"first\":%d,\"seq\":%d,"
			 "\"service\":\"broker\",\"lines\":[{\"at\":\"2026-01-02T03:04:05Z\","
			 "\"stream\":\"stdout\",\"text\":\"line %d\"}]}",
			 first, seq, seq));
}

static void add_hello_from(struct batch *batch, const char *node, int generation, const char *boot)
{
	add(batch, node, CHANNEL_HELLO,
	    arena_printf(harness_ctx()->arena,
			 "{\"v\":1,\"node\":\"%s\",\"protocol\":1,\"agent_version\":\"0.1\","
			 "\"platform\":\"linux-amd64\",\"hostname\":\"h\",\"boot_id\":\"%s\","
			 "\"epoch\":\"" EPOCH "\",\"generation\":%d,\"digest\":\"\","
			 "\"streams\":{\"reported\":0,\"logs\":0,\"events\":0,\"result\":0}}",
			 node, boot, generation));
}

static void add_hello(struct batch *batch, const char *node, int generation)
{
	add_hello_from(batch, node, generation, "b");
}

static void take(struct batch *batch)
{
	struct error err = {0};

	assert_done(fleet_take(harness_ctx(), "me", memory, batch->messages, batch->count,
			       &batch->outcome, &err),
		    err);
}

static int64_t acked(const struct batch *batch, const char *node, const char *stream)
{
	for (size_t i = 0; i < batch->outcome.ack_count; i++)
		if (strcmp(batch->outcome.acks[i].node, node) == 0 &&
		    strcmp(batch->outcome.acks[i].stream, stream) == 0)
			return batch->outcome.acks[i].upto;
	return -1;
}

static void test_stores_and_acknowledges_once(void **state)
{
	struct batch first = {0}, again = {0};

	(void)state;
	add_log(&first, NODE, 1, 1);
	add_log(&first, NODE, 2, 2);
	add_log(&first, NODE, 2, 2);
	add_log(&first, OTHER, 1, 1);
	take(&first);
	assert_int_equal(acked(&first, NODE, "logs"), 2);
	assert_int_equal(acked(&first, OTHER, "logs"), 1);
	assert_int_equal(first.outcome.ack_count, 2);
	assert_int_equal(first.outcome.stored, 3);
	assert_int_equal(first.outcome.repeated, 1);
	add_log(&again, NODE, 1, 1);
	take(&again);
	assert_int_equal(acked(&again, NODE, "logs"), 2);
	assert_int_equal(again.outcome.stored, 0);
	assert_int_equal(count(COUNT_LOGS, DB_ARGS(db_text(NODE))), 2);
}

static void test_waits_for_what_is_missing(void **state)
{
	struct batch batch = {0}, gap = {0};

	(void)state;
	add_log(&batch, NODE, 3, 3);
	take(&batch);
	assert_int_equal(acked(&batch, NODE, "logs"), 0);
	assert_int_equal(batch.outcome.early, 1);
	add_log(&gap, NODE, 1, 3);
	take(&gap);
	assert_int_equal(acked(&gap, NODE, "logs"), 3);
	assert_int_equal(count(COUNT_LOGS, DB_ARGS(db_text(NODE))), 1);
}

static void test_malformed_message_does_not_stop_its_stream(void **state)
{
	struct batch batch = {0};

	(void)state;
	add_log(&batch, NODE, 1, 1);
	add(&batch, NODE, CHANNEL_LOGS, "{\"v\":1,\"epoch\":\"" EPOCH "\",\"seq\":2}");
	add(&batch, NODE, CHANNEL_LOGS, "{\"v\":1,");
	add_log(&batch, NODE, 3, 3);
	take(&batch);
	assert_int_equal(acked(&batch, NODE, "logs"), 3);
	assert_int_equal(batch.outcome.refused, 2);
	assert_int_equal(count(COUNT_LETTERS, DB_ARGS(db_text("%" NODE "%"), db_text("%"))), 2);
}

static void test_refuses_unknown_and_retired_nodes(void **state)
{
	struct batch batch = {0};

	(void)state;
	add_log(&batch, "nunknown", 1, 1);
	add_log(&batch, RETIRED, 1, 1);
	take(&batch);
	assert_int_equal(batch.outcome.ack_count, 0);
	assert_int_equal(
		count(COUNT_LETTERS, DB_ARGS(db_text("%nunknown%"), db_text("unknown node"))), 1);
	assert_int_equal(
		count(COUNT_LETTERS, DB_ARGS(db_text("%" RETIRED "%"), db_text("%retired%"))), 1);
	assert_int_equal(count(COUNT_NODES, DB_ARGS(db_text(RETIRED), db_text("retired"))), 1);
}

static void test_takes_only_shards_that_it_holds(void **state)
{
	struct batch batch = {0};
	struct error err = {0};

	(void)state;
	add_log(&batch, NODE, 1, 1);
	assert_done(leases_release(harness_ctx(), "me", &err), err);
	take(&batch);
	assert_int_equal(batch.outcome.foreign, 1);
	assert_int_equal(batch.outcome.ack_count, 0);
	assert_int_equal(count(COUNT_LOGS, DB_ARGS(db_text(NODE))), 0);
}

static void test_hello_brings_node_online_and_tells_what_is_stored(void **state)
{
	struct batch logs = {0}, hello = {0};

	(void)state;
	add_log(&logs, OTHER, 1, 5);
	take(&logs);
	add_hello(&hello, OTHER, 0);
	take(&hello);
	assert_int_equal(acked(&hello, OTHER, "logs"), 5);
	assert_int_equal(count(COUNT_NODES, DB_ARGS(db_text(OTHER), db_text("online"))), 1);
	assert_int_equal(count(COUNT_EVENTS, DB_ARGS(db_text(OTHER), db_text("node.online"))), 1);
	assert_int_equal(count(COUNT_OUTBOX, DB_ARGS(db_text(OTHER))), 0);
}

static void test_last_will_puts_node_offline(void **state)
{
	struct batch batch = {0}, will = {0};

	(void)state;
	add_hello(&batch, NODE, 0);
	take(&batch);
	assert_int_equal(count(COUNT_NODES, DB_ARGS(db_text(NODE), db_text("online"))), 1);
	add(&will, NODE, CHANNEL_HEALTH, "{\"v\":1,\"offline\":true}");
	take(&will);
	assert_int_equal(count(COUNT_NODES, DB_ARGS(db_text(NODE), db_text("offline"))), 1);
	assert_int_equal(count(COUNT_EVENTS, DB_ARGS(db_text(NODE), db_text("node.offline"))), 1);
}

static void test_old_messages_say_nothing_about_presence(void **state)
{
	struct batch batch = {0};

	(void)state;
	add_log(&batch, NODE, 1, 1);
	batch.messages[0].received_at -= USEC_PER_MINUTE;
	take(&batch);
	assert_int_equal(acked(&batch, NODE, "logs"), 1);
	assert_int_equal(count(COUNT_NODES, DB_ARGS(db_text(NODE), db_text("offline"))), 1);
}

static void test_node_that_is_behind_is_told_again_but_not_too_often(void **state)
{
	struct batch hello = {0}, again = {0}, current = {0};

	(void)state;
	harness_sql(harness_ctx()->db,
		    "UPDATE node SET desired_generation = 4 WHERE id = '" NODE "'");
	add_hello(&hello, NODE, 3);
	take(&hello);
	assert_int_equal(count(COUNT_OUTBOX, DB_ARGS(db_text(NODE))), 1);
	harness_sql(harness_ctx()->db, "DELETE FROM outbox");
	add_hello(&again, NODE, 3);
	take(&again);
	assert_int_equal(count(COUNT_OUTBOX, DB_ARGS(db_text(NODE))), 0);
	harness_ctx()->now += 11 * USEC_PER_SEC;
	add_hello(&current, NODE, 4);
	take(&current);
	assert_int_equal(count(COUNT_OUTBOX, DB_ARGS(db_text(NODE))), 0);
}

static void test_generations_jump_past_a_node_that_is_ahead(void **state)
{
	struct batch hello = {0};
	struct error err = {0};
	struct db_rows rows;

	(void)state;
	harness_sql(harness_ctx()->db,
		    "UPDATE node SET desired_generation = 4 WHERE id = '" NODE "';"
		    "INSERT INTO node_desired (node_id, generation, content, digest)"
		    " VALUES ('" NODE "', 4, '{}', '" DIGEST "')");
	add_hello(&hello, NODE, 9);
	take(&hello);
	assert_done(db_query(harness.ctx.db, harness.ctx.arena, GENERATIONS, DB_ARGS(db_text(NODE)),
			     &rows, &err),
		    err);
	assert_int_equal(db_get_int(&rows, 0, 0), 10);
	assert_int_equal(db_get_int(&rows, 0, 1), 9);
	struct outbox_item *items;
	size_t item_count;
	assert_done(outbox_claim(harness_ctx(), 30, 10, &items, &item_count, &err), err);
	assert_int_equal(item_count, 1);
	assert_int_equal(items[0].generation, 10);
	assert_string_equal(items[0].content, "{}");
}

static void test_reported_services_replace_each_other(void **state)
{
	struct batch batch = {0}, next = {0};
	struct error err = {0};
	struct db_rows rows;

	(void)state;
	harness_sql(harness_ctx()->db,
		    "INSERT INTO node_service (project_id, node_id, service, desired_driver)"
		    " VALUES ('" HARNESS_PROJECT "', '" NODE "', 'wanted', 'generic')");
	add(&batch, NODE, CHANNEL_REPORTED,
	    "{\"v\":1,\"epoch\":\"" EPOCH "\",\"seq\":1,\"at\":\"2026-01-02T03:04:05Z\","
	    "\"generation\":1,\"digest\":\"" DIGEST "\",\"services\":{"
	    "\"extra\":{\"state\":\"running\",\"reason\":\"\",\"ready\":true,\"pid\":7,"
	    "\"restarts\":0,\"run\":true,\"driver\":\"generic\",\"drift\":true,"
	    "\"drift_files\":[\"a.conf\"],\"package\":null,\"config\":null},"
	    "\"wanted\":{\"state\":\"stopped\",\"reason\":\"\",\"ready\":false,\"pid\":0,"
	    "\"restarts\":0,\"run\":false,\"driver\":\"generic\",\"drift\":false,"
	    "\"config\":{\"name\":\"c\",\"version\":3,\"digest\":\"" DIGEST "\"}}}}");
	take(&batch);
	assert_int_equal(batch.outcome.refused, 0);
	assert_done(db_query(harness.ctx.db, harness.ctx.arena, SERVICES, DB_ARGS(db_text(NODE)),
			     &rows, &err),
		    err);
	assert_int_equal(rows.count, 2);
	assert_string_equal(db_get_text(&rows, 0, 1), "running");
	assert_int_equal(count(COUNT_NODES, DB_ARGS(db_text(NODE), db_text("warning"))), 1);
	add(&next, NODE, CHANNEL_REPORTED,
	    "{\"v\":1,\"epoch\":\"" EPOCH "\",\"seq\":2,\"at\":\"2026-01-02T03:04:06Z\","
	    "\"generation\":1,\"digest\":\"" DIGEST "\",\"services\":{}}");
	take(&next);
	assert_done(db_query(harness.ctx.db, harness.ctx.arena, SERVICES, DB_ARGS(db_text(NODE)),
			     &rows, &err),
		    err);
	assert_int_equal(rows.count, 1);
	assert_string_equal(db_get_text(&rows, 0, 0), "wanted");
	assert_null(db_get_text(&rows, 0, 1));
	assert_int_equal(count(COUNT_NODES, DB_ARGS(db_text(NODE), db_text("online"))), 1);
}

static void test_only_what_people_see_enters_the_feed(void **state)
{
	struct batch hello = {0}, logs = {0}, event = {0};

	(void)state;
	add_hello(&hello, NODE, 0);
	take(&hello);
	int64_t before = count(COUNT_CHANGES, DB_ARGS(db_text(NODE)));
	assert_true(before > 0);
	add_log(&logs, NODE, 1, 1);
	take(&logs);
	assert_int_equal(count(COUNT_CHANGES, DB_ARGS(db_text(NODE))), before);
	add(&event, NODE, CHANNEL_EVENTS,
	    "{\"v\":1,\"epoch\":\"" EPOCH "\",\"seq\":1,\"at\":\"2026-01-02T03:04:05Z\","
	    "\"events\":[{\"at\":\"2026-01-02T03:04:05Z\",\"kind\":\"service.exited\","
	    "\"severity\":\"error\",\"service\":\"broker\",\"text\":\"exit 1\","
	    "\"data\":{\"status\":1}}]}");
	take(&event);
	assert_int_equal(count(COUNT_CHANGES, DB_ARGS(db_text(NODE))), before + 1);
	assert_int_equal(count(COUNT_EVENTS, DB_ARGS(db_text(NODE), db_text("service.exited"))), 1);
}

static void test_silence_counts_only_while_somebody_listens(void **state)
{
	struct batch hello = {0};
	struct error err = {0};
	uint64_t shards;
	bool busy;

	(void)state;
	add_hello(&hello, NODE, 0);
	take(&hello);
	harness_ctx()->now += USEC_PER_HOUR;
	assert_done(fleet_mark_offline(harness_ctx(), &busy, &err), err);
	assert_int_equal(count(COUNT_NODES, DB_ARGS(db_text(NODE), db_text("online"))), 1);
	harness_sql(harness_ctx()->db,
		    "UPDATE shard_lease SET taken_at = now() - interval '1 day'");
	assert_done(leases_renew(harness_ctx(), "me", 60,
				 (const usec_t[]){harness_ctx()->now - 2 * USEC_PER_HOUR}, 1,
				 &shards, &err),
		    err);
	assert_done(fleet_mark_offline(harness_ctx(), &busy, &err), err);
	assert_int_equal(count(COUNT_NODES, DB_ARGS(db_text(NODE), db_text("offline"))), 1);
	assert_int_equal(count(COUNT_EVENTS, DB_ARGS(db_text(NODE), db_text("node.offline"))), 1);
}

static void test_replicas_share_the_shards(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	uint64_t mine, theirs, held;

	(void)state;
	assert_done(leases_renew(ctx, "you", 60, (const usec_t[]){0}, 1, &theirs, &err), err);
	assert_true(theirs == 0);
	assert_done(leases_renew(ctx, "me", 60, (const usec_t[]){0}, 1, &mine, &err), err);
	assert_int_equal(__builtin_popcountll(mine), 32);
	assert_done(leases_renew(ctx, "you", 60, (const usec_t[]){0}, 1, &theirs, &err), err);
	assert_int_equal(__builtin_popcountll(theirs), 32);
	assert_true((mine & theirs) == 0);
	assert_done(leases_hold(ctx, "me", UINT64_MAX, &held, &err), err);
	assert_true(held == mine);
	assert_done(leases_release(ctx, "you", &err), err);
	assert_done(leases_renew(ctx, "me", 60, (const usec_t[]){0}, 1, &mine, &err), err);
	assert_true(mine == UINT64_MAX);
}

static void test_outbox_rows_are_claimed_once_and_fenced(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct outbox_item *items, *others, stale;
	struct error err = {0};
	size_t item_count, other_count;

	(void)state;
	harness_sql(ctx->db, "INSERT INTO outbox (kind, node_id, payload)"
			     " VALUES ('command', '" NODE "', '{\"id\": \"c1\"}')");
	assert_done(outbox_claim(ctx, 30, 10, &items, &item_count, &err), err);
	assert_int_equal(item_count, 1);
	assert_true(items[0].command);
	assert_string_equal(json_string_value(json_object_get(items[0].payload, "id")), "c1");
	assert_done(outbox_claim(ctx, 30, 10, &others, &other_count, &err), err);
	assert_int_equal(other_count, 0);
	stale = items[0];
	stale.attempt--;
	assert_done(outbox_delete(ctx, (const struct outbox_item *[]){&stale}, 1, &err), err);
	assert_int_equal(count(COUNT_OUTBOX, DB_ARGS(db_text(NODE))), 1);
	assert_done(outbox_postpone(ctx, (const struct outbox_item *[]){&stale, &items[0]},
				    (const int64_t[]){0, 60000}, 2, &err),
		    err);
	assert_done(outbox_claim(ctx, 30, 10, &others, &other_count, &err), err);
	assert_int_equal(other_count, 0); /* not before its time */
	assert_done(outbox_hurry(ctx, &err), err);
	assert_done(outbox_claim(ctx, 30, 10, &others, &other_count, &err), err);
	assert_int_equal(other_count, 1);
	assert_done(outbox_delete(ctx, (const struct outbox_item *[]){&others[0]}, 1, &err), err);
	assert_int_equal(count(COUNT_OUTBOX, DB_ARGS(db_text(NODE))), 0);
}

static void test_logs_are_listed_from_either_end(void **state)
{
	struct log_filter filter = {.limit = 2};
	struct error err = {0};
	struct log_line *lines;
	struct batch batch = {0};
	size_t line_count;

	(void)state;
	for (int i = 1; i <= 4; i++)
		add_log(&batch, NODE, i, i);
	add_log(&batch, OTHER, 1, 1);
	take(&batch);
	assert_done(logs_list(harness_ctx(), &filter, &lines, &line_count, &err), err);
	assert_int_equal(line_count, 2);
	assert_string_equal(lines[0].text, "line 3");
	assert_string_equal(lines[1].text, "line 4");
	filter.before = lines[0].id;
	filter.text = "LINE 2";
	assert_done(logs_list(harness_ctx(), &filter, &lines, &line_count, &err), err);
	assert_int_equal(line_count, 1);
	assert_string_equal(lines[0].text, "line 2");
}

static void hello_from(const char *node, const char *boot)
{
	struct batch batch = {0};

	add_hello_from(&batch, node, 0, boot);
	take(&batch);
}

static int64_t copied(const char *node)
{
	return count("SELECT count(*) FROM node WHERE id = $1 AND trouble LIKE"
		     " 'its certificate is used in two places at once%'",
		     DB_ARGS(db_text(node)));
}

static void test_certificate_in_two_places_is_trouble_until_it_ends(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	bool busy;

	(void)state;
	hello_from(NODE, "one");
	for (int i = 0; i < 2; i++) {
		hello_from(NODE, "two");
		hello_from(NODE, "one");
	}
	assert_int_equal(copied(NODE), 1);
	assert_int_equal(count(COUNT_EVENTS, DB_ARGS(db_text(NODE), db_text("node.copied"))), 1);
	/* What services report does not hide it, and it is told once. */
	hello_from(NODE, "two");
	harness_sql(ctx->db, "SELECT node_trouble_refresh('" NODE "')");
	assert_int_equal(copied(NODE), 1);
	assert_int_equal(count(COUNT_EVENTS, DB_ARGS(db_text(NODE), db_text("node.copied"))), 1);
	ctx->now += USEC_PER_HOUR - USEC_PER_SEC;
	assert_done(fleet_retention(ctx, &busy, &err), err);
	assert_int_equal(copied(NODE), 1);
	ctx->now += 2 * USEC_PER_SEC;
	assert_done(fleet_retention(ctx, &busy, &err), err);
	assert_int_equal(copied(NODE), 0);
	assert_int_equal(count(COUNT_EVENTS, DB_ARGS(db_text(NODE), db_text("node.copied_over"))),
			 1);
}

static void test_reboots_and_repeated_hellos_are_no_copy(void **state)
{
	static const char *const BOOTS[] = {"1", "2", "3", "4", "5", "5", "5", "6"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(BOOTS); i++)
		hello_from(NODE, BOOTS[i]);
	/* A broker that was not told of the first time. */
	hello_from(NODE, "5");
	hello_from(NODE, "6");
	assert_int_equal(copied(NODE), 0);
	/* Once in more than an hour is no row of them. */
	for (int i = 0; i < 6; i++) {
		harness_ctx()->now += USEC_PER_HOUR + USEC_PER_SEC;
		hello_from(NODE, i % 2 ? "6" : "5");
	}
	assert_int_equal(copied(NODE), 0);
}

#define FLEET_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FLEET_TEST(test_stores_and_acknowledges_once),
		FLEET_TEST(test_waits_for_what_is_missing),
		FLEET_TEST(test_malformed_message_does_not_stop_its_stream),
		FLEET_TEST(test_refuses_unknown_and_retired_nodes),
		FLEET_TEST(test_takes_only_shards_that_it_holds),
		FLEET_TEST(test_hello_brings_node_online_and_tells_what_is_stored),
		FLEET_TEST(test_last_will_puts_node_offline),
		FLEET_TEST(test_old_messages_say_nothing_about_presence),
		FLEET_TEST(test_node_that_is_behind_is_told_again_but_not_too_often),
		FLEET_TEST(test_generations_jump_past_a_node_that_is_ahead),
		FLEET_TEST(test_reported_services_replace_each_other),
		FLEET_TEST(test_only_what_people_see_enters_the_feed),
		FLEET_TEST(test_silence_counts_only_while_somebody_listens),
		FLEET_TEST(test_replicas_share_the_shards),
		FLEET_TEST(test_outbox_rows_are_claimed_once_and_fenced),
		FLEET_TEST(test_logs_are_listed_from_either_end),
		FLEET_TEST(test_certificate_in_two_places_is_trouble_until_it_ends),
		FLEET_TEST(test_reboots_and_repeated_hellos_are_no_copy),
	};

	return cmocka_run_group_tests(tests, harness_group_setup, harness_group_teardown);
}
