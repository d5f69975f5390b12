/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of nodes. Three ways lead to one:
 *
 * - Nothing is searched: an index of node holds each status in the order of the list, and the total is kept
 *   (node_count).
 * - Many match: the names are walked in their order until the page is full.
 * - Few match: an index of node_search finds them all, at most NODES_COUNTED_MAX, which also counts them.
 *
 * Which of the two it is, a look at the next WALK_ROWS names tells.
 */
#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "store/db.h"
#include "store/node_columns.h"
#include "store/nodes.h"

enum {
	WIDE_ONE_IN = 20, /* of the names looked at: from then on an index gains nothing */
	TRIGRAM = 3,	  /* letters in a row that the index of texts needs */
	PATTERN_MAX_BYTES = 1024,
};

/* Looked up one by one: an unknown limit makes the planner fear for a page of thousands. */
#define THE_NODE(id) "JOIN LATERAL (SELECT * FROM node k WHERE k.id = " id " OFFSET 0) n ON true"

/* Literals, since the planner believes in limits that it knows. They equal the constants beside. */
#define FOUND_ROWS " LIMIT 2001"
#define WALK_ROWS " LIMIT 2000"
_Static_assert(NODES_COUNTED_MAX == 2000, "FOUND_ROWS reads one more, FIND_FEW compares");

/* $1 project, $2 status, $3 and $4 where to go on, $5 limit. */
#define WANTED_STATUSES                                                                        \
	"(SELECT DISTINCT unnest(coalesce(string_to_array($2, ','),"                           \
	" '{pending,offline,warning,updating,online}')) AS status) wanted CROSS JOIN LATERAL " \
	"(SELECT c.id, c.name, c.seen_rank FROM node c"                                        \
	" WHERE c.project_id = $1 AND c.status = wanted.status"

static const char NODES_LIST_BY_NAME[] =
	"SELECT " NODE_COLUMNS " FROM (SELECT p.id, p.name FROM " WANTED_STATUSES
	" AND (c.name, c.id) > (coalesce($3, ''), coalesce($4, '')) ORDER BY c.name, c.id LIMIT $5)"
	" p ORDER BY p.name, p.id LIMIT $5) page " THE_NODE(
		"page.id") ""
			   " ORDER BY page.name, page.id";

/* Each id begins with n. */
static const char NODES_LIST_BY_SEEN[] =
	"SELECT " NODE_COLUMNS " FROM (SELECT p.id, p.seen_rank FROM " WANTED_STATUSES
	" AND (c.seen_rank, c.id) < (coalesce($3::timestamptz, 'infinity'), coalesce($4, 'o'))"
	" ORDER BY c.seen_rank DESC, c.id DESC LIMIT $5)"
	" p ORDER BY p.seen_rank DESC, p.id DESC LIMIT $5) page " THE_NODE(
		"page.id") ""
			   " ORDER BY page.seen_rank DESC, page.id DESC";

static const char NODES_TOTAL[] =
	"SELECT coalesce(sum(nodes), 0)::bigint FROM node_count WHERE project_id = $1"
	" AND CASE WHEN $2::text IS NULL THEN status <> 'retired'"
	" ELSE status = ANY (string_to_array($2, ',')) END";

/* $1 project, $2 status, $3 pattern, $4 tokens that must be there, $5 of which one must be there, $6 that must
 * not be there, $7 further requirements; $8 and $9 where to go on, $10 limit, $11 by last contact. */
#define HASHES(tokens) \
	"ARRAY(SELECT hashtextextended($1 || t, 0) FROM unnest(" tokens "::text[]) t)"
#define ALL_TOKENS "s.tokens @> " HASHES("$4")
#define ANY_TOKEN "s.tokens && " HASHES("$5")
#define MAYBE_ANY "($5::text[] IS NULL OR " ANY_TOKEN ")"
#define TEXT "s.text LIKE lower($3)"
#define MAYBE_TEXT "($3::text IS NULL OR " TEXT ")"
#define STATUS "(SELECT k.status FROM node k WHERE k.id = s.node_id)"
/* Each statement is given all parameters, so each must say the type of $4 and $5. */
#define REST                                                                   \
	" AND $4::text[] IS NOT NULL AND " MAYBE_ANY                           \
	" AND ($6::text[] IS NULL OR NOT s.tokens && " HASHES(                 \
		"$6") ")"                                                      \
		      " AND ($7::jsonb IS NULL OR node_matches(s.labels, $7))" \
		      " AND CASE WHEN $2::text IS NULL THEN NOT s.retired"     \
		      " ELSE " STATUS " = ANY (string_to_array($2, ',')) END"
