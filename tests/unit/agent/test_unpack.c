/* SPDX-License-Identifier: Apache-2.0 */
/* Archives from hell are made by hand here: a friendly library would refuse to write them. */
#include "fetch/unpack.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/file.h"
#include "package/entry_path.h"
#include "temporary_folder.h"
#include "test.h"

enum { BLOCK = 512, MAX_TAR = 64 * BLOCK };

struct tar {
	char data[MAX_TAR];
	size_t length;
};

static void add_entry(struct tar *tar, const char *name, char type, const char *target,
		      const char *content, unsigned mode)
{
	char *header = tar->data + tar->length;
	size_t size = content ? strlen(content) : 0;
	unsigned sum = 0;

	assert_true(tar->length + 2 * BLOCK + size < MAX_TAR);
	memset(header, 0, BLOCK);
	snprintf(header, 100, "%s", name);
	snprintf(header + 100, 8, "%07o", mode);
	snprintf(header + 108, 8, "%07o", 0U);
	snprintf(header + 116, 8, "%07o", 0U);
	snprintf(header + 124, 12, "%011o", (unsigned)size);
	snprintf(header + 136, 12, "%011o", 0U);
	memset(header + 148, ' ', 8);
	header[156] = type;
	if (target)
		snprintf(header + 157, 100, "%s", target);
	memcpy(header + 257, "ustar\00000", 8);
	for (int i = 0; i < BLOCK; i++)
		sum += (unsigned char)header[i];
	snprintf(header + 148, 7, "%06o", sum);
	tar->length += BLOCK;
	if (content)
		memcpy(tar->data + tar->length, content, size);
	tar->length += (size + BLOCK - 1) / BLOCK * BLOCK;
}

static bool unpack(void **state, struct tar *tar, const struct unpack_limits *limits,
		   const char *sha256, struct error *err)
{
	struct arena *arena = arena_new();
	const char *archive = arena_printf(arena, "%s/archive", (char *)*state);
	const char *folder = arena_printf(arena, "%s/out", (char *)*state);
	char hash[SHA256_HEX_SIZE];

	/* Two empty blocks end an archive. */
	tar->length += 2 * BLOCK;
	assert_success(file_remove_tree(folder, err), err);
	assert_success(file_make_folders(folder, 0755, err), err);
	assert_success(file_write_atomic(archive, tar->data, tar->length, 0600, err), err);
	sha256_hex(tar->data, tar->length, hash);
	bool ok = unpack_archive(archive, sha256 ? sha256 : hash, folder, limits, err);
	arena_free(arena);
	return ok;
}

static const struct unpack_limits LIMITS = {.max_bytes = 10000, .max_entries = 20};

static bool stat_of(void **state, const char *name, struct stat *status)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/out/%s", (char *)*state, name);
	return lstat(path, status) == 0;
}

static void takes_files_folders_and_inner_links(void **state)
{
	struct tar tar = {0};
	struct error err = {0};
	struct stat status;

	add_entry(&tar, "./", '5', NULL, NULL, 0755);
	add_entry(&tar, "./bin/", '5', NULL, NULL, 0700);
	add_entry(&tar, "./bin/tool", '0', NULL, "#!/bin/sh\n", 06755);
	add_entry(&tar, "lib/deep/lib.so.1", '0', NULL, "so", 0444);
	add_entry(&tar, "lib/lib.so", '2', "deep/lib.so.1", NULL, 0777);
	add_entry(&tar, "lib/deep/up", '2', "../../bin/tool", NULL, 0777);
	assert_success(unpack(state, &tar, &LIMITS, NULL, &err), &err);
	assert_true(stat_of(state, "bin/tool", &status));
	assert_int_equal(status.st_mode & 07777, 0755);
	assert_int_equal(status.st_size, 10);
	assert_true(stat_of(state, "lib/lib.so", &status));
	assert_true(S_ISLNK(status.st_mode));
	assert_true(stat_of(state, "lib/deep/up", &status));
}

struct hostile {
	const char *name;
	char type;
	const char *target;
};

