/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fields.h"
#include "base/strbuf.h"
#include "client.h"
#include "handlers.h"

enum {
	PATH_MAX_BYTES = 16 * 1024,
	PAGE_LIMIT = 500,
};

/* A token has no session, but it has projects. */
const struct column PROJECTS[] = {
	{"PROJECT", "name", COLUMN_TEXT},
	{"ROLE", "role", COLUMN_TEXT},
	{"ID", "id", COLUMN_TEXT},
	{NULL, NULL, COLUMN_TEXT},
};

void cli_say(const struct cli *cli, const char *format, ...)
{
	va_list arguments;

	if (cli->quiet || cli->json)
		return;
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

static void append_encoded(struct strbuf *out, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";

	for (; *text != '\0'; text++)
		if (strchr(plain, *text) != NULL)
			strbuf_append_char(out, *text);
		else
			strbuf_printf(out, "%%%02X", (unsigned char)*text);
}

const char *cli_path(struct cli *cli, const char *format, ...)
{
	struct strbuf out;
	va_list arguments;

	strbuf_init(&out, cli->arena, PATH_MAX_BYTES);
	va_start(arguments, format);
	for (; *format != '\0'; format++) {
		if (strncmp(format, "%s", 2) == 0) {
			append_encoded(&out, va_arg(arguments, const char *));
			format++;
		} else {
			strbuf_append_char(&out, *format);
		}
	}
	va_end(arguments);
	return out.data;
}

const char *cli_query(struct cli *cli, const char *path, ...)
{
	struct strbuf out;
	va_list arguments;
	const char *key;
	char separator = strchr(path, '?') != NULL ? '&' : '?';

	strbuf_init(&out, cli->arena, PATH_MAX_BYTES);
	strbuf_append_string(&out, path);
	va_start(arguments, path);
	while ((key = va_arg(arguments, const char *)) != NULL) {
		const char *value = va_arg(arguments, const char *);
		if (value == NULL)
			continue;
		strbuf_printf(&out, "%c%s=", separator, key);
		append_encoded(&out, value);
		separator = '&';
	}
	va_end(arguments);
	return out.data;
}

/* Adds the following pages to the first. */
static bool fetch_rest(struct cli *cli, const char *path, json_t *first, struct error *err)
{
	json_t *items = json_object_get(first, "items");
	const char *cursor;

	while ((cursor = json_string_value(json_object_get(first, "next_cursor"))) != NULL) {
		json_t *page;
		if (!client_call(cli->client, "GET", cli_query(cli, path, "cursor", cursor, NULL),
				 NULL, cli->arena, &page, err))
			return false;
		json_array_extend(items, json_object_get(page, "items"));
		json_object_set(first, "next_cursor", json_object_get(page, "next_cursor"));
	}
	return true;
}

bool run_list(struct cli *cli, const char *path, const struct column *columns, const char *empty,
	      struct error *err)
{
	bool all = cli_switch(cli, "all");
	const char *limit = cli_option(cli, "limit");
	json_t *reply;

	if (all)
		limit = arena_printf(cli->arena, "%d", PAGE_LIMIT);
	path = cli_query(cli, path, "limit", limit, NULL);
	if (!client_call(cli->client, "GET", path, NULL, cli->arena, &reply, err) ||
	    (all && !fetch_rest(cli, path, reply, err)))
		return false;
	print_list(cli, reply, columns, empty);
	return true;
}

bool run_show(struct cli *cli, const char *path, const struct column *columns, struct error *err)
{
	json_t *reply;

	if (!client_call(cli->client, "GET", path, NULL, cli->arena, &reply, err))
		return false;
	print_object(cli, reply, columns);
	return true;
}

bool run_change(struct cli *cli, const char *method, const char *path, const json_t *body,
		const char *said, struct error *err)
{
	json_t *reply;

	if (!client_call(cli->client, method, path, body, cli->arena, &reply, err))
		return false;
	if (cli->json)
		print_json(reply != NULL ? reply : json_keep(json_object(), cli->arena));
	else
		cli_say(cli, "%s", said);
	return true;
}

bool find_id(struct cli *cli, const char *list, const char *noun, const char *const *keys,
	     const char **id, struct error *err)
{
	const char *wanted = cli->arguments[0];
	const char *path =
		cli_query(cli, list, "limit", arena_printf(cli->arena, "%d", PAGE_LIMIT), NULL);
	json_t *reply, *item;
	size_t i;

	if (!client_call(cli->client, "GET", path, NULL, cli->arena, &reply, err) ||
	    !fetch_rest(cli, path, reply, err))
		return false;
	*id = NULL;
	json_array_foreach (json_object_get(reply, "items"), i, item) {
		const char *this = json_string_value(json_object_get(item, "id"));
		bool same = strcmp(this, wanted) == 0;
		for (size_t k = 0; !same && keys[k] != NULL; k++) {
			const char *name = json_string_value(json_object_get(item, keys[k]));
			same = name != NULL && strcmp(name, wanted) == 0;
		}
		if (same && *id != NULL)
			return error_set(err, ERR_CONFLICT,
					 "several are called \"%s\": give the id of one", wanted);
		if (same)
			*id = this;
	}
	return *id != NULL || error_set(err, ERR_NOT_FOUND, "there is no %s \"%s\"", noun, wanted);
}

bool add_pair(json_t *object, const char *pair, struct error *err)
{
	const char *equals = strchr(pair, '=');

	if (equals == NULL || equals == pair)
		return error_set(err, ERR_INVALID, "expected KEY=VALUE, not \"%s\"", pair);

	char key[256];
	size_t length = (size_t)(equals - pair);
	if (length >= sizeof(key))
		return error_set(err, ERR_INVALID, "the key of \"%.20s...\" is too long", pair);
	memcpy(key, pair, length);
	key[length] = '\0';
	json_object_set_new(object, key, json_string(equals + 1));
	return true;
}
