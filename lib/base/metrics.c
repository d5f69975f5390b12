/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metrics.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TABLES = 64 };

static struct {
	struct metric *table;
	size_t count;
} registered[MAX_TABLES];

static size_t registered_count;

void metrics_register(struct metric *table, size_t count)
{
	for (size_t i = 0; i < registered_count; i++) {
		if (registered[i].table == table)
			return;
	}
	assert(registered_count < MAX_TABLES);
	registered[registered_count].table = table;
	registered[registered_count].count = count;
	registered_count++;
}

/* The name up to the labels. */
static int family_length(const char *name)
{
	return (int)strcspn(name, "{");
}

static void render_table(struct strbuf *out, const struct metric *table, size_t count)
{
	const char *family = "";

	for (size_t i = 0; i < count; i++) {
		const struct metric *metric = &table[i];
		int length = family_length(metric->name);

		if (length != family_length(family) ||
		    strncmp(family, metric->name, (size_t)length) != 0)
			strbuf_printf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", length, metric->name,
				      metric->help, length, metric->name,
				      metric->type == METRIC_TYPE_COUNTER ? "counter" : "gauge");
		family = metric->name;
		strbuf_printf(out, "%s %lld\n", metric->name, (long long)metric_get(metric));
	}
}

void metrics_render(struct strbuf *out)
{
	for (size_t i = 0; i < registered_count; i++)
		render_table(out, registered[i].table, registered[i].count);
}
