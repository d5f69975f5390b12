/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <arpa/inet.h>
#include <sys/socket.h>

/* Free just now; the service binds it a moment later. */
static int free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static void test_mosquitto_is_ready_when_a_message_comes_back(void **state)
{
	struct fixture *fixture = *state;
	int port = free_port();

	if (!file_exists("/usr/sbin/mosquitto"))
		skip();
	set_service(fixture, "broker",
		    arena_printf(fixture->arena,
				 "{\"driver\":\"mosquitto\",\"run\":true,\"parameters\":{"
				 "\"command\":[\"/usr/sbin/mosquitto\",\"-p\",\"${param.port}\"],"
				 "\"values\":{\"port\":%d},\"probes\":[{\"kind\":\"mqtt\","
				 "\"port\":\"${param.port}\",\"interval_ms\":100,"
				 "\"failure\":2}]}}",
				 port),
		    1);
	wait_for(fixture, state_of(fixture, "broker") == SERVICE_RUNNING);
	struct service_status status = status_of(fixture, "broker");
	assert_true(status.probes[0].good);
	assert_true(status.probes[0].duration_us > 0);
	assert_string_equal(status.probes[0].text, "");

	/* Frozen it still accepts connections, but no message comes back. */
	pid_t pid = status.pid;
	kill(pid, SIGSTOP);
	wait_for(fixture, fixture->notices[NOTICE_UNHEALTHY] == 1);
	kill(pid, SIGCONT);
	wait_for(fixture, state_of(fixture, "broker") == SERVICE_RUNNING &&
				  status_of(fixture, "broker").pid != pid);
	assert_int_equal(status_of(fixture, "broker").restarts, 1);
}

static const char SERVER[] =
	"import http.server,os,sys\n"
	"class H(http.server.BaseHTTPRequestHandler):\n"
	"  def do_GET(self):\n"
	"    ok=os.path.exists('good') and self.headers['X-Key']=='k'\n"
	"    ok=ok and self.headers['Authorization']=='Bearer t.k'\n"
	"    self.send_response(200 if ok else 503)\n"
	"    self.end_headers()\n"
	"    self.wfile.write(b'{\"state\": \"fine\"}')\n"
	"http.server.HTTPServer(('127.0.0.1',int(sys.argv[1])),H).serve_forever()\n";

static void test_http_readiness_comes_and_goes(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};
	const char *reason;

	assert_success(file_write_atomic("server.py", SERVER, strlen(SERVER), 0644, &err), &err);
	set_service(
		fixture, "web",
		arena_printf(fixture->arena,
			     "{\"driver\":\"generic\",\"run\":true,\"parameters\":{"
			     "\"command\":[\"python3\",\"%s/server.py\",\"${param.port}\"],"
			     "\"values\":{\"port\":%d},\"probes\":[{\"kind\":\"http\","
			     "\"port\":\"${param.port}\",\"path\":\"/health\",\"body\":\"fine\","
			     "\"headers\":[\"X-Key: k\"],\"bearer\":\"t.k\",\"liveness\":false,"
			     "\"interval_ms\":50,\"success\":2,\"failure\":2,"
			     "\"start_grace_ms\":300000}]}}",
			     fixture->root, free_port()),
		1);
	wait_for(fixture, status_of(fixture, "web").probe_count == 1 &&
				  strstr(status_of(fixture, "web").probes[0].text, "status 503"));
	assert_int_equal(state_of(fixture, "web"), SERVICE_STARTING);
	assert_string_equal(status_of(fixture, "web").reason, "waits for probe http");
	assert_false(status_of(fixture, "web").probes[0].known);
	assert_contains(status_of(fixture, "web").probes[0].target, "/health");
	assert_success(file_write_atomic("data/web/good", "", 0, 0644, &err), &err);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
	pid_t pid = status_of(fixture, "web").pid;

	assert_int_equal(unlink("data/web/good"), 0);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_UNHEALTHY);
	assert_string_equal(status_of(fixture, "web").reason,
			    "probe http: status 503 instead of 200");
	assert_int_equal(supervisor_gate(fixture->supervisor, "web", 0, &reason), GATE_FAILED);
	assert_success(file_write_atomic("data/web/good", "", 0, 0644, &err), &err);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
	/* Only readiness was asked for, so the process was left alone. */
	assert_int_equal(status_of(fixture, "web").pid, pid);
	assert_int_equal(fixture->notices[NOTICE_UNHEALTHY], 1);
}

