/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/inventory/selector.h"

#include <stdlib.h>
#include <string.h>

#include "base/fields.h"
#include "domain/inventory/labels.h"

enum { NUMBER_MAX_DIGITS = 18 };

struct parser {
	const char *text;
	size_t position;
	size_t value_count;
	struct error *err;
};

/* A stretch of the text that is being parsed. */
struct word {
	const char *start;
	size_t length;
};

static bool fail(struct parser *parser, size_t position, const char *expected)
{
	return error_set_field(parser->err, ERR_INVALID, "selector",
			       "selector: expected %s at position %zu", expected, position + 1);
}

static void skip_spaces(struct parser *parser)
{
	while (parser->text[parser->position] == ' ' || parser->text[parser->position] == '\t')
		parser->position++;
}

static bool accept(struct parser *parser, const char *symbol)
{
	skip_spaces(parser);
	if (strncmp(parser->text + parser->position, symbol, strlen(symbol)) != 0)
		return false;
	parser->position += strlen(symbol);
	return true;
}

/* Everything up to a symbol or a space; may be empty. */
static struct word take_word(struct parser *parser)
{
	skip_spaces(parser);
	const char *start = parser->text + parser->position;
	size_t length = strcspn(start, " \t,()!=<>");

	parser->position += length;
	return (struct word){start, length};
}

static bool word_is(struct word word, const char *text)
{
	return word.length == strlen(text) && memcmp(word.start, text, word.length) == 0;
}

static bool parse_key(struct parser *parser, struct word *key)
{
	*key = take_word(parser);
	if (!label_key_valid(key->start, key->length))
		return fail(parser, (size_t)(key->start - parser->text), "a label key");
	return true;
}

static bool parse_value(struct parser *parser, json_t *values)
{
	struct word value = take_word(parser);

	if (!label_value_valid(value.start, value.length))
		return fail(parser, (size_t)(value.start - parser->text), "a label value");
	if (++parser->value_count > SELECTOR_MAX_VALUES)
		return error_set_field(parser->err, ERR_INVALID, "selector",
				       "selector: more than %d values", SELECTOR_MAX_VALUES);
	json_array_append_new(values, json_stringn(value.start, value.length));
	return true;
}

static bool parse_value_list(struct parser *parser, json_t *values)
{
	if (!accept(parser, "("))
		return fail(parser, parser->position, "\"(\"");
	do {
		if (!parse_value(parser, values))
			return false;
	} while (accept(parser, ","));
	if (!accept(parser, ")"))
		return fail(parser, parser->position, "\",\" or \")\"");
	return true;
}

static bool parse_number(struct parser *parser, json_t *requirement)
{
	struct word word = take_word(parser);
	size_t sign = word.length > 0 && word.start[0] == '-';
	size_t digits = strspn(word.start + sign, "0123456789");

	if (digits == 0 || digits > NUMBER_MAX_DIGITS || sign + digits != word.length)
		return fail(parser, (size_t)(word.start - parser->text), "a whole number");
	json_object_set_new(requirement, "number", json_integer(strtoll(word.start, NULL, 10)));
	return true;
}

static bool parse_comparison(struct parser *parser, json_t *requirement, json_t *values,
			     const char **op)
{
	static const struct {
		const char *symbol;
		const char *op;
	} SYMBOLS[] = {{"!=", "not_in"}, {"==", "in"}, {"=", "in"}, {">", "gt"}, {"<", "lt"}};

	for (size_t i = 0; i < ARRAY_SIZE(SYMBOLS); i++) {
		if (!accept(parser, SYMBOLS[i].symbol))
			continue;
		*op = SYMBOLS[i].op;
		return strcmp(*op, "in") == 0 || strcmp(*op, "not_in") == 0
			       ? parse_value(parser, values)
			       : parse_number(parser, requirement);
	}
	struct word word = take_word(parser);
	bool in = word_is(word, "in");
	if (in || word_is(word, "notin")) {
		*op = in ? "in" : "not_in";
		return parse_value_list(parser, values);
	}
	if (word.length)
		return fail(parser, (size_t)(word.start - parser->text),
			    "an operator such as =, !=, in, notin");
	*op = "exists";
	return true;
}

