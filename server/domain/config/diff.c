/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/config/diff.h"

#include <string.h>

#include "domain/config/files.h"

struct lines {
	struct diff_text *items;
	size_t count;
};

/* The edit script under way: lines in order. */
struct script {
	struct diff_line *lines;
	size_t count;
};

static struct lines split(struct diff_text text, struct arena *arena)
{
	struct lines lines = {0};
	size_t count = 1;

	for (size_t i = 0; i < text.length; i++)
		count += text.data[i] == '\n';
	lines.items = arena_array(arena, count, sizeof(*lines.items));
	for (size_t at = 0; at < text.length;) {
		const char *end = memchr(text.data + at, '\n', text.length - at);
		size_t length = end ? (size_t)(end - text.data) - at : text.length - at;

		lines.items[lines.count++] = (struct diff_text){text.data + at, length};
		at += length + 1;
	}
	return lines;
}

static bool equal(const struct diff_text *a, const struct diff_text *b)
{
	return a->length == b->length && memcmp(a->data, b->data, a->length) == 0;
}

static void emit(struct script *script, enum diff_op op, const struct diff_text *line)
{
	script->lines[script->count++] = (struct diff_line){op, line->data, line->length};
}

/* Middle parts, between common start and common end. */
struct middle {
	const struct diff_text *a, *b;
	int a_count, b_count;
};

/* Whether the step that reaches diagonal k in round d inserts (from k + 1) or deletes (from k - 1). */
static bool inserts(const int *reach, int d, int k)
{
	return k == -d || (k != d && reach[k - 1] < reach[k + 1]);
}

/*
 * Myers' greedy search: reach[k] is the furthest line of a on diagonal k (line of a minus line of b)
 * after d edits. trace[d] keeps it for the way back. Returns the number of edits, or -1.
 */
static int search(const struct middle *middle, struct arena *arena, const int **trace)
{
	int maximum = middle->a_count + middle->b_count;

	if (maximum > DIFF_MAX_EDITS)
		maximum = DIFF_MAX_EDITS;
	int *space = arena_array(arena, (size_t)(2 * maximum + 3), sizeof(int));
	int *reach = space + maximum + 1;

	for (int d = 0; d <= maximum; d++) {
		for (int k = -d; k <= d; k += 2) {
			int x = inserts(reach, d, k) ? reach[k + 1] : reach[k - 1] + 1;
			int y = x - k;

			while (x < middle->a_count && y < middle->b_count &&
			       equal(&middle->a[x], &middle->b[y])) {
				x++;
				y++;
			}
			reach[k] = x;
			if (x == middle->a_count && y == middle->b_count)
				return d;
		}
		/* The way back from round d + 1 asks for diagonals -d .. d only. */
		const int *copy = arena_memdup(arena, reach - d, (size_t)(2 * d + 1) * sizeof(int));
		trace[d] = copy + d;
	}
	return -1;
}

/* From the end to the start; the caller turns the lines round. */
static void walk_back(const struct middle *middle, int edits, const int *const *trace,
		      struct script *out)
{
	int x = middle->a_count, y = middle->b_count;

	for (int d = edits; d > 0; d--) {
		const int *reach = trace[d - 1];
		int k = x - y;
		bool insertion = inserts(reach, d, k);
		int from = insertion ? k + 1 : k - 1;
		int start = insertion ? reach[from] : reach[from] + 1;

		while (x > start) {
			emit(out, DIFF_SAME, &middle->a[--x]);
			y--;
		}
		if (insertion)
			emit(out, DIFF_ADDED, &middle->b[--y]);
		else
			emit(out, DIFF_REMOVED, &middle->a[--x]);
	}
	while (x > 0)
		emit(out, DIFF_SAME, &middle->a[--x]);
}

static void reverse(struct diff_line *lines, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		struct diff_line line = lines[i];

		lines[i] = lines[count - 1 - i];
		lines[count - 1 - i] = line;
	}
}

static void diff_middle(const struct middle *middle, struct script *out)
{
	/* The search needs megabytes for texts that differ much: not for the life of the request. */
	struct arena *scratch = arena_new();
	const int **trace = arena_array(scratch, DIFF_MAX_EDITS + 1, sizeof(*trace));
	int edits = search(middle, scratch, trace);
	size_t start = out->count;

	if (edits >= 0) {
		walk_back(middle, edits, trace, out);
		reverse(out->lines + start, out->count - start);
	} else {
		for (int i = 0; i < middle->a_count; i++)
			emit(out, DIFF_REMOVED, &middle->a[i]);
		for (int i = 0; i < middle->b_count; i++)
			emit(out, DIFF_ADDED, &middle->b[i]);
	}
	arena_free(scratch);
}

