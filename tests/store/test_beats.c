/* SPDX-License-Identifier: Apache-2.0 */
/* Beats: stored together, in order with what else a node says, and with plans that stay cheap. */
#include "harness/harness.h"

#include "domain/fleet/beats.h"
#include "store/beats.h"
#include "store/leases.h"
#include "store/nodes.h"

#define NODE "naaaaaaaaaaaaaaaaaaa"
#define OTHER "nbbbbbbbbbbbbbbbbbbb"
#define RETIRED "nccccccccccccccccccc"

enum { MARK = 7 };

static const char COUNT_FIGURES[] =
	"SELECT count(*) FROM node_beat WHERE node_id = $1 AND cpu = $2 AND last_seen_at = $3";
static const char COUNT_NODES[] = "SELECT count(*) FROM node WHERE id = $1 AND status = $2";
static const char COUNT_OUTBOX[] = "SELECT count(*) FROM outbox WHERE node_id = $1";
static const char COUNT_LETTERS[] = "SELECT count(*) FROM dead_letter WHERE topic LIKE $1";

static struct fleet_memory *memory;
static struct fleet_beats *beats;

/* One node that is online and of which all is known, one that is not. */
static int setup(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	uint64_t shards;

	harness_setup(state);
	harness.server.health_interval_ms = 1000;
	memory = fleet_memory_new();
	beats = fleet_beats_new();
	harness_sql(
		ctx->db,
		"INSERT INTO node (id, project_id, name, shard, state, online, broker, retired_at)"
		" VALUES"
		" ('" NODE "', '" HARNESS_PROJECT "', 'one', 0, 'active', true, 0, NULL),"
		" ('" OTHER "', '" HARNESS_PROJECT "', 'two', 0, 'active', false, 0, NULL),"
		" ('" RETIRED "', '" HARNESS_PROJECT "', 'old', 0, 'retired', false, 0, now());"
		"UPDATE node_beat SET mark = 7, told_at = now()");
	assert_done(leases_renew(ctx, "me", 60, (const usec_t[]){0}, 1, &shards, &err), err);
	return 0;
}

