/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rollout engine without its process: the server's domain and store on a database, driven by
 * lines on standard input, one JSON reply per line. What the model test (engine_model.py) plays with.
 *
 *   reset NODES               another project with so many nodes
 *   create JSON               POST /rollouts; also act ID VERB, rollback ID
 *   advance                   one look of the scheduler at all rollouts
 *   result NODE GENERATION STATE CODE   what a node says; also reported NODE GENERATION
 *   presence NODE 0|1, retire NODE
 *   look ID                   counts of the waves, and whether everything explains itself
 *   crash N before|after COMMAND        the connection is gone at the N-th statement of COMMAND
 *   both SCHEDULE COMMAND ; COMMAND     two connections; a schedule like "aabab" says whose
 *                                       statement comes next
 *
 * The calls of libpq are wrapped by the linker, so that the code under test is what the server runs.
 */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <jansson.h>
#include <libpq-fe.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fields.h"
#include "base/id.h"
#include "domain/inventory/nodes.h"
#include "domain/rollout/advance.h"
#include "domain/rollout/explain.h"
#include "domain/rollout/machine.h"
#include "domain/rollout/result.h"
#include "domain/rollout/rollout.h"
#include "store/db.h"
#include "store/db_internal.h"
#include "store/health.h"
#include "store/migrate.h"
#include "store/rollout_steps.h"
#include "store/rollouts.h"

#define DIGEST "sha256:0000000000000000000000000000000000000000000000000000000000000000"

enum { LINE_MAX_BYTES = 65536, SETTLE_MS = 2, STEPS_MAX = 200 };

enum lane_state { LANE_RUNNING, LANE_WAITING, LANE_DONE };

/* One connection and what runs on it. */
struct lane {
	struct db *db;
	struct arena *arena;
	char *command;
	json_t *reply;
	int statements; /* of this command so far */
	int crash_at;	/* 0: never */
	bool crash_after;
	bool gated; /* each statement waits for its turn */
	bool granted;
	enum lane_state state;
};

static struct lane lanes[2];
static PGconn *monitor;
static char project[ID_SIZE];
static _Thread_local struct lane *current;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static const struct server SERVER = {.public_url = "https://muster", .health_interval_ms = 30000};

/* --- between the store and libpq --- */

PGresult *__real_PQexec(PGconn *connection, const char *query);
PGresult *__wrap_PQexec(PGconn *connection, const char *query);
PGresult *__real_PQexecPrepared(PGconn *connection, const char *name, int count,
				const char *const *values, const int *lengths, const int *formats,
				int result_format);
PGresult *__wrap_PQexecPrepared(PGconn *connection, const char *name, int count,
				const char *const *values, const int *lengths, const int *formats,
				int result_format);

static void before_statement(PGconn *connection)
{
	struct lane *lane = current;

	if (lane == NULL)
		return;
	lane->statements++;
	if (lane->gated) {
		pthread_mutex_lock(&mutex);
		lane->state = LANE_WAITING;
		pthread_cond_broadcast(&moved);
		while (!lane->granted)
			pthread_cond_wait(&moved, &mutex);
		lane->granted = false;
		pthread_mutex_unlock(&mutex);
	}
	if (lane->statements == lane->crash_at && !lane->crash_after)
		shutdown(PQsocket(connection), SHUT_RDWR);
}

static PGresult *after_statement(PGconn *connection, PGresult *result)
{
	if (current == NULL || current->statements != current->crash_at || !current->crash_after)
		return result;
	/* It has happened, but nobody will ever hear of it. */
	PQclear(result);
	shutdown(PQsocket(connection), SHUT_RDWR);
	return __real_PQexec(connection, "SELECT 1");
}

PGresult *__wrap_PQexec(PGconn *connection, const char *query)
{
	before_statement(connection);
	return after_statement(connection, __real_PQexec(connection, query));
}

