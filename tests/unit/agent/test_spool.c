/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fields.h"
#include "protocol/messages.h"
#include "state/spool.h"
#include "state/sql.h"
#include "state_fixture.h"

static void add(struct fixture *fixture, enum channel stream, const char *text, int64_t items,
		int64_t budget)
{
	json_auto_t *body = json_pack("{s:i, s:s, s:s}", "v", 1, "seq", "9", "t", text);
	struct error err = {0};

	assert_success(spool_append(fixture->state, stream, body, items, budget, &err), &err);
}

static struct spool_message next(struct fixture *fixture, enum channel stream, int64_t seq)
{
	struct spool_message message = {0};
	struct error err = {0};
	bool found;

	assert_success(
		spool_next(fixture->state, stream, seq, fixture->arena, &message, &found, &err),
		&err);
	return found ? message : (struct spool_message){0};
}

static void numbers_and_drops_what_is_acknowledged(void **state)
{
	struct fixture *fixture = *state;
	struct spool_counters counters;
	struct error err = {0};

	for (int i = 0; i < 3; i++)
		add(fixture, CHANNEL_EVENTS, "x", 0, 1 << 20);
	add(fixture, CHANNEL_LOGS, "y", 1, 1 << 20);
	assert_int_equal(next(fixture, CHANNEL_EVENTS, 0).seq, 1);
	assert_int_equal(next(fixture, CHANNEL_LOGS, 0).seq, 1);
	assert_success(spool_ack(fixture->state, CHANNEL_EVENTS, 2, &err), &err);
	assert_success(spool_ack(fixture->state, CHANNEL_EVENTS, 99, &err), &err);
	reopen(fixture);
	assert_int_equal(next(fixture, CHANNEL_EVENTS, 0).seq, 3);
	assert_success(spool_counters(fixture->state, CHANNEL_EVENTS, &counters, &err), &err);
	assert_int_equal(counters.produced, 3);
	assert_int_equal(counters.acked, 2);
	add(fixture, CHANNEL_EVENTS, "z", 0, 1 << 20);
	assert_int_equal(next(fixture, CHANNEL_EVENTS, 3).seq, 4);
}

static void writes_the_message_as_it_travels(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, CHANNEL_EVENTS, "x", 0, 1 << 20);
	struct spool_message message = next(fixture, CHANNEL_EVENTS, 0);
	assert_string_equal(
		spool_text(fixture->arena, &message, "n1", "0123456789abcdef", message.first, 0),
		"{\"v\":1,\"node\":\"n1\",\"epoch\":\"0123456789abcdef\",\"seq\":1,\"t\":\"x\"}");
	message.seq = 9;
	message.dropped = 4;
	assert_string_equal(spool_text(fixture->arena, &message, "n1", "0123456789abcdef", 3, 0),
			    "{\"v\":1,\"node\":\"n1\",\"epoch\":\"0123456789abcdef\",\"seq\":9,"
			    "\"first\":3,\"dropped\":4,\"t\":\"x\"}");
}

static void gives_up_the_oldest_logs_first(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};
	int64_t bytes;

	for (int i = 0; i < 10; i++)
		add(fixture, CHANNEL_LOGS, "0123456789012345678901234567890123456789", 5, 10000);
	for (int i = 0; i < 4; i++)
		add(fixture, CHANNEL_EVENTS, "0123456789012345678901234567890123456789", 0, 800);
	assert_success(spool_bytes(fixture->state, &bytes, &err), &err);
	assert_true(bytes <= 800);
	struct spool_message message = next(fixture, CHANNEL_LOGS, 0);
	assert_int_equal(message.first, 1);
	assert_true(message.seq > 1);
	assert_int_equal(message.dropped, (message.seq - 1) * 5);
	assert_int_equal(next(fixture, CHANNEL_EVENTS, 0).seq, 1);

	/* Nothing but events is left to give: then they go too, but the last one stays. */
	for (int i = 0; i < 10; i++)
		add(fixture, CHANNEL_EVENTS, "0123456789012345678901234567890123456789", 0, 10);
	message = next(fixture, CHANNEL_EVENTS, 0);
	assert_int_equal(message.seq, 14);
	assert_int_equal(message.first, 1);
	assert_int_equal(next(fixture, CHANNEL_LOGS, 0).seq, 10);
}

