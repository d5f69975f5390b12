/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "base/file.h"
#include "client.h"
#include "handlers.h"
#include "package/tarball.h"
#include "protocol/dsse.h"
#include "protocol/limits.h"

enum { PART_BYTES = 8 * 1024 * 1024 };

static const struct column RELEASES[] = {
	{"NAME", "name", COLUMN_TEXT},	       {"VERSION", "version", COLUMN_TEXT},
	{"PLATFORM", "platform", COLUMN_TEXT}, {"SIZE", "size", COLUMN_SIZE},
	{"NODES", "nodes", COLUMN_TEXT},       {"UPLOADED", "uploaded_at", COLUMN_TIME},
	{"BY", "uploaded_by", COLUMN_TEXT},    {NULL, NULL, COLUMN_TEXT},
};

static const struct column KEYS[] = {
	{"ID", "id", COLUMN_TEXT},	{"NAME", "name", COLUMN_TEXT},
	{"KEY", "key_id", COLUMN_TEXT}, {"CREATED", "created_at", COLUMN_TIME},
	{NULL, NULL, COLUMN_TEXT},
};

bool package_list_command(struct cli *cli, struct error *err)
{
	return run_list(cli, "/api/v1/packages", RELEASES,
			"no package; \"muster package upload\" brings one", err);
}

bool package_show_command(struct cli *cli, struct error *err)
{
	return run_list(cli, cli_path(cli, "/api/v1/packages/%s", cli->arguments[0]), RELEASES,
			"no release", err);
}

bool package_delete_command(struct cli *cli, struct error *err)
{
	return run_change(
		cli, "DELETE",
		cli_path(cli, "/api/v1/packages/%s/%s", cli->arguments[0], cli->arguments[1]), NULL,
		"deleted", err);
}

/* --- upload --- */

static const char *format_of(const char *path)
{
	static const struct {
		const char *ending, *format;
	} FORMATS[] = {{".tar.gz", "tar.gz"}, {".tgz", "tar.gz"},      {".tar.xz", "tar.xz"},
		       {".txz", "tar.xz"},    {".tar.zst", "tar.zst"}, {".deb", "deb"}};
	size_t length = strlen(path);

	for (size_t i = 0; i < ARRAY_SIZE(FORMATS); i++) {
		size_t size = strlen(FORMATS[i].ending);

		if (length > size && strcmp(path + length - size, FORMATS[i].ending) == 0)
			return FORMATS[i].format;
	}
	return NULL;
}

/* Hashes of the archive and of the tar inside, which lets nodes fetch differences only. */
static bool look_inside(const char *path, struct tarball_facts *facts, int64_t *size,
			struct error *err)
{
	CLEANUP(fd_cleanup) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct tarball *tarball;
	struct stat status;

	if (fd < 0 || fstat(fd, &status) != 0)
		return error_set_errno(err, ERR_INVALID, errno, "cannot read %s", path);
	*size = status.st_size;
	if (!tarball_open(fd, INT64_MAX, TARBALL_HASH_FILE | TARBALL_HASH_CONTENT, &tarball, err))
		return error_prefix(err, "%s", path);
	bool ok = tarball_finish(tarball, facts, err) || error_prefix(err, "%s", path);
	tarball_free(tarball);
	return ok;
}

/* The manifest with what only the archive itself can say. */
static bool complete_manifest(struct cli *cli, const char *archive, char **text,
			      struct tarball_facts *facts, int64_t *size, struct error *err)
{
	const char *path = cli_option(cli, "manifest"), *format = format_of(archive);
	char *data;
	size_t length;
	json_t *manifest;

	if (path == NULL)
		return error_set(err, ERR_INVALID, "what is in it? --manifest FILE");
	if (format == NULL)
		return error_set(err, ERR_INVALID, "%s is no .tar.gz, .tar.xz, .tar.zst or .deb",
				 archive);
	if (!file_read(path, LIMIT_MANIFEST, cli->arena, &data, &length, err) ||
	    !json_parse_limited(data, length, LIMIT_JSON_DEPTH, &manifest, err))
		return error_prefix(err, "manifest %s", path);
	json_keep(manifest, cli->arena);
	if (!look_inside(archive, facts, size, err))
		return false;
	json_object_set_new(manifest, "archive",
			    json_pack("{s:s, s:I, s:s, s:{s:s, s:I}}", "sha256", facts->file_sha256,
				      "size", (json_int_t)*size, "format", format, "tar", "sha256",
				      facts->content_sha256, "size",
				      (json_int_t)facts->content_bytes));
	if (json_object_get(manifest, "v") == NULL)
		json_object_set_new(manifest, "v", json_integer(1));
	*text = json_text(manifest, cli->arena);
	return true;
}

static bool sign_manifest(struct cli *cli, const char *manifest, char **envelope, struct error *err)
{
	const char *path = cli_option(cli, "key");
	struct signing_key *key;

	if (path == NULL)
		return error_set(err, ERR_INVALID,
				 "who vouches for it? --key FILE (\"muster release-key create\")");
	if (!signing_key_load(path, &key, err))
		return false;
	bool done =
		dsse_sign(cli->arena, key, DSSE_PACKAGE, manifest, strlen(manifest), envelope, err);
	signing_key_free(key);
	return done;
}

