/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Desired states signed as the server signs them, applied to real services. The results that would
 * go to the server are read back from the spool.
 */
#include <sys/stat.h>

#include "world_messages.h"

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

static void send_command(struct world *world, const char *id, const char *kind,
			 const char *service);

static void tries_again_when_it_is_told(void **state)
{
	struct world *world = *state;
	const char *what;
	struct error err = {0};

	assert_failure(reconcile_retry(world->reconcile, &what, &err), &err, ERR_CONFLICT);
	send_services(world, 1,
		      shell(world, "a", "[ -e licence ] || exit 3; exec sleep 1000", "1", ""), 100);
	wait_for(world->fixture, has_result(world, 1, "rolled_back"));
	stop_agent(world);
	start_agent(world);
	for (int i = 0; i < 5; i++)
		loop_turn(world->fixture->loop, 10);
	assert_int_equal(reconcile_generation(world->reconcile), 0);
	assert_success(file_write_atomic("data/a/licence", "", 0, 0644, &err), &err);
	send_command(world, "r1", "retry", NULL);
	wait_for(world->fixture, reconcile_generation(world->reconcile) == 1);
	assert_true(has_result(world, 1, "succeeded"));
	assert_true(has_message(world, CHANNEL_EVENTS, "command.done"));
	assert_failure(reconcile_retry(world->reconcile, &what, &err), &err, ERR_CONFLICT);
}