PGresult *__wrap_PQexecPrepared(PGconn *connection, const char *name, int count,
				const char *const *values, const int *lengths, const int *formats,
				int result_format)
{
	before_statement(connection);
	return after_statement(connection, __real_PQexecPrepared(connection, name, count, values,
								 lengths, formats, result_format));
}

/* --- commands --- */

static const struct actor ALICE = {
	.kind = ACTOR_USER, .id = "alice", .name = "alice", .role = ROLE_ADMIN};
static const struct actor BOB = {
	.kind = ACTOR_USER, .id = "bob", .name = "bob", .role = ROLE_ADMIN};
static const struct actor SYSTEM = {.kind = ACTOR_SYSTEM,
				    .id = "scheduler",
				    .name = "scheduler",
				    .role = ROLE_ADMIN,
				    .system_admin = true};

static json_t *failed(const struct error *err)
{
	return json_pack("{s:b, s:s, s:s}", "ok", false, "code", error_code_name(err->code), "text",
			 err->text);
}

static json_t *answer(bool good, json_t *more, const struct error *err)
{
	if (!good) {
		json_decref(more);
		return failed(err);
	}
	json_t *reply = more != NULL ? more : json_object();
	json_object_set_new(reply, "ok", json_true());
	return reply;
}

static json_t *run_create(struct ctx *ctx, const char *text)
{
	struct rollout rollout;
	struct error err;
	json_t *body;

	if (!json_parse_limited(text, strlen(text), 16, &body, &err))
		return failed(&err);
	body = json_keep(body, ctx->arena);
	struct rollout_request request = {
		.changes = json_object_get(body, "changes"),
		.targets = json_object_get(body, "targets"),
		.strategy = json_object_get(body, "strategy"),
		.draft = json_is_true(json_object_get(body, "draft")),
	};
	bool good = rollout_create(ctx, &request, &rollout, &err);
	return answer(good, good ? json_pack("{s:s}", "id", rollout.id) : NULL, &err);
}

static json_t *run_act(struct ctx *ctx, const char *id, const char *verb)
{
	int event = names_find(ROLLOUT_EVENT_NAMES, verb);
	struct rollout rollout;
	struct error err;

	assert(event >= 0);
	if (event == ROLLOUT_APPROVE)
		ctx->actor = &BOB;
	return answer(rollout_act(ctx, id, (enum rollout_event)event, &rollout, &err), NULL, &err);
}

static json_t *run_rollback(struct ctx *ctx, const char *id)
{
	struct rollout rollout;
	struct error err;
	bool good = rollout_roll_back(ctx, id, NULL, &rollout, &err);

	return answer(good, good ? json_pack("{s:s}", "id", rollout.id) : NULL, &err);
}

static json_t *run_advance(struct ctx *ctx)
{
	struct error err;
	bool busy;

	ctx->project_id = NULL;
	ctx->actor = &SYSTEM;
	bool good = rollouts_advance(ctx, &busy, &err);
	return answer(good, good ? json_pack("{s:b}", "busy", busy) : NULL, &err);
}

struct result_job {
	const char *node;
	struct msg_result result;
};

static bool take_result(struct ctx *ctx, void *arg, struct error *err)
{
	struct result_job *job = arg;

	return rollout_on_result(ctx, job->node, &job->result, err);
}

static json_t *run_result(struct ctx *ctx, const char *node, int64_t generation, const char *state,
			  const char *code)
{
	int number = names_find(RESULT_STATE_NAMES, state);
	struct error err;

	assert(number >= 0);
	struct result_job job = {
		.node = node,
		.result = {.generation = generation,
			   .digest = DIGEST,
			   .state = (enum result_state)number,
			   .has_error = number >= RESULT_ROLLED_BACK,
			   .error = {.phase = "verify", .code = code, .text = "it did not hold"}},
	};
	return answer(db_transaction(ctx, take_result, &job, &err), NULL, &err);
}

static bool take_reported(struct ctx *ctx, void *arg, struct error *err)
{
	return health_generation(ctx, arg, err);
}