#define PAGE_ORDER                                         \
	" ORDER BY CASE WHEN $11 THEN page.seen END DESC," \
	" CASE WHEN $11 THEN page.node_id END DESC, page.name, page.node_id"

/* Not "= $1" alone: the index of tokens knows the project, and one of names and projects beside it would be
 * read from end to end. The total in each row, and at least one row. A page of too many is not looked for. */
#define FIND(condition, limit, worth)                                                           \
	"WITH found AS MATERIALIZED (SELECT s.node_id, s.name, CASE WHEN $11::boolean THEN"     \
	" (SELECT k.seen_rank FROM node k WHERE k.id = s.node_id) END AS seen"                  \
	" FROM node_search s WHERE (s.project_id = $1) IS TRUE AND " condition REST limit "),"  \
	" counted AS MATERIALIZED (SELECT count(*) AS total FROM found)"                        \
	" SELECT counted.total, " NODE_COLUMNS " FROM counted LEFT JOIN ("                      \
	"SELECT * FROM found page WHERE " worth " AND ($8::text IS NULL OR CASE WHEN $11"       \
	" THEN (page.seen, page.node_id) < ($8::timestamptz, $9)"                               \
	" ELSE (page.name, page.node_id) > ($8, $9) END)" PAGE_ORDER " LIMIT $10) page ON true" \
	" LEFT " THE_NODE("page.node_id") "" PAGE_ORDER
#define FIND_FEW(condition) FIND(condition, FOUND_ROWS, "(SELECT total FROM counted) <= 2000")
#define FIND_ALL(condition) FIND(condition, "", "true")
#define BY_ALL ALL_TOKENS " AND " MAYBE_TEXT
#define BY_ANY ANY_TOKEN " AND " MAYBE_TEXT
#define BY_NONE MAYBE_TEXT

static const char NODES_FEW_BY_ALL[] = FIND_FEW(BY_ALL);
static const char NODES_FEW_BY_ANY[] = FIND_FEW(BY_ANY);
static const char NODES_FEW_BY_TEXT[] = FIND_FEW(TEXT);
static const char NODES_FEW[] = FIND_FEW(BY_NONE);
static const char NODES_MANY_BY_ALL[] = FIND_ALL(BY_ALL);
static const char NODES_MANY_BY_ANY[] = FIND_ALL(BY_ANY);
static const char NODES_MANY_BY_TEXT[] = FIND_ALL(TEXT);
static const char NODES_MANY[] = FIND_ALL(BY_NONE);

#define MATCHES ALL_TOKENS " AND " MAYBE_TEXT REST

static const char NODES_WALK[] =
	"WITH walked AS MATERIALIZED (SELECT s.node_id, s.name, " MATCHES " AS hit FROM ("
	"SELECT * FROM node_search WHERE project_id = $1"
	" AND (name, node_id) > (coalesce($8, ''), coalesce($9, ''))"
	" ORDER BY name, node_id" WALK_ROWS ") s),"
	" counted AS MATERIALIZED (SELECT count(*) AS walked, count(*) FILTER (WHERE hit) AS hits"
	"  FROM walked)"
	" SELECT counted.walked, counted.hits, " NODE_COLUMNS " FROM counted LEFT JOIN ("
	"SELECT * FROM walked WHERE hit AND NOT $11::boolean ORDER BY name, node_id LIMIT $10) page"
	" ON true LEFT " THE_NODE("page.node_id") " ORDER BY page.name, page.node_id";

/* Offset 0 keeps the conditions away from the index: many match, so reading on is quicker. */
static const char NODES_MATCHED[] =
	"SELECT count(*) FROM (SELECT FROM (SELECT * FROM node_search WHERE project_id = $1"
	" OFFSET 0) s WHERE " MATCHES FOUND_ROWS ") m";

