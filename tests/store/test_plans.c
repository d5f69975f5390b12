/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No hot statement reads a large table from end to end: the functions of the store are called in a fleet
 * of 20,000 nodes (what is looked up there is not read through in a larger one either), then each statement
 * that they prepared is explained as it is prepared: its generic plan, which no value can make look good.
 */
#include "harness/harness.h"

#include "domain/inventory/selector.h"
#include "store/alerts.h"
#include "store/audit.h"
#include "store/health.h"
#include "store/logs.h"
#include "store/nodes.h"
#include "store/overview.h"
#include "store/streams.h"
#include "store/targets.h"
#include "store/timeline.h"

#define NODE "naaaaaaaaaaaaaaax2345"

/* Past the triggers, as in a migration: what they keep is filled in after. */
static const char SEED[] =
	"SET session_replication_role = replica; SET statement_timeout TO 0;"
	"INSERT INTO node (id, project_id, name, labels, shard, state, online, status, seen_rank,"
	" service_count, service_running)"
	" SELECT 'n' || translate(lpad(i::text, 20, 'a'), '0189', 'wxyz'), '" HARNESS_PROJECT "',"
	" 'gw-' || i, jsonb_build_object('site', 'plant-' || i % 100, 'line', (i % 7)::text), i % 64,"
	" 'active', i % 10 > 0, CASE WHEN i % 10 = 0 THEN 'offline' ELSE 'online' END, now(), 1, 1"
	" FROM generate_series(1, 20000) i;"
	"INSERT INTO node_beat (node_id, last_seen_at) SELECT id, now() FROM node;"
	"INSERT INTO node_service (project_id, node_id, service, reported_state)"
	" SELECT project_id, id, 'broker', 'running' FROM node;"
	"INSERT INTO node_search (node_id, project_id, retired, name, labels, tokens, text)"
	" SELECT id, project_id, false, name, labels, ARRAY(SELECT hashtextextended(project_id || t, 0)"
	" FROM (VALUES ('site'), ('line'), ('site=' || (labels ->> 'site')),"
	" ('line=' || (labels ->> 'line'))) v (t)),"
	" lower(name || ' ' || id || ' ' || labels::text) FROM node;"
	"INSERT INTO node_event (project_id, node_id, at, kind, severity, text)"
	" SELECT project_id, id, now(), 'k', 'info', 't' FROM node LIMIT 10000;"
	"INSERT INTO node_stream (node_id, stream, epoch, last_seq)"
	" SELECT id, 'logs', '0123456789abcdef', 1 FROM node LIMIT 10000;"
	"INSERT INTO log_line (project_id, node_id, service, at, stream, text)"
	" SELECT project_id, id, 'broker', now(), 'stdout', 't' FROM node LIMIT 10000;"
	"INSERT INTO audit (project_id, at, actor_kind, action, object_kind, object_id)"
	" SELECT project_id, now(), 'system', 'a', 'node', id FROM node LIMIT 10000;"
	"INSERT INTO alert (id, project_id, rule_id, fingerprint, state, severity, summary, node_id,"
	" started_at, resolved_at)"
	" SELECT substr(n.id, 2), n.project_id, r.id, n.id, 'resolved', 'info', 's', n.id, now(), now()"
	" FROM node n, alert_rule r WHERE r.kind = 'node-offline' AND r.project_id = n.project_id"
	" LIMIT 10000;"
	"SELECT counts_rebuild(); SET session_replication_role = origin; ANALYZE";

static const char GENERIC[] = "SET plan_cache_mode = force_generic_plan";
static const char COUNT_PARAMETERS[] =
	"SELECT name, cardinality(parameter_types), statement FROM pg_prepared_statements"
	" WHERE name LIKE 'muster%' ORDER BY prepare_time";
static const char *const LARGE[] = {"node",	  "node_beat",	 "node_service", "node_search",
				    "node_event", "node_stream", "audit",	 "alert"};

static json_t *parse(const char *selector)
{
	struct error err = {0};
	json_t *requirements;

	assert_done(selector_parse(selector, harness_ctx()->arena, &requirements, &err), err);
	return requirements;
}

static void list_nodes(const struct node_filter *wanted)
{
	struct node_filter filter = *wanted;
	struct error err = {0};
	struct node_page page;

	filter.limit = 10;
	assert_done(nodes_list(harness_ctx(), &filter, &page, &err), err);
	assert_true(page.count == 10 || wanted->text);
}

static void use_inventory(void)
{
	struct ctx *ctx = harness_ctx();
	struct target_node *targets;
	struct error err = {0};
	struct node node;
	json_t *overview;
	size_t count;

	list_nodes(&(struct node_filter){0});
	list_nodes(&(struct node_filter){.newest_first = true});
	list_nodes(&(struct node_filter){.status = "offline,online"});
	list_nodes(&(struct node_filter){.requirements = parse("site=plant-7")});
	list_nodes(&(struct node_filter){.requirements = parse("site in (plant-7,plant-8)")});
	list_nodes(&(struct node_filter){.requirements = parse("line"), .newest_first = true});
	list_nodes(&(struct node_filter){.requirements = parse("line in (1,2)"),
					 .newest_first = true});
	list_nodes(&(struct node_filter){.text = "gw-4711"});
	list_nodes(&(struct node_filter){.text = "plant", .newest_first = true});
	assert_done(nodes_get(ctx, "gw-777", &node, &err), err);
	assert_done(overview_load(ctx, &overview, &err), err);
	json_decref(overview);
	assert_done(targets_by_name(ctx, (const char *[]){"gw-1", NODE}, 2, &targets, &count, &err),
		    err);
}

