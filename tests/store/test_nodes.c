/* SPDX-License-Identifier: Apache-2.0 */
/* The inventory's tables: filters, status, names, retirement. */
#include "harness/harness.h"

#include "base/crypto.h"
#include "base/fields.h"
#include "domain/inventory/selector.h"
#include "store/enroll.h"
#include "store/nodes.h"

#define NODE(n) "nnodeaaaaaaaaaaaaaa" n

static const char SITES[] =
	"INSERT INTO node (id, project_id, name, labels, shard) VALUES"
	" ('" NODE(
		"a") "', '" HARNESS_PROJECT "', 'a',"
		     " '{\"site\":\"x\",\"line\":\"1\",\"empty\":\"\"}', 0),"
		     " ('" NODE(
			     "b") "', '" HARNESS_PROJECT
				  "', 'b', '{\"site\":\"y\",\"line\":\"20\"}', 1),"
				  " ('" NODE(
					  "c") "', '" HARNESS_PROJECT
					       "', 'c', '{\"line\":\"abc\"}', 2),"
					       " ('" NODE(
						       "d") "', '" HARNESS_PROJECT
							    "', 'd', '{}', 3),"
							    " ('" NODE(
								    "e") "', '" HARNESS_OTHER_PROJECT
									 "', 'a', '{\"site\":\"x\"}', 4)";

static const char SET_FACTS[] =
	"UPDATE node SET state = coalesce($2, state), online = $3, reported_generation = $4,"
	" desired_generation = $5 WHERE id = $1";
static const char SET_SERVICE[] =
	"INSERT INTO node_service (project_id, node_id, service, reported_state, reported_reason)"
	" VALUES ($1, $2, 'broker', $3, $4) ON CONFLICT (node_id, service) DO UPDATE"
	" SET reported_state = excluded.reported_state, reported_reason = excluded.reported_reason";
static const char REFRESH[] = "SELECT node_trouble_refresh($1)";

static json_t *parse(const char *selector)
{
	struct error err = {0};
	json_t *requirements;

	assert_done(selector_parse(selector, harness_ctx()->arena, &requirements, &err), err);
	return requirements;
}

static size_t list(const struct node_filter *wanted, struct node **out)
{
	struct node_filter filter = *wanted;
	struct error err = {0};
	struct node_page page;

	filter.limit = filter.limit ? filter.limit : 100;
	assert_done(nodes_list(harness_ctx(), &filter, &page, &err), err);
	if (out)
		*out = page.nodes;
	/* All fit on a page here, unless a test pages. */
	if (!wanted->limit && !wanted->after_key)
		assert_int_equal(page.total, page.count);
	assert_false(page.total_is_bound);
	return page.count;
}

static void test_sql_and_c_agree_on_selectors(void **state)
{
	static const char *const SELECTORS[] = {"*",
						"",
						"site",
						"!site",
						"site=x",
						"site==y",
						"site!=x",
						"site in (x,y)",
						"site notin (x)",
						"line>1",
						"line<20",
						"line>-5",
						"empty=",
						"empty",
						"empty!=",
						"line>1,site",
						"line in (1,abc),!site",
						"absent notin (a)",
						"absent<3",
						"site=x,site=y"};
	struct node *all, *found;

	(void)state;
	harness_sql(harness_ctx()->db, SITES);
	size_t total = list(&(struct node_filter){0}, &all);
	assert_int_equal(total, 4);
	for (size_t i = 0; i < ARRAY_SIZE(SELECTORS); i++) {
		json_t *requirements = parse(SELECTORS[i]);
		size_t expected = 0;
		size_t count = list(&(struct node_filter){.requirements = requirements}, &found);

		for (size_t j = 0; j < total; j++)
			expected += selector_matches(requirements, all[j].labels);
		if (count != expected)
			fail_msg("\"%s\": SQL finds %zu, C %zu", SELECTORS[i], count, expected);
		for (size_t j = 0; j < count; j++)
			assert_true(selector_matches(requirements, found[j].labels));
	}
}

