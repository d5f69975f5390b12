/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <signal.h>

#include "base/fields.h"
#include "base/strbuf.h"
#include "drivers/spec.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct fixture {
	struct arena *arena;
	struct error err;
	struct service_spec spec;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->arena = arena_new();
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

static json_t *parse(struct fixture *fixture, const char *text)
{
	json_t *json;

	if (!text)
		return NULL;
	assert_success(json_parse_limited(text, strlen(text), 32, &json, &fixture->err),
		       &fixture->err);
	return json_keep(json, fixture->arena);
}

static bool build(struct fixture *fixture, const char *service, const char *manifest)
{
	const struct spec_input input = {
		.root = "/var/lib/muster",
		.node = "n123",
		.name = "web",
		.service = parse(fixture, service),
		.manifest = parse(fixture, manifest),
	};

	memset(&fixture->err, 0, sizeof(fixture->err));
	return spec_build(fixture->arena, &input, &fixture->spec, &fixture->err);
}

#define GENERIC(parameters) "{\"driver\":\"generic\",\"run\":true,\"parameters\":" parameters "}"

static void test_defaults(void **state)
{
	struct fixture *fixture = *state;

	assert_success(build(fixture, GENERIC("{\"command\":[\"sleep\",\"5\"]}"), NULL),
		       &fixture->err);
	const struct service_spec *spec = &fixture->spec;
	assert_string_equal(spec->name, "web");
	assert_string_equal(spec->command[1], "5");
	assert_null(spec->command[2]);
	assert_string_equal(spec->cwd, "/var/lib/muster/data/web");
	assert_int_equal(spec->stop_signal, SIGTERM);
	assert_int_equal(spec->stop_grace_ms, 10000);
	assert_int_equal(spec->reload_signal, 0);
	assert_int_equal(spec->restart.policy, RESTART_ALWAYS);
	assert_int_equal(spec->restart.burst, 4);
	assert_int_equal(spec->probe_count, 1);
	assert_int_equal(spec->probes[0].kind, PROBE_PROCESS);
	assert_true(spec->probes[0].readiness);
	assert_null(spec->user);
	assert_string_equal(spec->env[2], "HOME=/var/lib/muster/data/web");
	assert_null(spec->env[spec->env_count]);
}

static void test_probes_look_back_as_far_as_they_say(void **state)
{
	struct fixture *fixture = *state;

	assert_success(
		build(fixture,
		      GENERIC("{\"command\":[\"x\"],\"probes\":["
			      "{\"kind\":\"tcp\",\"port\":1},"
			      "{\"kind\":\"tcp\",\"port\":1,\"success\":2,\"failure\":3,"
			      "\"failure_of\":5,\"start_grace_ms\":0},"
			      "{\"kind\":\"tcp\",\"port\":1,\"success\":4,\"success_of\":2}]}"),
		      NULL),
		&fixture->err);
	const struct probe_spec *probes = fixture->spec.probes;
	assert_int_equal(probes[0].success_of, 1);
	assert_int_equal(probes[0].failure_of, 3);
	assert_int_equal(probes[0].start_grace_ms, 10000);
	assert_int_equal(probes[1].success_of, 2);
	assert_int_equal(probes[1].failure_of, 5);
	/* None at all may be asked for. */
	assert_int_equal(probes[1].start_grace_ms, 0);
	assert_int_equal(probes[2].success_of, 4);
}

