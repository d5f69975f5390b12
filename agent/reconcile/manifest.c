/* SPDX-License-Identifier: Apache-2.0 */
/* The second half of content.h: signatures of package manifests, and the specs of services. */
#include <string.h>

#include "base/encoding.h"
#include "base/fields.h"
#include "protocol/dsse.h"
#include "protocol/limits.h"
#include "reconcile/content.h"
#include "upgrade/upgrade.h"

struct statement {
	const char *name;
	const char *version;
	const char *platform;
	int64_t release;
	json_t *archive;
};

static const struct field STATEMENT_FIELDS[] = {
	FIELD_STRING(struct statement, name, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct statement, version, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct statement, platform, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_INT64(struct statement, release, 0, 0, INT64_MAX),
	FIELD_JSON(struct statement, archive, FIELD_REQUIRED),
	FIELD_END,
};

static bool decode_key(json_t *json, struct dsse_key *key)
{
	const char *text = json_string_value(json_object_get(json, "public"));
	size_t size;

	if (!text ||
	    !base64_decode(text, strlen(text), key->public_key, sizeof(key->public_key), &size) ||
	    size != sizeof(key->public_key))
		return false;
	key_id(key->public_key, key->id);
	return true;
}

static bool decode_keys(const struct content *content, struct dsse_key keys[LIMIT_RELEASE_KEYS],
			size_t *count, struct error *err)
{
	size_t given = json_array_size(content->release_keys);

	if (given > LIMIT_RELEASE_KEYS)
		return error_set_field(err, ERR_TOO_LARGE, "release_keys",
				       "more than %d release keys", LIMIT_RELEASE_KEYS);
	for (size_t i = 0; i < given; i++)
		if (!decode_key(json_array_get(content->release_keys, i), &keys[i]))
			return error_set_field(err, ERR_INVALID, "release_keys",
					       "a release key is not base64 of 32 bytes");
	*count = given;
	return true;
}

/* The envelope says the same as the desired state does about the package. */
static bool check_statement(const struct statement *statement,
			    const struct content_package *package, const char *platform,
			    struct error *err)
{
	const char *sha256 = json_string_value(json_object_get(statement->archive, "sha256"));
	json_int_t size = json_integer_value(json_object_get(statement->archive, "size"));

	if (strcmp(statement->name, package->name) != 0 ||
	    strcmp(statement->version, package->version) != 0 || !sha256 ||
	    strcmp(sha256, package->sha256) != 0 || size != package->size)
		return error_set(err, ERR_INVALID,
				 "the signed manifest is for %s %s, not for this archive of %s %s",
				 statement->name, statement->version, package->name,
				 package->version);
	if (strcmp(statement->platform, "any") != 0 && strcmp(statement->platform, platform) != 0)
		return error_set(err, ERR_INVALID, "the package is for %s, this node is %s",
				 statement->platform, platform);
	return true;
}

/* A statement about the tar that is no good is as if there were none: the archive is always enough. */
static void take_tar(const struct statement *statement, struct content_package *package)
{
	json_t *tar = json_object_get(statement->archive, "tar");
	const char *sha256 = json_string_value(json_object_get(tar, "sha256"));
	json_int_t size = json_integer_value(json_object_get(tar, "size"));

	if (!sha256 || strlen(sha256) != 64 || strspn(sha256, "0123456789abcdef") != 64 || size < 1)
		return;
	package->tar_sha256 = sha256;
	package->tar_size = size;
}

static bool verify_package(struct content_package *package, const struct dsse_key *keys,
			   size_t key_count, const char *platform, struct arena *arena,
			   struct error *err)
{
	struct statement statement = {0};
	char *payload;
	size_t length;
	json_t *json;

	if (!dsse_open(arena, package->manifest, DSSE_PACKAGE, keys, key_count, &payload, &length,
		       NULL, err))
		return error_prefix(err, "manifest of %s %s", package->name, package->version);
	if (length > LIMIT_MANIFEST)
		return error_set(err, ERR_TOO_LARGE, "the manifest has more than %d bytes",
				 LIMIT_MANIFEST);
	if (!json_parse_limited(payload, length, LIMIT_JSON_DEPTH, &json, err))
		return error_prefix(err, "manifest");
	json_keep(json, arena);
	if (!fields_decode(STATEMENT_FIELDS, json, FIELDS_TOLERANT, arena, &statement, err) ||
	    !check_statement(&statement, package, platform, err))
		return false;
	package->release = statement.release;
	package->statement = json;
	take_tar(&statement, package);
	return true;
}

static bool specify(struct content_service *service, const struct content_place *place,
		    const struct dsse_key *keys, size_t key_count, struct arena *arena,
		    struct error *err)
{
	if (service->package &&
	    !verify_package(service->package, keys, key_count, place->platform, arena, err))
		return false;
	struct spec_input input = content_spec_input(service, place);
	return spec_build(arena, &input, &service->spec, err);
}

/* There is one agent, from a package, and its name tells it from what it supervises. */
static bool check_agent(const struct content_service *service, struct error *err)
{
	bool named = strcmp(service->name, UPGRADE_SERVICE) == 0;

	if (named != content_is_agent(service))
		return error_set_field(err, ERR_INVALID, "driver",
				       "the driver " UPGRADE_DRIVER " and the name " UPGRADE_SERVICE
				       " go together");
	if (named && (!service->package || !service->run))
		return error_set_field(err, ERR_INVALID, "package",
				       "the agent comes from a package, and always runs");
	return true;
}

bool content_specify(struct content *content, const struct content_place *place,
		     struct arena *arena, const char **service, struct error *err)
{
	struct dsse_key keys[LIMIT_RELEASE_KEYS];
	size_t key_count;

	*service = NULL;
	if (!decode_keys(content, keys, &key_count, err))
		return false;
	for (size_t i = 0; i < content->service_count; i++) {
		*service = content->services[i].name;
		if (!check_agent(&content->services[i], err) ||
		    !specify(&content->services[i], place, keys, key_count, arena, err))
			return error_prefix(err, "service %s", content->services[i].name);
	}
	*service = NULL;
	return true;
}
