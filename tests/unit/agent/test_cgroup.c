/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written where, against folders that look like the kernel's. Which version a machine has is
 * not up to the test; that limits hold on this one is in tests/integration/agent/test_isolation.c.
 */
#include "test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "temporary_folder.h"

#include "base/arena.h"
#include "base/file.h"
#include "process/cgroup.h"

static const struct cgroup_limits LIMITS = {
	.memory_bytes = 64 << 20, .cpu_percent = 150, .pids = 20};
static const struct cgroup_limits NO_LIMITS = {0};

struct fixture {
	void *folder;
	struct arena *arena;
	struct cgroups cgroups;
	char paths[CGROUP_MAX_BASES][CGROUP_PATH_SIZE];
};

static int setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));

	fixture->arena = arena_new();
	*state = fixture;
	return temporary_folder_setup(&fixture->folder);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	int done = temporary_folder_teardown(&fixture->folder);

	arena_free(fixture->arena);
	free(fixture);
	return done;
}

static const char *place(struct fixture *fixture, const char *name)
{
	return arena_printf(fixture->arena, "%s/%s", (const char *)fixture->folder, name);
}

/* The kernel makes the files of a group; here they are made beforehand. */
static void group_make(struct fixture *fixture, const char *group, const char *const *files)
{
	struct error err = {0};

	assert_success(file_make_folders(place(fixture, group), 0755, &err), &err);
	for (; *files; files++)
		assert_success(
			file_write_atomic(place(fixture, arena_printf(fixture->arena, "%s/%s",
								      group, *files)),
					  "", 0, 0644, &err),
			&err);
}

static void holds(struct fixture *fixture, const char *file, const char *text)
{
	struct error err = {0};
	char *found;

	assert_success(file_read(place(fixture, file), 4096, fixture->arena, &found, NULL, &err),
		       &err);
	/* A real file takes each write as a whole, this one as its first bytes. */
	assert_int_equal(strncmp(found, text, strlen(text)), 0);
	struct stat status;
	assert_int_equal(stat(place(fixture, file), &status), 0);
	assert_int_equal(truncate(place(fixture, file), 0), 0);
}

static void base_set(struct fixture *fixture, size_t index, const char *name)
{
	snprintf(fixture->cgroups.bases[index], CGROUP_PATH_SIZE, "%s", place(fixture, name));
	fixture->cgroups.base_count = index + 1;
}

static void test_version_2(void **state)
{
	struct fixture *fixture = *state;
	static const char *const FILES[] = {"memory.max", "memory.oom.group", "pids.max", "cpu.max",
					    NULL};

	fixture->cgroups.kind = CGROUP_2;
	fixture->cgroups.limits = true;
	base_set(fixture, 0, "all");
	group_make(fixture, "all/web", FILES);
	assert_int_equal(cgroups_prepare(&fixture->cgroups, "web", &LIMITS, fixture->paths), 1);
	assert_string_equal(fixture->paths[0], place(fixture, "all/web"));
	holds(fixture, "all/web/memory.max", "67108864");
	holds(fixture, "all/web/memory.oom.group", "1");
	holds(fixture, "all/web/pids.max", "20");
	holds(fixture, "all/web/cpu.max", "150000 100000");
	/* What an earlier version was limited to is taken back. */
	assert_int_equal(cgroups_prepare(&fixture->cgroups, "web", &NO_LIMITS, fixture->paths), 1);
	holds(fixture, "all/web/memory.max", "max");
	holds(fixture, "all/web/pids.max", "max");
	holds(fixture, "all/web/cpu.max", "max");
	assert_string_equal(cgroups_limits_name(&fixture->cgroups), "cgroup2");
}

static void test_version_1_has_a_group_for_each_controller(void **state)
{
	struct fixture *fixture = *state;
	static const char *const MEMORY[] = {"memory.limit_in_bytes", NULL};
	static const char *const PIDS[] = {"pids.max", NULL};
	static const char *const CPU[] = {"cpu.cfs_quota_us", NULL};

	fixture->cgroups.kind = CGROUP_1;
	fixture->cgroups.limits = true;
	base_set(fixture, 0, "memory");
	base_set(fixture, 1, "pids");
	base_set(fixture, 2, "cpu");
	group_make(fixture, "memory/web", MEMORY);
	group_make(fixture, "pids/web", PIDS);
	group_make(fixture, "cpu/web", CPU);
	assert_int_equal(cgroups_prepare(&fixture->cgroups, "web", &LIMITS, fixture->paths), 3);
	holds(fixture, "memory/web/memory.limit_in_bytes", "67108864");
	/* And one for the shim. */
	holds(fixture, "pids/web/pids.max", "21");
	holds(fixture, "cpu/web/cpu.cfs_quota_us", "150000");
	assert_int_equal(cgroups_prepare(&fixture->cgroups, "web", &NO_LIMITS, fixture->paths), 3);
	holds(fixture, "memory/web/memory.limit_in_bytes", "-1");
	holds(fixture, "pids/web/pids.max", "max");
	holds(fixture, "cpu/web/cpu.cfs_quota_us", "-1");
	assert_string_equal(cgroups_limits_name(&fixture->cgroups), "cgroup1");
}

static void test_groups_that_a_service_has_made_are_part_of_it(void **state)
{
	struct fixture *fixture = *state;
	static const char *const FILES[] = {NULL};
	struct error err = {0};

	fixture->cgroups.kind = CGROUP_2;
	base_set(fixture, 0, "all");
	group_make(fixture, "all/web/one/two", FILES);
	assert_false(cgroups_busy(&fixture->cgroups, "web"));
	assert_success(file_write_atomic(place(fixture, "all/web/one/two/cgroup.procs"),
					 "999999999\n", 10, 0644, &err),
		       &err);
	assert_true(cgroups_busy(&fixture->cgroups, "web"));
	cgroups_kill(&fixture->cgroups, "web");
	assert_int_equal(unlink(place(fixture, "all/web/one/two/cgroup.procs")), 0);
	assert_false(cgroups_busy(&fixture->cgroups, "web"));
	cgroups_remove(&fixture->cgroups, "web");
	assert_false(file_exists(place(fixture, "all/web")));
	assert_true(file_exists(place(fixture, "all")));
}

static void test_without_groups_nothing_is_known(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(cgroups_prepare(&fixture->cgroups, "web", &LIMITS, fixture->paths), 0);
	assert_false(cgroups_busy(&fixture->cgroups, "web"));
	assert_string_equal(cgroups_limits_name(&fixture->cgroups), "rlimit");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_version_2),
		TEST(test_version_1_has_a_group_for_each_controller),
		TEST(test_groups_that_a_service_has_made_are_part_of_it),
		TEST(test_without_groups_nothing_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
