/* SPDX-License-Identifier: Apache-2.0 */
/* Which packages stay. Works in a folder of its own, as the agent does. */
#include "reconcile/housekeeping.h"

#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "state/desired.h"
#include "state/packages.h"
#include "state/rescue.h"
#include "temporary_folder.h"
#include "test.h"

struct node {
	struct arena *arena;
	struct state *state;
};

static int set_up(void **state)
{
	struct node *node = xcalloc(1, sizeof(*node));
	void *folder;
	struct error err;

	if (temporary_folder_setup(&folder) != 0 || chdir(folder) != 0)
		return -1;
	free(folder);
	node->arena = arena_new();
	*state = node;
	return state_open("state.db", &node->state, &err) &&
			       file_make_folders("packages", 0755, &err)
		       ? 0
		       : -1;
}

static int tear_down(void **state)
{
	struct node *node = *state;
	char folder[256];
	struct error err;

	state_close(node->state);
	arena_free(node->arena);
	free(node);
	return getcwd(folder, sizeof(folder)) && chdir("/") == 0 && file_remove_tree(folder, &err)
		       ? 0
		       : -1;
}

/* 64 equal digits. */
static const char *hash(struct node *node, char digit)
{
	char *text = arena_alloc(node->arena, 65);

	memset(text, digit, 64);
	return text;
}

static const char *path_of(struct node *node, char digit, const char *ending)
{
	return arena_printf(node->arena, "packages/%s%s", hash(node, digit), ending);
}

static void put(struct node *node, char digit, const char *ending)
{
	struct error err;

	assert_success(file_make_folders(path_of(node, digit, ending), 0755, &err), &err);
}

static bool is_there(struct node *node, char digit, const char *ending)
{
	return file_exists(path_of(node, digit, ending));
}

/* A desired state whose only service has this package. */
static void set_desired(struct node *node, enum desired_slot slot, char digit)
{
	const struct desired_record record = {
		.generation = 1,
		.digest = "sha256:x",
		.content = arena_printf(
			node->arena,
			"{\"v\":1,\"services\":{\"app\":{\"driver\":\"generic\",\"run\":true,"
			"\"package\":{\"name\":\"app\",\"version\":\"1\",\"platform\":\"any\","
			"\"sha256\":\"%s\",\"size\":1,\"manifest\":{}}}}}",
			hash(node, digit)),
		.fetch = "{}",
	};
	struct error err;

	assert_success(desired_store(node->state, slot, &record, &err), &err);
}

static void use(struct node *node, char digit, int64_t generation)
{
	struct error err;

	put(node, digit, "");
	assert_success(packages_use(node->state, hash(node, digit), "app", "1", generation, &err),
		       &err);
}

static void run(struct node *node)
{
	struct desired_record record;
	struct content content;
	struct error err;
	bool found;

	assert_success(
		desired_find(node->state, DESIRED_CURRENT, node->arena, &record, &found, &err),
		&err);
	assert_true(found);
	assert_success(
		content_decode(record.content, strlen(record.content), node->arena, &content, &err),
		&err);
	housekeeping_run(node->state, &content);
}

static void keeps_two_versions_before_the_current_one(void **state)
{
	struct node *node = *state;

	for (char digit = '1'; digit <= '5'; digit++)
		use(node, digit, digit - '0');
	set_desired(node, DESIRED_CURRENT, '5');
	run(node);
	for (char digit = '1'; digit <= '5'; digit++)
		assert_int_equal(is_there(node, digit, ""), digit >= '3');
}

static void keeps_what_is_under_way_or_waits(void **state)
{
	struct node *node = *state;

	for (char digit = '1'; digit <= '5'; digit++)
		use(node, digit, digit - '0');
	/* Back to the oldest, which the journal may just be putting in force or taking away. */
	set_desired(node, DESIRED_CURRENT, '5');
	set_desired(node, DESIRED_CANDIDATE, '1');
	set_desired(node, DESIRED_NEXT, 'a');
	put(node, 'a', ".part");
	/* What is there whole needs no part any more. */
	put(node, '5', ".part");
	put(node, 'b', "");
	put(node, 'b', ".part");
	run(node);
	assert_true(is_there(node, '1', ""));
	assert_false(is_there(node, '2', ""));
	assert_true(is_there(node, 'a', ".part"));
	assert_true(is_there(node, '5', "") && !is_there(node, '5', ".part"));
	assert_false(is_there(node, 'b', "") || is_there(node, 'b', ".part"));
}

static void removes_nothing_while_a_desired_state_cannot_be_read(void **state)
{
	const struct desired_record odd = {
		.generation = 2, .digest = "x", .content = "{", .fetch = "{}"};
	struct node *node = *state;
	struct error err;

	set_desired(node, DESIRED_CURRENT, '5');
	assert_success(desired_update(node->state, DESIRED_CANDIDATE, &odd, &err), &err);
	put(node, 'b', "");
	run(node);
	assert_true(is_there(node, 'b', ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keeps_two_versions_before_the_current_one, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(keeps_what_is_under_way_or_waits, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			removes_nothing_while_a_desired_state_cannot_be_read, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
