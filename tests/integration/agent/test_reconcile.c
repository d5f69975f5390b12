/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Desired states signed as the server signs them, applied to real services. The results that would
 * go to the server are read back from the spool.
 */
#include "harness.h"

#include "base/crypto.h"
#include "base/encoding.h"
#include "protocol/messages.h"
#include "reconcile/reconcile.h"
#include "reconcile/snapshot.h"
#include "state/spool.h"

struct world {
	struct fixture *fixture; /* folder, loop and supervisor */
	struct state *state;
	struct outgoing outgoing;
	struct trusted_time time;
	struct signing_key *key;
	struct dsse_key trusted;
	struct upgrade *upgrade;
	struct reconcile *reconcile;
	int resends;
};

static const char NODE[] = "nabcdefghijklmnopqrst";

static void resend(void *arg)
{
	((struct world *)arg)->resends++;
}

static struct world *the_world; /* for the supervisor's notices, whose argument is the fixture */

static void notice(enum supervisor_notice kind, const struct service_status *status, void *arg)
{
	fixture_notice(kind, status, arg);
	if (the_world && the_world->reconcile)
		reconcile_notice(the_world->reconcile);
}

static void start_agent(struct world *world)
{
	const struct supervisor_options options = {
		.loop = world->fixture->loop,
		.root = world->fixture->root,
		.shim = BINARY_DIR "/bin/muster-shim",
		.segment_bytes = 64 * 1024,
		.segment_count = 3,
		.notice = notice,
		.arg = world->fixture,
	};
	struct error err = {0};

	world->fixture->supervisor = supervisor_new(&options);
	assert_success(state_open("state.db", &world->state, &err), &err);
	assert_success(trusted_time_init(&world->time, world->state, 1, &err), &err);
	const struct upgrade_options upgrade = {.root = world->fixture->root};
	assert_success(upgrade_new(&upgrade, &world->upgrade, &err), &err);
	world->outgoing =
		(struct outgoing){.state = world->state, .budget_bytes = 4 << 20, .added = NULL};
	const struct reconcile_options reconcile = {
		.loop = world->fixture->loop,
		.state = world->state,
		.supervisor = world->fixture->supervisor,
		.outgoing = &world->outgoing,
		.time = &world->time,
		.upgrade = world->upgrade,
		.place = {.root = world->fixture->root, .node = NODE, .platform = "linux-amd64"},
		.transaction = {.ca_file = "keys/ca.crt",
				.fetch_attempts = 1,
				.unpack_max_bytes = 1 << 20,
				.reserve_bytes = 0},
		.keys = &world->trusted,
		.key_count = 1,
		.resend = resend,
		.arg = world,
	};
	assert_success(reconcile_new(&reconcile, &world->reconcile, &err), &err);
	assert_success(reconcile_start(world->reconcile, &err), &err);
}

/* As a kill -9 would: nothing is finished, the services stay. */
static void stop_agent(struct world *world)
{
	reconcile_free(world->reconcile);
	world->reconcile = NULL;
	upgrade_free(world->upgrade);
	supervisor_free(world->fixture->supervisor);
	state_close(world->state);
}

