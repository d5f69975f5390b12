/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "temporary_folder.h"
#include "test.h"

struct fixture {
	void *folder;
	struct arena *arena;
	struct error err;
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
	int result = temporary_folder_teardown(&fixture->folder);

	arena_free(fixture->arena);
	free(fixture);
	return result;
}

static char *path_of(struct fixture *fixture, const char *name)
{
	return arena_printf(fixture->arena, "%s/%s", (char *)fixture->folder, name);
}

static void put(struct fixture *fixture, const char *name, const char *text, mode_t mode)
{
	assert_success(
		file_write_atomic(path_of(fixture, name), text, strlen(text), mode, &fixture->err),
		&fixture->err);
}

static void test_write_then_read(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;
	char *data;
	size_t size;

	umask(077);
	put(fixture, "a", "first", 0644);
	put(fixture, "a", "second", 0640);
	assert_success(
		file_read(path_of(fixture, "a"), 6, fixture->arena, &data, &size, &fixture->err),
		&fixture->err);
	assert_string_equal(data, "second");
	assert_int_equal(size, 6);
	assert_int_equal(stat(path_of(fixture, "a"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_failure(
		file_read(path_of(fixture, "a"), 5, fixture->arena, &data, &size, &fixture->err),
		&fixture->err, ERR_TOO_LARGE);
	assert_failure(
		file_read(path_of(fixture, "b"), 5, fixture->arena, &data, &size, &fixture->err),
		&fixture->err, ERR_NOT_FOUND);
	put(fixture, "empty", "", 0600);
	assert_success(file_read(path_of(fixture, "empty"), 5, fixture->arena, &data, &size,
				 &fixture->err),
		       &fixture->err);
	assert_int_equal(size, 0);
	assert_success(file_read("/proc/self/status", 1 << 20, fixture->arena, &data, &size,
				 &fixture->err),
		       &fixture->err);
	assert_true(size > 100);
	assert_failure(
		file_read("/proc/self/status", 10, fixture->arena, &data, &size, &fixture->err),
		&fixture->err, ERR_TOO_LARGE);
}

static void test_failed_write_leaves_nothing(void **state)
{
	struct fixture *fixture = *state;
	int64_t bytes;

	assert_failure(file_write_atomic(path_of(fixture, "no/a"), "x", 1, 0600, &fixture->err),
		       &fixture->err, ERR_NOT_FOUND);
	/* A folder cannot be replaced by a file. */
	assert_success(file_make_folders(path_of(fixture, "d/e"), 0755, &fixture->err),
		       &fixture->err);
	assert_false(file_write_atomic(path_of(fixture, "d"), "x", 1, 0600, &fixture->err));
	assert_success(file_tree_bytes(fixture->folder, &bytes, &fixture->err), &fixture->err);
	assert_int_equal(bytes, 0);
}

/* A kill between create and rename. */
static void test_sweep_takes_only_temporaries_of_the_file(void **state)
{
	struct fixture *fixture = *state;
	static const char *const KEPT[] = {"a", "b.0123456789ab.tmp", "a.0123456789ab.tmp.b",
					   "a.0123456789.tmp", "a.0123456789az.tmp"};

	for (size_t i = 0; i < ARRAY_SIZE(KEPT); i++)
		put(fixture, KEPT[i], "x", 0600);
	put(fixture, "a.0123456789ab.tmp", "x", 0600);
	file_sweep_temporaries(path_of(fixture, "a"));
	assert_false(file_exists(path_of(fixture, "a.0123456789ab.tmp")));
	for (size_t i = 0; i < ARRAY_SIZE(KEPT); i++)
		assert_true(file_exists(path_of(fixture, KEPT[i])));
	file_sweep_temporaries(path_of(fixture, "no/a"));
}

static void test_make_folders(void **state)
{
	struct fixture *fixture = *state;

	assert_success(file_make_folders(path_of(fixture, "a/b/c"), 0755, &fixture->err),
		       &fixture->err);
	assert_success(file_make_folders(path_of(fixture, "a/b/c/"), 0755, &fixture->err),
		       &fixture->err);
	assert_true(file_exists(path_of(fixture, "a/b/c")));
	put(fixture, "file", "x", 0600);
	assert_failure(file_make_folders(path_of(fixture, "file/x"), 0755, &fixture->err),
		       &fixture->err, ERR_CONFLICT);
}

static void test_symlink_switches(void **state)
{
	struct fixture *fixture = *state;
	char target[64] = "";

	assert_success(file_symlink_atomic("one", path_of(fixture, "current"), &fixture->err),
		       &fixture->err);
	assert_success(file_symlink_atomic("two", path_of(fixture, "current"), &fixture->err),
		       &fixture->err);
	assert_int_equal(readlink(path_of(fixture, "current"), target, sizeof(target) - 1), 3);
	assert_string_equal(target, "two");
}

static void test_remove_does_not_follow_symlinks(void **state)
{
	struct fixture *fixture = *state;

	assert_success(file_make_folders(path_of(fixture, "keep"), 0755, &fixture->err),
		       &fixture->err);
	put(fixture, "keep/file", "x", 0600);
	assert_success(file_make_folders(path_of(fixture, "tree/deep/deeper"), 0755, &fixture->err),
		       &fixture->err);
	put(fixture, "tree/deep/file", "x", 0400);
	assert_int_equal(symlink("../keep", path_of(fixture, "tree/link")), 0);
	assert_int_equal(symlink("keep", path_of(fixture, "top")), 0);
	assert_int_equal(chmod(path_of(fixture, "tree/deep"), 0500), 0);
	assert_success(file_remove_tree(path_of(fixture, "tree"), &fixture->err), &fixture->err);
	assert_success(file_remove_tree(path_of(fixture, "top"), &fixture->err), &fixture->err);
	assert_success(file_remove_tree(path_of(fixture, "tree"), &fixture->err), &fixture->err);
	assert_false(file_exists(path_of(fixture, "tree")));
	assert_true(file_exists(path_of(fixture, "keep/file")));
}

static void test_copy_keeps_bytes_modes_and_links(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;
	char target[64] = "";
	char *data;

	assert_success(file_make_folders(path_of(fixture, "from/sub"), 0755, &fixture->err),
		       &fixture->err);
	put(fixture, "from/sub/file", "content", 0750);
	assert_int_equal(symlink("sub/file", path_of(fixture, "from/link")), 0);
	assert_int_equal(chmod(path_of(fixture, "from/sub"), 0555), 0);
	assert_success(
		file_copy_tree(path_of(fixture, "from"), path_of(fixture, "to"), &fixture->err),
		&fixture->err);
	assert_success(file_read(path_of(fixture, "to/link"), 100, fixture->arena, &data, NULL,
				 &fixture->err),
		       &fixture->err);
	assert_string_equal(data, "content");
	assert_int_equal(stat(path_of(fixture, "to/sub/file"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0750);
	assert_int_equal(stat(path_of(fixture, "to/sub"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0555);
	assert_int_equal(readlink(path_of(fixture, "to/link"), target, sizeof(target) - 1), 8);
	assert_false(
		file_copy_tree(path_of(fixture, "from"), path_of(fixture, "to"), &fixture->err));
	assert_int_equal(mkfifo(path_of(fixture, "pipe"), 0600), 0);
	assert_failure(
		file_copy_tree(path_of(fixture, "pipe"), path_of(fixture, "p"), &fixture->err),
		&fixture->err, ERR_INVALID);
}

static void test_lock_names_its_holder(void **state)
{
	struct fixture *fixture = *state;
	char *path = path_of(fixture, "lock");
	int first, second = -1;

	assert_success(file_lock(path, &first, &fixture->err), &fixture->err);
	assert_failure(file_lock(path, &second, &fixture->err), &fixture->err, ERR_CONFLICT);
	assert_contains(fixture->err.text, arena_printf(fixture->arena, "%ld", (long)getpid()));
	assert_int_equal(second, -1);
	fd_cleanup(&first);
	assert_success(file_lock(path, &second, &fixture->err), &fixture->err);
	fd_cleanup(&second);
}

static void test_sizes(void **state)
{
	struct fixture *fixture = *state;
	int64_t bytes;

	assert_success(file_make_folders(path_of(fixture, "d"), 0755, &fixture->err),
		       &fixture->err);
	put(fixture, "a", "12345", 0600);
	put(fixture, "d/b", "123", 0600);
	assert_success(file_tree_bytes(fixture->folder, &bytes, &fixture->err), &fixture->err);
	assert_int_equal(bytes, 8);
	assert_success(file_free_bytes(fixture->folder, &bytes, &fixture->err), &fixture->err);
	assert_true(bytes > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_write_then_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_write_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sweep_takes_only_temporaries_of_the_file,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_make_folders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_symlink_switches, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove_does_not_follow_symlinks, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_copy_keeps_bytes_modes_and_links, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_lock_names_its_holder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