static int teardown(void **state)
{
	fleet_beats_free(beats);
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

static struct fleet_message message(const char *node, enum channel channel, const void *payload,
				    size_t size)
{
	struct ctx *ctx = harness_ctx();
	char *topic = arena_alloc(ctx->arena, LIMIT_TOPIC);
	struct fleet_message made = {.topic = topic,
				     .payload = payload,
				     .size = size,
				     .kept = size,
				     .received_at = ctx->now};

	topic_format(topic, node, channel);
	fleet_decode(&made, ctx->arena);
	return made;
}

static struct fleet_message beat(const char *node, int cpu, int generation, int mark)
{
	uint8_t *payload = arena_alloc(harness_ctx()->arena, BEAT_MAX_SIZE);
	const struct msg_beat said = {
		.mark = mark, .generation = generation, .cpu = cpu, .memory = 100, .disk = 40};
	size_t size = msg_beat_encode(&said, payload);

	return message(node, CHANNEL_BEAT, payload, size);
}

static struct fleet_message will(const char *node)
{
	static const char TEXT[] = "{\"v\":1,\"offline\":true}";

	return message(node, CHANNEL_HEALTH, TEXT, sizeof(TEXT) - 1);
}

static struct fleet_outcome flush(const char *owner)
{
	struct fleet_outcome outcome;
	struct error err = {0};

	assert_done(fleet_beats_flush(harness_ctx(), owner, memory, beats, &outcome, &err), err);
	assert_int_equal(fleet_beats_wait_ms(beats, 0), -1);
	return outcome;
}

/* A batch as a worker handles it, flushed at the end. */
static struct fleet_outcome take(struct fleet_message *messages, size_t message_count)
{
	struct fleet_outcome outcome;
	struct error err = {0};
	bool now;
	size_t kept = fleet_beats_take_out(beats, messages, message_count, 1, &now);

	if (now)
		flush("me");
	if (kept > 0)
		assert_done(fleet_take(harness_ctx(), "me", memory, messages, kept, &outcome, &err),
			    err);
	return flush("me");
}

static int64_t has(const char *node, int cpu)
{
	return count(COUNT_FIGURES,
		     DB_ARGS(db_text(node), db_int(cpu), db_time(harness_ctx()->now)));
}

static void test_last_beat_of_a_node_is_stored(void **state)
{
	struct fleet_message messages[] = {beat(NODE, 20, 0, MARK), beat(NODE, 30, 0, MARK)};
	struct fleet_outcome outcome = take(messages, 2);

	(void)state;
	assert_int_equal(outcome.stored, 1);
	assert_int_equal(outcome.ack_count, 0);
	assert_int_equal(has(NODE, 30), 1);
}

static void test_figures_of_the_beat_are_in_the_health_of_the_node(void **state)
{
	struct fleet_message messages[] = {beat(NODE, 25, 0, MARK)};
	struct error err = {0};
	struct node node;

	(void)state;
	harness_sql(harness_ctx()->db,
		    "UPDATE node SET health = '{\"uptime_s\": 10, \"host\": {\"load1\": 0.5,"
		    " \"mem_total\": 1000, \"mem_available\": 1}}' WHERE id = '" NODE "'");
	take(messages, 1);
	assert_done(nodes_get(harness_ctx(), NODE, &node, &err), err);
	const json_t *host = json_object_get(node.health, "host");
	assert_true(json_number_value(json_object_get(host, "cpu_percent")) == 12.5);
	assert_int_equal(json_integer_value(json_object_get(host, "mem_available")), 500);
	assert_null(json_object_get(host, "disk_free"));
	assert_true(json_number_value(json_object_get(host, "load1")) == 0.5);
	assert_true(node.last_seen_at == harness_ctx()->now);
}

static void test_unknown_mark_asks_for_the_health_message_but_not_too_often(void **state)
{
	struct fleet_message first[] = {beat(NODE, 20, 0, MARK + 1)};
	struct fleet_message again[] = {beat(NODE, 30, 0, MARK + 1)};
	struct fleet_outcome outcome = take(first, 1);

	(void)state;
	assert_int_equal(outcome.ack_count, 1);
	assert_string_equal(outcome.acks[0].stream, "health");
	assert_string_equal(outcome.acks[0].node, NODE);
	assert_int_equal(outcome.acks[0].upto, 0);
	assert_int_equal(has(NODE, 20), 1);
	assert_int_equal(take(again, 1).ack_count, 0);
	assert_int_equal(has(NODE, 30), 1);
}

static void test_health_message_begins_a_new_mark(void **state)
{
	static const char HEALTH[] = "{\"v\":1,\"node\":\"" NODE "\",\"mark\":9,\"generation\":0,"
				     "\"digest\":\"\",\"at\":\"2026-01-02T03:04:05Z\"}";
	struct fleet_message messages[] = {
		beat(NODE, 20, 0, MARK),
		message(NODE, CHANNEL_HEALTH, HEALTH, sizeof(HEALTH) - 1),
	};
	struct fleet_message next[] = {beat(NODE, 50, 0, 9)};

	(void)state;
	take(messages, 2);
	assert_int_equal(has(NODE, 20), 0);
	assert_int_equal(take(next, 1).ack_count, 0);
	assert_int_equal(has(NODE, 50), 1);
}

static void test_beat_of_an_offline_node_brings_it_online(void **state)
{
	struct fleet_message messages[] = {beat(OTHER, 20, 0, MARK)};

	(void)state;
	assert_int_equal(take(messages, 1).stored, 1);
	assert_int_equal(count(COUNT_NODES, DB_ARGS(db_text(OTHER), db_text("online"))), 1);
	assert_int_equal(has(OTHER, 20), 1);
}

static void test_order_with_other_messages_is_kept(void **state)
{
	struct fleet_message leaves[] = {beat(NODE, 20, 0, MARK), will(NODE)};
	struct fleet_message returns[] = {will(NODE), beat(NODE, 30, 0, MARK)};

	(void)state;
	take(leaves, 2);
	assert_int_equal(count(COUNT_NODES, DB_ARGS(db_text(NODE), db_text("offline"))), 1);
	take(returns, 2);
	assert_int_equal(count(COUNT_NODES, DB_ARGS(db_text(NODE), db_text("online"))), 1);
}

static void test_retired_and_unknown_nodes_are_refused(void **state)
{
	struct fleet_message messages[] = {beat(RETIRED, 20, 0, MARK),
					   beat("ndddddddddddddddddddd", 20, 0, MARK)};
	struct fleet_outcome outcome = take(messages, 2);

	(void)state;
	assert_int_equal(outcome.refused, 2);
	assert_int_equal(count(COUNT_LETTERS, DB_ARGS(db_text("%/up/beat"))), 2);
	assert_int_equal(has(RETIRED, 20), 0);
}

static void test_node_that_is_behind_is_told(void **state)
{
	struct fleet_message messages[] = {beat(NODE, 20, 0, MARK)};

	(void)state;
	harness_sql(harness_ctx()->db,
		    "UPDATE node SET desired_generation = 4 WHERE id = '" NODE "'");
	take(messages, 1);
	assert_int_equal(count(COUNT_OUTBOX, DB_ARGS(db_text(NODE))), 1);
	assert_int_equal(has(NODE, 20), 1);
}

static void test_beats_of_lost_shards_are_dropped(void **state)
{
	struct fleet_message messages[] = {beat(NODE, 20, 0, MARK)};
	bool now;

	(void)state;
	assert_int_equal(fleet_beats_take_out(beats, messages, 1, 1, &now), 0);
	assert_false(now);
	assert_int_equal(flush("another").foreign, 1);
	assert_int_equal(has(NODE, 20), 0);
}

static void test_beats_wait_for_each_other(void **state)
{
	struct fleet_message messages[] = {beat(NODE, 20, 0, MARK)};
	bool now;

	(void)state;
	fleet_beats_take_out(beats, messages, 1, 5 * USEC_PER_SEC, &now);
	assert_false(now);
	assert_in_range(fleet_beats_wait_ms(beats, 5 * USEC_PER_SEC), 100, 1000);
	fleet_beats_take_out(beats, messages, 1, 7 * USEC_PER_SEC, &now);
	assert_true(now);
	fleet_beats_drop(beats);
}

/* --- plans --- */

/* Without triggers and checks, which take longer than the rest. */
static const char FLEET[] =
	"SET LOCAL session_replication_role = replica; SET LOCAL statement_timeout = 0;"
	"INSERT INTO node (id, project_id, name, shard, state, online) SELECT"
	" 'n' || translate(lpad(i::text, 19, '0'), '0123456789', 'abcdefghij'), '" HARNESS_PROJECT
	"', 'p' || i, i % 64, 'active', true FROM generate_series(1, 100000) AS i;"
	"INSERT INTO node_beat (node_id, mark) SELECT id, 7 FROM node ON CONFLICT DO NOTHING;"
	"SET LOCAL session_replication_role = origin; ANALYZE node; ANALYZE node_beat;"
	"SET plan_cache_mode = force_generic_plan";

static PGresult *run(const char *sql)
{
	PGresult *result = PQexec(harness.ctx.db->connection, sql);

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(harness.ctx.db->connection));
	return result;
}

