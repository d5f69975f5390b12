/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorts nodes by what they depend on, foresees one of each sort, and joins sorts with the same outcome to
 * groups. Both tables are open addressing over SHA-256, which needs no further hashing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fields.h"
#include "domain/rollout/plan_internal.h"

/* Sorts foreseen at a time: bounds what is in memory when every node is a sort of its own. */
enum { FORESEE_BATCH = 256, KEY_MAX = 1024 * 1024, TABLE_START = 1024 };

struct digest_entry {
	uint8_t digest[SHA256_SIZE];
	size_t value; /* index + 1; 0: free */
};

struct digest_table {
	struct digest_entry *entries;
	size_t size; /* a power of two */
	size_t used;
};

static struct digest_entry *table_slot(const struct digest_table *table,
				       const uint8_t digest[SHA256_SIZE])
{
	size_t at;

	memcpy(&at, digest, sizeof(at));
	for (at &= table->size - 1; table->entries[at].value != 0;
	     at = (at + 1) & (table->size - 1))
		if (memcmp(table->entries[at].digest, digest, SHA256_SIZE) == 0)
			break;
	return &table->entries[at];
}

static void table_grow(struct digest_table *table, struct arena *arena)
{
	struct digest_table larger = {.size = table->size > 0 ? 2 * table->size : TABLE_START,
				      .used = table->used};

	larger.entries = arena_array(arena, larger.size, sizeof(*larger.entries));
	for (size_t i = 0; i < table->size; i++)
		if (table->entries[i].value != 0)
			*table_slot(&larger, table->entries[i].digest) = table->entries[i];
	*table = larger;
}

/* The index that digest stands for: next when it is new. */
static size_t table_index(struct digest_table *table, const uint8_t digest[SHA256_SIZE],
			  size_t next, struct arena *arena)
{
	if (2 * table->used >= table->size)
		table_grow(table, arena);
	struct digest_entry *entry = table_slot(table, digest);

	if (entry->value == 0) {
		memcpy(entry->digest, digest, SHA256_SIZE);
		entry->value = next + 1;
		table->used++;
	}
	return entry->value - 1;
}

struct grouping {
	struct ctx *ctx;
	struct plan *plan;
	const struct plan_source *source;
	size_t *sort_of;	/* node -> sort */
	size_t *representative; /* sort -> node */
	size_t sort_count;
	struct plan_group **group_of; /* sort -> group */
	struct digest_table groups;
};

static bool find_sorts(struct grouping *grouping, struct error *err)
{
	struct arena *arena = grouping->ctx->arena;
	struct digest_table table = {0};
	uint8_t digest[SHA256_SIZE];
	struct strbuf key;

	strbuf_init(&key, arena, KEY_MAX);
	for (size_t i = 0; i < grouping->plan->node_count; i++) {
		strbuf_reset(&key);
		if (!grouping->source->key(grouping->source->arg, i, &key, err))
			return false;
		if (key.overflow)
			return error_set(err, ERR_TOO_LARGE,
					 "node %s: the values of its variables have more than %d "
					 "bytes",
					 grouping->plan->nodes[i].node->name, KEY_MAX);
		sha256(key.data, key.length, digest);
		size_t sort = table_index(&table, digest, grouping->sort_count, arena);
		if (sort == grouping->sort_count)
			grouping->representative[grouping->sort_count++] = i;
		grouping->sort_of[i] = sort;
	}
	return true;
}

static void outlook_digest(const struct outlook *outlook, struct arena *scratch,
			   uint8_t out[SHA256_SIZE])
{
	const char *text = arena_printf(scratch, "%s\n%d %lld\n%s",
					outlook->blocked != NULL ? outlook->blocked : "",
					outlook->same, (long long)outlook->fetch_bytes,
					json_text(outlook->services, scratch));

	sha256(text, strlen(text), out);
}

static struct plan_group *group_of(struct grouping *grouping, const struct outlook *outlook,
				   struct arena *scratch)
{
	struct arena *arena = grouping->ctx->arena;
	struct plan *plan = grouping->plan;
	uint8_t digest[SHA256_SIZE];

