/* SPDX-License-Identifier: Apache-2.0 */
/* Five nodes, a package and a config, both in two versions, and what the nodes are made to say. */
#pragma once

#include "harness.h"

#include "base/fields.h"
#include "domain/rollout/advance.h"
#include "domain/rollout/plan.h"
#include "domain/rollout/result.h"
#include "domain/rollout/rollout.h"
#include "store/rollout_steps.h"
#include "store/rollouts.h"

#define DIGEST "sha256:0000000000000000000000000000000000000000000000000000000000000000"
#define NODE(n) "nnodeaaaaaaaaaaaaaa" n

/* Five nodes na..ne, a package in two versions, a config in two versions. */
static const char FLEET[] =
	"INSERT INTO node (id, project_id, name, labels, shard, state, online, platform) SELECT"
	" 'nnodeaaaaaaaaaaaaaa' || c, '" HARNESS_PROJECT "', 'node-' || c,"
	" jsonb_build_object('site', 'plant-1'), 0, 'active', true, 'linux-amd64'"
	" FROM unnest('{a,b,c,d,e}'::text[]) c;"
	/* A selector that matched everything would want the count typed. */
	"INSERT INTO node (id, project_id, name, shard, state) VALUES"
	" ('nnodeaaaaaaaaaaaaaaz', '" HARNESS_PROJECT "', 'bystander', 0, 'active');"
	"INSERT INTO package_release (id, project_id, name, version, platform, sha256, size, format,"
	" manifest, envelope, key_id) SELECT 'releaseaaaaaaaaaaaa' || v, '" HARNESS_PROJECT "',"
	" 'mosquitto', v, 'linux-amd64', repeat(v, 64), 1000, 'tar.gz',"
	" '{\"service\":{\"driver\":\"mosquitto\"}}', '{}', repeat('0', 16)"
	" FROM unnest('{2,3}'::text[]) v;"
	"INSERT INTO blob (sha256, size, data) SELECT decode(repeat(v, 64), 'hex'), 6,"
	" convert_to('port ' || v, 'UTF8') FROM unnest('{1,2}'::text[]) v;"
	"INSERT INTO config (id, project_id, name, latest) VALUES ('configaaaaaaaaaaaaaa',"
	" '" HARNESS_PROJECT "', 'broker', 2);"
	"INSERT INTO config_version (config_id, no, digest) SELECT 'configaaaaaaaaaaaaaa',"
	" v::integer, '" DIGEST "' FROM unnest('{1,2}'::text[]) v;"
	"INSERT INTO config_file (config_id, no, path, blob_sha256, size) SELECT"
	" 'configaaaaaaaaaaaaaa', v::integer, 'mosquitto.conf', decode(repeat(v, 64), 'hex'), 6"
	" FROM unnest('{1,2}'::text[]) v;";

static inline json_t *parse(const char *text)
{
	struct error err = {0};
	json_t *json;

	assert_done(json_parse_limited(text, strlen(text), 16, &json, &err), err);
	return json_keep(json, harness_ctx()->arena);
}

static inline struct rollout_request request_of(const char *version, const char *strategy)
{
	struct arena *arena = harness_ctx()->arena;

	return (struct rollout_request){
		.changes = parse(arena_printf(
			arena,
			"[{\"service\":\"broker\",\"package\":{\"name\":\"mosquitto\","
			"\"version\":\"%s\"},\"config\":{\"name\":\"broker\",\"version\":%s}}]",
			version, strcmp(version, "2") == 0 ? "1" : "2")),
		.targets = parse("{\"selector\":\"site=plant-1\"}"),
		.strategy = parse(strategy),
	};
}

static inline struct rollout create(const char *version, const char *strategy)
{
	struct rollout_request request = request_of(version, strategy);
	struct error err = {0};
	struct rollout rollout;

	assert_done(rollout_create(harness_ctx(), &request, &rollout, &err), err);
	return rollout;
}

static inline void advance(void)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	bool busy = true;

	for (int turn = 0; busy && turn < 20; turn++)
		assert_done(rollouts_advance(ctx, &busy, &err), err);
	ctx->project_id = HARNESS_PROJECT;
	assert_false(busy);
}

/* The node says this about the newest generation that it was given. */
static inline void report(const char *node, enum result_state state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct db_rows rows;
	static const char NEWEST[] = "SELECT desired_generation FROM node WHERE id = $1";

	assert_done(db_query(ctx->db, ctx->arena, NEWEST, DB_ARGS(db_text(node)), &rows, &err),
		    err);
	struct msg_result result = {
		.generation = db_get_int(&rows, 0, 0),
		.digest = DIGEST,
		.state = state,
		.has_error = state == RESULT_ROLLED_BACK || state == RESULT_REFUSED,
		.error = {.phase = state == RESULT_REFUSED ? "fetch" : "verify",
			  .code = state == RESULT_REFUSED ? "fetch_failed" : "service_failed",
			  .text = "broker exited",
			  .stderr_text = "no luck\n"}};
	assert_done(rollout_on_result(ctx, node, &result, &err), err);
}

static inline const char *state_of(const char *id)
{
	struct error err = {0};
	struct rollout rollout;

	assert_done(rollouts_get(harness_ctx(), id, &rollout, &err), err);
	return rollout.state;
}

static inline const char *step_of(const char *id, const char *node)
{
	struct error err = {0};
	struct rollout_step step;

	assert_done(rollout_steps_get(harness_ctx(), id, node, &step, &err), err);
	return step.state;
}

/* "2/1 true" = release of version 2, config version 1, to run; "" = not desired. */
static inline const char *desired_of(const char *node)
{
	static const char DESIRED[] =
		"SELECT right(package_release_id, 1) || '/' || config_version || ' ' || desired_run"
		" FROM node_service WHERE node_id = $1 AND desired_driver IS NOT NULL";
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct db_rows rows;

	assert_done(db_query(ctx->db, ctx->arena, DESIRED, DB_ARGS(db_text(node)), &rows, &err),
		    err);
	return rows.count > 0 ? db_get_text(&rows, 0, 0) : "";
}

static inline int64_t digests_of(const char *node, const char *rollout)
{
	static const char DIGESTS[] = "SELECT count(DISTINCT digest) FROM node_desired"
				      " WHERE node_id = $1 AND rollout_id = $2";
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct db_rows rows;

	assert_done(db_query(ctx->db, ctx->arena, DIGESTS, DB_ARGS(db_text(node), db_text(rollout)),
			     &rows, &err),
		    err);
	return db_get_int(&rows, 0, 0);
}

static const char *const NODES[] = {NODE("a"), NODE("b"), NODE("c"), NODE("d"), NODE("e")};

static inline struct rollout fleet_on_two(void)
{
	harness.server.health_interval_ms = 30000;
	harness_sql(harness_ctx()->db, FLEET);
	struct rollout first = create("2", "{\"health_gate_ms\":0}");
	advance();
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(step_of(first.id, NODES[i]), "sent");
		report(NODES[i], RESULT_SUCCEEDED);
	}
	advance();
	assert_string_equal(state_of(first.id), "succeeded");
	return first;
}