static json_t *run_reported(struct ctx *ctx, const char *node, int64_t generation)
{
	struct error err;
	json_t *rows = json_keep(json_pack("[{s:s, s:I, s:s}]", "id", node, "generation",
					   (json_int_t)generation, "digest", DIGEST),
				 ctx->arena);

	return answer(db_transaction(ctx, take_reported, rows, &err), NULL, &err);
}

static json_t *run_presence(struct ctx *ctx, const char *node, int online)
{
	struct error err;
	json_t *rows =
		json_keep(json_pack("[{s:s, s:b}]", "id", node, "online", online), ctx->arena);

	return answer(health_presence(ctx, rows, &err), NULL, &err);
}

static json_t *run_retire(struct ctx *ctx, const char *id)
{
	struct error err;
	struct node node;

	return answer(inventory_node_retire(ctx, id, &node, &err), NULL, &err);
}

/* What is not at its end and does not say what it waits for, or who can change that. */
static bool mute(const struct explanation *why, bool final)
{
	return why->text == NULL || why->text[0] == '\0' ||
	       (!final && (why->waits_for == NULL || why->way_count == 0));
}

static json_t *look(struct ctx *ctx, const char *id, struct error *err)
{
	struct rollout rollout;
	struct rollout_facts facts = {.rollout = &rollout};
	struct rollout_wave *waves;
	struct rollout_step *steps;
	struct strategy strategy;
	struct explanation why;
	int64_t total;
	size_t count;

	if (!rollouts_get(ctx, id, &rollout, err) ||
	    !strategy_decode(rollout.strategy, ctx->arena, &strategy, err) ||
	    !rollout_waves_list(ctx, rollout.id, &waves, &facts.wave_count, err) ||
	    !rollout_steps_list(ctx, rollout.id, NULL, 0, NULL, 0, "", STEPS_MAX, &steps, &count,
				&total, err))
		return NULL;
	facts.strategy = &strategy;
	facts.waves = waves;

	json_t *counts = json_array(), *mutes = json_array();
	for (size_t i = 0; i < facts.wave_count; i++) {
		const struct rollout_counts *c = &waves[i].counts;
		json_array_append_new(counts,
				      json_pack("[I, I, I, I, I, I, I]", (json_int_t)c->total,
						(json_int_t)c->succeeded, (json_int_t)c->failed,
						(json_int_t)c->in_progress, (json_int_t)c->offline,
						(json_int_t)c->pending, (json_int_t)c->skipped));
	}
	enum rollout_state state = rollout_state_of(&rollout);
	bool over = rollout_state_final(state);
	rollout_explain(&facts, ctx->arena, &why);
	if (mute(&why, over))
		json_array_append_new(mutes, json_string(rollout.state));
	for (size_t i = 0; i < count; i++) {
		int step = names_find(STEP_STATE_NAMES, steps[i].state);
		step_explain(&facts, &steps[i], ctx->arena, &why);
		if (mute(&why,
			 step_state_final((enum step_state)step) ||
				 ((over || state == ROLLOUT_ROLLING_BACK) && step <= STEP_QUEUED)))
			json_array_append_new(
				mutes, json_sprintf("%s in %s", steps[i].state, rollout.state));
	}
	return json_pack("{s:o, s:o, s:I}", "counts", counts, "mute", mutes, "steps",
			 (json_int_t)total);
}

static json_t *run_look(struct ctx *ctx, const char *id)
{
	struct error err;
	json_t *found = look(ctx, id, &err);

	return answer(found != NULL, found, &err);
}

