/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/strbuf.h"
#include "protocol/bundle.h"
#include "protocol/report.h"
#include "test.h"

static const char DIGEST[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

struct input {
	const char *data;
	size_t size, at;
};

static bool read_input(void *arg, void *out, size_t size, size_t *count, struct error *err)
{
	struct input *input = arg;

	(void)err;
	*count = size < input->size - input->at ? size : input->size - input->at;
	memcpy(out, input->data + input->at, *count);
	input->at += *count;
	return true;
}

static void add(struct strbuf *out, enum bundle_kind kind, const char *id, const char *content)
{
	static const char ZERO[USTAR_BLOCK];
	struct bundle_entry entry = {.kind = kind, .size = (int64_t)strlen(content)};
	uint8_t header[USTAR_BLOCK];

	memcpy(entry.id, id, strlen(id));
	bundle_header(&entry, header);
	strbuf_append(out, header, sizeof(header));
	strbuf_append_string(out, content);
	strbuf_append(out, ZERO, ustar_padding(entry.size));
}

static void begin(struct strbuf *out, struct arena *arena)
{
	uint8_t head[BUNDLE_HEAD_SIZE];

	strbuf_init(out, arena, 1 << 20);
	bundle_head(head);
	strbuf_append(out, head, sizeof(head));
}

static void end(struct strbuf *out)
{
	static const char TAIL[BUNDLE_TAIL_SIZE];

	strbuf_append(out, TAIL, sizeof(TAIL));
}

static void reads_what_was_written(void **state)
{
	struct arena *arena = arena_new();
	struct bundle_reader reader;
	struct bundle_entry entry;
	struct error err = {0};
	struct strbuf text;
	char content[32];
	size_t count;

	(void)state;
	begin(&text, arena);
	add(&text, BUNDLE_DESIRED, "naaaaaa", "{}");
	add(&text, BUNDLE_DESIRED, "nbbbbbb", "{\"x\":1}");
	add(&text, BUNDLE_PACKAGE, DIGEST, "archive");
	end(&text);
	struct input input = {text.data, text.length, 0};
	bundle_reader_init(&reader, read_input, &input);
	/* What is not read is skipped. */
	assert_success(bundle_next(&reader, &entry, &err), &err);
	assert_int_equal(entry.kind, BUNDLE_DESIRED);
	assert_string_equal(entry.id, "naaaaaa");
	assert_success(bundle_next(&reader, &entry, &err), &err);
	assert_string_equal(entry.id, "nbbbbbb");
	assert_success(bundle_read(&reader, content, 3, &count, &err), &err);
	assert_int_equal(count, 3);
	assert_success(bundle_read(&reader, content, sizeof(content), &count, &err), &err);
	assert_int_equal(count, 4);
	assert_success(bundle_read(&reader, content, sizeof(content), &count, &err), &err);
	assert_int_equal(count, 0);
	assert_success(bundle_next(&reader, &entry, &err), &err);
	assert_int_equal(entry.kind, BUNDLE_PACKAGE);
	assert_string_equal(entry.id, DIGEST);
	assert_success(bundle_next(&reader, &entry, &err), &err);
	assert_int_equal(entry.kind, BUNDLE_END);
	assert_int_equal(input.at, text.length);
	arena_free(arena);
}

/* Reads to the end or the first error. */
static bool read_whole(const char *data, size_t size, struct error *err)
{
	struct input input = {data, size, 0};
	struct bundle_reader reader;
	struct bundle_entry entry = {0};

	bundle_reader_init(&reader, read_input, &input);
	do
		if (!bundle_next(&reader, &entry, err))
			return false;
	while (entry.kind != BUNDLE_END);
	return true;
}

static void every_cut_is_noticed(void **state)
{
	struct arena *arena = arena_new();
	struct error err = {0};
	struct strbuf text;

	(void)state;
	begin(&text, arena);
	add(&text, BUNDLE_DESIRED, "naaaaaa", "{}");
	add(&text, BUNDLE_PACKAGE, DIGEST, "archive");
	end(&text);
	assert_success(read_whole(text.data, text.length, &err), &err);
	for (size_t size = 0; size < text.length; size++)
		assert_failure(read_whole(text.data, size, &err), &err, ERR_INVALID);
	arena_free(arena);
}

static void every_changed_byte_of_a_header_is_noticed(void **state)
{
	struct arena *arena = arena_new();
	struct error err = {0};
	struct strbuf text;

	(void)state;
	begin(&text, arena);
	add(&text, BUNDLE_DESIRED, "naaaaaa", "{}");
	end(&text);
	for (size_t at = 0; at < 3 * USTAR_BLOCK; at++) {
		char kept = text.data[at];

		text.data[at] = (char)(kept ^ 1);
		assert_false(read_whole(text.data, text.length, &err));
		text.data[at] = kept;
	}
	arena_free(arena);
}

static void refuses_what_is_out_of_order(void **state)
{
	static const struct {
		enum bundle_kind kind[2];
		const char *id[2];
	} ROWS[] = {
		{{BUNDLE_DESIRED, BUNDLE_DESIRED}, {"nbbbbbb", "naaaaaa"}},
		{{BUNDLE_DESIRED, BUNDLE_DESIRED}, {"naaaaaa", "naaaaaa"}},
		{{BUNDLE_PACKAGE, BUNDLE_DESIRED}, {DIGEST, "naaaaaa"}},
		{{BUNDLE_PACKAGE, BUNDLE_PACKAGE}, {DIGEST, DIGEST}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
		struct arena *arena = arena_new();
		struct error err = {0};
		struct strbuf text;

		begin(&text, arena);
		add(&text, ROWS[i].kind[0], ROWS[i].id[0], "x");
		add(&text, ROWS[i].kind[1], ROWS[i].id[1], "x");
		end(&text);
		assert_failure(read_whole(text.data, text.length, &err), &err, ERR_INVALID);
		assert_contains(err.text, "out of order");
		arena_free(arena);
	}
}

/* --- reports --- */

static void a_report_is_believed_only_whole(void **state)
{
	struct report_message message = {"result", "{\"v\":1}"};
	const struct report report = {.node = "naaaaaa",
				      .made_at = 1,
				      .generation = 7,
				      .digest = "",
				      .messages = &message,
				      .message_count = 1};
	struct arena *arena = arena_new();
	struct tls_key *key = tls_key_generate(), *other = tls_key_generate();
	char key_sha256[SHA256_HEX_SIZE], other_sha256[SHA256_HEX_SIZE];
	struct report opened;
	struct error err = {0};
	char *text;

	(void)state;
	assert_success(report_seal(&report, other, arena, &text, &err), &err);
	assert_success(report_open(text, strlen(text), arena, &opened, other_sha256, &err), &err);
	assert_success(report_seal(&report, key, arena, &text, &err), &err);
	assert_success(report_open(text, strlen(text), arena, &opened, key_sha256, &err), &err);
	assert_string_not_equal(key_sha256, other_sha256);
	assert_string_equal(opened.node, "naaaaaa");
	assert_int_equal(opened.generation, 7);
	assert_int_equal(opened.message_count, 1);
	assert_string_equal(opened.messages[0].body, "{\"v\":1}");
	/* Not one letter of payload or signature can be another; what is no base64 is refused, too. */
	const char *begin_at = strstr(text, "\"payload\"");
	const char *key_at = strstr(text, "\"public_key\"");
	for (char *at = text + (begin_at - text) + 11; at < key_at - 2; at += 3) {
		char kept = *at;

		*at = kept == 'A' ? 'B' : 'A';
		assert_false(report_open(text, strlen(text), arena, &opened, key_sha256, &err));
		*at = kept;
	}
	tls_key_free(key);
	tls_key_free(other);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_was_written),
		cmocka_unit_test(every_cut_is_noticed),
		cmocka_unit_test(every_changed_byte_of_a_header_is_noticed),
		cmocka_unit_test(refuses_what_is_out_of_order),
		cmocka_unit_test(a_report_is_believed_only_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