static bool parse_requirement(struct parser *parser, json_t *requirement)
{
	json_auto_t *values = json_array();
	struct word key;
	const char *op = NULL;

	if (accept(parser, "!")) {
		op = "not_exists";
		if (!parse_key(parser, &key))
			return false;
	} else if (!parse_key(parser, &key) ||
		   !parse_comparison(parser, requirement, values, &op)) {
		return false;
	}
	json_object_set_new(requirement, "key", json_stringn(key.start, key.length));
	json_object_set_new(requirement, "op", json_string(op));
	if (json_array_size(values))
		json_object_set(requirement, "values", values);
	return true;
}

static bool parse_all(struct parser *parser, json_t *requirements)
{
	do {
		json_t *requirement = json_object();

		json_array_append_new(requirements, requirement);
		if (json_array_size(requirements) > SELECTOR_MAX_REQUIREMENTS)
			return error_set_field(parser->err, ERR_INVALID, "selector",
					       "selector: more than %d requirements",
					       SELECTOR_MAX_REQUIREMENTS);
		if (!parse_requirement(parser, requirement))
			return false;
	} while (accept(parser, ","));
	skip_spaces(parser);
	if (parser->text[parser->position])
		return fail(parser, parser->position, "\",\" or the end");
	return true;
}

bool selector_parse(const char *text, struct arena *arena, json_t **requirements, struct error *err)
{
	struct parser parser = {.text = text, .err = err};
	json_auto_t *parsed = json_array();

	if (strlen(text) > SELECTOR_MAX_BYTES)
		return error_set_field(err, ERR_INVALID, "selector",
				       "selector is longer than %d bytes", SELECTOR_MAX_BYTES);
	skip_spaces(&parser);
	if (!text[parser.position]) {
		json_array_append_new(parsed, json_pack("{s:s}", "op", "none"));
	} else if (accept(&parser, "*")) {
		skip_spaces(&parser);
		if (text[parser.position])
			return fail(&parser, parser.position, "the end after \"*\"");
		json_array_append_new(parsed, json_pack("{s:s}", "op", "all"));
	} else if (!parse_all(&parser, parsed)) {
		return false;
	}
	*requirements = json_keep(json_incref(parsed), arena);
	return true;
}

static bool values_hold(const json_t *requirement, const char *value)
{
	const json_t *values = json_object_get(requirement, "values");

	for (size_t i = 0; i < json_array_size(values); i++)
		if (strcmp(json_string_value(json_array_get(values, i)), value) == 0)
			return true;
	return false;
}

/* The label as a number, when it is one of at most 18 digits. */
static bool label_number(const char *value, int64_t *number)
{
	size_t sign = value[0] == '-';
	size_t digits = strspn(value + sign, "0123456789");

	if (digits == 0 || digits > NUMBER_MAX_DIGITS || value[sign + digits])
		return false;
	*number = strtoll(value, NULL, 10);
	return true;
}

static bool requirement_holds(const json_t *requirement, const json_t *labels)
{
	const char *op = json_string_value(json_object_get(requirement, "op"));
	const char *key = json_string_value(json_object_get(requirement, "key"));
	const char *value = key ? json_string_value(json_object_get(labels, key)) : NULL;
	int64_t limit = json_integer_value(json_object_get(requirement, "number"));
	int64_t number;

	if (strcmp(op, "all") == 0)
		return true;
	if (strcmp(op, "none") == 0)
		return false;
	if (strcmp(op, "exists") == 0)
		return value != NULL;
	if (strcmp(op, "not_exists") == 0)
		return value == NULL;
	if (strcmp(op, "in") == 0)
		return value && values_hold(requirement, value);
	if (strcmp(op, "not_in") == 0)
		return !value || !values_hold(requirement, value);
	if (!value || !label_number(value, &number))
		return false;
	return strcmp(op, "gt") == 0 ? number > limit : number < limit;
}

bool selector_matches(const json_t *requirements, const json_t *labels)
{
	for (size_t i = 0; i < json_array_size(requirements); i++)
		if (!requirement_holds(json_array_get(requirements, i), labels))
			return false;
	return true;
}