static void test_layers_override_key_by_key(void **state)
{
	struct fixture *fixture = *state;

	assert_success(
		build(fixture,
		      "{\"driver\":\"mosquitto\",\"run\":false,\"package\":{\"sha256\":\"" SHA
		      "\"},\"parameters\":{\"stop\":{\"grace_ms\":99},\"values\":{\"port\":2883},"
		      "\"reload\":null,\"env\":{\"A\":\"param\"}}}",
		      "{\"service\":{\"stop\":{\"signal\":\"SIGINT\",\"grace_ms\":5},"
		      "\"env\":{\"A\":\"manifest\",\"B\":\"${muster.config}\"}}}"),
		&fixture->err);
	const struct service_spec *spec = &fixture->spec;
	assert_false(spec->run);
	assert_int_equal(spec->stop_signal, SIGINT);
	assert_int_equal(spec->stop_grace_ms, 99);
	assert_int_equal(spec->reload_signal, 0);
	assert_int_equal(spec->probes[0].kind, PROBE_MQTT);
	assert_int_equal(spec->probes[0].port, 2883);
	assert_string_equal(spec->command[0],
			    "/var/lib/muster/packages/" SHA "/usr/sbin/mosquitto");
	assert_string_equal(spec->command[2],
			    "/var/lib/muster/services/web/current/config/mosquitto.conf");
	bool manifest_seen = false;
	for (size_t i = 0; i < spec->env_count; i++) {
		assert_string_not_equal(spec->env[i], "A=manifest");
		manifest_seen =
			manifest_seen ||
			strcmp(spec->env[i], "B=/var/lib/muster/services/web/current/config") == 0;
	}
	assert_true(manifest_seen);
}

static void test_expansion(void **state)
{
	struct fixture *fixture = *state;

	assert_success(
		build(fixture,
		      GENERIC("{\"command\":[\"/x\",\"${muster.node}-${muster.service}\","
			      "\"$${HOME}\",\"$\",\"${\",\"a$b\",\"${param.flag}${param.n}\"],"
			      "\"values\":{\"flag\":true,\"n\":-4}}"),
		      NULL),
		&fixture->err);
	assert_string_equal(fixture->spec.command[1], "n123-web");
	assert_string_equal(fixture->spec.command[2], "${HOME}");
	assert_string_equal(fixture->spec.command[3], "$");
	assert_string_equal(fixture->spec.command[4], "${");
	assert_string_equal(fixture->spec.command[5], "a$b");
	assert_string_equal(fixture->spec.command[6], "true-4");
}

