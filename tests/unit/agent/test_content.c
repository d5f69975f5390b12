/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/crypto.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "base/file.h"
#include "protocol/dsse.h"
#include "protocol/limits.h"
#include "reconcile/content.h"
#include "test.h"

struct fixture {
	struct arena *arena;
	struct signing_key *key;
	char public_key[BASE64_SIZE(ED25519_PUBLIC_SIZE)];
};

static int setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	uint8_t raw[ED25519_PUBLIC_SIZE];

	fixture->arena = arena_new();
	fixture->key = signing_key_generate();
	signing_key_public(fixture->key, raw);
	base64_encode(raw, sizeof(raw), fixture->public_key);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	signing_key_free(fixture->key);
	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

static bool decode(struct fixture *fixture, const char *text, struct content *content,
		   struct error *err)
{
	return content_decode(text, strlen(text), fixture->arena, content, err);
}

static char *with_service(struct fixture *fixture, const char *members)
{
	return arena_printf(fixture->arena, "{\"v\":1,\"services\":{\"a\":{%s}}}", members);
}

static void decodes_the_example_of_the_schema(void **state)
{
	struct fixture *fixture = *state;
	struct content content;
	struct error err = {0};
	char *text;

	assert_success(file_read(SOURCE_DIR "/schema/messages/examples/desired-content.json",
				 LIMIT_DESIRED_CONTENT, fixture->arena, &text, NULL, &err),
		       &err);
	assert_success(decode(fixture, text, &content, &err), &err);
	assert_int_equal(content.service_count, 1);
	assert_int_equal(content.gate_ms, 5000);
	assert_string_equal(content.rollout, "abcdefgh234567abcdef");
	const struct content_service *broker = content_find(&content, "broker");
	assert_string_equal(broker->package->version, "2.0.11");
	assert_int_equal(broker->config->file_count, 2);
	assert_int_equal(broker->config->files[1].mode, 0600);
	assert_int_equal(broker->config->files[1].size, 3);
	assert_memory_equal(broker->config->files[1].data, "\0\1\2", 3);
}

static void refuses_what_is_not_safe(void **state)
{
	static const char *const BAD[] = {
		"\"driver\":\"generic\"",
		"\"driver\":\"generic\",\"run\":1",
		"\"driver\":\"generic\",\"run\":true,\"parameters\":[]",
		"\"driver\":\"generic\",\"run\":true,\"config\":{\"name\":\"c\",\"version\":0,"
		"\"digest\":\"d\",\"files\":[]}",
		"\"driver\":\"generic\",\"run\":true,\"config\":{\"name\":\"c\",\"version\":1,"
		"\"digest\":\"d\",\"files\":[{\"path\":\"/f\",\"content\":\"\"}]}",
		"\"driver\":\"generic\",\"run\":true,\"config\":{\"name\":\"c\",\"version\":1,"
		"\"digest\":\"d\",\"files\":[{\"path\":\"a/./f\",\"content\":\"\"}]}",
		"\"driver\":\"generic\",\"run\":true,\"config\":{\"name\":\"c\",\"version\":1,"
		"\"digest\":\"d\",\"files\":[{\"path\":\"f\",\"mode\":\"4755\",\"content\":\"\"}]}",
		"\"driver\":\"generic\",\"run\":true,\"config\":{\"name\":\"c\",\"version\":1,"
		"\"digest\":\"d\",\"files\":[{\"path\":\"f\",\"content\":\"\"},{\"path\":\"f\","
		"\"content\":\"\"}]}",
		"\"driver\":\"generic\",\"run\":true,\"config\":{\"name\":\"c\",\"version\":1,"
		"\"digest\":\"d\",\"files\":[{\"path\":\"f\"}]}",
		"\"driver\":\"generic\",\"run\":true,\"config\":{\"name\":\"c\",\"version\":1,"
		"\"digest\":\"d\",\"files\":[{\"path\":\"f\",\"content_base64\":\"*\"}]}",
		"\"driver\":\"generic\",\"run\":true,\"package\":{\"name\":\"p\",\"version\":\"1\","
		"\"platform\":\"any\",\"sha256\":\"../../etc\",\"size\":1,\"manifest\":{}}",
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
		struct content content;
		struct error err = {0};

		if (decode(fixture, with_service(fixture, BAD[i]), &content, &err))
			fail_msg("this was taken: %s", BAD[i]);
		assert_true(err.text[0] != '\0');
	}
	struct content content;
	struct error err = {0};
	assert_false(decode(fixture, "{\"v\":2,\"services\":{}}", &content, &err));
	assert_false(decode(fixture, "{\"v\":1,\"services\":{\"../x\":{}}}", &content, &err));
	assert_false(decode(fixture, "{\"v\":1}", &content, &err));
}

