/* SPDX-License-Identifier: Apache-2.0 */
#include "store/dead_letters.h"

#include <jansson.h>
#include <string.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "store/db.h"

static const char DEAD_LETTERS_INSERT[] =
	"INSERT INTO dead_letter (at, topic, node_id, reason, payload)"
	" SELECT at, topic, node_id, reason, decode(payload, 'base64')"
	" FROM json_to_recordset($1::json)"
	" AS r (at timestamptz, topic text, node_id text, reason text, payload text)";

static const char DEAD_LETTERS_PRUNE[] =
	"DELETE FROM dead_letter WHERE id <= (SELECT max(id) FROM dead_letter) - $1";

/* A topic may hold what no text column takes. */
static const char *printable(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text);

	for (char *c = copy; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return copy;
}

static json_t *encode(struct arena *arena, const struct dead_letter *letter)
{
	size_t size =
		letter->size < DEAD_LETTER_PAYLOAD_MAX ? letter->size : DEAD_LETTER_PAYLOAD_MAX;
	char *payload = arena_alloc(arena, BASE64_SIZE(size));
	char at[TIME_TEXT_SIZE];

	base64_encode(letter->payload, size, payload);
	time_format(letter->at, at);
	return json_pack("{s:s, s:s, s:s?, s:s, s:s}", "at", at, "topic",
			 printable(arena, letter->topic), "node_id", letter->node_id, "reason",
			 printable(arena, letter->reason), "payload", payload);
}

bool dead_letters_insert(struct ctx *ctx, const struct dead_letter *letters, size_t count,
			 struct error *err)
{
	json_auto_t *rows = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(rows, encode(ctx->arena, &letters[i]));
	return count == 0 ||
	       db_exec(ctx->db, DEAD_LETTERS_INSERT, DB_ARGS(db_json(rows)), NULL, err);
}

bool dead_letters_prune(struct ctx *ctx, struct error *err)
{
	return db_exec(ctx->db, DEAD_LETTERS_PRUNE, DB_ARGS(db_int(DEAD_LETTERS_KEPT)), NULL, err);
}
