/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "base/clock.h"
#include "base/strbuf.h"

enum {
	COLUMNS_MAX = 16,
	TEXT_MAX = 64 * 1024,
};

json_t *json_at(json_t *json, const char *path)
{
	while (json != NULL && *path != '\0') {
		char key[64];
		size_t len = strcspn(path, ".");
		if (len >= sizeof(key))
			return NULL;
		memcpy(key, path, len);
		key[len] = '\0';
		json = json_object_get(json, key);
		path += len + (path[len] == '.');
	}
	return json;
}

static const char *time_text(const struct cli *cli, const char *text)
{
	char out[40];
	usec_t at;
	struct tm parts;

	if (!time_parse(text, strlen(text), &at))
		return text;
	time_t seconds = (time_t)(at / USEC_PER_SEC);
	if (cli->utc)
		gmtime_r(&seconds, &parts);
	else
		localtime_r(&seconds, &parts);
	strftime(out, sizeof(out), cli->utc ? "%Y-%m-%d %H:%M:%SZ" : "%Y-%m-%d %H:%M:%S", &parts);
	return arena_strdup(cli->arena, out);
}

static const char *size_text(const struct cli *cli, json_t *value)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	double size = json_number_value(value);
	size_t unit = 0;

	while (size >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		size /= 1000;
		unit++;
	}
	return arena_printf(cli->arena, unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
}

static const char *labels_text(const struct cli *cli, json_t *value)
{
	struct strbuf text;
	const char *key;
	json_t *label;

	strbuf_init(&text, cli->arena, TEXT_MAX);
	json_object_foreach (value, key, label)
		strbuf_printf(&text, "%s%s=%s", text.length > 0 ? "," : "", key,
			      json_is_string(label) ? json_string_value(label) : "?");
	return text.length > 0 ? text.data : "-";
}

static const char *list_text(const struct cli *cli, json_t *value)
{
	struct strbuf text;
	size_t i;
	json_t *item;

	strbuf_init(&text, cli->arena, TEXT_MAX);
	json_array_foreach (value, i, item)
		strbuf_printf(&text, "%s%s", i > 0 ? "," : "", value_text(cli, item, COLUMN_TEXT));
	return text.length > 0 ? text.data : "-";
}

static const char *services_text(const struct cli *cli, json_t *value)
{
	struct strbuf text;
	size_t i;
	json_t *service;

	strbuf_init(&text, cli->arena, TEXT_MAX);
	json_array_foreach (value, i, service)
		strbuf_printf(&text, "%s%s:%s", i > 0 ? " " : "",
			      value_text(cli, json_at(service, "name"), COLUMN_TEXT),
			      value_text(cli, json_at(service, "state"), COLUMN_TEXT));
	return text.length > 0 ? text.data : "-";
}

static const char *duration_text(const struct cli *cli, json_t *value)
{
	static const struct {
		json_int_t ms;
		const char *unit;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}};
	json_int_t ms = json_integer_value(value);

	if (ms == 0)
		return "0s";
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (ms % units[i].ms == 0)
			return arena_printf(cli->arena, "%lld%s", (long long)(ms / units[i].ms),
					    units[i].unit);
	return arena_printf(cli->arena, "%lldms", (long long)ms);
}

static const char *changes_text(const struct cli *cli, json_t *value)
{
	struct strbuf text;
	size_t i;
	json_t *change;

	strbuf_init(&text, cli->arena, TEXT_MAX);
	json_array_foreach (value, i, change) {
		json_t *package = json_object_get(change, "package");
		json_t *config = json_object_get(change, "config");
		json_t *run = json_object_get(change, "run");
		strbuf_printf(&text, "%s%s", i > 0 ? "; " : "",
			      value_text(cli, json_at(change, "service"), COLUMN_TEXT));
		if (json_is_object(package))
			strbuf_printf(&text, " package %s@%s",
				      value_text(cli, json_at(package, "name"), COLUMN_TEXT),
				      value_text(cli, json_at(package, "version"), COLUMN_TEXT));
		if (json_is_object(config))
			strbuf_printf(&text, " config %s@%s",
				      value_text(cli, json_at(config, "name"), COLUMN_TEXT),
				      value_text(cli, json_at(config, "version"), COLUMN_TEXT));
		if (json_is_object(json_object_get(change, "parameters")))
			strbuf_printf(&text, " parameters");
		if (json_is_boolean(run))
			strbuf_printf(&text, json_is_true(run) ? " run" : " stop");
		if (json_is_true(json_object_get(change, "remove")))
			strbuf_printf(&text, " remove");
	}
	return text.length > 0 ? text.data : "-";
}

/* " package 2.0.11 -> 2.0.21" when the two differ. */
static void plan_part(const struct cli *cli, struct strbuf *text, json_t *service, const char *part)
{
	json_t *from = json_at(json_object_get(service, part), "from");
	json_t *to = json_at(json_object_get(service, part), "to");

	if (to != NULL && !json_equal(from, to))
		strbuf_printf(text, " %s %s -> %s", part, value_text(cli, from, COLUMN_TEXT),
			      value_text(cli, to, COLUMN_TEXT));
}

