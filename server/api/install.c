/* SPDX-License-Identifier: Apache-2.0 */
#include "api/install.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/api.h"
#include "api/handlers.h"
#include "base/arena.h"
#include "base/crypto.h"
#include "base/strbuf.h"
#include "model/ctx.h"

enum { SCRIPT_MAX = 256 * 1024 };

extern const char INSTALL_SH[], INSTALL_SH_END[];

static const char MARK[] = "@AGENTS@\n";
static const char *const TARGETS[] = {"amd64", "arm64", "armv7"};

struct agent_file {
	struct stat status; /* of when it was read */
	char sha256[SHA256_HEX_SIZE];
};

struct installer {
	const char *folder;
	pthread_mutex_t mutex;
	struct agent_file files[ARRAY_SIZE(TARGETS)];
};

struct installer *installer_new(const char *agents_dir)
{
	struct installer *installer = xcalloc(1, sizeof(*installer));

	installer->folder = agents_dir;
	pthread_mutex_init(&installer->mutex, NULL);
	return installer;
}

void installer_free(struct installer *installer)
{
	if (installer == NULL)
		return;
	pthread_mutex_destroy(&installer->mutex);
	free(installer);
}

static const char *agent_path(const struct installer *installer, const char *target,
			      struct arena *arena)
{
	return arena_printf(arena, "%s/%s/muster-agent", installer->folder, target);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The file of one target as it is now; false: there is none. */
static bool look(struct installer *installer, size_t target, struct arena *arena,
		 struct agent_file *out)
{
	const char *path = agent_path(installer, TARGETS[target], arena);
	struct agent_file *file = &installer->files[target];
	struct error ignored;
	struct stat status;

	if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
		return false;
	pthread_mutex_lock(&installer->mutex);
	bool known = is_same(&file->status, &status);
	if (!known && sha256_file(path, file->sha256, NULL, &ignored)) {
		file->status = status;
		known = true;
	}
	*out = *file;
	pthread_mutex_unlock(&installer->mutex);
	return known;
}

bool installer_script(struct installer *installer, struct arena *arena, const char **out,
		      struct error *err)
{
	const char *script =
		arena_strndup(arena, INSTALL_SH, (size_t)(INSTALL_SH_END - INSTALL_SH));
	const char *mark = strstr(script, MARK);
	struct strbuf text;
	size_t count = 0;

	assert(mark != NULL);
	strbuf_init(&text, arena, SCRIPT_MAX);
	strbuf_append(&text, script, (size_t)(mark - script));
	for (size_t i = 0; i < ARRAY_SIZE(TARGETS); i++) {
		struct agent_file file;

		if (!look(installer, i, arena, &file))
			continue;
		strbuf_printf(&text, "%s %s %lld\n", TARGETS[i], file.sha256,
			      (long long)file.status.st_size);
		count++;
	}
	strbuf_append_string(&text, mark + strlen(MARK));
	*out = text.data;
	return count > 0 || error_set(err, ERR_NOT_FOUND,
				      "this server has no agents to install: its setting "
				      "agents-dir names a folder without any");
}

const char *installer_command(struct installer *installer, struct ctx *ctx, const char *token)
{
	const struct server *server = ctx->server;
	char sum[SHA256_HEX_SIZE];
	struct error none;
	const char *script;

	if (!installer_script(installer, ctx->arena, &script, &none))
		return NULL;
	sha256_hex(script, strlen(script), sum);
	return arena_printf(ctx->arena,
			    "f=$(mktemp) && curl -fsSk %s/install.sh -o \"$f\" && "
			    "echo \"%s  $f\" | sha256sum -c - && "
			    "sh \"$f\" --server %s --token %s --ca-fingerprint %s",
			    server->public_url, sum, server->public_url, token,
			    server->ca_fingerprint);
}

bool install_get_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const char *script;

	return installer_script(ctx->server->api->installer, ctx->arena, &script, err) &&
	       request_reply_text(req, 200, "text/x-shellscript; charset=utf-8", script);
}

bool agent_get_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct installer *installer = ctx->server->api->installer;
	const char *target = request_arg(req, 0);
	struct agent_file found;

	for (size_t i = 0; i < ARRAY_SIZE(TARGETS); i++) {
		if (strcmp(target, TARGETS[i]) != 0 || !look(installer, i, ctx->arena, &found))
			continue;
		const struct reply_file file = {
			.path = agent_path(installer, target, ctx->arena),
			.content_type = "application/octet-stream",
			.etag = arena_printf(ctx->arena, "\"%s\"", found.sha256),
			.cache_control = "no-cache",
			.filename = "muster-agent",
		};
		return request_reply_file(req, &file, err);
	}
	return error_set(err, ERR_NOT_FOUND, "no agent for this target");
}