enum { ARGS_OF_MATCHED = 7 };

/* A selector by what can be looked up. NULL where there is nothing. */
struct search {
	const char **all;
	size_t all_count;
	const char **any; /* alternatives of one requirement */
	size_t any_count;
	const char **none;
	size_t none_count;
	json_t *rest; /* kept by the arena */
	const char *pattern;
	bool by_trigrams;
};

static const char *token(struct arena *arena, const json_t *requirement, const json_t *value)
{
	const char *key = json_string_value(json_object_get(requirement, "key"));

	return value ? arena_printf(arena, "%s=%s", key, json_string_value(value)) : key;
}

static size_t add_values(struct arena *arena, const json_t *requirement, const char ***tokens,
			 size_t count)
{
	const json_t *values = json_object_get(requirement, "values");
	const char **grown =
		arena_array(arena, count + json_array_size(values) + 1, sizeof(*grown));
	json_t *value;
	size_t i;

	for (size_t j = 0; j < count; j++)
		grown[j] = (*tokens)[j];
	if (!values)
		grown[count++] = token(arena, requirement, NULL);
	json_array_foreach (values, i, value)
		grown[count++] = token(arena, requirement, value);
	*tokens = grown;
	return count;
}

/* One requirement to where it belongs. */
static void sort_in(struct arena *arena, json_t *requirement, struct search *out)
{
	const char *op = json_string_value(json_object_get(requirement, "op"));
	size_t values = json_array_size(json_object_get(requirement, "values"));

	if (strcmp(op, "all") == 0)
		return;
	if (strcmp(op, "exists") == 0 || (strcmp(op, "in") == 0 && values == 1))
		out->all_count = add_values(arena, requirement, &out->all, out->all_count);
	else if (strcmp(op, "in") == 0 && values > 1 && !out->any)
		out->any_count = add_values(arena, requirement, &out->any, 0);
	else if (strcmp(op, "not_exists") == 0 || (strcmp(op, "not_in") == 0 && values > 0))
		out->none_count = add_values(arena, requirement, &out->none, out->none_count);
	else
		json_array_append(out->rest, requirement);
}

/* What LIKE takes literally, between two %. Whether three letters in a row are in it: trigrams. */
static void pattern_make(struct arena *arena, const char *text, struct search *out)
{
	struct strbuf pattern;
	int run = 0;

	strbuf_init(&pattern, arena, PATTERN_MAX_BYTES);
	strbuf_append_char(&pattern, '%');
	for (const char *c = text; *c; c++) {
		run = isalnum((unsigned char)*c) ? run + 1 : 0;
		out->by_trigrams |= run >= TRIGRAM;
		if (*c == '%' || *c == '_' || *c == '\\')
			strbuf_append_char(&pattern, '\\');
		strbuf_append_char(&pattern, *c);
	}
	strbuf_append_char(&pattern, '%');
	out->pattern = pattern.data;
}

static void search_make(struct arena *arena, const struct node_filter *filter, struct search *out)
{
	json_t *requirement;
	size_t i;

	*out = (struct search){.rest = json_keep(json_array(), arena)};
	json_array_foreach (filter->requirements, i, requirement)
		sort_in(arena, requirement, out);
	if (filter->text)
		pattern_make(arena, filter->text, out);
}

static bool scan_page(struct ctx *ctx, const struct db_rows *rows, const struct node_filter *filter,
		      struct node_page *out, struct error *err)
{
	size_t count = 0;

	out->nodes = arena_array(ctx->arena, rows->count + 1, sizeof(*out->nodes));
	for (size_t i = 0; i < rows->count && count < (size_t)filter->limit; i++) {
		if (!db_scan(rows, i, ctx->arena, NODE_FIELDS, &out->nodes[count], err))
			return false;
		/* Where the page is empty, the totals stand alone. */
		count += out->nodes[count].id != NULL;
	}
	out->count = count;
	return true;
}