static void test_never_ready_is_restarted_and_then_held(void **state)
{
	struct fixture *fixture = *state;

	set_shell(
		fixture, "web", "exec sleep 1000",
		arena_printf(fixture->arena,
			     ",\"restart\":{\"burst\":2},\"probes\":[{\"kind\":\"tcp\",\"port\":%d,"
			     "\"interval_ms\":50,\"failure\":1,\"start_grace_ms\":200}]",
			     free_port()),
		1);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_HELD);
	assert_int_equal(fixture->notices[NOTICE_STARTED], 2);
	assert_true(fixture->last_exit.wanted);
}

static void test_log_line_makes_ready(void **state)
{
	struct fixture *fixture = *state;

	set_shell(fixture, "web",
		  "echo starting; while [ ! -e go ]; do sleep 0.02; done; echo now serving; exec "
		  "sleep 1000",
		  ",\"probes\":[{\"kind\":\"log\",\"match\":\"now serving\",\"interval_ms\":50,"
		  "\"start_grace_ms\":300000}]",
		  1);
	wait_for(fixture, file_exists("data/web") && status_of(fixture, "web").probes[0].text[0]);
	assert_int_equal(state_of(fixture, "web"), SERVICE_STARTING);
	struct error err = {0};
	assert_success(file_write_atomic("data/web/go", "", 0, 0644, &err), &err);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);

	/* The line of the last run does not count for the next one. */
	assert_int_equal(unlink("data/web/go"), 0);
	kill(status_of(fixture, "web").pid, SIGKILL);
	wait_for(fixture, fixture->notices[NOTICE_STARTED] == 2 &&
				  status_of(fixture, "web").probes[0].text[0]);
	assert_int_equal(state_of(fixture, "web"), SERVICE_STARTING);
}

static void test_command_that_hangs_is_a_failure(void **state)
{
	struct fixture *fixture = *state;

	set_shell(fixture, "web", "exec sleep 1000",
		  ",\"probes\":[{\"kind\":\"exec\",\"command\":[\"sleep\",\"1000\"],"
		  "\"interval_ms\":50,\"timeout_ms\":100,\"start_grace_ms\":300000}]",
		  1);
	wait_for(fixture, status_of(fixture, "web").probe_count == 1 &&
				  strcmp(status_of(fixture, "web").probes[0].text,
					 "no answer within 100 ms") == 0);
	assert_int_equal(state_of(fixture, "web"), SERVICE_STARTING);
}

static void test_changed_probes_do_not_touch_the_process(void **state)
{
	struct fixture *fixture = *state;

	set_shell(fixture, "web", "touch up; exec sleep 1000",
		  ",\"probes\":[{\"kind\":\"exec\",\"command\":[\"test\",\"-e\",\"up\"]}]", 1);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
	pid_t pid = status_of(fixture, "web").pid;
	set_shell(fixture, "web", "touch up; exec sleep 1000",
		  ",\"probes\":[{\"kind\":\"exec\",\"liveness\":false,\"interval_ms\":50,"
		  "\"failure\":1,\"start_grace_ms\":1,\"command\":[\"false\"]}]",
		  2);
	assert_int_equal(state_of(fixture, "web"), SERVICE_RUNNING);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_UNHEALTHY);
	assert_string_equal(status_of(fixture, "web").reason, "probe exec: exited with 1");
	assert_int_equal(status_of(fixture, "web").pid, pid);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_mosquitto_is_ready_when_a_message_comes_back),
		TEST(test_http_readiness_comes_and_goes),
		TEST(test_never_ready_is_restarted_and_then_held),
		TEST(test_log_line_makes_ready),
		TEST(test_command_that_hangs_is_a_failure),
		TEST(test_changed_probes_do_not_touch_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