static off_t file_size(struct fixture *fixture)
{
	struct stat status;

	reopen(fixture); /* brings the write-ahead log into the file */
	assert_int_equal(stat(fixture->path, &status), 0);
	return status.st_size;
}

static void gives_space_back(void **state)
{
	struct fixture *fixture = *state;
	char text[4096];
	struct error err = {0};

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_success(state_begin(fixture->state, &err), &err);
	for (int i = 0; i < 2000; i++)
		add(fixture, CHANNEL_LOGS, text, 1, 64 << 20);
	assert_success(state_end(fixture->state, true, &err), &err);
	off_t full = file_size(fixture);
	assert_true(full > 8 << 20);
	for (int i = 1; i <= 40; i++)
		assert_success(spool_ack(fixture->state, CHANNEL_LOGS, i * 50, &err), &err);
	assert_true(file_size(fixture) < full / 2);
}

static void keeps_only_the_newest_report(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};

	for (int i = 0; i < 3; i++)
		add(fixture, CHANNEL_REPORTED, "x", 0, 1 << 20);
	assert_int_equal(next(fixture, CHANNEL_REPORTED, 0).seq, 3);
	assert_int_equal(next(fixture, CHANNEL_REPORTED, 0).first, 1);
	assert_success(spool_ack(fixture->state, CHANNEL_REPORTED, 3, &err), &err);
	add(fixture, CHANNEL_REPORTED, "x", 0, 1 << 20);
	assert_int_equal(next(fixture, CHANNEL_REPORTED, 0).first, 4);
}

static void renumbers_for_a_new_epoch(void **state)
{
	struct fixture *fixture = *state;
	char before[SPOOL_EPOCH_SIZE], after[SPOOL_EPOCH_SIZE];
	struct spool_counters counters;
	struct error err = {0};

	assert_success(spool_epoch(fixture->state, before, &err), &err);
	reopen(fixture);
	assert_success(spool_epoch(fixture->state, after, &err), &err);
	assert_string_equal(before, after);
	for (int i = 0; i < 6; i++)
		add(fixture, CHANNEL_EVENTS, "x", 0, 1 << 20);
	add(fixture, CHANNEL_LOGS, "x", 0, 1 << 20);
	assert_success(spool_ack(fixture->state, CHANNEL_EVENTS, 3, &err), &err);
	assert_success(spool_renumber(fixture->state, &err), &err);
	assert_success(spool_epoch(fixture->state, after, &err), &err);
	assert_string_not_equal(before, after);
	for (int64_t seq = 0; seq < 3; seq++)
		assert_int_equal(next(fixture, CHANNEL_EVENTS, seq).seq, seq + 1);
	assert_int_equal(next(fixture, CHANNEL_EVENTS, 3).seq, 0);
	assert_success(spool_counters(fixture->state, CHANNEL_EVENTS, &counters, &err), &err);
	assert_int_equal(counters.produced, 3);
	assert_int_equal(counters.acked, 0);
}

/* A reader refuses a member that comes twice, so losses of before and of the spool are one number. */
static void a_gap_marker_can_be_read_and_counts_all(void **state)
{
	struct fixture *fixture = *state;
	struct msg_log_line line = {.at = 1, .stream = LOG_STDOUT, .text = "x"};
	struct msg_logs logs = {.service = "s", .lines = &line, .line_count = 1};
	struct spool_message message;
	struct error err = {0};
	json_t *json;

	for (int i = 1; i <= 3; i++) {
		logs.place.dropped = i * 100;
		json_auto_t *body = msg_logs_encode(&logs);
		assert_success(spool_append(fixture->state, CHANNEL_LOGS, body, 1, 10, &err), &err);
	}
	message = next(fixture, CHANNEL_LOGS, 0);
	assert_int_equal(message.seq, 3);
	const char *text = spool_text(fixture->arena, &message, "nabcdef", "0123456789abcdef",
				      message.first, 0);
	assert_success(
		message_parse(text, strlen(text), LIMIT_UP_MESSAGE, fixture->arena, &json, &err),
		&err);
	assert_success(msg_logs_decode(json, fixture->arena, &logs, &err), &err);
	assert_int_equal(logs.place.first, 1);
	assert_int_equal(logs.place.dropped, 100 + 200 + 300 + 2);
	assert_int_equal(logs.place.corrected_ms, 0);
}