static void test_pages_by_last_seen(void **state)
{
	static const char *const FACTS[] = {
		"UPDATE node SET state = 'active', online = true WHERE name = 'a'",
		"UPDATE node SET state = 'active', online = true WHERE name = 'c'",
		"UPDATE node SET online = false WHERE name = 'a'"};
	struct node_filter filter = {.newest_first = true, .limit = 1};
	static const char ORDER[] = "cadb";
	struct node *page;

	(void)state;
	harness_sql(harness_ctx()->db, SITES);
	for (size_t i = 0; i < ARRAY_SIZE(FACTS); i++)
		harness_sql(harness_ctx()->db, FACTS[i]);
	for (size_t i = 0; i < strlen(ORDER); i++) {
		assert_int_equal(list(&filter, &page), 1);
		assert_int_equal(page[0].name[0], ORDER[i]);
		filter.after_key = page[0].seen_rank;
		filter.after_id = page[0].id;
	}
	assert_int_equal(list(&filter, &page), 0);
	/* The same for what a selector finds. */
	filter = (struct node_filter){
		.newest_first = true, .limit = 1, .requirements = parse("line")};
	for (size_t i = 0; i < 2 + 1; i++) {
		assert_int_equal(list(&filter, &page), i < 3);
		assert_int_equal(page[0].name[0], "cab"[i]);
		filter.after_key = page[0].seen_rank;
		filter.after_id = page[0].id;
	}
	assert_int_equal(list(&filter, &page), 0);
}

static void assert_names(const struct node_filter *filter, const char *expected)
{
	struct node *found;
	size_t count = list(filter, &found);

	assert_int_equal(count, strlen(expected));
	for (size_t i = 0; i < count; i++)
		assert_int_equal(found[i].name[0], expected[i]);
}

static void test_text_finds_parts_and_nothing_else(void **state)
{
	(void)state;
	harness_sql(harness_ctx()->db, SITES);
	harness_sql(harness_ctx()->db, "UPDATE node SET hostname = 'Press_100%' WHERE name = 'd'");
	assert_names(&(struct node_filter){.text = "PRESS"}, "d");
	assert_names(&(struct node_filter){.text = "s_1"}, "d");
	assert_names(&(struct node_filter){.text = "0%"}, "d");
	assert_names(&(struct node_filter){.text = "s%1"}, "");
	assert_names(&(struct node_filter){.text = "a_b"}, "");
	assert_names(&(struct node_filter){.text = "site"}, "ab");
	assert_names(&(struct node_filter){.text = "\\"}, "");
	assert_names(&(struct node_filter){.text = NODE("c")}, "c");
	assert_names(&(struct node_filter){.text = "site", .requirements = parse("site=y")}, "b");
	assert_names(&(struct node_filter){.text = "line",
					   .requirements = parse("site in (y,x)"),
					   .status = "pending"},
		     "ab");
	assert_names(&(struct node_filter){.text = "line", .status = "online,retired"}, "");
}

static void test_status_lists_are_merged_in_order(void **state)
{
	struct error err = {0};

	(void)state;
	harness_sql(harness_ctx()->db, SITES);
	harness_sql(
		harness_ctx()->db,
		"UPDATE node SET state = 'active', online = name = 'b' WHERE name IN ('b', 'c')");
	assert_done(nodes_retire(harness_ctx(), NODE("d"), &err), err);
	assert_names(&(struct node_filter){0}, "abc");
	assert_names(&(struct node_filter){.after_key = "a", .after_id = NODE("a")}, "bc");
	assert_names(&(struct node_filter){.status = "offline,online,offline"}, "bc");
	assert_names(&(struct node_filter){.status = "retired"}, "d");
	assert_names(&(struct node_filter){.status = "pending,retired"}, "ad");
	assert_names(&(struct node_filter){.requirements = parse("!site")}, "c");
	assert_names(&(struct node_filter){.requirements = parse("!site"), .status = "retired"},
		     "d");
}

static const char *status_after(const char *node_state, bool online, int reported, int desired)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct node node;

	assert_done(db_exec(ctx->db, SET_FACTS,
			    DB_ARGS(db_text(NODE("a")), db_text(node_state), db_bool(online),
				    db_int(reported), db_int(desired)),
			    NULL, &err),
		    err);
	assert_done(nodes_get(ctx, NODE("a"), &node, &err), err);
	return node.status;
}

static void report(const char *service_state, const char *reason)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};

	assert_done(db_exec(ctx->db, SET_SERVICE,
			    DB_ARGS(db_text(HARNESS_PROJECT), db_text(NODE("a")),
				    db_text(service_state), db_text(reason)),
			    NULL, &err),
		    err);
	assert_done(db_exec(ctx->db, REFRESH, DB_ARGS(db_text(NODE("a"))), NULL, &err), err);
}