static json_t *run_reset(struct ctx *ctx, int64_t nodes)
{
	static const char PROJECT[] = "INSERT INTO project (id, name) VALUES ($1, $2)";
	static const char QUIET[] = "UPDATE rollout SET settled = true WHERE NOT settled";
	static const char NODE[] =
		"INSERT INTO node (id, project_id, name, shard, state, online, platform)"
		" VALUES ($1, $2, $3, 0, 'active', true, 'linux-amd64')";
	static const char PACKAGE[] =
		"INSERT INTO package_release (id, project_id, name, version, platform, sha256,"
		" size, format, manifest, envelope, key_id) VALUES ($1, $2, 'tool', '1', 'any',"
		" repeat('1', 64), 1000, 'tar.gz', '{\"service\":{\"driver\":\"generic\"}}', '{}',"
		" repeat('0', 16))";
	json_t *ids = json_array();
	char package[ID_SIZE];
	struct error err = {0};

	id_random(project, "");
	id_random(package, "");
	bool good =
		db_exec(ctx->db, QUIET, DB_NO_ARGS, NULL, &err) &&
		db_exec(ctx->db, PROJECT, DB_ARGS(db_text(project), db_text(project)), NULL,
			&err) &&
		db_exec(ctx->db, PACKAGE, DB_ARGS(db_text(package), db_text(project)), NULL, &err);
	for (int64_t i = 0; good && i < nodes; i++) {
		char id[ID_SIZE];
		id_random(id, "n");
		json_array_append_new(ids, json_string(id));
		good = db_exec(
			ctx->db, NODE,
			DB_ARGS(db_text(id), db_text(project),
				db_text(arena_printf(ctx->arena, "node-%lld", (long long)i))),
			NULL, &err);
	}
	return answer(good, json_pack("{s:s, s:o}", "project", project, "nodes", ids), &err);
}

static json_t *execute(struct lane *lane, char *line)
{
	struct ctx ctx = {.db = lane->db,
			  .arena = lane->arena,
			  .actor = &ALICE,
			  .project_id = project,
			  .now = clock_now_utc(),
			  .request_id = "model",
			  .server = &SERVER};
	char *rest = line + strcspn(line, " "), *word[5] = {NULL};

	arena_reset(lane->arena);
	if (*rest != '\0')
		*rest++ = '\0';
	if (strcmp(line, "create") == 0)
		return run_create(&ctx, rest);
	for (size_t i = 0; i < 4; i++)
		word[i] = strsep(&rest, " ");
	if (strcmp(line, "reset") == 0)
		return run_reset(&ctx, strtoll(word[0], NULL, 10));
	if (strcmp(line, "act") == 0)
		return run_act(&ctx, word[0], word[1]);
	if (strcmp(line, "rollback") == 0)
		return run_rollback(&ctx, word[0]);
	if (strcmp(line, "advance") == 0)
		return run_advance(&ctx);
	if (strcmp(line, "result") == 0)
		return run_result(&ctx, word[0], strtoll(word[1], NULL, 10), word[2], word[3]);
	if (strcmp(line, "reported") == 0)
		return run_reported(&ctx, word[0], strtoll(word[1], NULL, 10));
	if (strcmp(line, "presence") == 0)
		return run_presence(&ctx, word[0], atoi(word[1]));
	if (strcmp(line, "retire") == 0)
		return run_retire(&ctx, word[0]);
	if (strcmp(line, "look") == 0)
		return run_look(&ctx, word[0]);
	return json_pack("{s:b, s:s, s:s}", "ok", false, "code", "driver", "text", line);
}

static json_t *run_one(char *line)
{
	struct lane *lane = &lanes[0];

	lane->statements = lane->crash_at = 0;
	lane->gated = false;
	if (strncmp(line, "crash ", 6) == 0) {
		char *rest = line + 6;
		lane->crash_at = atoi(strsep(&rest, " "));
		lane->crash_after = strcmp(strsep(&rest, " "), "after") == 0;
		line = rest;
	}
	current = lane;
	json_t *reply = execute(lane, line);
	current = NULL;
	json_object_set_new(reply, "statements", json_integer(lane->statements));
	json_object_set_new(reply, "crashed",
			    json_boolean(lane->crash_at > 0 && lane->statements >= lane->crash_at));
	return reply;
}

