/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of configurations: stored once, never changed, found by number. */
#include "harness/harness.h"

#include "domain/config/configs.h"
#include "store/configs.h"
#include "store/variables.h"

static const char COUNT_BLOBS[] = "SELECT count(*) FROM blob";
static const char USE[] =
	"INSERT INTO node (id, project_id, name, shard) VALUES"
	" ('nnodeaaaaaaaaaaaaaaa', '" HARNESS_PROJECT "', 'a', 0);"
	"INSERT INTO node_service (project_id, node_id, service, desired_driver, desired_run,"
	" config_id, config_version) SELECT '" HARNESS_PROJECT
	"', 'nnodeaaaaaaaaaaaaaaa', 'broker',"
	" 'mosquitto', true, id, 1 FROM config";

static struct config create(const char *name)
{
	struct config config = {.name = name, .description = ""};
	struct error err = {0};

	assert_done(config_create(harness_ctx(), &config, &err), err);
	return config;
}

static bool save(const char *name, const char *text, int64_t expected, struct config_version *out,
		 struct error *err)
{
	struct config_file files[] = {
		{.path = "b", .mode = "0600", .content = text, .size = (int64_t)strlen(text)},
		{.path = "a", .mode = "0644", .content = "same", .size = 4}};
	struct config_save request = {.config = name,
				      .message = "",
				      .files = files,
				      .file_count = 2,
				      .expected = expected};

	return config_save_version(harness_ctx(), &request, out, err);
}

static int64_t count_blobs(void)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct db_rows rows;

	assert_done(db_query(ctx->db, ctx->arena, COUNT_BLOBS, DB_NO_ARGS, &rows, &err), err);
	return db_get_int(&rows, 0, 0);
}

static void test_versions_share_content(void **state)
{
	struct config_version one, two, again;
	struct error err = {0};

	(void)state;
	struct config config = create("broker");
	assert_done(save("broker", "1", 0, &one, &err), err);
	assert_done(save(config.id, "2", 1, &two, &err), err);
	assert_int_equal(two.no, 2);
	assert_int_equal(count_blobs(), 3);
	assert_done(config_versions_get(harness_ctx(), config.id, 1, true, &again, &err), err);
	assert_int_equal(again.file_count, 2);
	assert_string_equal(again.files[0].path, "a");
	assert_string_equal(again.files[1].content, "1");
	assert_string_equal(again.files[1].mode, "0600");
	assert_string_equal(again.digest, one.digest);
}

static void test_stale_base_is_a_conflict(void **state)
{
	struct config_version version;
	struct error err = {0};

	(void)state;
	create("broker");
	assert_done(save("broker", "1", 0, &version, &err), err);
	assert_false(save("broker", "2", 0, &version, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
}

static void test_used_config_cannot_be_deleted(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct config_version version;
	struct error err = {0};
	struct config config;

	(void)state;
	create("broker");
	assert_done(save("broker", "1", -1, &version, &err), err);
	harness_sql(ctx->db, USE);
	assert_done(configs_get(ctx, "broker", &config, &err), err);
	assert_int_equal(config.used_by, 1);
	assert_false(config_delete(ctx, "broker", &err));
	assert_int_equal(err.code, ERR_CONFLICT);
}

static void test_config_that_a_rollback_needs_stays(void **state)
{
	static const char MOVED_ON[] =
		"INSERT INTO rollout (id, project_id, number, name, kind, state, changes, targets,"
		" strategy) VALUES ('rolloutaaaaaaaaaaaaa', '" HARNESS_PROJECT
		"', 1, 'r', 'change', 'succeeded', '[]', '{}', '{}');"
		"INSERT INTO rollout_wave (rollout_id, no, size) VALUES ('rolloutaaaaaaaaaaaaa', 1, 1);"
		"INSERT INTO rollout_step (rollout_id, node_id, project_id, wave, before)"
		" SELECT 'rolloutaaaaaaaaaaaaa', 'nnodeaaaaaaaaaaaaaaa', '" HARNESS_PROJECT
		"', 1, jsonb_build_object('broker', jsonb_build_object('config_id', id)) FROM config;"
		"UPDATE node_service SET config_id = NULL, config_version = NULL,"
		" rollout_id = 'rolloutaaaaaaaaaaaaa'";
	struct ctx *ctx = harness_ctx();
	struct config_version version;
	struct error err = {0};

	(void)state;
	create("broker");
	assert_done(save("broker", "1", -1, &version, &err), err);
	harness_sql(ctx->db, USE);
	harness_sql(ctx->db, MOVED_ON);
	assert_false(config_delete(ctx, "broker", &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	harness_sql(ctx->db, "UPDATE node_service SET rollout_id = 'another'");
	ctx->db->doomed = false;
	assert_done(config_delete(ctx, "broker", &err), err);
}

static void test_other_project_has_its_own(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct config_version version;
	struct error err = {0};
	struct config config;

	(void)state;
	struct config mine = create("broker");
	assert_done(save("broker", "1", -1, &version, &err), err);
	ctx->project_id = HARNESS_OTHER_PROJECT;
	assert_false(configs_get(ctx, mine.id, &config, &err));
	assert_false(config_versions_get(ctx, mine.id, 1, true, &version, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	create("broker");
}

static void test_node_value_comes_before_project_value(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct variable *variables;
	struct error err = {0};
	const char *project;
	size_t count;

	(void)state;
	assert_done(variables_set(ctx, NULL, "port", "1", &err), err);
	assert_done(variables_set(ctx, "nx", "port", "2", &err), err);
	assert_done(variables_set(ctx, "nx", "port", "3", &err), err);
	assert_done(variables_set(ctx, "ny", "port", "4", &err), err);
	assert_done(variables_list_for_node(ctx, "nx", &variables, &count, &project, &err), err);
	assert_int_equal(count, 2);
	assert_string_equal(project, "main");
	assert_string_equal(variables[0].value, "3");
	assert_string_equal(variables[0].level, "node");
	assert_string_equal(variables[1].value, "1");
	assert_done(variables_list(ctx, &variables, &count, &err), err);
	assert_int_equal(count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_versions_share_content),
		STORE_TEST(test_stale_base_is_a_conflict),
		STORE_TEST(test_used_config_cannot_be_deleted),
		STORE_TEST(test_config_that_a_rollback_needs_stays),
		STORE_TEST(test_other_project_has_its_own),
		STORE_TEST(test_node_value_comes_before_project_value),
	};

	return cmocka_run_group_tests(tests, harness_group_setup, harness_group_teardown);
}
