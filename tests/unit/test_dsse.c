/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/dsse.h"

#include "base/fields.h"
#include "test.h"

struct fixture {
	struct arena *arena;
	struct signing_key *key;
	struct dsse_key trusted;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->arena = arena_new();
	f->key = signing_key_generate();
	signing_key_public(f->key, f->trusted.public_key);
	key_id(f->trusted.public_key, f->trusted.id);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	signing_key_free(f->key);
	arena_free(f->arena);
	free(f);
	return 0;
}

static json_t *signed_json(struct fixture *f, const char *payload)
{
	struct error err;
	char *text;
	json_t *json;

	assert_true(
		dsse_sign(f->arena, f->key, DSSE_DESIRED, payload, strlen(payload), &text, &err));
	assert_true(json_parse_limited(text, strlen(text), 8, &json, &err));
	return json_keep(json, f->arena);
}

static bool opens(struct fixture *f, json_t *envelope, const char *type, char **payload,
		  struct error *err)
{
	size_t len;

	return dsse_open(f->arena, envelope, type, &f->trusted, 1, payload, &len, NULL, err);
}

static void test_any_of_several_signatures_opens_it(void **state)
{
	struct fixture *f = *state;
	struct signing_key *other = signing_key_generate();
	const struct signing_key *const both[] = {other, f->key};
	struct error err;
	char *text, *payload;
	json_t *json;

	assert_true(dsse_sign_all(f->arena, both, 2, DSSE_KEYS, "{}", 2, &text, &err));
	assert_true(json_parse_limited(text, strlen(text), 8, &json, &err));
	json_keep(json, f->arena);
	assert_int_equal(json_array_size(json_object_get(json, "signatures")), 2);
	assert_true(opens(f, json, DSSE_KEYS, &payload, &err));
	assert_string_equal(payload, "{}");
	assert_false(opens(f, json, DSSE_COMMAND, &payload, &err));
	/* Only the one that is not trusted is left. */
	json_array_remove(json_object_get(json, "signatures"), 1);
	assert_false(opens(f, json, DSSE_KEYS, &payload, &err));
	assert_int_equal(err.code, ERR_FORBIDDEN);
	signing_key_free(other);
}

static void test_round_trip(void **state)
{
	struct fixture *f = *state;
	struct error err;
	char *payload;

	assert_true(opens(f, signed_json(f, "{\"a\":1}"), DSSE_DESIRED, &payload, &err));
	assert_string_equal(payload, "{\"a\":1}");
}

static void test_type_is_signed(void **state)
{
	struct fixture *f = *state;
	struct error err;
	char *payload;
	json_t *envelope = signed_json(f, "{}");

	assert_false(opens(f, envelope, DSSE_COMMAND, &payload, &err));
	assert_int_equal(err.code, ERR_INVALID);
	json_object_set_new(envelope, "payloadType", json_string(DSSE_COMMAND));
	assert_false(opens(f, envelope, DSSE_COMMAND, &payload, &err));
	assert_int_equal(err.code, ERR_FORBIDDEN);
}

static void test_changed_payload_is_refused(void **state)
{
	struct fixture *f = *state;
	struct error err;
	char *payload;
	json_t *envelope = signed_json(f, "{}");

	json_object_set_new(envelope, "payload", json_string("e30K"));
	assert_false(opens(f, envelope, DSSE_DESIRED, &payload, &err));
	assert_int_equal(err.code, ERR_FORBIDDEN);
}

static void test_stranger_is_refused(void **state)
{
	struct fixture *f = *state;
	struct error err;
	char *payload;
	json_t *envelope = signed_json(f, "{}");

	f->trusted.public_key[0] ^= 1;
	assert_false(opens(f, envelope, DSSE_DESIRED, &payload, &err));
	assert_int_equal(err.code, ERR_FORBIDDEN);
	memset(f->trusted.id, '0', KEY_ID_SIZE - 1);
	assert_false(opens(f, envelope, DSSE_DESIRED, &payload, &err));
	assert_int_equal(err.code, ERR_FORBIDDEN);
}

static void test_malformed_is_refused(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"payloadType\":\"" DSSE_DESIRED "\",\"payload\":\"***\",\"signatures\":[]}",
		"{\"payloadType\":\"" DSSE_DESIRED "\",\"payload\":\"e30=\",\"signatures\":{}}",
		"{\"payloadType\":\"" DSSE_DESIRED "\",\"payload\":\"e30=\",\"signatures\":[1]}",
		"{\"payloadType\":7,\"payload\":\"e30=\",\"signatures\":[]}",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err;
		char *payload;
		json_t *json;
		assert_true(json_parse_limited(bad[i], strlen(bad[i]), 8, &json, &err));
		assert_false(opens(f, json_keep(json, f->arena), DSSE_DESIRED, &payload, &err));
		assert_int_equal(err.code, ERR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_any_of_several_signatures_opens_it, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_type_is_signed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_changed_payload_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stranger_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_malformed_is_refused, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
