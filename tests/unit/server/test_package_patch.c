/* SPDX-License-Identifier: Apache-2.0 */
/* Patches made by the server and read as agents read them. */
#include "test.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "domain/package/patch.h"
#include "package/patch.h"
#include "temporary_folder.h"

enum { LARGE = 3 << 20 };

struct place {
	struct arena *arena;
	const char *folder, *old_archive, *new_archive, *base, *patch;
};

static struct place place_of(void **state)
{
	struct arena *arena = arena_new();

	return (struct place){
		.arena = arena,
		.folder = *state,
		.old_archive = arena_printf(arena, "%s/old.tar.gz", (char *)*state),
		.new_archive = arena_printf(arena, "%s/new.tar.zst", (char *)*state),
		.base = arena_printf(arena, "%s/base", (char *)*state),
		.patch = arena_printf(arena, "%s/patch", (char *)*state),
	};
}

/* Does not repeat itself within any window. */
static char *noise(struct arena *arena, size_t size, uint64_t seed)
{
	char *data = arena_alloc(arena, size);

	for (size_t i = 0; i < size; i++) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		data[i] = (char)(seed >> 56);
	}
	return data;
}

static void add_file(struct archive *archive, const char *path, const char *data, size_t size)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)size);
	assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(archive, data, size), size);
	archive_entry_free(entry);
}

static struct archive *begin(const char *path)
{
	struct archive *archive = archive_write_new();

	archive_write_set_format_pax_restricted(archive);
	if (strstr(path, ".zst"))
		archive_write_add_filter_zstd(archive);
	else
		archive_write_add_filter_gzip(archive);
	assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
	return archive;
}

static void end(struct archive *archive)
{
	assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
	archive_write_free(archive);
}

static void put(const struct place *place, const char *name, const char *data, size_t size)
{
	const char *path = arena_printf(place->arena, "%s/%s", place->base, name);
	struct error err;

	assert_success(file_make_folders(place->base, 0755, &err), &err);
	assert_success(file_write_atomic(path, data, size, 0644, &err), &err);
}

/* The old archive, unpacked as base; the new one has moved, changed and new content. */
static void make_versions(const struct place *place)
{
	char *program = noise(place->arena, LARGE, 1), *data = noise(place->arena, LARGE, 2);
	struct archive *archive = begin(place->old_archive);

	add_file(archive, "program", program, LARGE);
	add_file(archive, "data", data, LARGE);
	end(archive);
	put(place, "program", program, LARGE);
	put(place, "data", data, LARGE);
	archive = begin(place->new_archive);
	memset(data + 1000, 'x', 100);
	add_file(archive, "renamed", data, LARGE);
	add_file(archive, "new", noise(place->arena, 1000, 3), 1000);
	add_file(archive, "program", program + 5, LARGE - 5);
	end(archive);
}

static void hash_of_archive(const char *path, struct tarball_facts *facts)
{
	CLEANUP(fd_cleanup) int fd = open(path, O_RDONLY);
	struct tarball *tarball;
	struct error err;

	assert_success(tarball_open(fd, INT64_MAX, TARBALL_HASH_CONTENT, &tarball, &err), &err);
	assert_success(tarball_finish(tarball, facts, &err), &err);
	tarball_free(tarball);
}