/* --- two at once --- */

static void *lane_main(void *arg)
{
	struct lane *lane = arg;

	current = lane;
	json_t *reply = execute(lane, lane->command);
	pthread_mutex_lock(&mutex);
	lane->reply = reply;
	lane->state = LANE_DONE;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static bool blocked(struct lane *lane)
{
	char query[120];

	snprintf(query, sizeof(query), "SELECT cardinality(pg_blocking_pids(%d)) > 0",
		 PQbackendPID(lane->db->connection));
	PGresult *result = __real_PQexec(monitor, query);
	bool answer = PQntuples(result) == 1 && strcmp(PQgetvalue(result, 0, 0), "t") == 0;
	PQclear(result);
	return answer;
}

/* Waits until the lane asks for its next statement or has ended; false when it waits for a lock. */
static bool settle(struct lane *lane)
{
	for (;;) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += SETTLE_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;

		pthread_mutex_lock(&mutex);
		if (lane->state == LANE_RUNNING)
			pthread_cond_timedwait(&moved, &mutex, &until);
		bool settled = lane->state != LANE_RUNNING;
		pthread_mutex_unlock(&mutex);
		if (settled)
			return true;
		if (blocked(lane))
			return false;
	}
}

static void grant(struct lane *lane)
{
	pthread_mutex_lock(&mutex);
	if (lane->state == LANE_WAITING) {
		lane->state = LANE_RUNNING;
		lane->granted = true;
		pthread_cond_broadcast(&moved);
	}
	pthread_mutex_unlock(&mutex);
}

static json_t *run_both(char *line)
{
	const char *schedule = strsep(&line, " ");
	char *second = strstr(line, " ; ");
	pthread_t threads[2];
	size_t turn = 0;

	assert(second != NULL);
	*second = '\0';
	lanes[0].command = line;
	lanes[1].command = second + 3;
	for (size_t i = 0; i < 2; i++) {
		lanes[i].statements = lanes[i].crash_at = 0;
		lanes[i].gated = true;
		lanes[i].granted = false;
		lanes[i].state = LANE_RUNNING;
		if (pthread_create(&threads[i], NULL, lane_main, &lanes[i]) != 0)
			abort();
	}
	while (lanes[0].state != LANE_DONE || lanes[1].state != LANE_DONE) {
		turn = *schedule != '\0' ? (size_t)(*schedule++ - 'a') & 1 : 1 - turn;
		/* Whoever is done, or waits for a lock of the other, leaves his turn to the other. */
		for (size_t i = 0; i < 2; i++) {
			struct lane *lane = &lanes[(turn + i) % 2];
			if (!settle(lane) || lane->state == LANE_DONE)
				continue;
			grant(lane);
			(void)!settle(lane);
			break;
		}
	}
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	return json_pack("{s:b, s:o, s:o}", "ok", true, "a", lanes[0].reply, "b", lanes[1].reply);
}

static bool start(const char *conninfo, struct error *err)
{
	size_t applied;

	for (size_t i = 0; i < 2; i++) {
		lanes[i].arena = arena_new();
		if (!db_open(conninfo, "model", &lanes[i].db, err))
			return false;
	}
	monitor = PQconnectdb(conninfo);
	return migrate_run(lanes[0].db, lanes[0].arena, &applied, err);
}

int main(int argc, char **argv)
{
	static char line[LINE_MAX_BYTES];
	struct error err;

	assert(argc == 2);
	if (!start(argv[1], &err)) {
		fprintf(stderr, "engine_driver: %s\n", err.text);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		json_t *reply = strncmp(line, "both ", 5) == 0 ? run_both(line + 5) : run_one(line);
		json_dumpf(reply, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
		json_decref(reply);
	}
	for (size_t i = 0; i < 2; i++) {
		db_close(lanes[i].db);
		arena_free(lanes[i].arena);
	}
	PQfinish(monitor);
	return 0;
}