static bool send_parts(struct cli *cli, const char *archive, const char *sha256, int64_t size,
		       const char **id, struct error *err)
{
	json_t *body = json_keep(
		json_pack("{s:I, s:s}", "size", (json_int_t)size, "sha256", sha256), cli->arena);
	json_t *upload;
	const char *known = cli_option(cli, "resume");

	if (known != NULL
		    ? !client_call(cli->client, "GET", cli_path(cli, "/api/v1/uploads/%s", known),
				   NULL, cli->arena, &upload, err)
		    : !client_call(cli->client, "POST", "/api/v1/uploads", body, cli->arena,
				   &upload, err))
		return false;
	*id = json_string_value(json_object_get(upload, "id"));
	int64_t offset = json_integer_value(json_object_get(upload, "offset"));
	while (offset < size) {
		struct client_upload part = {.file = archive, .offset = offset, .size = PART_BYTES};
		if (part.size > size - offset)
			part.size = size - offset;
		client_header(cli->client, "Upload-Offset",
			      arena_printf(cli->arena, "%lld", (long long)offset));
		if (!client_send_file(cli->client, "PATCH",
				      cli_path(cli, "/api/v1/uploads/%s", *id), &part, cli->arena,
				      &upload, err))
			return error_prefix(err, "after %lld bytes (go on with --resume %s)",
					    (long long)offset, *id);
		offset += part.size;
		if (!cli->quiet && isatty(STDERR_FILENO))
			fprintf(stderr, "\r%3d %%%s", (int)(offset * 100 / size),
				offset == size ? "\n" : "");
	}
	return true;
}

bool package_upload_command(struct cli *cli, struct error *err)
{
	const char *archive = cli->arguments[0], *id;
	char *manifest, *envelope;
	struct tarball_facts facts;
	int64_t size;
	json_t *release;

	if (!complete_manifest(cli, archive, &manifest, &facts, &size, err) ||
	    !sign_manifest(cli, manifest, &envelope, err))
		return false;
	if (cli_switch(cli, "resumable") || cli_option(cli, "resume") != NULL) {
		json_t *signed_manifest;
		if (!send_parts(cli, archive, facts.file_sha256, size, &id, err) ||
		    !json_parse_limited(envelope, strlen(envelope), LIMIT_JSON_DEPTH,
					&signed_manifest, err))
			return false;
		json_t *body = json_keep(
			json_pack("{s:s, s:o}", "upload_id", id, "manifest", signed_manifest),
			cli->arena);
		if (!client_call(cli->client, "POST", "/api/v1/packages", body, cli->arena,
				 &release, err))
			return false;
	} else {
		struct client_upload upload = {.file = archive,
					       .size = size,
					       .show = !cli->quiet && isatty(STDERR_FILENO)};
		char *header = arena_alloc(cli->arena, BASE64_SIZE(strlen(envelope)));
		base64_encode(envelope, strlen(envelope), header);
		client_header(cli->client, "Muster-Manifest", header);
		if (!client_send_file(cli->client, "POST", "/api/v1/packages", &upload, cli->arena,
				      &release, err))
			return false;
	}
	if (cli->json)
		print_json(release);
	cli_say(cli, "%s %s for %s is there",
		value_text(cli, json_object_get(release, "name"), COLUMN_TEXT),
		value_text(cli, json_object_get(release, "version"), COLUMN_TEXT),
		value_text(cli, json_object_get(release, "platform"), COLUMN_TEXT));
	return true;
}

/* --- release keys --- */

static bool register_key(struct cli *cli, const char *name, const uint8_t public_key[],
			 struct error *err)
{
	char text[BASE64_SIZE(ED25519_PUBLIC_SIZE)];

	base64_encode(public_key, ED25519_PUBLIC_SIZE, text);
	json_t *body =
		json_keep(json_pack("{s:s, s:s}", "name", name, "public_key", text), cli->arena);
	return run_change(cli, "POST", "/api/v1/release-keys", body,
			  "registered: packages that it signs are accepted", err);
}

bool release_key_create_command(struct cli *cli, struct error *err)
{
	const char *path = cli_option(cli, "out");
	uint8_t public_key[ED25519_PUBLIC_SIZE];

	if (path == NULL)
		path = arena_printf(cli->arena, "%s.key", cli->arguments[0]);
	if (file_exists(path))
		return error_set(err, ERR_CONFLICT, "%s is there already", path);
	struct signing_key *key = signing_key_generate();
	signing_key_public(key, public_key);
	bool saved = signing_key_save(key, path, err);
	signing_key_free(key);
	if (!saved || !register_key(cli, cli->arguments[0], public_key, err))
		return false;
	cli_say(cli, "%s holds the private key: keep it offline if you can", path);
	return true;
}

bool release_key_list_command(struct cli *cli, struct error *err)
{
	return run_list(cli, "/api/v1/release-keys", KEYS,
			"no release key; \"muster release-key create\" makes one", err);
}

bool release_key_add_command(struct cli *cli, struct error *err)
{
	uint8_t public_key[ED25519_PUBLIC_SIZE];
	char *pem;
	size_t size;

	return file_read(cli->arguments[1], 4096, cli->arena, &pem, &size, err) &&
	       ed25519_public_parse(pem, size, public_key, err) &&
	       register_key(cli, cli->arguments[0], public_key, err);
}

bool release_key_remove_command(struct cli *cli, struct error *err)
{
	return run_change(cli, "DELETE",
			  cli_path(cli, "/api/v1/release-keys/%s", cli->arguments[0]), NULL,
			  "removed: nothing new that it signs is accepted", err);
}
