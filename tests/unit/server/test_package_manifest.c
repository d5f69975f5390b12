/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <jansson.h>

#include "base/arena.h"
#include "domain/package/manifest.h"

#define HASH "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char GOOD[] =
	"{\"v\":1,\"name\":\"mosquitto\",\"version\":\"2.0.11-1+deb12u2\",\"platform\":"
	"\"linux-amd64\",\"archive\":{\"sha256\":\"" HASH "\",\"size\":10,\"format\":\"tar.gz\"},"
	"\"release\":7,\"service\":{\"driver\":\"mosquitto\",\"command\":[\"${muster.package}/x\"],"
	"\"env\":{\"A\":\"b\"},\"stop\":{\"signal\":\"SIGTERM\",\"grace_ms\":10000},\"reload\":"
	"{\"signal\":\"SIGHUP\",\"files\":[\"*.conf\"]},\"restart\":{\"policy\":\"always\"},"
	"\"after\":[\"broker\"],\"limits\":{\"memory_bytes\":1048576},\"probes\":[{\"kind\":\"tcp\","
	"\"port\":1883},{\"kind\":\"tcp\",\"port\":\"${param.port}\"}],\"snapshot\":[\"db\"]}}";

static void good_manifest_is_read(void **state)
{
	struct arena *arena = arena_new();
	struct package_manifest manifest;
	struct error err = {0};

	(void)state;
	assert_success(manifest_parse(GOOD, strlen(GOOD), arena, &manifest, &err), &err);
	assert_string_equal(manifest.name, "mosquitto");
	assert_string_equal(manifest.archive.sha256, HASH);
	assert_int_equal(manifest.archive.size, 10);
	assert_int_equal(manifest.release, 7);
	arena_free(arena);
}

/* Sets the value at a path such as "service.stop.signal" (value NULL: removes it). */
static char *changed(const char *path, const char *value)
{
	json_auto_t *root = json_loads(GOOD, 0, NULL);
	json_t *object = root;
	char copy[128];

	snprintf(copy, sizeof(copy), "%s", path);
	char *name = copy;
	for (char *dot; (dot = strchr(name, '.')); name = dot + 1) {
		*dot = '\0';
		object = json_object_get(object, name);
		assert_non_null(object);
	}
	if (value)
		json_object_set_new(object, name, json_loads(value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(object, name);
	return json_dumps(root, JSON_COMPACT);
}

static void wrong_members_are_named(void **state)
{
	static const struct {
		const char *path;
		const char *value;
	} CASES[] = {
		{"v", "2"},
		{"name", "\"Mosquitto\""},
		{"name", NULL},
		{"version", "\"../x\""},
		{"version", "\"\""},
		{"platform", "\"linux\""},
		{"archive", NULL},
		{"archive", "[]"},
		{"archive.sha256", "\"AA\""},
		{"archive.size", "0"},
		{"archive.format", "\"zip\""},
		{"archive.extra", "1"},
		{"release", "-1"},
		{"unknown", "1"},
		{"service", NULL},
		{"service", "1"},
		{"service.driver", "\"neuron\""},
		{"service.command", "[]"},
		{"service.command", "\"x\""},
		{"service.command", "[1]"},
		{"service.unknown", "1"},
		{"service.env", "{\"A\":1}"},
		{"service.env", "{\"A=B\":\"x\"}"},
		{"service.stop.signal", "\"TERM\""},
		{"service.stop.grace_ms", "-1"},
		{"service.reload.files", NULL},
		{"service.restart.policy", "\"sometimes\""},
		{"service.restart.burst", "0"},
		{"service.after", "[\"Broker\"]"},
		{"service.limits.memory_bytes", "1"},
		{"service.user", "\"root;\""},
		{"service.probes", "[{\"kind\":\"ping\"}]"},
		{"service.probes", "[{}]"},
		{"service.probes", "[{\"kind\":\"tcp\",\"port\":0}]"},
		{"service.probes", "[{\"kind\":\"tcp\",\"port\":\"${other}\"}]"},
		{"service.probes", "[{\"kind\":\"http\",\"status\":99}]"},
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
		struct package_manifest manifest;
		struct error err = {0};
		char *text = changed(CASES[i].path, CASES[i].value);

		if (manifest_parse(text, strlen(text), arena, &manifest, &err))
			fail_msg("%s = %s should be refused", CASES[i].path,
				 CASES[i].value ? CASES[i].value : "(absent)");
		assert_true(err.code == ERR_INVALID || err.code == ERR_TOO_LARGE);
		assert_memory_equal(err.field, "manifest", strlen("manifest"));
		assert_contains(err.field, strchr(CASES[i].path, '.') ? "." : "manifest");
		free(text);
	}
	arena_free(arena);
}

static void nonsense_is_refused(void **state)
{
	static const char *const CASES[] = {"", "[]", "1", "{", "{}", "{\"v\":1,\"v\":1}"};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
		struct package_manifest manifest;
		struct error err = {0};

		assert_failure(manifest_parse(CASES[i], strlen(CASES[i]), arena, &manifest, &err),
			       &err, ERR_INVALID);
	}
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_manifest_is_read),
		cmocka_unit_test(wrong_members_are_named),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