/* An envelope around a manifest of app 1.0 for this platform and this sha256. */
static const char *sign(struct fixture *fixture, const struct signing_key *key,
			const char *platform, const char *sha256, int release)
{
	char *envelope;
	struct error err = {0};
	char *manifest = arena_printf(
		fixture->arena,
		"{\"v\":1,\"name\":\"app\",\"version\":\"1.0\",\"platform\":\"%s\",\"release\":%d,"
		"\"archive\":{\"sha256\":\"%s\",\"size\":7,\"format\":\"tar.gz\"},\"service\":{"
		"\"driver\":\"generic\",\"command\":[\"${muster.package}/bin/app\"]}}",
		platform, release, sha256);

	assert_success(dsse_sign(fixture->arena, key, DSSE_PACKAGE, manifest, strlen(manifest),
				 &envelope, &err),
		       &err);
	return envelope;
}

static const char SHA[] = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd";
static const char OTHER[] = "ababababababababababababababababababababababababababababababababab";

static bool specify(struct fixture *fixture, const char *envelope, const char *key,
		    struct content *content, struct error *err)
{
	const struct content_place place = {
		.root = "/r", .node = "nabcdef", .platform = "linux-amd64"};
	const char *service;
	char *text = arena_printf(
		fixture->arena,
		"{\"v\":1,\"release_keys\":[{\"id\":\"x\",\"public\":\"%s\"}],\"services\":{\"a\":"
		"{\"driver\":\"generic\",\"run\":true,\"package\":{\"name\":\"app\",\"version\":"
		"\"1.0\",\"platform\":\"any\",\"sha256\":\"%s\",\"size\":7,\"manifest\":%s},"
		"\"config\":null,\"parameters\":{}}}}",
		key, SHA, envelope);

	assert_success(decode(fixture, text, content, err), err);
	return content_specify(content, &place, fixture->arena, &service, err);
}

static void takes_only_packages_of_a_release_key(void **state)
{
	struct fixture *fixture = *state;
	struct signing_key *stranger = signing_key_generate();
	struct content content;
	struct error err = {0};

	assert_success(specify(fixture, sign(fixture, fixture->key, "linux-amd64", SHA, 5),
			       fixture->public_key, &content, &err),
		       &err);
	assert_int_equal(content.services[0].package->release, 5);
	assert_string_equal(content.services[0].spec.command[0],
			    arena_printf(fixture->arena, "/r/packages/%s/bin/app", SHA));
	assert_failure(specify(fixture, sign(fixture, stranger, "any", SHA, 0), fixture->public_key,
			       &content, &err),
		       &err, ERR_FORBIDDEN);
	assert_failure(specify(fixture, sign(fixture, fixture->key, "any", OTHER, 0),
			       fixture->public_key, &content, &err),
		       &err, ERR_INVALID);
	assert_failure(specify(fixture, sign(fixture, fixture->key, "linux-arm64", SHA, 0),
			       fixture->public_key, &content, &err),
		       &err, ERR_INVALID);
	assert_contains(err.text, "linux-arm64");
	assert_failure(specify(fixture, sign(fixture, fixture->key, "any", SHA, 0), "AAAA",
			       &content, &err),
		       &err, ERR_INVALID);
	signing_key_free(stranger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(decodes_the_example_of_the_schema, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_is_not_safe, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_only_packages_of_a_release_key, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
