/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A supervisor in a folder of its own with the real muster-shim and real programs. Waits
 * on conditions by turning the loop; a limit only ends what would hang for ever.
 */
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#include "base/arena.h"
#include "base/fields.h"
#include "base/file.h"
#include "base/loop.h"
#include "drivers/spec.h"
#include "supervise/supervisor.h"

enum { LIMIT_MS = 30000 };

struct fixture {
	char root[32];
	char old[4096];
	struct arena *arena;
	struct loop *loop;
	struct supervisor *supervisor;
	const char *shim; /* the program */
	int notices[NOTICE_REMOVED + 1];
	struct exit_info last_exit;
	char last_exit_text[256];
	char last_stderr[SUPERVISOR_STDERR_BYTES + 1];
	bool stopped;
};

static inline void fixture_notice(enum supervisor_notice notice,
				  const struct service_status *status, void *arg)
{
	struct fixture *fixture = arg;

	fixture->notices[notice]++;
	if (notice != NOTICE_EXITED)
		return;
	fixture->last_exit = status->exit;
	snprintf(fixture->last_exit_text, sizeof(fixture->last_exit_text), "%s", status->exit.text);
	memcpy(fixture->last_stderr, status->exit.stderr_tail, status->exit.stderr_size);
	fixture->last_stderr[status->exit.stderr_size] = '\0';
}

static inline void fixture_supervise(struct fixture *fixture)
{
	const struct supervisor_options options = {
		.loop = fixture->loop,
		.root = fixture->root,
		.shim = fixture->shim,
		.segment_bytes = 64 * 1024,
		.segment_count = 3,
		.notice = fixture_notice,
		.arg = fixture,
	};
	struct error err = {0};

	fixture->supervisor = supervisor_new(&options);
	assert_success(supervisor_adopt(fixture->supervisor, &err), &err);
}

static inline int fixture_setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));

	snprintf(fixture->root, sizeof(fixture->root), "/tmp/muXXXXXX");
	assert_non_null(mkdtemp(fixture->root));
	assert_non_null(getcwd(fixture->old, sizeof(fixture->old)));
	assert_int_equal(chdir(fixture->root), 0);
	fixture->shim = BINARY_DIR "/bin/muster-shim";
	fixture->arena = arena_new();
	fixture->loop = loop_new();
	fixture_supervise(fixture);
	*state = fixture;
	return 0;
}

static inline void fixture_stopped(void *arg)
{
	((struct fixture *)arg)->stopped = true;
}

/* The condition is looked at again after every turn of the loop. */
#define wait_for(fixture, condition)                                             \
	do {                                                                     \
		usec_t deadline = clock_monotonic() + LIMIT_MS * USEC_PER_MSEC;  \
		while (!(condition)) {                                           \
			if (clock_monotonic() > deadline)                        \
				fail_msg("waited too long for: %s", #condition); \
			loop_turn((fixture)->loop, 50);                          \
		}                                                                \
	} while (0)

static inline int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};

	supervisor_stop_all(fixture->supervisor, fixture_stopped, fixture);
	wait_for(fixture, fixture->stopped);
	supervisor_free(fixture->supervisor);
	loop_free(fixture->loop);
	arena_free(fixture->arena);
	assert_int_equal(chdir(fixture->old), 0);
	assert_success(file_remove_tree(fixture->root, &err), &err);
	free(fixture);
	return 0;
}

static inline struct service_status status_of(struct fixture *fixture, const char *name)
{
	struct service_status status = {0};

	if (!supervisor_status(fixture->supervisor, name, &status))
		status.name = NULL;
	return status;
}

static inline enum service_state state_of(struct fixture *fixture, const char *name)
{
	struct service_status status = status_of(fixture, name);

	return status.name ? status.state : SERVICE_STATE_COUNT;
}

/* service is the JSON of content.services.<name>. */
static inline void set_service(struct fixture *fixture, const char *name, const char *service,
			       int64_t generation)
{
	struct error err = {0};
	struct service_spec spec;
	json_t *json;

	assert_success(json_parse_limited(service, strlen(service), 16, &json, &err), &err);
	const struct spec_input input = {
		.root = fixture->root, .node = "n1", .name = name, .service = json};
	assert_success(spec_build(fixture->arena, &input, &spec, &err), &err);
	json_decref(json);
	assert_success(supervisor_set(fixture->supervisor, &spec, generation, &err), &err);
}

/* A service that is a line of shell, with further parameters ("" or ",\"key\":...") . */
static inline void set_shell(struct fixture *fixture, const char *name, const char *script,
			     const char *more, int64_t generation)
{
	json_t *text = json_string(script);
	char *quoted = json_dumps(text, JSON_ENCODE_ANY);
	char *service = arena_printf(
		fixture->arena,
		"{\"driver\":\"generic\",\"run\":true,\"package\":null,\"config\":null,"
		"\"parameters\":{\"command\":[\"/bin/sh\",\"-c\",%s]%s}}",
		quoted, more);

	free(quoted);
	json_decref(text);
	set_service(fixture, name, service, generation);
}

static inline bool process_exists(pid_t pid)
{
	return kill(pid, 0) == 0;
}

/* The agent is killed: connections go, shims and services stay, a new one adopts. */
static inline void agent_restart(struct fixture *fixture)
{
	supervisor_free(fixture->supervisor);
	fixture_supervise(fixture);
}

static inline char *read_text(struct fixture *fixture, const char *path)
{
	struct error err = {0};
	char *text;

	if (!file_read(path, 16 << 20, fixture->arena, &text, NULL, &err))
		return NULL;
	return text;
}

/* Has the service written this to its first log segment? */
static inline bool log_has(struct fixture *fixture, const char *name, const char *text)
{
	const char *log =
		read_text(fixture, arena_printf(fixture->arena, "logs/%s/0000000001.log", name));

	return log && strstr(log, text);
}
