/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/config/configs.h"

#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/id.h"
#include "domain/audit/audit.h"
#include "domain/config/files.h"
#include "domain/package/drivers.h"
#include "store/changes.h"
#include "store/configs.h"
#include "store/db.h"

static bool create_run(struct ctx *ctx, void *arg, struct error *err)
{
	struct config *config = arg;

	return configs_insert(ctx, config, err) &&
	       audit_write(ctx, "config.create", "config", config->id,
			   json_pack("{s:s}", "name", config->name), err) &&
	       changes_insert(ctx, "config", config->name, err);
}

bool config_create(struct ctx *ctx, struct config *config, struct error *err)
{
	char *id = arena_alloc(ctx->arena, ID_SIZE);

	if (!id_valid_name(config->name))
		return error_set_field(
			err, ERR_INVALID, "name",
			"a name is 1 to 63 of a-z, 0-9, \".\", \"_\" and \"-\", and begins with a letter or digit");
	if (config->service && !id_valid_name(config->service))
		return error_set_field(err, ERR_INVALID, "service",
				       "service is not the name of a service");
	if (!driver_check(config->driver, err))
		return false;
	id_random(id, "");
	config->id = id;
	config->created_at = ctx->now;
	config->created_by = ctx->actor->name;
	return db_transaction(ctx, create_run, config, err);
}

static bool delete_run(struct ctx *ctx, void *arg, struct error *err)
{
	const char *name = arg;
	struct config config;

	return configs_get(ctx, name, &config, err) &&
	       configs_get_for_update(ctx, config.id, &config, err) &&
	       configs_delete(ctx, &config, err) &&
	       audit_write(ctx, "config.delete", "config", config.id,
			   json_pack("{s:s, s:I}", "name", config.name, "latest",
				     (json_int_t)config.latest),
			   err) &&
	       changes_insert(ctx, "config", config.name, err);
}

bool config_delete(struct ctx *ctx, const char *name, struct error *err)
{
	return db_transaction(ctx, delete_run, arena_strdup(ctx->arena, name), err);
}

struct saving {
	struct config_save *save;
	const char *digest;
	struct config_version *out;
};

/* Whether the newest version is just this: then there is nothing to save. */
static bool find_same(struct ctx *ctx, const struct config *config, const struct saving *saving,
		      bool *same, struct error *err)
{
	struct config_version latest;

	*same = false;
	if (!config->latest)
		return true;
	if (!config_versions_get(ctx, config->id, config->latest, false, &latest, err))
		return false;
	*same = strcmp(latest.digest, saving->digest) == 0;
	return true;
}

static bool insert_version(struct ctx *ctx, const struct config *config,
			   const struct saving *saving, struct error *err)
{
	const struct config_save *save = saving->save;
	const struct config_version version = {
		.config_id = config->id,
		.no = config->latest + 1,
		.author = ctx->actor->name,
		.message = save->message,
		.digest = saving->digest,
		.files = save->files,
		.file_count = save->file_count,
	};

	return config_versions_insert(ctx, &version, err) &&
	       audit_write(ctx, "config.version", "config", config->id,
			   json_pack("{s:s, s:I, s:s?}", "name", config->name, "version",
				     (json_int_t)version.no, "message", save->message),
			   err) &&
	       changes_insert(ctx, "config", config->name, err);
}

static bool save_run(struct ctx *ctx, void *arg, struct error *err)
{
	struct saving *saving = arg;
	struct config_save *save = saving->save;
	struct config config;

	if (!configs_get(ctx, save->config, &config, err) ||
	    !configs_get_for_update(ctx, config.id, &config, err))
		return false;
	save->current = config.latest;
	if (save->expected >= 0 && save->expected != config.latest)
		return error_set(err, ERR_CONFLICT,
				 "config \"%s\" is at version %" PRId64 ", not %" PRId64,
				 config.name, config.latest, save->expected);
	if (!find_same(ctx, &config, saving, &save->unchanged, err) ||
	    (!save->unchanged && !insert_version(ctx, &config, saving, err)))
		return false;
	return config_versions_get(ctx, config.id, 0, true, saving->out, err);
}

bool config_save_version(struct ctx *ctx, struct config_save *save, struct config_version *out,
			 struct error *err)
{
	struct saving saving = {.save = save, .out = out};

	if (!config_files_check(save->files, save->file_count, ctx->arena, err))
		return false;
	for (size_t i = 0; i < save->file_count; i++) {
		char *hex = arena_alloc(ctx->arena, SHA256_HEX_SIZE);

		sha256_hex(save->files[i].content, (size_t)save->files[i].size, hex);
		save->files[i].sha256 = hex;
	}
	saving.digest = config_files_digest(save->files, save->file_count, ctx->arena);
	return db_transaction(ctx, save_run, &saving, err);
}