static void test_status_follows_the_facts(void **state)
{
	struct error err = {0};
	struct node node;

	(void)state;
	harness_sql(harness_ctx()->db, SITES);
	assert_string_equal(status_after("pending", true, 0, 0), "pending");
	assert_string_equal(status_after("active", false, 0, 0), "offline");
	assert_string_equal(status_after("active", true, 1, 2), "updating");
	assert_string_equal(status_after("active", true, 2, 2), "online");
	report("failed", "exited with 1");
	assert_done(nodes_get(harness_ctx(), NODE("a"), &node, &err), err);
	assert_string_equal(node.status, "warning");
	assert_string_equal(node.trouble, "broker: exited with 1");
	report("running", NULL);
	assert_done(nodes_get(harness_ctx(), NODE("a"), &node, &err), err);
	assert_string_equal(node.status, "online");
}

static void test_projects_are_apart(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct node node;

	(void)state;
	harness_sql(ctx->db, SITES);
	assert_false(nodes_get(ctx, NODE("e"), &node, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_done(nodes_get(ctx, "a", &node, &err), err);
	assert_string_equal(node.id, NODE("a"));
	assert_done(nodes_retire(ctx, NODE("e"), &err), err);
	ctx->project_id = HARNESS_OTHER_PROJECT;
	assert_done(nodes_get(ctx, "a", &node, &err), err);
	assert_string_equal(node.id, NODE("e"));
	assert_string_not_equal(node.state, "retired");
}

static void test_free_names_count_up(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	const char *name;

	(void)state;
	harness_sql(ctx->db, SITES);
	assert_done(nodes_free_name(ctx, "new", &name, &err), err);
	assert_string_equal(name, "new");
	assert_done(nodes_free_name(ctx, "a", &name, &err), err);
	assert_string_equal(name, "a-2");
	assert_done(nodes_update(ctx, NODE("b"), "a-2", NULL, &err), err);
	assert_done(nodes_free_name(ctx, "a", &name, &err), err);
	assert_string_equal(name, "a-3");
	assert_done(nodes_retire(ctx, NODE("a"), &err), err);
	assert_done(nodes_free_name(ctx, "a", &name, &err), err);
	assert_string_equal(name, "a");
}

static void test_command_waits_in_the_outbox(void **state)
{
	json_auto_t *payload = json_pack("{s:s}", "kind", "resend");
	struct ctx *ctx = harness_ctx();
	struct error err = {0};

	(void)state;
	harness_sql(ctx->db, SITES);
	assert_done(nodes_command_insert(ctx, NODE("a"), payload, &err), err);
	assert_done(nodes_retire(ctx, NODE("a"), &err), err);
	assert_false(nodes_command_insert(ctx, NODE("a"), payload, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_false(nodes_command_insert(ctx, NODE("e"), payload, &err));
}

static void test_token_is_found_by_hash_only(void **state)
{
	struct ctx *ctx = harness_ctx();
	uint8_t hash[SHA256_SIZE], other[SHA256_SIZE];
	struct enroll_token token = {.id = "tokenaaaaaaaaaaaaaaa",
				     .name = "t",
				     .uses = 2,
				     .expires_at = ctx->now + USEC_PER_HOUR};
	struct enroll_token found_token;
	struct error err = {0};
	bool found;

	(void)state;
	sha256("secret", 6, hash);
	sha256("other", 5, other);
	assert_done(enroll_tokens_insert(ctx, &token, hash, &err), err);
	assert_done(enroll_tokens_find_by_hash(ctx, other, &found_token, &found, &err), err);
	assert_false(found);
	assert_done(enroll_tokens_find_by_hash(ctx, hash, &found_token, &found, &err), err);
	assert_true(found);
	assert_string_equal(found_token.project_name, "main");
	assert_int_equal(found_token.uses_left, 2);
	assert_done(enroll_tokens_use(ctx, token.id, &err), err);
	assert_done(enroll_tokens_use(ctx, token.id, &err), err);
	assert_false(enroll_tokens_use(ctx, token.id, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_sql_and_c_agree_on_selectors),
		STORE_TEST(test_pages_by_last_seen),
		STORE_TEST(test_text_finds_parts_and_nothing_else),
		STORE_TEST(test_status_lists_are_merged_in_order),
		STORE_TEST(test_status_follows_the_facts),
		STORE_TEST(test_projects_are_apart),
		STORE_TEST(test_free_names_count_up),
		STORE_TEST(test_command_waits_in_the_outbox),
		STORE_TEST(test_token_is_found_by_hash_only),
	};

	return cmocka_run_group_tests(tests, harness_group_setup, harness_group_teardown);
}