static bool run(struct ctx *ctx, const char *sql, const struct node_filter *filter,
		const struct search *search, struct db_rows *rows, struct error *err)
{
	const struct db_value values[] = {
		db_text(ctx->project_id),
		db_text(filter->status),
		db_text(search->pattern),
		db_texts(search->all, search->all_count),
		search->any ? db_texts(search->any, search->any_count) : db_null(),
		search->none ? db_texts(search->none, search->none_count) : db_null(),
		json_array_size(search->rest) ? db_json(search->rest) : db_null(),
		db_text(filter->after_key),
		db_text(filter->after_id),
		db_int(filter->limit),
		db_bool(filter->newest_first),
	};
	const struct db_args args = {sql == NODES_MATCHED ? ARGS_OF_MATCHED : ARRAY_SIZE(values),
				     values};

	return db_query(ctx->db, ctx->arena, sql, &args, rows, err);
}

static void total_set(struct node_page *page, int64_t counted)
{
	page->total_is_bound = counted > NODES_COUNTED_MAX;
	page->total = page->total_is_bound ? NODES_COUNTED_MAX : counted;
}

struct ways {
	const char *few, *many;
};

static struct ways ways_of(const struct search *search)
{
	if (search->all_count)
		return (struct ways){NODES_FEW_BY_ALL, NODES_MANY_BY_ALL};
	if (search->any)
		return (struct ways){NODES_FEW_BY_ANY, NODES_MANY_BY_ANY};
	if (search->by_trigrams)
		return (struct ways){NODES_FEW_BY_TEXT, NODES_MANY_BY_TEXT};
	return (struct ways){NODES_FEW, NODES_MANY};
}

static bool list_found(struct ctx *ctx, const struct node_filter *filter,
		       const struct search *search, struct node_page *out, struct error *err)
{
	struct ways ways = ways_of(search);
	struct node_page walked = {0};
	struct db_rows rows;

	if (!run(ctx, NODES_WALK, filter, search, &rows, err) ||
	    !scan_page(ctx, &rows, filter, &walked, err))
		return false;
	bool full = !filter->newest_first && walked.count == (size_t)filter->limit;
	if (full && db_get_int(&rows, 0, 1) * WIDE_ONE_IN >= db_get_int(&rows, 0, 0)) {
		if (!run(ctx, NODES_MATCHED, filter, search, &rows, err))
			return false;
		*out = walked;
		total_set(out, db_get_int(&rows, 0, 0));
		return true;
	}
	if (!run(ctx, ways.few, filter, search, &rows, err) ||
	    !scan_page(ctx, &rows, filter, out, err))
		return false;
	int64_t counted = db_get_int(&rows, 0, 0);
	if (counted > NODES_COUNTED_MAX && full)
		*out = walked;
	else if (counted > NODES_COUNTED_MAX && (!run(ctx, ways.many, filter, search, &rows, err) ||
						 !scan_page(ctx, &rows, filter, out, err)))
		return false;
	total_set(out, counted);
	return true;
}

static bool list_kept(struct ctx *ctx, const struct node_filter *filter, struct node_page *out,
		      struct error *err)
{
	struct db_rows rows, total;

	if (!db_query(ctx->db, ctx->arena,
		      filter->newest_first ? NODES_LIST_BY_SEEN : NODES_LIST_BY_NAME,
		      DB_ARGS(db_text(ctx->project_id), db_text(filter->status),
			      db_text(filter->after_key), db_text(filter->after_id),
			      db_int(filter->limit)),
		      &rows, err) ||
	    !db_query(ctx->db, ctx->arena, NODES_TOTAL,
		      DB_ARGS(db_text(ctx->project_id), db_text(filter->status)), &total, err) ||
	    !scan_page(ctx, &rows, filter, out, err))
		return false;
	out->total = db_get_int(&total, 0, 0);
	return true;
}

bool nodes_list(struct ctx *ctx, const struct node_filter *filter, struct node_page *out,
		struct error *err)
{
	struct node_page page = {0};
	struct search search;

	search_make(ctx->arena, filter, &search);
	bool plain = !search.all_count && !search.any && !search.none && !search.pattern &&
		     !json_array_size(search.rest);
	if (!(plain ? list_kept(ctx, filter, &page, err)
		    : list_found(ctx, filter, &search, &page, err)))
		return false;
	*out = page;
	return true;
}
