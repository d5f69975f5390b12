/* SPDX-License-Identifier: Apache-2.0 */
/* What goes into the world of world.h and comes out of it: desired states, and results in the spool. */
#pragma once

#include "world.h"

/* The only package that any of the contents may name. */
#define PACKAGE "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* services is the JSON of content.services. */
static inline char *make_content(struct arena *arena, const char *services, int gate_ms)
{
	return arena_printf(arena,
			    "{\"v\":1,\"project\":\"p\",\"health_interval_ms\":1000,"
			    "\"apply\":{\"rollout\":\"r1\",\"gate_ms\":%d,\"deadline_ms\":20000},"
			    "\"release_keys\":[],\"services\":{%s}}",
			    gate_ms, services);
}

static inline char *make_desired(struct world *world, const char *node, int64_t generation,
				 const char *content, usec_t lifetime)
{
	struct arena *arena = world->fixture->arena;
	char hex[SHA256_HEX_SIZE], *envelope;
	struct error err = {0};
	usec_t now = clock_now_utc();

	sha256_hex(content, strlen(content), hex);
	const struct msg_desired desired = {
		.node = node,
		.generation = generation,
		.issued = now,
		.expires = now + lifetime,
		.digest = arena_printf(arena, "sha256:%s", hex),
		.content = content,
		/* Where nobody answers. */
		.fetch = json_keep(json_pack("{s:s}", PACKAGE, "https://127.0.0.1:1/p"), arena),
	};
	char *text = json_text(json_keep(msg_desired_encode(&desired), arena), arena);
	assert_success(
		dsse_sign(arena, world->key, DSSE_DESIRED, text, strlen(text), &envelope, &err),
		&err);
	return envelope;
}

static inline void send_envelope(struct world *world, const char *envelope)
{
	reconcile_receive_desired(world->reconcile, envelope, strlen(envelope));
}

static inline void send_services(struct world *world, int64_t generation, const char *services,
				 int gate_ms)
{
	const char *content = make_content(world->fixture->arena, services, gate_ms);

	send_envelope(world, make_desired(world, NODE, generation, content, USEC_PER_HOUR));
}

/* A service that runs a line of shell, with one config file "f". */
static inline char *shell(struct world *world, const char *name, const char *script,
			  const char *file, const char *more)
{
	char hex[SHA256_HEX_SIZE];

	sha256_hex(file, strlen(file), hex);
	return arena_printf(world->fixture->arena,
			    "\"%s\":{\"driver\":\"generic\",\"run\":true,\"package\":null,"
			    "\"config\":{\"name\":\"c\",\"version\":1,\"digest\":\"sha256:%s\","
			    "\"files\":[{\"path\":\"f\",\"mode\":\"0644\",\"content\":\"%s\"}]},"
			    "\"parameters\":{\"command\":[\"/bin/sh\",\"-c\",\"%s\"]%s}}",
			    name, hex, file, script, more);
}

static inline bool has_message(struct world *world, enum channel stream, const char *part)
{
	struct arena *arena = arena_new();
	struct spool_message message;
	struct error err = {0};
	int64_t seq = 0;
	bool found = true, has = false;

	while (found && !has) {
		assert_success(spool_next(world->state, stream, seq, arena, &message, &found, &err),
			       &err);
		if (found) {
			seq = message.seq;
			has = strstr(message.body, part) != NULL;
		}
	}
	arena_free(arena);
	return has;
}

static inline bool has_result(struct world *world, int64_t generation, const char *state)
{
	char part[128];

	snprintf(part, sizeof(part), "\"state\":\"%s\"", state);
	struct arena *arena = arena_new();
	struct spool_message message;
	struct error err = {0};
	int64_t seq = 0;
	bool found = true, has = false;
	char number[64];

	snprintf(number, sizeof(number), "\"generation\":%lld,", (long long)generation);
	while (found && !has) {
		assert_success(spool_next(world->state, CHANNEL_RESULT, seq, arena, &message,
					  &found, &err),
			       &err);
		if (found) {
			seq = message.seq;
			has = strstr(message.body, part) && strstr(message.body, number);
		}
	}
	arena_free(arena);
	return has;
}

static const char *read_file(struct world *world, const char *path)
{
	struct error err = {0};
	char *text;

	if (!file_read(path, 4096, world->fixture->arena, &text, NULL, &err))
		return "";
	return text;
}

static inline pid_t pid_of(struct world *world, const char *name)
{
	return status_of(world->fixture, name).pid;
}

#define SLEEP "exec sleep 1000"
