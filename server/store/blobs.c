/* SPDX-License-Identifier: Apache-2.0 */
#include "store/blobs.h"

#include "store/db.h"

static const char BLOBS_INSERT[] = "INSERT INTO blob (sha256, size, data) VALUES ($1, $2, $3)"
				   " ON CONFLICT (sha256) DO NOTHING";

bool blobs_insert(struct ctx *ctx, const void *data, size_t size_bytes, uint8_t digest[SHA256_SIZE],
		  struct error *err)
{
	sha256(data, size_bytes, digest);
	return db_exec(ctx->db, BLOBS_INSERT,
		       DB_ARGS(db_bytes(digest, SHA256_SIZE), db_int((int64_t)size_bytes),
			       db_bytes(data, size_bytes)),
		       NULL, err);
}