static bool hash_of_patch(struct patch *patch, char out[SHA256_HEX_SIZE], struct error *err)
{
	struct sha256 *hash = sha256_new();
	uint8_t digest[SHA256_SIZE];
	const void *data;
	size_t size = 1;
	bool ok = true;

	while (ok && size > 0) {
		ok = patch_read(patch, &data, &size, err);
		if (ok && size > 0)
			sha256_update(hash, data, size);
	}
	sha256_final(hash, digest);
	sha256_free(hash);
	for (int i = 0; i < SHA256_SIZE; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
	return ok;
}

static void gives_the_very_tar_of_the_new_archive(void **state)
{
	struct place place = place_of(state);
	struct tarball_facts facts;
	char hash[SHA256_HEX_SIZE];
	struct patch *patch;
	struct error err;
	int64_t size;

	make_versions(&place);
	assert_success(patch_make(place.old_archive, place.new_archive, place.patch, &size, &err),
		       &err);
	assert_true(size < 64 * 1024);
	hash_of_archive(place.new_archive, &facts);
	assert_success(patch_open(place.patch, place.base, facts.content_bytes, &patch, &err),
		       &err);
	for (int i = 0; i < 2; i++) {
		assert_success(hash_of_patch(patch, hash, &err), &err);
		assert_string_equal(hash, facts.content_sha256);
		assert_success(patch_rewind(patch, &err), &err);
	}
	patch_free(patch);
	assert_failure(patch_open(place.patch, place.base, facts.content_bytes - 1, &patch, &err),
		       &err, ERR_TOO_LARGE);
	arena_free(place.arena);
}

static void works_without_a_file_of_use(void **state)
{
	struct place place = place_of(state);
	struct archive *archive = begin(place.old_archive);
	struct tarball_facts facts;
	char hash[SHA256_HEX_SIZE];
	struct patch *patch;
	struct error err;
	int64_t size;

	add_file(archive, "small", "x", 1);
	end(archive);
	put(&place, "small", "x", 1);
	archive = begin(place.new_archive);
	add_file(archive, "new", noise(place.arena, LARGE, 3), LARGE);
	end(archive);
	assert_success(patch_make(place.old_archive, place.new_archive, place.patch, &size, &err),
		       &err);
	hash_of_archive(place.new_archive, &facts);
	assert_success(patch_open(place.patch, place.base, INT64_MAX, &patch, &err), &err);
	assert_success(hash_of_patch(patch, hash, &err), &err);
	assert_string_equal(hash, facts.content_sha256);
	patch_free(patch);
	arena_free(place.arena);
}

/* Whatever was done to the older version or the patch: an error or another hash, never more. */
static void finds_that_something_was_changed(void **state)
{
	struct place place = place_of(state);
	struct tarball_facts facts;
	char hash[SHA256_HEX_SIZE], *bytes;
	struct patch *patch;
	struct error err;
	int64_t made;
	size_t size;

	make_versions(&place);
	assert_success(patch_make(place.old_archive, place.new_archive, place.patch, &made, &err),
		       &err);
	hash_of_archive(place.new_archive, &facts);
	assert_success(file_read(place.patch, 1 << 20, place.arena, &bytes, &size, &err), &err);
	for (size_t at = 0; at < size; at += 1 + size / 300) {
		bytes[at] ^= 0x11;
		assert_success(file_write_atomic(place.patch, bytes, size, 0600, &err), &err);
		bytes[at] ^= 0x11;
		if (!patch_open(place.patch, place.base, facts.content_bytes, &patch, &err))
			continue;
		if (hash_of_patch(patch, hash, &err))
			assert_string_not_equal(hash, facts.content_sha256);
		patch_free(patch);
	}
	for (size_t cut = 0; cut < size; cut += 1 + size / 50) {
		assert_success(file_write_atomic(place.patch, bytes, cut, 0600, &err), &err);
		if (!patch_open(place.patch, place.base, facts.content_bytes, &patch, &err))
			continue;
		assert_false(hash_of_patch(patch, hash, &err));
		patch_free(patch);
	}
	assert_success(file_write_atomic(place.patch, bytes, size, 0600, &err), &err);
	put(&place, "data", "another size", 12);
	assert_success(patch_open(place.patch, place.base, facts.content_bytes, &patch, &err),
		       &err);
	assert_failure(hash_of_patch(patch, hash, &err), &err, ERR_INVALID);
	assert_contains(err.text, "not as it was");
	patch_free(patch);
	arena_free(place.arena);
}

#define IN_FOLDER(test) \
	cmocka_unit_test_setup_teardown(test, temporary_folder_setup, temporary_folder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(gives_the_very_tar_of_the_new_archive),
		IN_FOLDER(works_without_a_file_of_use),
		IN_FOLDER(finds_that_something_was_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
