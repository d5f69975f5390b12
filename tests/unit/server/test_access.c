/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/arena.h"
#include "domain/access/access.h"
#include "domain/access/password.h"

static void scopes_follow(void **state)
{
	static const char *const HELD[] = {"nodes:write", "configs:read"};
	static const char *const ALL[] = {"*"};

	(void)state;
	assert_true(scope_allows(HELD, 2, "nodes:write"));
	assert_true(scope_allows(HELD, 2, "nodes:read"));
	assert_true(scope_allows(HELD, 2, "configs:read"));
	assert_false(scope_allows(HELD, 2, "configs:write"));
	assert_false(scope_allows(HELD, 2, "node:read"));
	assert_false(scope_allows(HELD, 2, "admin:read"));
	assert_false(scope_allows(HELD, 0, "nodes:read"));
	assert_true(scope_allows(ALL, 1, "admin:write"));
}

static void roles_have_names(void **state)
{
	(void)state;
	for (enum role role = ROLE_VIEWER; role <= ROLE_ADMIN; role++)
		assert_int_equal(role_parse(role_name(role)), role);
	assert_int_equal(role_parse("owner"), ROLE_NONE);
	assert_int_equal(role_parse(NULL), ROLE_NONE);
	assert_true(ROLE_VIEWER < ROLE_OPERATOR && ROLE_OPERATOR < ROLE_APPROVER &&
		    ROLE_APPROVER < ROLE_ADMIN);
}

static void passwords_match_their_hash_only(void **state)
{
	struct arena *arena = arena_new();
	struct error err = {.code = ERR_NONE};
	const char *hash;
	bool matches;

	(void)state;
	assert_success(password_hash("correct horse", arena, &hash, &err), &err);
	assert_contains(hash, "$argon2id$");
	assert_null(strstr(hash, "horse"));
	assert_success(password_check("correct horse", hash, &matches, &err), &err);
	assert_true(matches);
	assert_success(password_check("correct house", hash, &matches, &err), &err);
	assert_false(matches);
	assert_success(password_check("correct horse", NULL, &matches, &err), &err);
	assert_false(matches);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scopes_follow),
		cmocka_unit_test(roles_have_names),
		cmocka_unit_test(passwords_match_their_hash_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