	outlook_digest(outlook, scratch, digest);
	size_t index = table_index(&grouping->groups, digest, plan->group_count, arena);
	if (index < plan->group_count)
		return plan->groups[index];

	struct plan_group *group = arena_alloc(arena, sizeof(*group));
	*group = (struct plan_group){
		.blocked = arena_strdup(arena, outlook->blocked),
		.same = outlook->same,
		.restarts = outlook->restarts,
		.fetches = outlook->fetches,
		.fetch_bytes = outlook->fetch_bytes,
	};
	memcpy(group->digest, digest, sizeof(digest));
	if (index < PLAN_GROUPS_KEPT)
		group->services = json_keep(json_incref(outlook->services), arena);
	plan->groups[plan->group_count++] = group;
	return group;
}

static bool foresee_batch(struct grouping *grouping, size_t first, size_t count,
			  struct arena *scratch, struct error *err)
{
	struct outlook *outlooks = arena_array(scratch, count, sizeof(*outlooks));
	struct ctx work = *grouping->ctx;

	work.arena = scratch;
	for (size_t i = 0; i < count; i++)
		outlooks[i] = (struct outlook){
			.same = true,
			.services = json_keep(json_array(), scratch),
			.diff_left = PLAN_GROUP_DIFF_MAX,
		};
	if (!grouping->source->foresee(&work, grouping->source->arg,
				       grouping->representative + first, count, outlooks, err))
		return false;
	for (size_t i = 0; i < count; i++)
		grouping->group_of[first + i] = group_of(grouping, &outlooks[i], scratch);
	return true;
}

static bool foresee_all(struct grouping *grouping, struct error *err)
{
	struct arena *scratch = arena_new();
	bool good = true;

	for (size_t first = 0; good && first < grouping->sort_count; first += FORESEE_BATCH) {
		size_t left = grouping->sort_count - first;

		good = foresee_batch(grouping, first, left < FORESEE_BATCH ? left : FORESEE_BATCH,
				     scratch, err);
		arena_reset(scratch);
	}
	arena_free(scratch);
	return good;
}

static int kind_of(const struct plan_group *group)
{
	return group->blocked != NULL ? 1 : group->same ? 2 : 0;
}

/* What changes, then what is in the way, then what stays; the larger first. */
static int group_compare(const void *a, const void *b)
{
	const struct plan_group *left = *(struct plan_group *const *)a;
	const struct plan_group *right = *(struct plan_group *const *)b;

	if (kind_of(left) != kind_of(right))
		return kind_of(left) - kind_of(right);
	if (left->node_count != right->node_count)
		return left->node_count < right->node_count ? 1 : -1;
	return memcmp(left->digest, right->digest, SHA256_SIZE);
}

bool plan_group_nodes(struct ctx *ctx, struct plan *plan, const struct plan_source *source,
		      struct error *err)
{
	struct grouping grouping = {.ctx = ctx, .plan = plan, .source = source};
	size_t count = plan->node_count + 1;

	grouping.sort_of = arena_array(ctx->arena, count, sizeof(*grouping.sort_of));
	grouping.representative = arena_array(ctx->arena, count, sizeof(*grouping.representative));
	if (!find_sorts(&grouping, err))
		return false;
	grouping.group_of =
		arena_array(ctx->arena, grouping.sort_count + 1, sizeof(*grouping.group_of));
	plan->groups = arena_array(ctx->arena, grouping.sort_count + 1, sizeof(*plan->groups));
	if (!foresee_all(&grouping, err))
		return false;
	for (size_t i = 0; i < plan->node_count; i++) {
		plan->nodes[i].group = grouping.group_of[grouping.sort_of[i]];
		plan->nodes[i].group->node_count++;
	}
	if (plan->group_count > 1)
		qsort(plan->groups, plan->group_count, sizeof(*plan->groups), group_compare);
	for (size_t i = 0; i < plan->group_count; i++)
		plan->groups[i]->no = (int64_t)i + 1;
	return true;
}