static void test_bad_input_names_its_place(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *service;
		enum error_code code;
		const char *field;
		const char *text;
	} CASES[] = {
		{"[]", ERR_INVALID, "", "an object is expected"},
		{"{\"driver\":\"cobol\"}", ERR_INVALID, "driver", "cobol"},
		{GENERIC("{}"), ERR_INVALID, "command", "required"},
		{GENERIC("[]"), ERR_INVALID, "parameters", "an object"},
		{GENERIC("{\"command\":[\"bin/x\"]}"), ERR_INVALID, "command[0]", "neither"},
		{GENERIC("{\"command\":[\"x\",7]}"), ERR_INVALID, "command[1]", ""},
		{GENERIC("{\"command\":[\"x\",\"${param.no}\"]}"), ERR_INVALID, "command[1]",
		 "${param.no} is not defined"},
		{GENERIC("{\"command\":[\"${muster.package}/x\"]}"), ERR_INVALID, "command[0]",
		 "muster.package"},
		{GENERIC("{\"command\":[\"x\"],\"stop\":{\"signal\":\"SIGFOO\"}}"), ERR_INVALID,
		 "stop.signal", "SIGFOO"},
		{GENERIC("{\"command\":[\"x\"],\"env\":{\"A=B\":\"c\"}}"), ERR_INVALID, "env",
		 "A=B"},
		{GENERIC("{\"command\":[\"x\"],\"probes\":[{\"kind\":\"tcp\"}]}"), ERR_INVALID,
		 "probes[0].port", "required"},
		{GENERIC("{\"command\":[\"x\"],\"probes\":[{\"kind\":\"tcp\",\"port\":70000}]}"),
		 ERR_INVALID, "probes[0].port", ""},
		{GENERIC("{\"command\":[\"x\"],\"probes\":[{\"kind\":\"http\",\"port\":1,"
			 "\"path\":\"/ HTTP/1.1\"}]}"),
		 ERR_INVALID, "probes[0].path", ""},
		{GENERIC("{\"command\":[\"x\"],\"probes\":[{\"kind\":\"http\",\"port\":1,"
			 "\"headers\":[\"A: b\\r\\nC: d\"]}]}"),
		 ERR_INVALID, "probes[0].headers", ""},
		{GENERIC("{\"command\":[\"x\"],\"probes\":[{\"kind\":\"http\",\"port\":1,"
			 "\"bearer\":\"a\\r\\nb\"}]}"),
		 ERR_INVALID, "probes[0].bearer", "no token"},
		{GENERIC("{\"command\":[\"x\"],\"probes\":[{\"kind\":\"http\",\"port\":1,"
			 "\"bearer\":\"a\",\"username\":\"b\"}]}"),
		 ERR_INVALID, "probes[0].bearer", "without username"},
		{GENERIC("{\"command\":[\"x\"],\"capabilities\":[\"CAP_FLY\"]}"), ERR_INVALID,
		 "capabilities", "CAP_FLY"},
		{GENERIC("{\"command\":[\"x\"],\"probes\":[{\"kind\":\"log\"}]}"), ERR_INVALID,
		 "probes[0].match", "required"},
		{GENERIC("{\"command\":[\"x\"],\"probes\":[{\"kind\":\"tcp\",\"port\":1,"
			 "\"host\":\"example.org\"}]}"),
		 ERR_INVALID, "probes[0].host", "example.org"},
		{GENERIC("{\"command\":[\"x\"],\"snapshot\":[\"../other\"]}"), ERR_INVALID,
		 "snapshot", "below"},
		{GENERIC("{\"command\":[\"x\"],\"snapshot\":[\"/etc\"]}"), ERR_INVALID, "snapshot",
		 "below"},
		{GENERIC("{\"command\":[\"x\"],\"after\":[\"../x\"]}"), ERR_INVALID, "after", ""},
		{GENERIC("{\"command\":[\"x\"],\"reload\":{}}"), ERR_INVALID, "reload.signal",
		 "required"},
		{GENERIC("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}"),
		 ERR_TOO_LARGE, NULL, "deep"},
		{"{\"package\":{\"sha256\":\"../../etc\"}}", ERR_INVALID, "package.sha256", "hex"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
		if (build(fixture, CASES[i].service, NULL))
			fail_msg("accepted: %s", CASES[i].service);
		assert_int_equal(fixture->err.code, CASES[i].code);
		if (CASES[i].field)
			assert_string_equal(fixture->err.field, CASES[i].field);
		assert_contains(fixture->err.text, CASES[i].text);
	}
}

static void test_names_are_checked(void **state)
{
	struct fixture *fixture = *state;
	static const char *const BAD[] = {"",
					  ".",
					  "..",
					  "a/b",
					  "-a",
					  "A",
					  "a b",
					  ("0123456789012345678901234567890123456789"
					   "012345678901234567890123")};

	for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
		const struct spec_input input = {
			.root = "/d",
			.node = "n",
			.name = BAD[i],
			.service = parse(fixture, GENERIC("{\"command\":[\"x\"]}")),
		};

		assert_failure(spec_build(fixture->arena, &input, &fixture->spec, &fixture->err),
			       &fixture->err, ERR_INVALID);
	}
}

/* A thousand arguments of ${param.a}, each four thousand bytes long. */
static void test_expansion_is_bounded(void **state)
{
	struct fixture *fixture = *state;
	struct strbuf text;

	strbuf_init(&text, fixture->arena, 1 << 20);
	strbuf_append_string(&text, "{\"parameters\":{\"values\":{\"a\":\"");
	for (int i = 0; i < 4000; i++)
		strbuf_append_char(&text, 'x');
	strbuf_append_string(&text, "\"},\"command\":[\"x\"");
	for (int i = 0; i < 1000; i++)
		strbuf_append_string(&text, ",\"${param.a}\"");
	strbuf_append_string(&text, "]}}");
	assert_false(build(fixture, text.data, NULL));
	assert_int_equal(fixture->err.code, ERR_TOO_LARGE);
	assert_false(build(fixture,
			   GENERIC("{\"values\":{\"a\":\"0123456789\"},\"command\":[\"x\","
				   "\"${param.b}\"]}"),
			   NULL));
}

