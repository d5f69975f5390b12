/* SPDX-License-Identifier: Apache-2.0 */
#include "base/settings.h"
#include "temporary_folder.h"
#include "test.h"

struct config {
	const char *listen;
	const char *token;
	const char *data;
	int64_t workers;
	int64_t timeout_ms;
	int64_t max_body;
	bool verbose;
};

static const struct setting SETTINGS[] = {
	SETTING_STRING(struct config, listen, "127.0.0.1:8443", "address"),
	SETTING_SECRET(struct config, token, "secret"),
	SETTING_PATH(struct config, data, "data", "folder"),
	SETTING_INT(struct config, workers, "4", 1, 64, "threads"),
	SETTING_DURATION(struct config, timeout_ms, "30s", "deadline"),
	SETTING_SIZE(struct config, max_body, "1MiB", "limit"),
	SETTING_BOOL(struct config, verbose, "false", "more"),
	SETTING_END,
};

struct fixture {
	void *folder;
	struct arena *arena;
	struct config config;
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

	unsetenv("TM_WORKERS");
	unsetenv("TM_CONFIG");
	arena_free(fixture->arena);
	free(fixture);
	return result;
}

static const char *write_config(struct fixture *fixture, const char *text)
{
	const char *path = arena_printf(fixture->arena, "%s/t.conf", (char *)fixture->folder);

	assert_success(file_write_atomic(path, text, strlen(text), 0644, &fixture->err),
		       &fixture->err);
	return path;
}

static bool load(struct fixture *fixture, const char *file, const char *const *words, int *index)
{
	char *argv[16];
	int argc = 0;

	for (; words[argc]; argc++)
		argv[argc] = arena_strdup(fixture->arena, words[argc]);
	fixture->config = (struct config){0};
	return settings_load(SETTINGS, "TM", file, argc, argv, index, fixture->arena,
			     &fixture->config, &fixture->err);
}

static void test_defaults(void **state)
{
	struct fixture *fixture = *state;
	const char *argv[] = {"t", NULL};
	int index = 1;

	assert_success(load(fixture, "/nonexistent/t.conf", argv, &index), &fixture->err);
	assert_string_equal(fixture->config.listen, "127.0.0.1:8443");
	assert_null(fixture->config.token);
	assert_int_equal(fixture->config.workers, 4);
	assert_int_equal(fixture->config.timeout_ms, 30000);
	assert_int_equal(fixture->config.max_body, 1 << 20);
	assert_int_equal(index, 1);
}

static void test_later_sources_win(void **state)
{
	struct fixture *fixture = *state;
	const char *path = write_config(fixture, "# comment\n\n listen = \"a b \"\nworkers=8\r\n"
						 "timeout-ms = 5m\ntoken = t=1\ndata = d");
	const char *argv[] = {"t",   "--max-body=2KiB", "--verbose", "--listen", "x",
			      "run", "--listen",	NULL};
	int index = 1;

	setenv("TM_WORKERS", "16", 1);
	assert_success(load(fixture, path, argv, &index), &fixture->err);
	assert_string_equal(fixture->config.listen, "x");
	assert_int_equal(fixture->config.workers, 16);
	assert_int_equal(fixture->config.timeout_ms, 300000);
	assert_int_equal(fixture->config.max_body, 2048);
	assert_true(fixture->config.verbose);
	assert_string_equal(fixture->config.token, "t=1");
	assert_string_equal(fixture->config.data,
			    arena_printf(fixture->arena, "%s/d", (char *)fixture->folder));
	assert_int_equal(index, 5);
}

static void test_file_named_on_the_command_line(void **state)
{
	struct fixture *fixture = *state;
	char *path = arena_strdup(fixture->arena, write_config(fixture, "workers = 9\n"));
	const char *named[] = {"t", "--listen", "y", "--config", path, "--", "--rest", NULL};
	const char *missing[] = {"t", "--config=/nonexistent/t.conf", NULL};
	int index = 1;

	assert_success(load(fixture, NULL, named, &index), &fixture->err);
	assert_int_equal(fixture->config.workers, 9);
	assert_string_equal(fixture->config.listen, "y");
	assert_int_equal(index, 6);
	index = 1;
	assert_failure(load(fixture, NULL, missing, &index), &fixture->err, ERR_NOT_FOUND);
}

static void test_errors_name_their_source(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *text, *part;
	} FILES[] = {
		{"\nworkers = 0\n", ":2: workers must be between 1 and 64"},
		{"wrokers = 1\n", ":1: there is no setting \"wrokers\""},
		{"workers\n", ":1: expected name = value"},
		{"timeout_ms = 30 s\n", "a duration"},
		{"max_body = 99999999999TiB\n", "a size"},
		{"verbose = maybe\n", "true or false"},
	};
	const char *options[][4] = {
		{"t", "--bogus", "1", NULL},
		{"t", "--workers", NULL, NULL},
		{"t", "--workers", "x", NULL},
		{"t", "--token", "s3cret", NULL},
	};
	const char *none[] = {"t", NULL};
	int index = 1;

	for (size_t i = 0; i < ARRAY_SIZE(FILES); i++) {
		assert_failure(load(fixture, write_config(fixture, FILES[i].text), none, &index),
			       &fixture->err, ERR_INVALID);
		assert_contains(fixture->err.text, FILES[i].part);
	}
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		index = 1;
		assert_failure(load(fixture, NULL, options[i], &index), &fixture->err, ERR_INVALID);
		assert_contains(fixture->err.text, options[i][1]);
		assert_null(strstr(fixture->err.text, "s3cret"));
	}
	setenv("TM_WORKERS", "many", 1);
	index = 1;
	assert_failure(load(fixture, NULL, none, &index), &fixture->err, ERR_INVALID);
	assert_contains(fixture->err.text, "TM_WORKERS");
}

static void test_the_sample_can_be_read_back(void **state)
{
	struct fixture *fixture = *state;
	struct strbuf text;
	const char *none[] = {"t", NULL};
	int index = 1;

	strbuf_init(&text, fixture->arena, 65536);
	settings_sample(SETTINGS, &text);
	for (char *c = text.data; *c; c++) {
		/* Uncomment the lines with values, but the ones without a default. */
		if (c[0] == '#' && c[1] != ' ' && !strstr(c, "token"))
			*c = ' ';
	}
	assert_success(load(fixture, write_config(fixture, text.data), none, &index),
		       &fixture->err);
	assert_int_equal(fixture->config.workers, 4);
	strbuf_reset(&text);
	settings_help(SETTINGS, &text);
	assert_contains(text.data, "--timeout-ms");
	assert_contains(text.data, "(default: 30s)");
	assert_null(strstr(text.data, "--token"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_later_sources_win, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_named_on_the_command_line, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_errors_name_their_source, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_sample_can_be_read_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