static int setup(void **state)
{
	struct world *world = xcalloc(1, sizeof(*world));
	void *fixture = NULL;

	if (fixture_setup(&fixture) != 0)
		return -1;
	world->fixture = fixture;
	/* The fixture's own supervisor makes way for one that tells reconcile. */
	supervisor_free(world->fixture->supervisor);
	world->key = signing_key_generate();
	signing_key_public(world->key, world->trusted.public_key);
	key_id(world->trusted.public_key, world->trusted.id);
	the_world = world;
	start_agent(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	void *fixture = world->fixture;
	int result;

	reconcile_free(world->reconcile);
	world->reconcile = NULL;
	the_world = NULL;
	result = fixture_teardown(&fixture);
	upgrade_free(world->upgrade);
	state_close(world->state);
	signing_key_free(world->key);
	free(world);
	return result;
}

/* --- making desired states --- */

/* services is the JSON of content.services. */
static char *make_content(struct arena *arena, const char *services, int gate_ms)
{
	return arena_printf(arena,
			    "{\"v\":1,\"project\":\"p\",\"health_interval_ms\":1000,"
			    "\"apply\":{\"rollout\":\"r1\",\"gate_ms\":%d,\"deadline_ms\":20000},"
			    "\"release_keys\":[],\"services\":{%s}}",
			    gate_ms, services);
}

static char *make_desired(struct world *world, const char *node, int64_t generation,
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
		.fetch = json_keep(json_object(), arena),
	};
	char *text = json_text(json_keep(msg_desired_encode(&desired), arena), arena);
	assert_success(
		dsse_sign(arena, world->key, DSSE_DESIRED, text, strlen(text), &envelope, &err),
		&err);
	return envelope;
}

static void send_envelope(struct world *world, const char *envelope)
{
	reconcile_receive_desired(world->reconcile, envelope, strlen(envelope));
}

static void send_services(struct world *world, int64_t generation, const char *services,
			  int gate_ms)
{
	const char *content = make_content(world->fixture->arena, services, gate_ms);

	send_envelope(world, make_desired(world, NODE, generation, content, USEC_PER_HOUR));
}

/* A service that runs a line of shell, with one config file "f". */
static char *shell(struct world *world, const char *name, const char *script, const char *file,
		   const char *more)
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

/* --- looking at what came of it --- */

static bool has_message(struct world *world, enum channel stream, const char *part)
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

static bool has_result(struct world *world, int64_t generation, const char *state)
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

static pid_t pid_of(struct world *world, const char *name)
{
	return status_of(world->fixture, name).pid;
}

#define SLEEP "exec sleep 1000"