static const char *service_with(struct fixture *fixture, const char *main, const char *acl,
				const char *parameters)
{
	return arena_printf(fixture->arena,
			    "{\"driver\":\"mosquitto\",\"package\":{\"sha256\":\"" SHA
			    "\"},\"config\":{\"files\":[{\"path\":\"mosquitto.conf\",\"content\":"
			    "\"%s\"},{\"path\":\"aclfile\",\"content\":\"%s\"}]},"
			    "\"parameters\":{%s}}",
			    main, acl, parameters);
}

static void test_digests_tell_reload_from_restart(void **state)
{
	struct fixture *fixture = *state;
	struct service_spec first;

	assert_success(build(fixture, service_with(fixture, "a", "a", ""), NULL), &fixture->err);
	first = fixture->spec;
	assert_success(build(fixture, service_with(fixture, "a", "b", ""), NULL), &fixture->err);
	assert_string_equal(first.process_digest, fixture->spec.process_digest);
	assert_string_not_equal(first.hot_digest, fixture->spec.hot_digest);
	assert_success(build(fixture, service_with(fixture, "b", "a", ""), NULL), &fixture->err);
	assert_string_not_equal(first.process_digest, fixture->spec.process_digest);
	assert_string_equal(first.hot_digest, fixture->spec.hot_digest);
	/* Policies and probes are taken over without touching the process. */
	assert_success(build(fixture,
			     service_with(fixture, "a", "a",
					  "\"restart\":{\"burst\":9},\"values\":{\"port\":1}"),
			     NULL),
		       &fixture->err);
	assert_string_equal(first.process_digest, fixture->spec.process_digest);
	assert_string_equal(first.hot_digest, fixture->spec.hot_digest);
	assert_success(
		build(fixture, service_with(fixture, "a", "a", "\"env\":{\"A\":\"b\"}"), NULL),
		&fixture->err);
	assert_string_not_equal(first.process_digest, fixture->spec.process_digest);
}

static void test_copy_stands_alone(void **state)
{
	struct fixture *fixture = *state;
	struct arena *other = arena_new();
	struct service_spec copy;

	assert_success(build(fixture, service_with(fixture, "a", "a", "\"after\":[\"db\"]"), NULL),
		       &fixture->err);
	spec_copy(other, &fixture->spec, &copy);
	arena_reset(fixture->arena);
	assert_string_equal(copy.name, "web");
	assert_string_equal(copy.after[0], "db");
	assert_int_equal(copy.probes[0].port, 1883);
	assert_int_equal(strlen(copy.process_digest), 64);
	arena_free(other);
}

static void test_files_keep_what_is_not_ours(void **state)
{
	struct fixture *fixture = *state;
	const struct spec_input input = {
		.root = "/d", .node = "n1", .name = "web", .service = parse(fixture, "{}")};
	static const char TEXT[] = "a ${muster.data} ${other} $${muster.node} ${muster.nothing} $";
	size_t length;
	const char *out = spec_expand_file(fixture->arena, &input, TEXT, strlen(TEXT), &length);

	assert_string_equal(out, "a /d/data/web ${other} $n1 ${muster.nothing} $");
	assert_int_equal(length, strlen(out));
	/* Bytes that are no text pass through. */
	out = spec_expand_file(fixture->arena, &input, "\0$\0{", 4, &length);
	assert_int_equal(length, 4);
	assert_memory_equal(out, "\0$\0{", 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_defaults),
		TEST(test_probes_look_back_as_far_as_they_say),
		TEST(test_layers_override_key_by_key),
		TEST(test_expansion),
		TEST(test_bad_input_names_its_place),
		TEST(test_names_are_checked),
		TEST(test_expansion_is_bounded),
		TEST(test_digests_tell_reload_from_restart),
		TEST(test_copy_stands_alone),
		TEST(test_files_keep_what_is_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
