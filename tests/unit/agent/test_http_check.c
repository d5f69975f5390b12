/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "supervise/http_check.h"

static const struct probe_spec PLAIN = {
	.kind = PROBE_HTTP, .host = "127.0.0.1", .port = 8080, .path = "/health", .status = 200};
static const struct probe_spec BODY = {.kind = PROBE_HTTP,
				       .host = "127.0.0.1",
				       .port = 8080,
				       .path = "/",
				       .status = 200,
				       .body = "\"ready\""};

static enum http_verdict check(const struct probe_spec *probe, const char *text, bool ended,
			       char *why)
{
	why[0] = '\0';
	return http_check_response(probe, text, strlen(text), ended, why, 160);
}

static void test_request(void **state)
{
	static const char *const HEADERS[] = {"X-A: 1", "Authorization: Bearer t"};
	struct probe_spec probe = PLAIN;
	struct strbuf out;

	(void)state;
	strbuf_init(&out, NULL, HTTP_CHECK_MAX_REQUEST);
	http_check_request(&probe, &out);
	assert_contains(out.data, "GET /health HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n");
	assert_string_equal(out.data + out.length - 4, "\r\n\r\n");
	assert_null(strstr(out.data, "Authorization"));
	strbuf_reset(&out);
	probe.host = "::1";
	probe.username = "user";
	probe.password = "pass";
	probe.headers = HEADERS;
	probe.header_count = 2;
	http_check_request(&probe, &out);
	assert_contains(out.data, "Host: [::1]:8080\r\n");
	assert_contains(out.data, "Authorization: Basic dXNlcjpwYXNz\r\n");
	assert_contains(out.data, "X-A: 1\r\nAuthorization: Bearer t\r\n\r\n");
	strbuf_reset(&out);
	probe.username = NULL;
	probe.bearer = "a.b-c";
	probe.header_count = 0;
	http_check_request(&probe, &out);
	assert_contains(out.data, "\r\nAuthorization: Bearer a.b-c\r\n\r\n");
	strbuf_release(&out);
}

static void test_status(void **state)
{
	char why[160];

	(void)state;
	assert_int_equal(check(&PLAIN, "", false, why), HTTP_MORE);
	assert_int_equal(check(&PLAIN, "HTTP/1.1 20", false, why), HTTP_MORE);
	assert_int_equal(check(&PLAIN, "HTTP/1.1 200 OK\r\n", false, why), HTTP_GOOD);
	assert_int_equal(check(&PLAIN, "HTTP/1.0 200 OK\r\n", false, why), HTTP_GOOD);
	assert_int_equal(check(&PLAIN, "HTTP/1.1 503 Busy\r\n", false, why), HTTP_BAD);
	assert_string_equal(why, "status 503 instead of 200");
	assert_int_equal(check(&PLAIN, "SSH-2.0-OpenSSH_9.2", false, why), HTTP_BAD);
	assert_string_equal(why, "the answer is not HTTP");
	assert_int_equal(check(&PLAIN, "HTTP/1.1 2x0 OK\r\n", false, why), HTTP_BAD);
	assert_int_equal(check(&PLAIN, "", true, why), HTTP_BAD);
	assert_string_equal(why, "no answer");
}

static void test_body(void **state)
{
	char why[160];

	(void)state;
	assert_int_equal(check(&BODY, "HTTP/1.1 200 OK\r\n\r\n{\"status\":", false, why),
			 HTTP_MORE);
	assert_int_equal(check(&BODY, "HTTP/1.1 200 OK\r\n\r\n{\"status\":\"ready\"}", false, why),
			 HTTP_GOOD);
	/* The text in a header is not in the body. */
	assert_int_equal(check(&BODY, "HTTP/1.1 200 OK\r\nX: \"ready\"\r\n\r\n{}", true, why),
			 HTTP_BAD);
	assert_string_equal(why, "the body lacks the text expected");
	assert_int_equal(check(&BODY, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", false, why),
			 HTTP_BAD);
	assert_int_equal(
		check(&BODY, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}", false, why),
		HTTP_MORE);
}

static void test_chunked_body(void **state)
{
	static const char HEAD[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	char text[512], why[160];

	(void)state;
	snprintf(text, sizeof(text), "%s4\r\n:\"re\r\n4\r\nad!\"\r\n0\r\n\r\n", HEAD);
	assert_int_equal(check(&BODY, text, false, why), HTTP_BAD);
	snprintf(text, sizeof(text), "%s4\r\n:\"re\r\n4\r\nady\"\r\n", HEAD);
	assert_int_equal(check(&BODY, text, false, why), HTTP_GOOD);
	snprintf(text, sizeof(text), "%s4\r\n:\"re", HEAD);
	assert_int_equal(check(&BODY, text, false, why), HTTP_MORE);
	snprintf(text, sizeof(text), "%sffffffffffffffff\r\nabc", HEAD);
	assert_int_equal(check(&BODY, text, true, why), HTTP_BAD);
	snprintf(text, sizeof(text), "%szz\r\n", HEAD);
	assert_int_equal(check(&BODY, text, false, why), HTTP_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_chunked_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
