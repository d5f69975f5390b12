/* SPDX-License-Identifier: Apache-2.0 */
/* Archives that arrive in parts. The database says how many bytes are safe; what lies behind them in the
 * file is overwritten by the next part. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/id.h"
#include "domain/audit/audit.h"
#include "domain/package/archive.h"
#include "domain/package/packages.h"
#include "store/db.h"
#include "store/uploads.h"

enum { COPY_BYTES = 256 << 10, FILE_MODE = 0600, FOLDER_MODE = 0700 };

static const char *upload_path(struct ctx *ctx, const char *id)
{
	return arena_printf(ctx->arena, "%s/uploads/%s", ctx->server->data_dir, id);
}

static bool create_run(struct ctx *ctx, void *arg, struct error *err)
{
	struct upload *upload = arg;

	return uploads_insert(ctx, upload, UPLOADS_MAX, err) &&
	       audit_write(ctx, "upload.create", "upload", upload->id,
			   json_pack("{s:I, s:s}", "size", (json_int_t)upload->size, "sha256",
				     upload->sha256),
			   err);
}

bool upload_create(struct ctx *ctx, int64_t size, const char *hash, struct upload *out,
		   struct error *err)
{
	char *id = arena_alloc(ctx->arena, ID_SIZE);
	struct upload upload = {.id = id,
				.size = size,
				.sha256 = hash,
				.expires_at = ctx->now + UPLOAD_HOURS * USEC_PER_HOUR};

	if (size < 1 || size > ARCHIVE_MAX_PACKED_BYTES)
		return error_set_field(err, ERR_TOO_LARGE, "size",
				       "size is not between 1 and %" PRId64 " bytes",
				       ARCHIVE_MAX_PACKED_BYTES);
	if (strlen(hash) != 64 || strspn(hash, "0123456789abcdef") != 64)
		return error_set_field(err, ERR_INVALID, "sha256",
				       "sha256 is not 64 lower hex digits");
	id_random(id, "");
	if (!db_transaction(ctx, create_run, &upload, err))
		return false;
	*out = upload;
	return true;
}

bool upload_find(struct ctx *ctx, const char *id, struct upload *out, struct error *err)
{
	return uploads_get(ctx, id, out, err);
}

static bool write_failed(struct error *err)
{
	return file_write_error(err, ERR_INTERNAL, "could not store the upload");
}

/* Copies all of part to offset of the upload's file; *end is where it then ends. */
static bool copy_part(const char *path, int64_t offset, const char *part, int64_t maximum,
		      int64_t *end, struct error *err)
{
	static _Thread_local char buffer[COPY_BYTES];
	CLEANUP(fd_cleanup) int from = open(part, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP(fd_cleanup)
	int to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	ssize_t size;

	if (from < 0 || to < 0 || lseek(to, offset, SEEK_SET) < 0)
		return write_failed(err);
	*end = offset;
	while ((size = read(from, buffer, sizeof(buffer))) > 0) {
		if (*end + size > maximum)
			return error_set(err, ERR_TOO_LARGE,
					 "the part goes beyond the announced size of %" PRId64
					 " bytes",
					 maximum);
		if (!fd_write_all(to, buffer, (size_t)size))
			return write_failed(err);
		*end += size;
	}
	if (size < 0 || fsync(to) < 0)
		return write_failed(err);
	return true;
}

struct append {
	const char *id;
	int64_t offset;
	const char *part;
	struct upload *out;
};

static bool append_run(struct ctx *ctx, void *arg, struct error *err)
{
	struct append *append = arg;
	struct upload upload;
	const char *folder = arena_printf(ctx->arena, "%s/uploads", ctx->server->data_dir);

	if (!uploads_get_for_update(ctx, append->id, &upload, err))
		return false;
	*append->out = upload;
	if (append->offset != upload.received)
		return error_set_field(err, ERR_CONFLICT, "Upload-Offset",
				       "the upload stands at offset %" PRId64, upload.received);
	if (!file_make_folders(folder, FOLDER_MODE, err) ||
	    !copy_part(upload_path(ctx, upload.id), append->offset, append->part, upload.size,
		       &upload.received, err) ||
	    !uploads_set_received(ctx, upload.id, upload.received, err))
		return false;
	*append->out = upload;
	return true;
}

bool upload_append(struct ctx *ctx, const char *id, int64_t offset, const char *part,
		   struct upload *out, struct error *err)
{
	struct append append = {id, offset, part, out};

	return db_transaction(ctx, append_run, &append, err);
}

bool upload_publish(struct ctx *ctx, const char *id, json_t *envelope, struct package_release *out,
		    struct error *err)
{
	char *hash = arena_alloc(ctx->arena, SHA256_HEX_SIZE);
	struct upload upload;

	/* Outside of a transaction: hashing and looking through an archive may take its time. A complete
	 * upload does not change any more. */
	if (!uploads_get(ctx, id, &upload, err))
		return false;
	if (upload.received != upload.size)
		return error_set_field(err, ERR_CONFLICT, "upload_id",
				       "the upload is not complete: %" PRId64 " of %" PRId64
				       " bytes",
				       upload.received, upload.size);
	const char *path = upload_path(ctx, upload.id);
	/* A part that was cut off by a crash may have left bytes behind the end. */
	if (truncate(path, upload.size) < 0)
		return write_failed(err);
	if (!sha256_file(path, hash, NULL, err))
		return false;
	if (strcmp(hash, upload.sha256) != 0)
		return error_set_field(err, ERR_INVALID, "upload_id",
				       "the upload has sha256 %.12s..., announced was %.12s...",
				       hash, upload.sha256);
	const struct package_draft draft = {envelope, path, hash, upload.size, upload.id};
	if (!package_publish(ctx, &draft, out, err))
		return false;
	/* Gone already, unless the same archive was there before. */
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not remove the upload");
	return true;
}

bool uploads_expire(struct ctx *ctx, struct error *err)
{
	const char *const *ids;
	size_t count;

	if (!uploads_delete_expired(ctx, &ids, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (unlink(upload_path(ctx, ids[i])) < 0 && errno != ENOENT)
			return error_set_errno(err, ERR_INTERNAL, errno,
					       "could not remove an expired upload");
	return true;
}
