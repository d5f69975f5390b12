/* SPDX-License-Identifier: Apache-2.0 */
/* What depends on time passing: sessions, tokens, reservations, failed sign-ins. And ends of rights. */
#include "harness/harness.h"

#include "base/fields.h"
#include "domain/access/access.h"
#include "domain/audit/audit.h"
#include "store/audit.h"
#include "store/rights.h"
#include "store/sessions.h"
#include "store/users.h"

static const struct access_limits LIMITS = {
	.session_idle_ms = 60 * 60 * 1000,
	.session_max_ms = 24 * 60 * 60 * 1000,
	.login_attempts = 3,
};

static const char PASSWORD[] = "a long password";

static struct user make_user(const char *login, const char *role)
{
	const struct user_draft draft = {.login = login, .password = PASSWORD, .role = role};
	struct error err = {0};
	struct user user;

	assert_done(access_create_user(harness_ctx(), &draft, &user, &err), err);
	return user;
}

static struct session sign_in(const char *login)
{
	struct error err = {0};
	struct session session;

	assert_done(access_sign_in(harness_ctx(), &LIMITS, login, PASSWORD, &session, &err), err);
	return session;
}

static bool session_lives(const struct session *session)
{
	struct error err = {0};
	struct session found;
	bool lives = access_check_session(harness_ctx(), &LIMITS, session->secret, &found, &err);

	if (!lives)
		assert_int_equal(err.code, ERR_UNAUTHENTICATED);
	return lives;
}

static void test_session_ends_when_unused(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct session session;

	(void)state;
	make_user("idle", "viewer");
	session = sign_in("idle");
	for (int i = 0; i < 5; i++) {
		ctx->now += 50 * USEC_PER_MINUTE;
		assert_true(session_lives(&session));
	}
	ctx->now += 61 * USEC_PER_MINUTE;
	assert_false(session_lives(&session));
}

static void test_session_ends_although_used(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct session session;
	int uses = 0;

	(void)state;
	make_user("busy", "viewer");
	session = sign_in("busy");
	while (session_lives(&session)) {
		ctx->now += 30 * USEC_PER_MINUTE;
		assert_true(++uses <= 48);
	}
	assert_int_equal(uses, 48);
}

static void test_token_expires(void **state)
{
	const struct token_draft draft = {.name = "t", .role = "operator", .expires_in_s = 60};
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct api_token token;
	struct api_token found;

	(void)state;
	assert_done(access_create_token(ctx, &draft, &token, &err), err);
	ctx->now += 59 * USEC_PER_SEC;
	assert_done(access_check_token(ctx, token.secret, &found, &err), err);
	assert_string_equal(found.role, "operator");
	assert_string_equal(found.scopes[0], "*");
	ctx->now += 2 * USEC_PER_SEC;
	assert_false(access_check_token(ctx, token.secret, &found, &err));
	assert_int_equal(err.code, ERR_UNAUTHENTICATED);
}

static void refuse_once(const char *login)
{
	struct error err = {0};
	struct session session;

	assert_false(access_sign_in(harness_ctx(), &LIMITS, login, "wrong", &session, &err));
	assert_int_equal(err.code, ERR_UNAUTHENTICATED);
}

static void test_refusals_are_forgotten(void **state)
{
	struct ctx *ctx = harness_ctx();
	const char *project = ctx->project_id;
	struct error err = {0};
	struct session session;

	(void)state;
	make_user("hasty", "viewer");
	make_user("patient", "viewer");
	ctx->project_id = NULL;
	harness.actor.remote = "192.0.2.7";
	for (int i = 0; i < 3; i++)
		refuse_once("hasty");
	assert_false(access_sign_in(ctx, &LIMITS, "hasty", PASSWORD, &session, &err));
	assert_int_equal(err.code, ERR_LIMITED);
	sign_in("patient");
	harness.actor.remote = "192.0.2.8";
	sign_in("hasty");
	harness.actor.remote = "192.0.2.7";
	ctx->now += 11 * USEC_PER_MINUTE;
	sign_in("hasty");
	ctx->project_id = project;
}