/* Of a statement of this connection; its parameters do not matter to a generic plan. */
static void check_plan(const char *name, const char *nulls, const char *sql)
{
	PGresult *plan =
		run(arena_printf(harness_ctx()->arena, "EXPLAIN EXECUTE \"%s\"(%s)", name, nulls));

	for (int i = 0; i < PQntuples(plan); i++)
		if (strstr(PQgetvalue(plan, i, 0), "Seq Scan on node"))
			fail_msg("%s reads all nodes: %s", sql, PQgetvalue(plan, i, 0));
	PQclear(plan);
}

static void test_no_statement_of_a_heartbeat_reads_all_nodes(void **state)
{
	struct fleet_message messages[] = {beat(NODE, 20, 0, MARK), beat(OTHER, 20, 0, MARK + 1),
					   will(NODE)};
	struct fleet_outcome outcome;
	struct error err = {0};
	bool now;

	(void)state;
	harness_sql(harness_ctx()->db, FLEET);
	fleet_beats_take_out(beats, messages, 2, 1, &now);
	flush("me");
	assert_done(fleet_take(harness_ctx(), "me", memory, &messages[2], 1, &outcome, &err), err);
	PGresult *statements =
		run("SELECT name, statement, array_to_string(array_fill('NULL'::text,"
		    " ARRAY[cardinality(parameter_types)]), ',') FROM pg_prepared_statements"
		    " WHERE cardinality(parameter_types) > 0 AND statement ~ 'node'");
	assert_true(PQntuples(statements) >= 5);
	for (int i = 0; i < PQntuples(statements); i++)
		check_plan(PQgetvalue(statements, i, 0), PQgetvalue(statements, i, 2),
			   PQgetvalue(statements, i, 1));
	PQclear(statements);
	harness_sql(harness_ctx()->db, "RESET plan_cache_mode");
}

int main(void)
{
#define BEAT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		BEAT_TEST(test_no_statement_of_a_heartbeat_reads_all_nodes),
		BEAT_TEST(test_last_beat_of_a_node_is_stored),
		BEAT_TEST(test_figures_of_the_beat_are_in_the_health_of_the_node),
		BEAT_TEST(test_unknown_mark_asks_for_the_health_message_but_not_too_often),
		BEAT_TEST(test_health_message_begins_a_new_mark),
		BEAT_TEST(test_beat_of_an_offline_node_brings_it_online),
		BEAT_TEST(test_order_with_other_messages_is_kept),
		BEAT_TEST(test_retired_and_unknown_nodes_are_refused),
		BEAT_TEST(test_node_that_is_behind_is_told),
		BEAT_TEST(test_beats_of_lost_shards_are_dropped),
		BEAT_TEST(test_beats_wait_for_each_other),
	};

	return cmocka_run_group_tests(tests, harness_group_setup, harness_group_teardown);
}
