/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/metrics.h"
#include "fake_clock.h"
#include "test.h"

/* What one call of the log wrote. */
static char line[8192];

static void read_line(int fd)
{
	ssize_t count = read(fd, line, sizeof(line) - 1);

	line[count > 0 ? count : 0] = '\0';
}

static int log_pipe[2];

static int setup(void **state)
{
	(void)state;
	if (pipe2(log_pipe, O_NONBLOCK) < 0)
		return -1;
	log_set_fd(log_pipe[1]);
	log_set_component("test");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_set_fd(STDERR_FILENO);
	log_set_request_id(NULL);
	log_set_level(LOG_LEVEL_INFO);
	close(log_pipe[0]);
	close(log_pipe[1]);
	return 0;
}

static void test_line_format(void **state)
{
	(void)state;
	log_info("started port=%d", 8443);
	read_line(log_pipe[0]);
	assert_string_equal(line, "ts=2026-01-02T03:04:05.000000Z level=info component=test "
				  "msg=\"started port=8443\"\n");
	log_set_request_id("r1");
	log_error("failed");
	read_line(log_pipe[0]);
	assert_contains(line, "level=error component=test request_id=\"r1\" msg=\"failed\"\n");
	assert_string_equal(log_request_id(), "r1");
}

static void test_input_cannot_forge_a_line(void **state)
{
	(void)state;
	log_set_request_id("a\nb\"c");
	log_warn("name=%s", "x\"\nts=1 level=error\x1b[31m\t\\");
	read_line(log_pipe[0]);
	assert_contains(line, "request_id=\"a\\nb\\\"c\"");
	assert_contains(line, "name=x\\\"\\nts=1 level=error\\x1b[31m\\t\\\\\"\n");
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void test_long_lines_are_cut(void **state)
{
	char text[6000];

	(void)state;
	memset(text, '\x01', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
	read_line(log_pipe[0]);
	assert_true(strlen(line) <= 4096);
	assert_string_equal(line + strlen(line) - 2, "\"\n");
}

static void test_level(void **state)
{
	enum log_level level;

	(void)state;
	log_debug("hidden");
	read_line(log_pipe[0]);
	assert_string_equal(line, "");
	assert_true(log_level_parse("debug", &level));
	log_set_level(level);
	log_debug("shown");
	read_line(log_pipe[0]);
	assert_contains(line, "msg=\"shown\"");
	assert_false(log_level_parse("loud", &level));
	assert_string_equal(log_level_name(log_get_level()), "debug");
}

static struct metric metrics[] = {
	METRIC_COUNTER("muster_http_responses_total{class=\"2xx\"}", "Responses"),
	METRIC_COUNTER("muster_http_responses_total{class=\"4xx\"}", "Responses"),
	METRIC_GAUGE("muster_http_responses", "In flight"),
};

static void test_metrics_text(void **state)
{
	struct strbuf out;

	(void)state;
	metrics_register(metrics, ARRAY_SIZE(metrics));
	metrics_register(metrics, ARRAY_SIZE(metrics));
	metric_add(&metrics[0], 2);
	metric_add(&metrics[0], 1);
	metric_set(&metrics[2], -5);
	strbuf_init(&out, NULL, 65536);
	metrics_render(&out);
	assert_string_equal(out.data, "# HELP muster_http_responses_total Responses\n"
				      "# TYPE muster_http_responses_total counter\n"
				      "muster_http_responses_total{class=\"2xx\"} 3\n"
				      "muster_http_responses_total{class=\"4xx\"} 0\n"
				      "# HELP muster_http_responses In flight\n"
				      "# TYPE muster_http_responses gauge\n"
				      "muster_http_responses -5\n");
	strbuf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_line_format, setup, teardown),
		cmocka_unit_test_setup_teardown(test_input_cannot_forge_a_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_lines_are_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_level, setup, teardown),
		cmocka_unit_test(test_metrics_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