static void moves_the_times_of_a_wrong_clock(void **state)
{
	struct fixture *fixture = *state;
	struct spool_message message = {
		.seq = 1,
		.first = 1,
		.body =
			(char[]){
				"{\"at\":\"1970-01-01T00:00:09.000000Z\",\"text\":\"at\","
				"\"lines\":[{\"at\":\"1970-01-01T00:00:08.000000Z\"}],"
				"\"services\":{\"a\":{\"since\":\"1970-01-01T00:00:01.000000Z\"}}}"},
	};
	const char *text = spool_text(fixture->arena, &message, "nabcdef", "0123456789abcdef", 1,
				      3600 * USEC_PER_SEC);

	assert_string_equal(text,
			    "{\"v\":1,\"node\":\"nabcdef\",\"epoch\":\"0123456789abcdef\","
			    "\"seq\":1,\"at\":\"1970-01-01T01:00:09.000000Z\",\"text\":\"at\","
			    "\"lines\":[{\"at\":\"1970-01-01T01:00:08.000000Z\"}],"
			    "\"services\":{\"a\":{\"since\":\"1970-01-01T01:00:01.000000Z\"}},"
			    "\"corrected_ms\":3600000}");
}

/* An agent of before, which a failed upgrade puts back, goes on with the file, and so does its successor. */
static void works_on_with_what_an_older_agent_wrote(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};
	int64_t before, after;

	add(fixture, CHANNEL_EVENTS, "x", 1, 1 << 20);
	assert_success(spool_bytes(fixture->state, &before, &err), &err);
	assert_int_equal(
		sqlite3_exec(fixture->state->db,
			     "INSERT INTO spool(stream, seq, first, items, dropped, bytes, body)"
			     " VALUES('events', 2, 2, 0, 0, 100, '{}');"
			     "UPDATE stream SET produced = 2 WHERE stream = 'events'",
			     NULL, NULL, NULL),
		SQLITE_OK);
	reopen(fixture);
	assert_success(spool_bytes(fixture->state, &after, &err), &err);
	assert_int_equal(after, before + 100);
	add(fixture, CHANNEL_EVENTS, "y", 1, 1 << 20);
	assert_int_equal(next(fixture, CHANNEL_EVENTS, 2).seq, 3);
}

/* --- against a model: what must be kept is kept, and what is lost is counted --- */

enum { MODEL_STREAMS = 4, MODEL_MESSAGES = 4096, OPERATIONS = 60, BUDGET = 12000 };

static const enum channel STREAMS[MODEL_STREAMS] = {CHANNEL_LOGS, CHANNEL_RESULT, CHANNEL_EVENTS,
						    CHANNEL_REPORTED};

struct model_message {
	int64_t seq, first, dropped, items, bytes;
};

struct model_stream {
	struct model_message messages[MODEL_MESSAGES];
	size_t begin, end;
	int64_t produced, acked;
	int64_t items_in, items_acked; /* for the books: in = acked + kept + lost */
};

struct model {
	struct model_stream streams[MODEL_STREAMS];
	uint64_t random;
};

struct operation {
	size_t stream;
	bool ack;
	int64_t upto, items;
	size_t size;
};

