/* SPDX-License-Identifier: Apache-2.0 */
/* Releases, keys and uploads in their tables. */
#include "harness/harness.h"

#include "base/fields.h"
#include "store/package_releases.h"
#include "store/uploads.h"

#define HASH "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct package_release release(const char *id, const char *version, const char *platform)
{
	return (struct package_release){.id = id,
					.name = "tool",
					.version = version,
					.platform = platform,
					.sha256 = HASH,
					.size = 5,
					.format = "tar.gz",
					.release = -1,
					.manifest = json_keep(json_object(), harness_ctx()->arena),
					.envelope = "{}",
					.key_id = "0123456789abcdef"};
}

static void test_releases_are_unique_and_found(void **state)
{
	struct package_release one = release("releaseaaaaaaaaaaaaa", "1", "any");
	struct package_release two = release("releasebbbbbbbbbbbbb", "1", "linux-amd64");
	struct package_release found_release, *list;
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	size_t count;
	bool found;

	(void)state;
	assert_done(package_releases_insert(ctx, &one, &err), err);
	assert_done(package_releases_insert(ctx, &two, &err), err);
	assert_done(package_releases_find(ctx, "tool", "1", "linux-amd64", &found_release, &found,
					  &err),
		    err);
	assert_true(found);
	assert_string_equal(found_release.id, two.id);
	assert_int_equal(found_release.release, -1);
	assert_done(package_releases_find(ctx, "tool", "2", NULL, &found_release, &found, &err),
		    err);
	assert_false(found);
	assert_done(package_releases_list(ctx, "tool", NULL, NULL, 10, &list, &count, &err), err);
	assert_int_equal(count, 2);
	ctx->project_id = HARNESS_OTHER_PROJECT;
	assert_done(package_releases_find(ctx, "tool", "1", NULL, &found_release, &found, &err),
		    err);
	assert_false(found);
	ctx->project_id = HARNESS_PROJECT;
	two.id = "releaseccccccccccccc";
	assert_false(package_releases_insert(ctx, &two, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_string_equal(err.field, "manifest.version");
}

static void test_revoked_key_is_gone_and_may_come_back(void **state)
{
	struct release_key key = {
		.id = "keyaaaaaaaaaaaaaaaaa", .name = "k", .key_id = "0123456789abcdef"};
	static const uint8_t public_key[32] = {1};
	struct ctx *ctx = harness_ctx();
	struct release_key *keys;
	struct error err = {0};
	size_t count;

	(void)state;
	assert_done(release_keys_insert(ctx, &key, public_key, &err), err);
	assert_done(release_keys_list(ctx, &keys, &count, &err), err);
	assert_int_equal(count, 1);
	assert_string_equal(keys[0].public_key, "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
	assert_done(release_keys_revoke(ctx, key.id, &err), err);
	assert_done(release_keys_list(ctx, &keys, &count, &err), err);
	assert_int_equal(count, 0);
	key.id = "keybbbbbbbbbbbbbbbbb";
	assert_done(release_keys_insert(ctx, &key, public_key, &err), err);
}

static void test_uploads_expire_and_are_limited(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct upload upload = {.id = "uploadaaaaaaaaaaaaaa",
				.size = 10,
				.sha256 = HASH,
				.expires_at = ctx->now + USEC_PER_HOUR};
	struct upload found;
	struct error err = {0};
	const char *const *ids;
	size_t count;

	(void)state;
	assert_done(uploads_insert(ctx, &upload, 1, &err), err);
	assert_done(uploads_set_received(ctx, upload.id, 4, &err), err);
	assert_done(uploads_get_for_update(ctx, upload.id, &found, &err), err);
	assert_int_equal(found.received, 4);
	upload.id = "uploadbbbbbbbbbbbbbb";
	assert_false(uploads_insert(ctx, &upload, 1, &err));
	assert_int_equal(err.code, ERR_LIMITED);
	ctx->now += 2 * USEC_PER_HOUR;
	assert_false(uploads_get_for_update(ctx, found.id, &found, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_done(uploads_delete_expired(ctx, &ids, &count, &err), err);
	assert_int_equal(count, 1);
	assert_string_equal(ids[0], "uploadaaaaaaaaaaaaaa");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_releases_are_unique_and_found),
		STORE_TEST(test_revoked_key_is_gone_and_may_come_back),
		STORE_TEST(test_uploads_expire_and_are_limited),
	};

	return cmocka_run_group_tests(tests, harness_group_setup, harness_group_teardown);
}