static const char *plan_text(const struct cli *cli, json_t *value)
{
	struct strbuf text;
	size_t i;
	json_t *service;

	strbuf_init(&text, cli->arena, TEXT_MAX);
	json_array_foreach (value, i, service) {
		bool restart = json_is_true(json_object_get(service, "restart"));
		bool reload = json_is_true(json_object_get(service, "reload"));
		strbuf_printf(&text, "%s%s", i > 0 ? "; " : "",
			      value_text(cli, json_at(service, "service"), COLUMN_TEXT));
		plan_part(cli, &text, service, "package");
		plan_part(cli, &text, service, "config");
		if (json_is_true(json_object_get(service, "remove")))
			strbuf_printf(&text, " (removed)");
		else if (json_is_true(json_object_get(service, "stop")))
			strbuf_printf(&text, " (stop)");
		else if (restart || reload)
			strbuf_printf(&text, restart ? " (restart)" : " (reload)");
	}
	return text.length > 0 ? text.data : "-";
}

static const char *targets_text(const struct cli *cli, json_t *value)
{
	json_t *selector = json_object_get(value, "selector");

	return json_is_string(selector)
		       ? value_text(cli, selector, COLUMN_TEXT)
		       : value_text(cli, json_object_get(value, "nodes"), COLUMN_LIST);
}

const char *value_text(const struct cli *cli, json_t *value, enum column_kind kind)
{
	if (value == NULL || json_is_null(value))
		return "-";
	if (json_is_string(value)) {
		const char *text = json_string_value(value);
		if (text[0] == '\0')
			return "-";
		return kind == COLUMN_TIME ? time_text(cli, text) : text;
	}
	if (json_is_number(value) && kind == COLUMN_SIZE)
		return size_text(cli, value);
	if (json_is_integer(value) && kind == COLUMN_DURATION)
		return duration_text(cli, value);
	if (json_is_integer(value))
		return arena_printf(cli->arena, "%lld", (long long)json_integer_value(value));
	if (json_is_real(value))
		return arena_printf(cli->arena, "%.1f", json_real_value(value));
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	if (kind == COLUMN_LABELS)
		return labels_text(cli, value);
	if (kind == COLUMN_SERVICES)
		return services_text(cli, value);
	if (kind == COLUMN_CHANGES)
		return changes_text(cli, value);
	if (kind == COLUMN_PLAN)
		return plan_text(cli, value);
	if (kind == COLUMN_TARGETS)
		return targets_text(cli, value);
	return list_text(cli, value);
}

/* Columns on a terminal that text takes; control characters of others never reach it. */
static int width_of(const char *text)
{
	mbstate_t state = {0};
	int width = 0;

	while (*text != '\0') {
		wchar_t c;
		size_t len = mbrtowc(&c, text, 16, &state);
		if (len == (size_t)-1 || len == (size_t)-2) {
			memset(&state, 0, sizeof(state));
			len = 1;
			width++;
		} else {
			int one = wcwidth(c);
			width += one > 0 ? one : 0;
		}
		text += len;
	}
	return width;
}

static void put_text(const char *text)
{
	for (; *text != '\0'; text++)
		putchar((unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text);
}

static void print_table(const struct cli *cli, json_t *items, const struct column *columns)
{
	int widths[COLUMNS_MAX] = {0};
	size_t count = 0, i;
	json_t *item;

	for (; columns[count].title != NULL && count < COLUMNS_MAX; count++)
		widths[count] = width_of(columns[count].title);
	json_array_foreach (items, i, item)
		for (size_t c = 0; c < count; c++) {
			int width = width_of(
				value_text(cli, json_at(item, columns[c].path), columns[c].kind));
			if (width > widths[c])
				widths[c] = width;
		}
	for (size_t c = 0; c + 1 < count; c++)
		printf("%-*s  ", widths[c], columns[c].title);
	printf("%s\n", columns[count - 1].title);
	json_array_foreach (items, i, item) {
		for (size_t c = 0; c < count; c++) {
			const char *text =
				value_text(cli, json_at(item, columns[c].path), columns[c].kind);
			put_text(text);
			if (c + 1 < count)
				printf("%*s", widths[c] - width_of(text) + 2, "");
		}
		putchar('\n');
	}
}

void print_json(json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

void print_list(const struct cli *cli, json_t *reply, const struct column *columns,
		const char *empty)
{
	json_t *items = json_object_get(reply, "items");
	size_t count = json_array_size(items);
	json_int_t total = json_integer_value(json_object_get(reply, "total"));

	if (cli->json) {
		print_json(reply);
		return;
	}
	if (count == 0) {
		cli_say(cli, "%s", empty);
		return;
	}
	print_table(cli, items, columns);
	if (total > (json_int_t)count)
		cli_say(cli, "%zu of %s%lld; --limit shows more, --all shows all", count,
			json_is_true(json_object_get(reply, "total_is_bound")) ? "more than " : "",
			(long long)total);
}

void print_object(const struct cli *cli, json_t *object, const struct column *columns)
{
	int width = 0;

	if (cli->json) {
		print_json(object);
		return;
	}
	for (const struct column *column = columns; column->title != NULL; column++)
		if ((int)strlen(column->title) > width)
			width = (int)strlen(column->title);
	for (const struct column *column = columns; column->title != NULL; column++) {
		printf("%-*s  ", width, column->title);
		put_text(value_text(cli, json_at(object, column->path), column->kind));
		putchar('\n');
	}
}
