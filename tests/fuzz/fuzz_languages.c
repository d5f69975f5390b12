/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small languages that people and devices write: topics, label selectors,
 * templates. The first byte chooses.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fields.h"
#include "domain/config/template.h"
#include "domain/inventory/selector.h"
#include "protocol/topics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_RENDERED = 64 * 1024 };

static void check_topic(const char *text)
{
	char again[LIMIT_TOPIC];
	struct topic topic;
	struct error err;

	if (!topic_parse(text, &topic, &err))
		return;
	topic_format(again, topic.node, topic.channel);
	if (strcmp(again, text) != 0)
		abort();
}

static void check_selector(const char *text, struct arena *arena)
{
	static const char LABELS[] = "{\"site\":\"plant-3\",\"line\":\"2\",\"spare\":\"\"}";
	json_t *requirements, *labels;
	struct error err;

	if (!selector_parse(text, arena, &requirements, &err))
		return;
	if (!json_parse_limited(LABELS, strlen(LABELS), 2, &labels, &err))
		abort();
	json_keep(labels, arena);
	/* The answer may be either, but must not change. */
	if (selector_matches(requirements, labels) != selector_matches(requirements, labels))
		abort();
}

static bool value_of(void *arg, const char *name, const char *inline_default, const char **value,
		     struct error *err)
{
	(void)arg;
	(void)err;
	*value = name[0] == 'd' ? inline_default : "value";
	return true;
}

static void check_template(const char *text, size_t length, struct arena *arena)
{
	const struct template_source source = {
		.path = "f",
		.text = text,
		.length = length,
		.value = value_of,
	};
	struct strbuf out;
	struct error err;

	strbuf_init(&out, arena, MAX_RENDERED);
	bool parses = template_check("f", text, length, &err);
	/* What does not parse is never rendered. */
	if (template_render(&source, arena, &out, &err) && !parses)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct arena *arena = arena_new();
	char *text = arena_memdup(arena, data + 1, size - 1);

	switch (data[0]) {
	case 't':
		check_topic(text);
		break;
	case 's':
		check_selector(text, arena);
		break;
	default:
		check_template(text, size - 1, arena);
		break;
	}
	arena_free(arena);
	return 0;
}
