/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/hear.h"

#include <stdio.h>
#include <string.h>

#include "base/fields.h"
#include "protocol/messages.h"
#include "test.h"

static const char CONTENT[] =
	"{\"v\":1,\"project\":\"default\",\"health_interval_ms\":30000,"
	"\"apply\":{\"rollout\":\"abcdefgh234567abcdef\"},\"services\":{\"tool\":{"
	"\"driver\":\"generic\",\"run\":true,\"package\":{\"name\":\"p\",\"version\":\"1.0\","
	"\"platform\":\"any\",\"sha256\":\"cd\",\"size\":1,\"manifest\":{}},\"config\":{"
	"\"name\":\"c\",\"version\":3,\"digest\":\"sha256:ab\",\"files\":[]},"
	"\"parameters\":null}}}";

struct fixture {
	struct arena *arena;
	struct signing_key *key, *other;
	struct dsse_key trusted;
	struct contents *contents;
	struct hearing hearing;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->arena = arena_new();
	f->key = signing_key_generate();
	f->other = signing_key_generate();
	signing_key_public(f->key, f->trusted.public_key);
	key_id(f->trusted.public_key, f->trusted.id);
	f->contents = contents_new();
	f->hearing = (struct hearing){&f->trusted, 1, f->contents, f->arena, 1000000};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	contents_free(f->contents);
	signing_key_free(f->key);
	signing_key_free(f->other);
	arena_free(f->arena);
	free(f);
	return 0;
}

/* As the server makes it. */
static const char *envelope(struct fixture *f, const struct signing_key *key, int64_t generation,
			    const char *content, bool right)
{
	char hex[SHA256_HEX_SIZE], digest[DIGEST_SIZE], *text;
	struct error err = {0};

	sha256_hex(right ? content : "", right ? strlen(content) : 0, hex);
	snprintf(digest, sizeof(digest), "sha256:%s", hex);
	const struct msg_desired desired = {
		.node = "nq3x7k2m5p",
		.generation = generation,
		.issued = INT64_C(1764547200000006),
		.expires = INT64_C(1764547300000006),
		.digest = digest,
		.content = content,
		.fetch = json_keep(json_object(), f->arena),
	};
	const char *payload =
		json_text(json_keep(msg_desired_encode(&desired), f->arena), f->arena);
	assert_true(dsse_sign(f->arena, key, DSSE_DESIRED, payload, strlen(payload), &text, &err));
	return text;
}

static bool hear(struct fixture *f, const char *text, bool verify, struct heard *heard,
		 struct error *err)
{
	return hear_desired(&f->hearing, text, strlen(text), verify, heard, err);
}

static void test_in_full_and_in_passing_hear_the_same(void **state)
{
	struct fixture *f = *state;
	struct heard first, second, third;
	struct error err = {0};

	assert_true(hear(f, envelope(f, f->key, 41, CONTENT, true), false, &first, &err));
	/* Its content is known by now. */
	assert_true(hear(f, envelope(f, f->key, 42, CONTENT, true), false, &second, &err));
	assert_true(hear(f, envelope(f, f->key, 42, CONTENT, true), true, &third, &err));
	assert_int_equal(first.generation, 41);
	assert_int_equal(second.generation, 42);
	assert_int_equal(second.issued, third.issued);
	assert_string_equal(second.node, "nq3x7k2m5p");
	assert_string_equal(second.digest, third.digest);
	assert_ptr_equal(first.content, second.content);
	assert_ptr_equal(second.content, third.content);
	assert_string_equal(first.content->rollout, "abcdefgh234567abcdef");
	assert_string_equal(first.content->service, "tool");
	assert_string_equal(first.content->runs, "tool=p@1.0#c@3");
	assert_int_equal(first.content->health_interval_ms, 30000);
}

static void test_what_is_not_signed_or_not_the_content_is_seen(void **state)
{
	struct fixture *f = *state;
	struct heard heard;
	struct error err = {0};

	assert_false(hear(f, envelope(f, f->other, 41, CONTENT, true), true, &heard, &err));
	assert_int_equal(err.code, ERR_FORBIDDEN);
	assert_false(hear(f, envelope(f, f->key, 41, CONTENT, false), true, &heard, &err));
	assert_int_equal(err.code, ERR_FORBIDDEN);
	assert_true(hear(f, envelope(f, f->other, 41, CONTENT, true), false, &heard, &err));
}

static void test_nonsense_is_refused(void **state)
{
	static const char *const TEXTS[] = {
		"",
		"{",
		"[]",
		"{\"payloadType\":\"application/vnd.muster.desired+json\"}",
		"{\"payload\":\"%\"}",
		"{\"payload\":\"e30=\"}"};
	struct fixture *f = *state;
	struct heard heard;
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++) {
		error_clear(&err);
		assert_false(hear(f, TEXTS[i], false, &heard, &err));
		assert_int_equal(err.code, ERR_INVALID);
	}
	assert_false(
		hear(f, envelope(f, f->key, 1, "{\"services\":[]}", true), false, &heard, &err));
	assert_false(hear(f, envelope(f, f->key, 1, "no", true), false, &heard, &err));
}

static void test_contents_go_with_their_last_holder(void **state)
{
	struct fixture *f = *state;
	struct heard heard;
	struct error err = {0};

	assert_true(hear(f, envelope(f, f->key, 41, CONTENT, true), true, &heard, &err));
	content_hold(heard.content);
	content_hold(heard.content);
	content_release(f->contents, heard.content);
	assert_ptr_equal(content_find(f->contents, heard.digest), heard.content);
	content_release(f->contents, heard.content);
	assert_null(content_find(f->contents, heard.digest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_full_and_in_passing_hear_the_same, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_what_is_not_signed_or_not_the_content_is_seen,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonsense_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_contents_go_with_their_last_holder, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