static void begin(const char *key, uint8_t what, enum idempotency_state wanted,
		  unsigned int *status, const char **body)
{
	const uint8_t hash[SHA256_SIZE] = {what};
	struct error err = {0};
	enum idempotency_state state;

	assert_done(idempotency_begin(harness_ctx(), key, hash, &state, status, body, &err), err);
	assert_int_equal(state, wanted);
}

static void test_repeated_requests(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	unsigned int status = 0;
	const char *body = NULL;

	(void)state;
	begin("k", 1, IDEMPOTENCY_NEW, &status, &body);
	begin("k", 1, IDEMPOTENCY_RUNNING, &status, &body);
	begin("k", 2, IDEMPOTENCY_OTHER, &status, &body);
	assert_done(idempotency_finish(ctx, "k", 201, "{}", &err), err);
	begin("k", 1, IDEMPOTENCY_DONE, &status, &body);
	assert_int_equal(status, 201);
	assert_string_equal(body, "{}");

	begin("failed", 1, IDEMPOTENCY_NEW, &status, &body);
	assert_done(idempotency_forget(ctx, "failed", &err), err);
	begin("failed", 1, IDEMPOTENCY_NEW, &status, &body);

	begin("abandoned", 1, IDEMPOTENCY_NEW, &status, &body);
	ctx->now += 61 * USEC_PER_SEC;
	begin("abandoned", 1, IDEMPOTENCY_NEW, &status, &body);
	begin("k", 1, IDEMPOTENCY_DONE, &status, &body);
}

static size_t count_ended(const char *const *rights, size_t count)
{
	const char *const *ended;
	struct error err = {0};
	size_t ended_count;

	assert_done(rights_ended(harness_ctx(), rights, count, &ended, &ended_count, &err), err);
	return ended_count;
}

static void test_rights_end(void **state)
{
	const struct token_draft draft = {.name = "t"};
	struct user_patch out = {.role = ""};
	struct ctx *ctx = harness_ctx();
	const char *rights[3];
	struct error err = {0};
	struct session session;
	struct api_token token;
	struct user user;

	(void)state;
	user = make_user("watcher", "viewer");
	session = sign_in("watcher");
	assert_done(access_create_token(ctx, &draft, &token, &err), err);
	rights[0] = right_of_session(ctx, session.secret);
	rights[1] = right_of_token(ctx, token.id);
	assert_null(strstr(rights[0], session.secret));
	assert_int_equal(count_ended(rights, 2), 0);
	rights[2] = "nonsense";
	assert_int_equal(count_ended(rights, 3), 1);
	assert_done(access_revoke_token(ctx, token.id, &err), err);
	assert_int_equal(count_ended(rights, 2), 1);
	assert_done(access_update_user(ctx, user.id, &out, &user, &err), err);
	assert_int_equal(count_ended(rights, 2), 2);
}

static void test_projects_are_apart(void **state)
{
	struct ctx *ctx = harness_ctx();
	const struct audit_filter filter = {.action = "user.", .limit = 10};
	struct audit_entry *entries;
	struct error err = {0};
	struct user *users;
	size_t count;
	int64_t total;

	(void)state;
	make_user("here", "admin");
	ctx->project_id = HARNESS_OTHER_PROJECT;
	assert_done(users_list(ctx, NULL, 10, &users, &count, &total, &err), err);
	assert_int_equal(count, 0);
	assert_done(audit_list(ctx, &filter, &entries, &count, &err), err);
	assert_int_equal(count, 0);
	ctx->project_id = HARNESS_PROJECT;
	assert_done(audit_list(ctx, &filter, &entries, &count, &err), err);
	assert_int_equal(count, 1);
	assert_string_equal(entries[0].action, "user.create");
	assert_null(strstr(json_text(entries[0].detail, ctx->arena), PASSWORD));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_session_ends_when_unused),
		STORE_TEST(test_session_ends_although_used),
		STORE_TEST(test_token_expires),
		STORE_TEST(test_refusals_are_forgotten),
		STORE_TEST(test_repeated_requests),
		STORE_TEST(test_rights_end),
		STORE_TEST(test_projects_are_apart),
	};

	return cmocka_run_group_tests(tests, harness_group_setup, harness_group_teardown);
}
