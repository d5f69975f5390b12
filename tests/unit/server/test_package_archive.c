/* SPDX-License-Identifier: Apache-2.0 */
/* Archives are made here with libarchive, which is less careful than its reader. */
#include "test.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include "domain/package/archive.h"
#include "temporary_folder.h"

struct item {
	const char *path;
	int type;	    /* AE_IF..., or 0: hard link */
	const char *target; /* of links */
};

static void write_items(struct archive *archive, const struct item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct archive_entry *entry = archive_entry_new();
		bool file = items[i].type == AE_IFREG;

		archive_entry_set_pathname(entry, items[i].path);
		archive_entry_set_filetype(entry,
					   items[i].type ? (unsigned int)items[i].type : AE_IFREG);
		archive_entry_set_perm(entry, 0755);
		archive_entry_set_size(entry, file ? 4 : 0);
		if (items[i].type == AE_IFLNK)
			archive_entry_set_symlink(entry, items[i].target);
		if (!items[i].type)
			archive_entry_set_hardlink(entry, items[i].target);
		assert_true(archive_write_header(archive, entry) >= ARCHIVE_WARN);
		if (file)
			assert_int_equal(archive_write_data(archive, "data", 4), 4);
		archive_entry_free(entry);
	}
}

static const char *make(const char *folder, const char *format, const struct item *items,
			size_t count)
{
	static char path[256];
	struct archive *archive = archive_write_new();

	snprintf(path, sizeof(path), "%s/archive", folder);
	archive_write_set_format_pax_restricted(archive);
	if (strcmp(format, "tar.zst") == 0)
		archive_write_add_filter_zstd(archive);
	else if (strcmp(format, "tar.gz") == 0)
		archive_write_add_filter_gzip(archive);
	assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
	write_items(archive, items, count);
	assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
	archive_write_free(archive);
	return path;
}

static const struct item GOOD[] = {
	{"bin", AE_IFDIR, NULL},
	{"./bin/program", AE_IFREG, NULL},
	{"lib/libx.so.1", AE_IFREG, NULL},
	{"lib/libx.so", AE_IFLNK, "libx.so.1"},
	{"bin/also", AE_IFLNK, "../lib/libx.so.1"},
};

static void good_archives_pass(void **state)
{
	static const char *const FORMATS[] = {"tar.gz", "tar.zst"};

	for (size_t i = 0; i < ARRAY_SIZE(FORMATS); i++) {
		const char *path = make(*state, FORMATS[i], GOOD, ARRAY_SIZE(GOOD));
		struct archive_facts facts;
		struct error err = {0};

		assert_success(archive_check(path, FORMATS[i], &facts, &err), &err);
		assert_int_equal(facts.entries, ARRAY_SIZE(GOOD));
		assert_int_equal(facts.unpacked_bytes, 8);
	}
}

static void other_format_is_refused(void **state)
{
	static const char *const PAIRS[][2] = {{"tar.zst", "tar.gz"},
					       {"tar.gz", "tar.zst"},
					       {"tar", "tar.gz"},
					       {"tar", "tar.zst"}};

	for (size_t i = 0; i < ARRAY_SIZE(PAIRS); i++) {
		const char *path = make(*state, PAIRS[i][0], GOOD, ARRAY_SIZE(GOOD));
		struct archive_facts facts;
		struct error err = {0};

		assert_failure(archive_check(path, PAIRS[i][1], &facts, &err), &err, ERR_INVALID);
	}
}

static void dangerous_entries_are_named(void **state)
{
	static const struct {
		struct item items[2];
		size_t count;
		const char *named;
	} CASES[] = {
		{{{"/etc/passwd", AE_IFREG, NULL}}, 1, "/etc/passwd"},
		{{{"../x", AE_IFREG, NULL}}, 1, "../x"},
		{{{"a/../../x", AE_IFREG, NULL}}, 1, "a/../../x"},
		{{{"link", AE_IFLNK, "/etc"}}, 1, "link"},
		{{{"link", AE_IFLNK, ".."}}, 1, "link"},
		{{{"a/link", AE_IFLNK, "../../x"}}, 1, "a/link"},
		{{{"self", AE_IFLNK, "."}, {"out", AE_IFLNK, "self/self/../../x"}}, 2, "out"},
		{{{"dir", AE_IFLNK, "other"}, {"dir/x", AE_IFREG, NULL}}, 2, "dir/x"},
		{{{"file", AE_IFLNK, "other"}, {"./file", AE_IFREG, NULL}}, 2, "file"},
		{{{"fifo", AE_IFIFO, NULL}}, 1, "fifo"},
		{{{"device", AE_IFCHR, NULL}}, 1, "device"},
		{{{"x", AE_IFREG, NULL}, {"hard", 0, "x"}}, 2, "hard"},
		{{{"a\nb", AE_IFREG, NULL}}, 1, "control characters"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
		const char *path = make(*state, "tar.gz", CASES[i].items, CASES[i].count);
		struct archive_facts facts;
		struct error err = {0};

		assert_failure(archive_check(path, "tar.gz", &facts, &err), &err, ERR_INVALID);
		assert_contains(err.text, CASES[i].named);
		assert_string_equal(err.field, "archive");
	}
}

static void damaged_archives_are_refused(void **state)
{
	const char *path = make(*state, "tar.gz", GOOD, ARRAY_SIZE(GOOD));
	struct archive_facts facts;
	struct error err = {0};

	assert_int_equal(truncate(path, 60), 0);
	assert_failure(archive_check(path, "tar.gz", &facts, &err), &err, ERR_INVALID);
	assert_int_equal(truncate(path, 0), 0);
	assert_failure(archive_check(path, "tar.gz", &facts, &err), &err, ERR_INVALID);
	path = make(*state, "tar.gz", GOOD, 0);
	assert_failure(archive_check(path, "tar.gz", &facts, &err), &err, ERR_INVALID);
}

#define IN_FOLDER(test) \
	cmocka_unit_test_setup_teardown(test, temporary_folder_setup, temporary_folder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(good_archives_pass),
		IN_FOLDER(other_format_is_refused),
		IN_FOLDER(dangerous_entries_are_named),
		IN_FOLDER(damaged_archives_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