/* A service whose old version does not come up any more either: said, not hidden. */
static void says_when_it_cannot_be_put_back(void **state)
{
	struct world *world = *state;
	char *good = shell(world, "a", "[ ! -e ../broken ] || exit 9; exec sleep 1000", "1",
			   ",\"restart\":{\"burst\":2,\"delay_ms\":10}");
	char *bad = shell(world, "a", "touch ../broken; exit 3", "2", "");

	send_services(world, 1, good, 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	send_services(world, 2, bad, 100);
	wait_for(world->fixture, has_result(world, 2, "rollback_failed"));
	assert_true(has_message(world, CHANNEL_RESULT, "putting it back failed: service a: "));
	assert_true(has_message(world, CHANNEL_RESULT, "\"exit\":{\"code\":3,\"signal\":0}"));
	assert_string_equal(read_file(world, "services/a/current/config/f"), "1");
}

/* Once all is put back, the old service works on its data again: it must not lose that. */
static void does_not_restore_twice(void **state)
{
	struct world *world = *state;
	const char *more = ",\"env\":{\"D\":\"${muster.data}\"},\"snapshot\":[\"db\"],"
			   "\"probes\":[{\"kind\":\"log\",\"match\":\"up\","
			   "\"start_grace_ms\":20000}]";
	char *good = shell(world, "a",
			   "[ -e $D/db ] || echo old > $D/db; echo x >> $D/starts; while [ -e "
			   "$D/hold ]; do sleep 0.05; done; echo up; exec sleep 1000",
			   "1", more);
	char *bad = shell(world, "a", "touch $D/hold; exit 3", "2", more);
	struct error err = {0};

	send_services(world, 1, good, 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	send_services(world, 2, bad, 100);
	wait_for(world->fixture, strcmp(read_file(world, "data/a/starts"), "x\nx\n") == 0);
	assert_success(file_write_atomic("data/a/db", "newer", 5, 0644, &err), &err);
	pid_t pid = pid_of(world, "a");
	stop_agent(world);
	start_agent(world);
	wait_for(world->fixture, pid_of(world, "a") == pid);
	assert_false(has_result(world, 2, "rolled_back"));
	assert_int_equal(unlink("data/a/hold"), 0);
	wait_for(world->fixture, has_result(world, 2, "rolled_back"));
	assert_int_equal(pid_of(world, "a"), pid);
	assert_string_equal(read_file(world, "data/a/db"), "newer");
}

static void reloads_when_only_hot_files_change(void **state)
{
	struct world *world = *state;
	const char *more = ",\"reload\":{\"signal\":\"SIGHUP\",\"files\":[\"f\"]}";
	const char *script = "trap 'cat ../../services/a/current/config/f >> seen' HUP; "
			     "while :; do sleep 0.02; done";

	send_services(world, 1, shell(world, "a", script, "one", more), 50);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	pid_t pid = pid_of(world, "a");
	send_services(world, 2, shell(world, "a", script, "two", more), 50);
	wait_for(world->fixture, has_result(world, 2, "succeeded"));
	assert_int_equal(pid_of(world, "a"), pid);
	wait_for(world->fixture, strcmp(read_file(world, "data/a/seen"), "two") == 0);
	assert_int_equal(status_of(world->fixture, "a").restarts, 0);
}

/* A reload that the service does not survive goes back by a start with the old files. */
static void undoes_a_reload_that_kills(void **state)
{
	struct world *world = *state;
	const char *more = ",\"reload\":{\"signal\":\"SIGHUP\"},\"restart\":{\"delay_ms\":10}";
	const char *script =
		"read x < ../../services/a/current/config/f; [ $x = good ] || exit 5; "
		"trap 'read x < ../../services/a/current/config/f; [ $x = good ] || exit "
		"5' HUP; while :; do sleep 0.02; done";

	send_services(world, 1, shell(world, "a", script, "good\\n", more), 50);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	send_services(world, 2, shell(world, "a", script, "bad\\n", more), 300);
	wait_for(world->fixture, has_result(world, 2, "rolled_back"));
	assert_true(has_message(world, CHANNEL_RESULT, "\"exit\":{\"code\":5,\"signal\":0}"));
	assert_string_equal(read_file(world, "services/a/current/config/f"), "good\n");
	assert_true(status_of(world->fixture, "a").ready);
}

/* One that no agent of ours would write: what is in force runs, and nobody waits for ever. */
static void survives_an_odd_journal(void **state)
{
	struct world *world = *state;
	const struct journal odd = {
		.phase = JOURNAL_APPLYING, .generation = 77, .digest = "sha256:0", .attempts = 3};
	struct error err = {0};

	send_services(world, 1, shell(world, "a", SLEEP, "one", ""), 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	pid_t pid = pid_of(world, "a");
	assert_success(journal_update(world->state, &odd, &err), &err);
	assert_int_equal(mkdir("services/a/77", 0755), 0);
	assert_success(file_symlink_atomic("1", "services/a/previous", &err), &err);
	assert_success(file_symlink_atomic("77", "services/a/current", &err), &err);
	stop_agent(world);
	start_agent(world);
	assert_true(has_message(world, CHANNEL_EVENTS, "agent.journal"));
	assert_int_equal(pid_of(world, "a"), pid);
	assert_string_equal(read_file(world, "services/a/current/config/f"), "one");
	send_services(world, 2, shell(world, "a", SLEEP, "two", ""), 0);
	wait_for(world->fixture, has_result(world, 2, "succeeded"));
}

/* A service with a package that the given key has released, and that nobody can fetch. */
static char *packaged(struct world *world, const char *name)
{
	struct arena *arena = world->fixture->arena;
	struct error err = {0};
	char *envelope;

	char *manifest =
		arena_printf(arena,
			     "{\"v\":1,\"name\":\"p\",\"version\":\"1\",\"platform\":\"any\","
			     "\"archive\":{\"sha256\":\"%s\",\"size\":9},\"service\":{"
			     "\"command\":[\"${muster.package}/run\"]}}",
			     PACKAGE);
	assert_success(dsse_sign(arena, world->key, DSSE_PACKAGE, manifest, strlen(manifest),
				 &envelope, &err),
		       &err);
	return arena_printf(
		arena,
		"\"%s\":{\"driver\":\"generic\",\"run\":true,\"package\":{\"name\":\"p\","
		"\"version\":\"1\",\"platform\":\"any\",\"sha256\":\"%s\",\"size\":9,"
		"\"manifest\":%s},\"config\":null,\"parameters\":{}}",
		name, PACKAGE, envelope);
}

/* Whatever the network does, the content is not to blame, and nothing that runs is touched. */
static void a_server_that_is_away_is_no_bad_update(void **state)
{
	struct world *world = *state;
	struct arena *arena = world->fixture->arena;
	char key[64], hex[SHA256_HEX_SIZE];
	const char *what;
	struct verdict verdict;
	struct error err = {0};
	bool found = true;

	send_services(world, 1, shell(world, "a", SLEEP, "one", ""), 0);
	wait_for(world->fixture, reconcile_generation(world->reconcile) == 1);
	pid_t pid = pid_of(world, "a");
	base64_encode(world->trusted.public_key, sizeof(world->trusted.public_key), key);
	const char *content = arena_printf(
		arena,
		"{\"v\":1,\"apply\":{\"gate_ms\":0,\"deadline_ms\":1000},\"release_keys\":["
		"{\"public\":\"%s\"}],\"services\":{%s,%s}}",
		key, shell(world, "a", SLEEP, "two", ""), packaged(world, "b"));
	send_envelope(world, make_desired(world, NODE, 2, content, USEC_PER_HOUR));
	wait_for(world->fixture, has_result(world, 2, "refused"));
	assert_true(has_message(world, CHANNEL_RESULT, "\"code\":\"fetch_failed\""));
	assert_int_equal(pid_of(world, "a"), pid);
	sha256_hex(content, strlen(content), hex);
	assert_success(verdict_find(world->state, arena_printf(arena, "sha256:%s", hex), arena,
				    &verdict, &found, &err),
		       &err);
	assert_false(found);
	/* It waits for its next try, which somebody may bring forward. */
	wait_for(world->fixture, reconcile_retry(world->reconcile, &what, &err));
	assert_contains(what, "is tried again");
	assert_true(world->resends > 0);
}

static void a_new_agent_keeps_the_deadline(void **state)
{
	struct world *world = *state;
	struct error err = {0};
	char *before = NULL, *after = NULL;
	char *stuck = shell(world, "a", SLEEP, "stuck",
			    ",\"probes\":[{\"kind\":\"tcp\",\"host\":\"127.0.0.1\",\"port\":1,"
			    "\"start_grace_ms\":60000}]");

	send_services(world, 1, stuck, 0);
	wait_for(world->fixture, has_result(world, 1, "verifying"));
	assert_success(state_get(world->state, "deadline", world->fixture->arena, &before, &err),
		       &err);
	stop_agent(world);
	start_agent(world);
	loop_turn(world->fixture->loop, 50);
	assert_success(state_get(world->state, "deadline", world->fixture->arena, &after, &err),
		       &err);
	assert_non_null(before);
	assert_string_equal(before, after);
	send_services(world, 2, shell(world, "a", SLEEP, "two", ""), 0);
	wait_for(world->fixture, has_result(world, 2, "succeeded"));
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
		cmocka_unit_test_setup_teardown(tries_again_when_it_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(says_when_it_cannot_be_put_back, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_restore_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(reloads_when_only_hot_files_change, setup,
						teardown),
		cmocka_unit_test_setup_teardown(undoes_a_reload_that_kills, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_an_odd_journal, setup, teardown),
		cmocka_unit_test_setup_teardown(a_server_that_is_away_is_no_bad_update, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_new_agent_keeps_the_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(restores_snapshots, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_a_restart_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(makes_way_for_a_newer_one, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_is_not_for_it, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_is_not_valid, setup, teardown),
		cmocka_unit_test_setup_teardown(reports_drift, setup, teardown),
		cmocka_unit_test_setup_teardown(leaves_services_alone_when_it_cannot_read_its_state,
						setup, teardown),
		cmocka_unit_test_setup_teardown(runs_a_command_once, setup, teardown),
	};

	int child = world_child(argc, argv);

	return child >= 0 ? child : cmocka_run_group_tests(tests, NULL, NULL);
}