/* Cuts the script into stretches around what changed. */
static void cut_hunks(const struct script *script, struct arena *arena, struct diff *out)
{
	size_t old_line = 1, new_line = 1, at = 0;

	out->hunks = arena_array(arena, script->count, sizeof(*out->hunks));
	while (at < script->count) {
		size_t change = at, start, end, same = 0;

		while (change < script->count && script->lines[change].op == DIFF_SAME)
			change++;
		if (change == script->count)
			return;
		start = change - at > DIFF_CONTEXT_LINES ? change - DIFF_CONTEXT_LINES : at;
		old_line += start - at;
		new_line += start - at;
		for (end = change; end < script->count && same <= 2 * DIFF_CONTEXT_LINES; end++)
			same = script->lines[end].op == DIFF_SAME ? same + 1 : 0;
		if (same > DIFF_CONTEXT_LINES)
			end -= same - DIFF_CONTEXT_LINES;
		struct diff_hunk *hunk = &out->hunks[out->hunk_count++];
		*hunk = (struct diff_hunk){.old_start = old_line,
					   .new_start = new_line,
					   .lines = script->lines + start,
					   .line_count = end - start};
		for (size_t i = start; i < end; i++) {
			hunk->old_count += script->lines[i].op != DIFF_ADDED;
			hunk->new_count += script->lines[i].op != DIFF_REMOVED;
		}
		old_line += hunk->old_count;
		new_line += hunk->new_count;
		at = end;
	}
}

void diff_lines(struct diff_text from, struct diff_text to, struct arena *arena, struct diff *out)
{
	struct lines a = split(from, arena), b = split(to, arena);
	struct script script = {
		.lines = arena_array(arena, a.count + b.count, sizeof(*script.lines))};
	size_t head = 0, tail = 0;

	*out = (struct diff){0};
	while (head < a.count && head < b.count && equal(&a.items[head], &b.items[head]))
		head++;
	while (tail < a.count - head && tail < b.count - head &&
	       equal(&a.items[a.count - 1 - tail], &b.items[b.count - 1 - tail]))
		tail++;
	for (size_t i = 0; i < head; i++)
		emit(&script, DIFF_SAME, &a.items[i]);
	const struct middle middle = {a.items + head, b.items + head, (int)(a.count - head - tail),
				      (int)(b.count - head - tail)};
	diff_middle(&middle, &script);
	for (size_t i = 0; i < tail; i++)
		emit(&script, DIFF_SAME, &a.items[a.count - tail + i]);
	cut_hunks(&script, arena, out);
}

static void diff_file(const struct config_file *from, const struct config_file *to,
		      struct arena *arena, struct file_diff *out)
{
	struct diff_text before = {from ? from->content : "", from ? (size_t)from->size : 0};
	struct diff_text after = {to ? to->content : "", to ? (size_t)to->size : 0};

	*out = (struct file_diff){.path = from ? from->path : to->path};
	if (!from)
		out->change = "added";
	else if (!to)
		out->change = "removed";
	else if (strcmp(from->sha256, to->sha256) == 0 && strcmp(from->mode, to->mode) == 0)
		out->change = "same";
	else
		out->change = "modified";
	out->binary = (from && !config_file_is_text(from)) || (to && !config_file_is_text(to));
	if (!out->binary)
		diff_lines(before, after, arena, &out->diff);
}

void diff_versions(const struct config_version *from, const struct config_version *to,
		   struct arena *arena, struct file_diff **out, size_t *count)
{
	struct file_diff *diffs =
		arena_array(arena, from->file_count + to->file_count, sizeof(*diffs));
	size_t a = 0, b = 0, n = 0;

	while (a < from->file_count || b < to->file_count) {
		const struct config_file *left = a < from->file_count ? &from->files[a] : NULL;
		const struct config_file *right = b < to->file_count ? &to->files[b] : NULL;
		int order = !left ? 1 : !right ? -1 : strcmp(left->path, right->path);

		diff_file(order <= 0 ? left : NULL, order >= 0 ? right : NULL, arena, &diffs[n++]);
		a += order <= 0;
		b += order >= 0;
	}
	*out = diffs;
	*count = n;
}
