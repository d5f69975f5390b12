/* SPDX-License-Identifier: Apache-2.0 */
#include "process/shim_client.h"

#include <limits.h>
#include <string.h>

#include "base/compiler.h"

static const char *const PHASES[] = {
	[SHIM_IDLE] = "idle",
	[SHIM_RUNNING] = "running",
	[SHIM_STOPPING] = "stopping",
	[SHIM_KILLING] = "killing",
};

struct word {
	const char *text;
	size_t length;
};

static bool word_is(struct word word, const char *text)
{
	return word.length == strlen(text) && memcmp(word.text, text, word.length) == 0;
}

static bool word_number(struct word word, int64_t *out)
{
	bool negative = word.length > 0 && word.text[0] == '-';
	int64_t value = 0;

	if (word.length <= negative || word.length > 18)
		return false;
	for (size_t i = negative; i < word.length; i++) {
		if (word.text[i] < '0' || word.text[i] > '9')
			return false;
		value = value * 10 + (word.text[i] - '0');
	}
	*out = negative ? -value : value;
	return true;
}

static bool word_int(struct word word, int *out)
{
	int64_t value;

	if (!word_number(word, &value) || value < INT_MIN || value > INT_MAX)
		return false;
	*out = (int)value;
	return true;
}

static bool word_bool(struct word word, bool *out)
{
	int64_t value;

	if (!word_number(word, &value))
		return false;
	*out = value != 0;
	return true;
}

static bool word_copy(struct word word, char *out, size_t size)
{
	if (word.length >= size)
		return false;
	memcpy(out, word.text, word.length);
	out[word.length] = '\0';
	return true;
}

/* The shim writes "execute_the_program". */
static bool step_decode(struct word word, struct shim_event *event)
{
	if (!word_copy(word, event->step, sizeof(event->step)))
		return false;
	for (char *c = event->step; *c; c++)
		*c = *c == '_' ? ' ' : *c;
	return true;
}

static bool phase_decode(struct word word, enum shim_phase *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(PHASES); i++) {
		if (word_is(word, PHASES[i])) {
			*out = (enum shim_phase)i;
			return true;
		}
	}
	return false;
}

static bool pair_decode(struct word key, struct word value, struct shim_event *event)
{
	int number;

	if (word_is(key, "run")) {
		if (!word_int(value, &number) || number < 0)
			return false;
		event->run = (unsigned)number;
		return true;
	}
	if (word_is(key, "pid")) {
		if (!word_int(value, &number) || number < 0)
			return false;
		event->pid = (pid_t)number;
		return true;
	}
	if (word_is(key, "phase"))
		return phase_decode(value, &event->phase);
	if (word_is(key, "started") || word_is(key, "at"))
		return word_number(value, &event->at);
	if (word_is(key, "exit"))
		return word_bool(value, &event->exit_pending);
	if (word_is(key, "code"))
		return word_int(value, &event->code);
	if (word_is(key, "signal"))
		return word_int(value, &event->signal);
	if (word_is(key, "core"))
		return word_bool(value, &event->core);
	if (word_is(key, "wanted"))
		return word_bool(value, &event->wanted);
	if (word_is(key, "errno"))
		return word_int(value, &event->error);
	if (word_is(key, "step"))
		return step_decode(value, event);
	if (word_is(key, "tag"))
		return word_copy(value, event->tag, sizeof(event->tag));
	return true; /* a newer shim may say more */
}

static bool pairs_decode(const char *text, size_t length, struct shim_event *event)
{
	while (length > 0) {
		const char *end = memchr(text, ' ', length);
		size_t size = end ? (size_t)(end - text) : length;
		const char *equals = memchr(text, '=', size);

		if (!equals)
			return false;
		struct word key = {text, (size_t)(equals - text)};
		struct word value = {equals + 1, size - key.length - 1};
		if (!pair_decode(key, value, event))
			return false;
		if (!end)
			break;
		text = end + 1;
		length -= size + 1;
	}
	return true;
}

static bool starts_with(const char *data, size_t size, const char *prefix)
{
	return size >= strlen(prefix) && memcmp(data, prefix, strlen(prefix)) == 0;
}

bool shim_packet_decode(const char *data, size_t size, struct shim_event *event)
{
	struct shim_event decoded = {.code = -1};

	if (starts_with(data, size, "status ")) {
		decoded.kind = SHIM_EVENT_STATUS;
		if (!pairs_decode(data + 7, size - 7, &decoded))
			return false;
	} else if (starts_with(data, size, "error ")) {
		decoded.kind = SHIM_EVENT_ERROR;
		decoded.text = data + 6;
		decoded.text_size = size - 6;
	} else if (starts_with(data, size, "exit ")) {
		const char *end = memchr(data, '\n', size);

		decoded.kind = SHIM_EVENT_EXIT;
		if (!end || !pairs_decode(data + 5, (size_t)(end - data) - 5, &decoded))
			return false;
		decoded.text = end + 1;
		decoded.text_size = size - (size_t)(end + 1 - data);
	} else {
		return false;
	}
	*event = decoded;
	return true;
}