static void applies_and_changes_only_what_differs(void **state)
{
	struct world *world = *state;
	char *a = shell(world, "a", SLEEP, "one ${muster.node}", "");
	char *b = shell(world, "b", SLEEP, "one", "");

	send_services(world, 1, arena_printf(world->fixture->arena, "%s,%s", a, b), 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	wait_for(world->fixture, reconcile_generation(world->reconcile) == 1);
	assert_string_equal(read_file(world, "services/a/current/config/f"),
			    "one nabcdefghijklmnopqrst");
	pid_t pid_a = pid_of(world, "a"), pid_b = pid_of(world, "b");
	assert_true(pid_a > 0 && pid_b > 0);

	b = shell(world, "b", SLEEP, "two", "");
	send_services(world, 2, arena_printf(world->fixture->arena, "%s,%s", a, b), 100);
	wait_for(world->fixture, has_result(world, 2, "succeeded"));
	assert_int_equal(pid_of(world, "a"), pid_a);
	assert_true(pid_of(world, "b") > 0 && pid_of(world, "b") != pid_b);
	assert_string_equal(read_file(world, "services/b/current/config/f"), "two");

	send_services(world, 3, a, 0);
	wait_for(world->fixture, has_result(world, 3, "succeeded"));
	assert_int_equal(pid_of(world, "a"), pid_a);
	assert_int_equal(pid_of(world, "b"), 0);
	wait_for(world->fixture, !file_exists("services/b"));
	wait_for(world->fixture, has_message(world, CHANNEL_REPORTED, "\"generation\":3"));
}

static void puts_back_what_fails_and_remembers_it(void **state)
{
	struct world *world = *state;
	char *good = shell(world, "a", SLEEP, "good", "");
	char *other = shell(world, "z", SLEEP, "same", "");
	char *bad = shell(world, "a", "echo no such setting >&2; exit 3", "bad",
			  ",\"restart\":{\"burst\":2}");

	send_services(world, 1, arena_printf(world->fixture->arena, "%s,%s", good, other), 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	pid_t pid = pid_of(world, "z");

	send_services(world, 2, arena_printf(world->fixture->arena, "%s,%s", bad, other), 200);
	wait_for(world->fixture, has_result(world, 2, "rolled_back"));
	assert_true(has_message(world, CHANNEL_RESULT, "exited with 3"));
	assert_true(has_message(world, CHANNEL_RESULT, "no such setting"));
	assert_true(has_message(world, CHANNEL_RESULT, "\"exit\":{\"code\":3,\"signal\":0}"));
	assert_int_equal(reconcile_generation(world->reconcile), 1);
	assert_string_equal(read_file(world, "services/a/current/config/f"), "good");
	assert_true(status_of(world->fixture, "a").ready);
	assert_int_equal(pid_of(world, "z"), pid);

	/* The same content again, also with a higher number: not by itself. */
	send_services(world, 3, arena_printf(world->fixture->arena, "%s,%s", bad, other), 200);
	wait_for(world->fixture, has_result(world, 3, "rolled_back"));
	assert_false(has_result(world, 3, "applying"));

	/* After a restart of the agent neither. */
	pid = pid_of(world, "a");
	stop_agent(world);
	start_agent(world);
	send_services(world, 4, arena_printf(world->fixture->arena, "%s,%s", bad, other), 200);
	wait_for(world->fixture, has_result(world, 4, "rolled_back"));
	assert_false(has_result(world, 4, "applying"));
	assert_int_equal(pid_of(world, "a"), pid);
}

/* One that runs but is not well has no exit: its log and its probe have to tell. */
static void names_the_probe_and_what_the_service_said(void **state)
{
	struct world *world = *state;
	char *ill = shell(world, "a", "echo waiting for the broker >&2; exec sleep 1000", "1",
			  ",\"probes\":[{\"kind\":\"tcp\",\"host\":\"127.0.0.1\",\"port\":1,"
			  "\"start_grace_ms\":300,\"failure\":1}]");

	send_services(world, 1, ill, 0);
	wait_for(world->fixture, has_result(world, 1, "rolled_back"));
	assert_true(has_message(world, CHANNEL_RESULT, "\"probe\":{\"kind\":\"tcp\""));
	assert_true(has_message(world, CHANNEL_RESULT, "waiting for the broker\\n"));
}

static void restores_snapshots(void **state)
{
	struct world *world = *state;
	const char *more = ",\"snapshot\":[\"${muster.data}/db\"],\"restart\":{\"burst\":2}";
	char *good = shell(world, "a", "echo old > $D/db; exec sleep 1000", "1",
			   ",\"env\":{\"D\":\"${muster.data}\"},\"snapshot\":[\"${muster.data}/"
			   "db\"]");
	char *bad = shell(
		world, "a", "echo migrated > $D/db; exit 1", "2",
		arena_printf(world->fixture->arena, ",\"env\":{\"D\":\"${muster.data}\"}%s", more));

	send_services(world, 1, good, 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded") &&
					 strcmp(read_file(world, "data/a/db"), "old\n") == 0);
	send_services(world, 2, bad, 200);
	wait_for(world->fixture, has_result(world, 2, "rolled_back"));
	assert_string_equal(read_file(world, "data/a/db"), "old\n");

	/* Once a change is decided, its copies go. */
	good = shell(world, "a", SLEEP, "3", more);
	send_services(world, 3, good, 0);
	wait_for(world->fixture, reconcile_generation(world->reconcile) == 3);
	assert_false(file_exists("services/a/3/snapshot"));
}

static void survives_a_restart_in_the_middle(void **state)
{
	struct world *world = *state;
	char *one = shell(world, "a", SLEEP, "one", "");
	char *two = shell(world, "a", SLEEP, "two", "");

	send_services(world, 1, one, 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));

	/* A long gate holds the change open while the agent dies twice. */
	send_services(world, 2, two, 1500);
	wait_for(world->fixture, has_result(world, 2, "verifying"));
	wait_for(world->fixture, pid_of(world, "a") > 0 && status_of(world->fixture, "a").ready);
	pid_t pid = pid_of(world, "a");
	stop_agent(world);
	start_agent(world);
	wait_for(world->fixture, has_result(world, 2, "succeeded"));
	assert_int_equal(pid_of(world, "a"), pid);
	wait_for(world->fixture, reconcile_generation(world->reconcile) == 2);
	assert_string_equal(read_file(world, "services/a/current/config/f"), "two");
}

static void makes_way_for_a_newer_one(void **state)
{
	struct world *world = *state;
	char *one = shell(world, "a", SLEEP, "one", "");
	/* Never ready: waits for a port that nobody opens. */
	char *stuck = shell(world, "a", SLEEP, "stuck",
			    ",\"probes\":[{\"kind\":\"tcp\",\"host\":\"127.0.0.1\",\"port\":1,"
			    "\"readiness\":true,\"start_grace_ms\":60000}]");
	char *three = shell(world, "a", SLEEP, "three", "");

	send_services(world, 1, one, 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	send_services(world, 2, stuck, 0);
	wait_for(world->fixture, has_result(world, 2, "verifying"));
	send_services(world, 3, three, 0);
	wait_for(world->fixture, has_result(world, 3, "succeeded"));
	assert_true(has_result(world, 2, "rolled_back"));
	assert_string_equal(read_file(world, "services/a/current/config/f"), "three");
}

static void refuses_what_is_not_for_it(void **state)
{
	struct world *world = *state;
	const char *content =
		make_content(world->fixture->arena, shell(world, "a", SLEEP, "1", ""), 0);
	const char *other =
		make_content(world->fixture->arena, shell(world, "a", SLEEP, "2", ""), 0);
	struct signing_key *right = world->key;

	send_envelope(world, make_desired(world, "nzzzzzzzzz", 1, content, USEC_PER_HOUR));
	assert_true(has_message(world, CHANNEL_EVENTS, "it is for the node nzzzzzzzzz"));
	world->key = signing_key_generate();
	send_envelope(world, make_desired(world, NODE, 1, content, USEC_PER_HOUR));
	signing_key_free(world->key);
	world->key = right;
	send_envelope(world, "{\"payloadType\":\"x\"}");
	assert_int_equal(world->reconcile != NULL, 1);
	assert_false(has_message(world, CHANNEL_RESULT, "accepted"));

	send_envelope(world, make_desired(world, NODE, 5, content, USEC_PER_HOUR));
	wait_for(world->fixture, reconcile_generation(world->reconcile) == 5);
	send_envelope(world, make_desired(world, NODE, 5, other, USEC_PER_HOUR));
	assert_true(has_message(world, CHANNEL_EVENTS, "desired.equivocation"));
	send_envelope(world, make_desired(world, NODE, 4, other, USEC_PER_HOUR));
	assert_true(has_message(world, CHANNEL_EVENTS, "generation 4 is older than 5"));
	/* By now the time of the server is known: what has expired is refused. */
	send_envelope(world, make_desired(world, NODE, 6, other, -USEC_PER_MINUTE));
	assert_true(has_message(world, CHANNEL_EVENTS, "it has expired"));
	assert_false(has_result(world, 6, "accepted"));
}

static void refuses_what_is_not_valid(void **state)
{
	struct world *world = *state;

	send_services(world, 1,
		      "\"a\":{\"driver\":\"generic\",\"run\":true,\"package\":null,"
		      "\"config\":null,\"parameters\":{}}",
		      0);
	wait_for(world->fixture, has_result(world, 1, "refused"));
	send_services(world, 2,
		      "\"a\":{\"driver\":\"generic\",\"run\":true,\"package\":null,\"config\":{"
		      "\"name\":\"c\",\"version\":1,\"digest\":\"d\",\"files\":[{\"path\":"
		      "\"../f\",\"mode\":\"0644\",\"content\":\"\"}]},\"parameters\":{}}",
		      0);
	wait_for(world->fixture, has_result(world, 2, "refused"));
	assert_true(has_message(world, CHANNEL_RESULT, "path ../f is not allowed"));
	assert_int_equal(reconcile_generation(world->reconcile), 0);
}

/* "hooks" as further parameters of a service: a line of shell each, NULL for none. */
static char *hooks(struct world *world, const char *before, const char *after, const char *more)
{
	const char *scripts[] = {before, after}, *names[] = {"before", "after"};
	char *text = arena_strdup(world->fixture->arena, "");

	for (size_t i = 0; i < 2; i++)
		if (scripts[i])
			text = arena_printf(
				world->fixture->arena,
				"%s%s\"%s\":{\"command\":[\"/bin/sh\",\"-c\",\"%s\"]%s}", text,
				*text ? "," : "", names[i], scripts[i], more);
	return arena_printf(world->fixture->arena, ",\"hooks\":{%s}", text);
}

static void runs_hooks_around_the_switch(void **state)
{
	struct world *world = *state;
	char *one = shell(world, "a", SLEEP, "one",
			  hooks(world,
				"echo $MUSTER_HOOK $(cat $MUSTER_CONFIG/f) >> ../hooks;"
				" [ ! -e ../../services/a/current ]",
				"echo $MUSTER_HOOK $MUSTER_SERVICE $MUSTER_GENERATION >> ../hooks;"
				" [ -e ../../services/a/current ]",
				""));

	send_services(world, 1, one, 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	assert_string_equal(read_file(world, "data/hooks"), "before one\nafter a 1\n");
	/* Nothing that is not touched runs one. */
	send_services(world, 2,
		      arena_printf(world->fixture->arena, "%s,%s", one,
				   shell(world, "b", SLEEP, "one", "")),
		      0);
	wait_for(world->fixture, has_result(world, 2, "succeeded"));
	assert_string_equal(read_file(world, "data/hooks"), "before one\nafter a 1\n");
}

static void a_hook_that_fails_undoes_the_change(void **state)
{
	struct world *world = *state;
	char *old = shell(world, "a", "echo old > $D/db; exec sleep 1000", "1",
			  ",\"env\":{\"D\":\"${muster.data}\"},\"snapshot\":[\"db\"]");
	char *bad = shell(
		world, "a", SLEEP, "2",
		arena_printf(world->fixture->arena, ",\"snapshot\":[\"db\"]%s",
			     hooks(world, "echo new > db; echo no room >&2; exit 2", NULL, "")));
	char *ill = shell(world, "a", SLEEP, "3", hooks(world, NULL, "kill -9 $$", ""));
	char *slow = shell(world, "a", SLEEP, "4",
			   hooks(world, "sleep 1000 & sleep 1000", NULL, ",\"timeout_ms\":300"));
	char *said = shell(world, "a", SLEEP, "5", hooks(world, "exit 4", NULL, ""));

	send_services(world, 1, old, 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded") &&
					 strcmp(read_file(world, "data/a/db"), "old\n") == 0);
	send_services(world, 2, bad, 0);
	wait_for(world->fixture, has_result(world, 2, "rolled_back"));
	assert_true(has_message(world, CHANNEL_RESULT, "\"code\":\"hook_failed\""));
	assert_true(has_message(world, CHANNEL_RESULT, "\"phase\":\"hook_before\""));
	assert_true(has_message(world, CHANNEL_RESULT, "\"stderr\":\"no room\\n\""));
	assert_true(has_message(world, CHANNEL_RESULT, "\"exit\":{\"code\":2,\"signal\":0}"));
	assert_string_equal(read_file(world, "data/a/db"), "old\n");
	assert_false(has_result(world, 2, "verifying"));
	/* It is final: not again by itself. */
	send_services(world, 3, bad, 0);
	wait_for(world->fixture, has_result(world, 3, "rolled_back"));
	assert_false(has_result(world, 3, "applying"));

	send_services(world, 4, ill, 0);
	wait_for(world->fixture, has_result(world, 4, "rolled_back"));
	assert_true(has_message(world, CHANNEL_RESULT, "\"phase\":\"hook_after\""));
	assert_true(has_message(world, CHANNEL_RESULT, "\"exit\":{\"code\":-1,\"signal\":9}"));
	send_services(world, 5, slow, 0);
	wait_for(world->fixture, has_result(world, 5, "rolled_back"));
	assert_true(has_message(world, CHANNEL_RESULT, "\"code\":\"hook_timed_out\""));
	send_services(world, 6, said, 0);
	wait_for(world->fixture, has_result(world, 6, "rolled_back"));
	assert_true(has_message(world, CHANNEL_RESULT, "the hook before exited with 4: it took"));
	assert_true(status_of(world->fixture, "a").ready);
	assert_string_equal(read_file(world, "services/a/current/config/f"), "1");
}

static void a_hook_may_ask_to_be_tried_again(void **state)
{
	struct world *world = *state;
	char *second = shell(
		world, "a", SLEEP, "1",
		hooks(world, "[ -e seen ] || { touch seen; exit 3; }", NULL, ",\"delay_ms\":20"));
	char *never = shell(world, "a", SLEEP, "2",
			    hooks(world, "[ -e ready ] || { echo x >> tries; exit 3; }", NULL,
				  ",\"attempts\":2,\"delay_ms\":20"));

	send_services(world, 1, second, 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	send_services(world, 2, never, 0);
	wait_for(world->fixture, has_result(world, 2, "rolled_back"));
	assert_true(has_message(world, CHANNEL_RESULT, "\"code\":\"hook_try_again\""));
	assert_string_equal(read_file(world, "data/a/tries"), "x\nx\n");
	/* The content is not to blame, so it may come again. */
	struct error err = {0};
	assert_success(file_write_atomic("data/a/ready", "", 0, 0644, &err), &err);
	send_services(world, 3, never, 0);
	wait_for(world->fixture, has_result(world, 3, "succeeded"));
}

static void a_hook_outlives_the_agent_and_runs_once(void **state)
{
	struct world *world = *state;
	char *one = shell(world, "a", SLEEP, "one",
			  hooks(world,
				"echo x >> runs; while [ ! -e go ]; do sleep 0.05; done; echo y >> "
				"runs",
				NULL, ""));
	struct error err = {0};

	send_services(world, 1, one, 0);
	wait_for(world->fixture, file_exists("data/a/runs"));
	stop_agent(world);
	start_agent(world);
	wait_for(world->fixture, has_result(world, 1, "applying"));
	assert_success(file_write_atomic("data/a/go", "", 0, 0644, &err), &err);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	assert_string_equal(read_file(world, "data/a/runs"), "x\ny\n");
}

static void reports_drift(void **state)
{
	struct world *world = *state;
	struct error err = {0};

	send_services(world, 1, shell(world, "a", SLEEP, "one", ""), 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	wait_for(world->fixture, has_message(world, CHANNEL_REPORTED, "\"drift\":false"));
	assert_success(file_write_atomic("services/a/current/config/f", "edited", 6, 0644, &err),
		       &err);
	reconcile_notice(world->reconcile);
	wait_for(world->fixture, has_message(world, CHANNEL_REPORTED, "\"drift_files\":[\"f\"]"));
}

static void leaves_services_alone_when_it_cannot_read_its_state(void **state)
{
	struct world *world = *state;
	struct error err = {0};
	struct desired_record record = {.generation = 1, .fetch = "{}"};
	char hex[SHA256_HEX_SIZE];

	send_services(world, 1, shell(world, "a", SLEEP, "one", ""), 0);
	wait_for(world->fixture, reconcile_generation(world->reconcile) == 1);
	pid_t pid = pid_of(world, "a");
	record.content = "{\"v\":1,\"services\":{\"a\":{\"driver\":\"of the future\"}}}";
	sha256_hex(record.content, strlen(record.content), hex);
	record.digest = arena_printf(world->fixture->arena, "sha256:%s", hex);
	assert_success(desired_update(world->state, DESIRED_CURRENT, &record, &err), &err);
	stop_agent(world);
	start_agent(world);
	assert_true(has_message(world, CHANNEL_EVENTS, "agent.unreadable"));
	for (int i = 0; i < 20; i++)
		loop_turn(world->fixture->loop, 10);
	assert_int_equal(kill(pid, 0), 0);
	/* The next desired state is taken, and claims what runs. */
	send_services(world, 2, shell(world, "a", SLEEP, "one", ""), 0);
	wait_for(world->fixture, reconcile_generation(world->reconcile) == 2);
	assert_int_equal(pid_of(world, "a"), pid);
}

static void send_command(struct world *world, const char *id, const char *kind, const char *service)
{
	struct arena *arena = world->fixture->arena;
	usec_t now = clock_now_utc();
	const struct msg_command command = {
		.node = NODE,
		.id = id,
		.issued = now,
		.expires = now + USEC_PER_MINUTE,
		.kind = kind,
		.service = service,
	};
	char *text = json_text(json_keep(msg_command_encode(&command), arena), arena);
	struct error err = {0};
	char *envelope;

	assert_success(
		dsse_sign(arena, world->key, DSSE_COMMAND, text, strlen(text), &envelope, &err),
		&err);
	reconcile_receive_command(world->reconcile, envelope, strlen(envelope));
}

static void runs_a_command_once(void **state)
{
	struct world *world = *state;

	send_services(world, 1, shell(world, "a", SLEEP, "one", ""), 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	wait_for(world->fixture,
		 !strcmp(reconcile_activity(world->reconcile, world->fixture->arena), "idle"));
	pid_t pid = pid_of(world, "a");
	send_command(world, "c1", "restart", "a");
	wait_for(world->fixture, pid_of(world, "a") > 0 && pid_of(world, "a") != pid);
	assert_true(has_message(world, CHANNEL_EVENTS, "command.done"));
	pid = pid_of(world, "a");
	send_command(world, "c1", "restart", "a");
	loop_turn(world->fixture->loop, 50);
	assert_int_equal(pid_of(world, "a"), pid);
	send_command(world, "c2", "restart", "nobody");
	assert_true(has_message(world, CHANNEL_EVENTS, "command.failed"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(applies_and_changes_only_what_differs, setup,
						teardown),
		cmocka_unit_test_setup_teardown(puts_back_what_fails_and_remembers_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(names_the_probe_and_what_the_service_said, setup,
						teardown),
		cmocka_unit_test_setup_teardown(restores_snapshots, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_a_restart_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(makes_way_for_a_newer_one, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_is_not_for_it, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_is_not_valid, setup, teardown),
		cmocka_unit_test_setup_teardown(runs_hooks_around_the_switch, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hook_that_fails_undoes_the_change, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_hook_may_ask_to_be_tried_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hook_outlives_the_agent_and_runs_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(reports_drift, setup, teardown),
		cmocka_unit_test_setup_teardown(leaves_services_alone_when_it_cannot_read_its_state,
						setup, teardown),
		cmocka_unit_test_setup_teardown(runs_a_command_once, setup, teardown),
	};

	/* The agent runs copies as children of its own file: here that is this test. */
	if (argc > 2 && strcmp(argv[1], "snapshot") == 0)
		return snapshot_main(false, argc - 2, argv + 2);
	if (argc > 2 && strcmp(argv[1], "restore") == 0)
		return snapshot_main(true, argc - 2, argv + 2);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
