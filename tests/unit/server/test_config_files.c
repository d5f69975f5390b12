/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/arena.h"
#include "domain/config/files.h"
#include "protocol/limits.h"

static struct config_file file(const char *path, const char *content)
{
	return (struct config_file){.path = path,
				    .mode = "0644",
				    .sha256 = "00",
				    .content = content,
				    .size = (int64_t)strlen(content)};
}

static void paths_stay_inside(void **state)
{
	static const char *const GOOD[] = {"a",	  "a/b.conf", "a b",	   ".hidden",
					   "..a", "a..b",     "etc/a...b", "ü.conf"};
	static const char *const BAD[] = {"",	  "/a",	    "a/",	"a//b", "..",  "../a",
					  "a/..", "a/../b", ".",	"./a",	"a/.", "a\nb",
					  "a\\b", "a\x7f",  "\xff\xfe", "a\tb"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(GOOD); i++)
		if (!config_path_valid(GOOD[i]))
			fail_msg("\"%s\" should be valid", GOOD[i]);
	for (size_t i = 0; i < ARRAY_SIZE(BAD); i++)
		if (config_path_valid(BAD[i]))
			fail_msg("\"%s\" should not be valid", BAD[i]);
}

static void expect(struct config_file *files, size_t count, enum error_code code, const char *field)
{
	struct arena *arena = arena_new();
	struct error err = {0};
	bool valid = config_files_check(files, count, arena, &err);

	if (code == ERR_NONE)
		assert_success(valid, &err);
	else
		assert_failure(valid, &err, code);
	if (field)
		assert_string_equal(err.field, field);
	arena_free(arena);
}

static void sets_of_files_are_checked(void **state)
{
	struct config_file files[] = {file("a", "x"), file("b/c", "y ${name:-z}")};

	(void)state;
	expect(files, 2, ERR_NONE, NULL);
	expect(files, 0, ERR_INVALID, "files");
	files[1].path = "a";
	expect(files, 2, ERR_INVALID, "files[1].path");
	files[1].path = "a/b";
	expect(files, 2, ERR_INVALID, "files[0].path");
	files[1] = file("../b", "y");
	expect(files, 2, ERR_INVALID, "files[1].path");
	files[1] = file("b", "y");
	files[1].mode = "644";
	expect(files, 2, ERR_INVALID, "files[1].mode");
	files[1] = file("b", "line\n  ${oops");
	expect(files, 2, ERR_INVALID, "b");
	files[1] = file("variables.json", "{\"a\":{\"type\":\"float\"}}");
	expect(files, 2, ERR_INVALID, NULL);
	files[1] = file("variables.json", "{\"a\":{\"type\":\"int\",\"default\":\"x\"}}");
	expect(files, 2, ERR_INVALID, NULL);
	files[1] = file("variables.json", "{\"a\":{\"type\":\"int\",\"default\":5}}");
	expect(files, 2, ERR_NONE, NULL);
}

static void size_is_bounded(void **state)
{
	size_t size = LIMIT_CONFIG_BYTES / 2 + 1;
	char *text = calloc(size + 1, 1);

	(void)state;
	memset(text, 'x', size);
	struct config_file files[] = {file("a", text), file("b", text)};
	expect(files, 1, ERR_NONE, NULL);
	expect(files, 2, ERR_TOO_LARGE, "files");
	free(text);
}

static void digest_ignores_order_only(void **state)
{
	struct arena *arena = arena_new();
	struct config_file files[] = {file("a", ""), file("b", "")};
	const char *digest = config_files_digest(files, 2, arena);
	struct config_file turned[] = {files[1], files[0]};

	(void)state;
	assert_int_equal(strlen(digest), 7 + 64);
	assert_string_equal(config_files_digest(turned, 2, arena), digest);
	files[0].mode = "0600";
	assert_string_not_equal(config_files_digest(files, 2, arena), digest);
	files[0].mode = "0644";
	files[0].path = "c";
	assert_string_not_equal(config_files_digest(files, 2, arena), digest);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_stay_inside),
		cmocka_unit_test(sets_of_files_are_checked),
		cmocka_unit_test(size_is_bounded),
		cmocka_unit_test(digest_ignores_order_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