static unsigned draw(struct model *model, unsigned below)
{
	/* splitmix64: the same operations from the same seed, on every machine. */
	uint64_t value = model->random += UINT64_C(0x9E3779B97F4A7C15);

	value = (value ^ (value >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	value = (value ^ (value >> 27)) * UINT64_C(0x94D049BB133111EB);
	return (unsigned)((value ^ (value >> 31)) % below);
}

static struct operation choose(struct model *model)
{
	struct operation operation = {.stream = draw(model, 10)};

	/* Logs most of all, as in life. */
	operation.stream = operation.stream < 5 ? 0 : operation.stream % MODEL_STREAMS;
	const struct model_stream *stream = &model->streams[operation.stream];
	operation.ack = draw(model, 8) == 0;
	operation.upto = stream->acked + (int64_t)draw(model, 6);
	operation.items = operation.stream == 3 ? 0 : 1 + (int64_t)draw(model, 20);
	operation.size = draw(model, 12) == 0 ? 3000 : 20 + draw(model, 600);
	return operation;
}

static int64_t model_bytes(const struct model *model)
{
	int64_t bytes = 0;

	for (size_t i = 0; i < MODEL_STREAMS; i++)
		for (size_t m = model->streams[i].begin; m < model->streams[i].end; m++)
			bytes += model->streams[i].messages[m].bytes;
	return bytes;
}

/* The oldest message goes, and the next one tells of it. */
static void model_drop(struct model_stream *stream)
{
	const struct model_message *gone = &stream->messages[stream->begin++];
	struct model_message *heir = &stream->messages[stream->begin];

	heir->first = gone->first;
	heir->dropped += gone->dropped + gone->items;
}

static void model_append(struct model *model, const struct operation *operation, int64_t bytes)
{
	struct model_stream *stream = &model->streams[operation->stream];

	stream->produced++;
	assert_true(stream->end < MODEL_MESSAGES);
	stream->messages[stream->end++] = (struct model_message){.seq = stream->produced,
								 .first = stream->produced,
								 .items = operation->items,
								 .bytes = bytes};
	stream->items_in += operation->items;
	while (operation->stream == 3 && stream->end - stream->begin > 1)
		model_drop(stream);
	for (size_t i = 0; i < 3; i++)
		while (model_bytes(model) > BUDGET &&
		       model->streams[i].end - model->streams[i].begin > 1)
			model_drop(&model->streams[i]);
}

static void model_ack(struct model_stream *stream, int64_t upto)
{
	if (upto <= stream->acked || upto > stream->produced)
		return;
	stream->acked = upto;
	while (stream->begin < stream->end && stream->messages[stream->begin].seq <= upto) {
		const struct model_message *message = &stream->messages[stream->begin++];

		stream->items_acked += message->items + message->dropped;
	}
}

static json_t *operation_body(struct fixture *fixture, const struct operation *operation)
{
	char *text = arena_alloc(fixture->arena, operation->size + 1);

	memset(text, 'x', operation->size);
	return json_pack("{s:s}", "t", text);
}

static void run(struct fixture *fixture, const struct operation *operation)
{
	enum channel stream = STREAMS[operation->stream];
	struct error err = {0};

	if (operation->ack) {
		assert_success(spool_ack(fixture->state, stream, operation->upto, &err), &err);
		return;
	}
	json_auto_t *body = operation_body(fixture, operation);
	assert_success(spool_append(fixture->state, stream, body, operation->items, BUDGET, &err),
		       &err);
}

static void run_model(struct model *model, const struct operation *operation)
{
	if (operation->ack)
		model_ack(&model->streams[operation->stream], operation->upto);
	else
		model_append(model, operation,
			     (int64_t)(operation->size + strlen("{'t':''}")) + SPOOL_MESSAGE_COST);
}

static bool stream_equals(struct fixture *fixture, const struct model_stream *model,
			  enum channel stream)
{
	struct spool_counters counters;
	struct error err = {0};
	int64_t seq = 0;

	assert_success(spool_counters(fixture->state, stream, &counters, &err), &err);
	if (counters.produced != model->produced || counters.acked != model->acked)
		return false;
	for (size_t i = model->begin; i < model->end; i++) {
		const struct model_message *want = &model->messages[i];
		struct spool_message have = next(fixture, stream, seq);

		if (have.seq != want->seq || have.first != want->first ||
		    have.dropped != want->dropped)
			return false;
		seq = have.seq;
	}
	return next(fixture, stream, seq).seq == 0;
}

static bool equals(struct fixture *fixture, const struct model *model)
{
	struct error err = {0};
	int64_t bytes;

	assert_success(spool_bytes(fixture->state, &bytes, &err), &err);
	if (bytes != model_bytes(model))
		return false;
	for (size_t i = 0; i < MODEL_STREAMS; i++)
		if (!stream_equals(fixture, &model->streams[i], STREAMS[i]))
			return false;
	return true;
}

/* What the model itself must obey, so that it cannot be wrong together with the code. */
static void check_books(const struct model *model)
{
	for (size_t i = 0; i < MODEL_STREAMS; i++) {
		const struct model_stream *stream = &model->streams[i];
		int64_t kept = 0, due = stream->acked + 1;

		for (size_t m = stream->begin; m < stream->end; m++) {
			const struct model_message *message = &stream->messages[m];

			kept += message->items + message->dropped;
			assert_true(message->first <= due);
			due = message->seq + 1;
		}
		assert_int_equal(due, stream->produced + 1);
		assert_int_equal(stream->items_in, stream->items_acked + kept);
	}
	/* Over budget only when nothing but the newest of each is left. */
	if (model_bytes(model) > BUDGET)
		for (size_t i = 0; i < MODEL_STREAMS; i++)
			assert_true(model->streams[i].end - model->streams[i].begin <= 1);
}

/* The child works until it is killed, saying after each operation that it is done. */
static void work_until_killed(struct fixture *fixture, struct model *model, int out)
{
	struct error err = {0};

	assert_success(state_open(fixture->path, &fixture->state, &err), &err);
	for (int i = 0; i < OPERATIONS; i++) {
		struct operation operation = choose(model);

		run(fixture, &operation);
		run_model(model, &operation);
		if (write(out, "d", 1) != 1)
			_exit(1);
	}
	pause();
}

static size_t kill_after(pid_t child, int in, size_t wanted)
{
	size_t done = 0;
	char mark;

	while (done < wanted && read(in, &mark, 1) == 1)
		done++;
	kill(child, SIGKILL);
	while (read(in, &mark, 1) == 1)
		done++;
	waitpid(child, NULL, 0);
	return done;
}

static void keeps_what_the_model_keeps_through_kills(void **state)
{
	const char *text = getenv("MUSTER_SPOOL_ROUNDS"), *seed = getenv("MUSTER_SPOOL_SEED");
	int rounds = text ? atoi(text) : 5;
	struct fixture *fixture = *state;
	struct model *model = calloc(1, sizeof(*model));
	struct model *ahead = calloc(1, sizeof(*ahead));

	assert_non_null(model);
	assert_non_null(ahead);
	model->random = seed ? strtoull(seed, NULL, 10) : 20261125;
	for (int round = 0; round < rounds; round++) {
		size_t wanted = draw(model, OPERATIONS);
		struct error err = {0};
		int pipes[2];

		/* SQLite's file must not be open on both sides of a fork. */
		state_close(fixture->state);
		fixture->state = NULL;
		assert_int_equal(pipe(pipes), 0);
		fflush(NULL);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			close(pipes[0]);
			work_until_killed(fixture, model, pipes[1]);
			_exit(0);
		}
		close(pipes[1]);
		size_t done = kill_after(child, pipes[0], wanted);
		close(pipes[0]);
		assert_success(state_open(fixture->path, &fixture->state, &err), &err);
		for (size_t i = 0; i < done; i++) {
			struct operation operation = choose(model);
			run_model(model, &operation);
		}
		check_books(model);
		/* The one that it was at when it died has happened or has not. */
		*ahead = *model;
		struct operation next_one = choose(ahead);
		run_model(ahead, &next_one);
		if (!equals(fixture, model)) {
			assert_true(equals(fixture, ahead));
			*model = *ahead;
		}
		arena_reset(fixture->arena);
		for (size_t i = 0; i < MODEL_STREAMS; i++) {
			struct model_stream *stream = &model->streams[i];

			memmove(stream->messages, &stream->messages[stream->begin],
				(stream->end - stream->begin) * sizeof(*stream->messages));
			stream->end -= stream->begin;
			stream->begin = 0;
		}
	}
	free(ahead);
	free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_and_drops_what_is_acknowledged, setup,
						teardown),
		cmocka_unit_test_setup_teardown(writes_the_message_as_it_travels, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_up_the_oldest_logs_first, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_space_back, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_only_the_newest_report, setup, teardown),
		cmocka_unit_test_setup_teardown(renumbers_for_a_new_epoch, setup, teardown),
		cmocka_unit_test_setup_teardown(a_gap_marker_can_be_read_and_counts_all, setup,
						teardown),
		cmocka_unit_test_setup_teardown(moves_the_times_of_a_wrong_clock, setup, teardown),
		cmocka_unit_test_setup_teardown(works_on_with_what_an_older_agent_wrote, setup,
						teardown),
		cmocka_unit_test_setup_teardown(keeps_what_the_model_keeps_through_kills, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