static void refuses_what_could_leave_the_folder(void **state)
{
	static const struct hostile ENTRIES[] = {
		{"/etc/x", '0', NULL},	      {"../x", '0', NULL},
		{"a/../../x", '0', NULL},     {"a/..", '5', NULL},
		{"link", '2', "/etc/passwd"}, {"link", '2', "../x"},
		{"a/link", '2', "../../x"},   {"link", '2', "a/../.."},
		{"link", '2', "inner/../x"},  {"hard", '1', "inner"},
		{"device", '3', NULL},	      {"block", '4', NULL},
		{"fifo", '6', NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ENTRIES); i++) {
		struct tar tar = {0};
		struct error err = {0};

		add_entry(&tar, "inner/file", '0', NULL, "x", 0644);
		add_entry(&tar, ENTRIES[i].name, ENTRIES[i].type, ENTRIES[i].target, NULL, 0644);
		if (unpack(state, &tar, &LIMITS, NULL, &err))
			fail_msg("%s was taken", ENTRIES[i].name);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void follows_no_link_of_the_archive(void **state)
{
	struct tar tar = {0}, file = {0};
	struct error err = {0};
	struct stat status;

	add_entry(&tar, "inside/", '5', NULL, NULL, 0755);
	add_entry(&tar, "a", '2', "inside", NULL, 0777);
	add_entry(&tar, "a/x", '0', NULL, "x", 0644);
	assert_failure(unpack(state, &tar, &LIMITS, NULL, &err), &err, ERR_INVALID);
	assert_false(stat_of(state, "inside/x", &status));

	add_entry(&file, "a", '0', NULL, "x", 0644);
	add_entry(&file, "a/x", '0', NULL, "x", 0644);
	assert_failure(unpack(state, &file, &LIMITS, NULL, &err), &err, ERR_INVALID);
}

static void refuses_a_name_that_comes_twice(void **state)
{
	struct tar tar = {0};
	struct error err = {0};

	add_entry(&tar, "a/x", '0', NULL, "x", 0644);
	add_entry(&tar, "./a//x", '0', NULL, "y", 0644);
	assert_failure(unpack(state, &tar, &LIMITS, NULL, &err), &err, ERR_INVALID);
}

static void stops_at_its_limits(void **state)
{
	const struct unpack_limits few = {.max_bytes = 10000, .max_entries = 2};
	const struct unpack_limits small = {.max_bytes = 9, .max_entries = 20};
	struct tar many = {0}, large = {0}, right = {0};
	struct error err = {0};

	for (int i = 0; i < 3; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		add_entry(&many, name, '0', NULL, "x", 0644);
	}
	assert_failure(unpack(state, &many, &few, NULL, &err), &err, ERR_TOO_LARGE);
	add_entry(&large, "a", '0', NULL, "01234", 0644);
	add_entry(&large, "b", '0', NULL, "56789", 0644);
	assert_failure(unpack(state, &large, &small, NULL, &err), &err, ERR_TOO_LARGE);
	add_entry(&right, "a", '0', NULL, "01234", 0644);
	add_entry(&right, "b", '0', NULL, "5678", 0644);
	assert_success(unpack(state, &right, &small, NULL, &err), &err);
}

static void refuses_another_archive_and_junk(void **state)
{
	struct tar tar = {0}, junk = {0};
	struct error err = {0};
	char wrong[SHA256_HEX_SIZE];

	sha256_hex("x", 1, wrong);
	add_entry(&tar, "a", '0', NULL, "x", 0644);
	assert_failure(unpack(state, &tar, &LIMITS, wrong, &err), &err, ERR_INVALID);
	assert_contains(err.text, "another SHA-256");
	memset(junk.data, 'j', 3000);
	junk.length = 3000;
	assert_failure(unpack(state, &junk, &LIMITS, NULL, &err), &err, ERR_INVALID);
}

static void cleans_paths(void **state)
{
	char out[16];

	(void)state;
	assert_true(entry_path_clean("./a//b/./c/", out, sizeof(out)));
	assert_string_equal(out, "a/b/c");
	assert_true(entry_path_clean("./", out, sizeof(out)));
	assert_string_equal(out, "");
	assert_true(entry_path_clean("..a/b..", out, sizeof(out)));
	assert_false(entry_path_clean("a/../b", out, sizeof(out)));
	assert_false(entry_path_clean("/a", out, sizeof(out)));
	assert_false(entry_path_clean("0123456789012345", out, sizeof(out)));
	assert_true(entry_link_inside("a/b/link", "../../c"));
	assert_false(entry_link_inside("a/b/link", "../../../c"));
	assert_false(entry_link_inside("link", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(takes_files_folders_and_inner_links,
						temporary_folder_setup, temporary_folder_teardown),
		cmocka_unit_test_setup_teardown(refuses_what_could_leave_the_folder,
						temporary_folder_setup, temporary_folder_teardown),
		cmocka_unit_test_setup_teardown(follows_no_link_of_the_archive,
						temporary_folder_setup, temporary_folder_teardown),
		cmocka_unit_test_setup_teardown(refuses_a_name_that_comes_twice,
						temporary_folder_setup, temporary_folder_teardown),
		cmocka_unit_test_setup_teardown(stops_at_its_limits, temporary_folder_setup,
						temporary_folder_teardown),
		cmocka_unit_test_setup_teardown(refuses_another_archive_and_junk,
						temporary_folder_setup, temporary_folder_teardown),
		cmocka_unit_test(cleans_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