static void use_history(void)
{
	struct log_filter newest = {.limit = 10}, of_node = {.node_id = NODE, .limit = 10};
	struct audit_filter audit = {.limit = 10};
	struct ctx *ctx = harness_ctx();
	struct audit_entry *entries;
	struct timeline_item *items;
	struct error err = {0};
	struct log_line *lines;
	struct alert *alerts;
	int64_t total;
	size_t count;

	assert_done(timeline_list(ctx, NODE, NULL, NULL, 10, &items, &count, &err), err);
	assert_done(logs_list(ctx, &newest, &lines, &count, &err), err);
	assert_done(logs_list(ctx, &of_node, &lines, &count, &err), err);
	newest.after = 1;
	assert_done(logs_list(ctx, &newest, &lines, &count, &err), err);
	assert_done(audit_list(ctx, &audit, &entries, &count, &err), err);
	assert_done(alerts_list(ctx, "open", NULL, 0, NULL, 10, &alerts, &count, &total, &err),
		    err);
	assert_done(alerts_fire(ctx, 10, &alerts, &count, &err), err);
}

static void use_ingest(void)
{
	static const char *const IDS[] = {NODE};
	json_auto_t *presences = json_pack("[{s:s, s:b}]", "id", NODE, "online", 1);
	json_auto_t *generations =
		json_pack("[{s:s, s:i, s:s}]", "id", NODE, "generation", 1, "digest", "d");
	json_auto_t *services = json_array();
	struct ctx *ctx = harness_ctx();
	struct stream_place *places;
	struct health_node *nodes;
	struct error err = {0};
	size_t count;

	assert_done(health_nodes_load(ctx, IDS, 1, &nodes, &count, &err), err);
	assert_done(streams_load(ctx, IDS, 1, &places, &count, &err), err);
	assert_done(health_presence(ctx, presences, &err), err);
	assert_done(health_generation(ctx, generations, &err), err);
	assert_done(health_services(ctx, IDS, 1, services, &err), err);
}

/* "Seq Scan on node n" and the like; what counts matches of a wide search reads until it has enough. */
static bool reads_all(const char *line, const char *statement)
{
	static const char SCAN[] = "Seq Scan on ";
	const char *table = strstr(line, SCAN);

	if (!table || strstr(statement, "OFFSET 0"))
		return false;
	table += strlen(SCAN);
	for (size_t i = 0; i < ARRAY_SIZE(LARGE); i++)
		if (strcspn(table, " ") == strlen(LARGE[i]) &&
		    strncmp(table, LARGE[i], strlen(LARGE[i])) == 0)
			return true;
	return strncmp(table, "log_line", strlen("log_line")) == 0;
}

static PGresult *explain(const char *name, int64_t parameters)
{
	struct arena *arena = harness_ctx()->arena;
	char *arguments = arena_alloc(arena, (size_t)parameters * 6 + 2);

	strcpy(arguments, parameters ? "(NULL" : "");
	for (int64_t i = 1; i < parameters; i++)
		strcat(arguments, ", NULL");
	return PQexec(harness_ctx()->db->connection,
		      arena_printf(arena, "EXPLAIN EXECUTE %s%s", name,
				   parameters ? strcat(arguments, ")") : ""));
}

static void test_hot_statements_use_indexes(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct db_rows rows;
	size_t slow = 0;

	(void)state;
	use_inventory();
	use_history();
	use_ingest();
	harness_sql(ctx->db, GENERIC);
	assert_done(db_query(ctx->db, ctx->arena, COUNT_PARAMETERS, DB_NO_ARGS, &rows, &err), err);
	assert_true(rows.count > 25);
	for (size_t i = 0; i < rows.count; i++) {
		const char *statement = db_get_text(&rows, i, 2);
		PGresult *plan = explain(db_get_text(&rows, i, 0), db_get_int(&rows, i, 1));

		if (PQresultStatus(plan) != PGRES_TUPLES_OK)
			fail_msg("%s: %s", PQresultErrorMessage(plan), statement);
		for (int line = 0; line < PQntuples(plan); line++)
			if (reads_all(PQgetvalue(plan, line, 0), statement)) {
				print_error("%s in: %s\n", PQgetvalue(plan, line, 0), statement);
				slow++;
			}
		PQclear(plan);
	}
	assert_int_equal(slow, 0);
}

static int seed(void **state)
{
	if (harness_group_setup(state))
		return -1;
	harness_sql(harness_ctx()->db, SEED);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {STORE_TEST(test_hot_statements_use_indexes)};

	return cmocka_run_group_tests(tests, seed, harness_group_teardown);
}
