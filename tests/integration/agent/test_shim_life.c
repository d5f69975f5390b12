/* SPDX-License-Identifier: Apache-2.0 */
/* What a shim keeps for an agent that comes back, and how another program takes its place. */
#include "harness.h"

#include <sys/stat.h>

#include "process/segment.h"
#include "process/shim_client.h"

enum { MAX_EVENTS = 32 };

/* One connection to the shim of the service "held", without a supervisor. */
struct holder {
	struct fixture *fixture;
	struct shim_client *client;
	struct shim_event status;
	struct shim_event events[MAX_EVENTS]; /* without their texts */
	char error[128];
	int count;
};

static void holder_event(const struct shim_event *event, void *arg)
{
	struct holder *holder = arg;

	assert_true(holder->count < MAX_EVENTS);
	holder->events[holder->count++] = *event;
	if (event->kind == SHIM_EVENT_ERROR)
		snprintf(holder->error, sizeof(holder->error), "%.*s", (int)event->text_size,
			 event->text);
}

static void holder_start_in(struct holder *holder, struct fixture *fixture, const char *script,
			    const char *cgroup)
{
	const char *const cgroups[] = {cgroup, NULL};
	const char *const command[] = {"/bin/sh", "-c", script, NULL};
	static const char *const ENV[] = {"PATH=/usr/bin:/bin", NULL};
	const struct shim_start start = {
		.loop = fixture->loop,
		.program = fixture->shim,
		.name = "held",
		.run_dir = "run/shim",
		.log_dir = "logs/held",
		.command = command,
		.env = ENV,
		.cgroups = cgroups,
		.stop_signal = SIGTERM,
		.grace_ms = 1000,
		.segment_bytes = 64 * 1024,
		.segment_count = 3,
		.handler = holder_event,
		.arg = holder,
	};
	struct error err = {0};

	*holder = (struct holder){.fixture = fixture};
	assert_success(file_make_folders("logs/held", 0755, &err), &err);
	assert_success(shim_client_spawn(&start, &holder->client, &err), &err);
}

static void holder_start(struct holder *holder, struct fixture *fixture, const char *script)
{
	holder_start_in(holder, fixture, script, NULL);
}

/* As an agent that finds it. */
static void holder_connect(struct holder *holder)
{
	struct error err = {0};

	holder->count = 0;
	assert_success(shim_client_connect(holder->fixture->loop, "run/shim", "held", holder_event,
					   holder, &holder->client, &holder->status, &err),
		       &err);
}

static void holder_away(struct holder *holder)
{
	shim_client_free(holder->client);
	holder->client = NULL;
}

static int count_of(const struct holder *holder, enum shim_event_kind kind)
{
	int count = 0;

	for (int i = 0; i < holder->count; i++)
		count += holder->events[i].kind == kind;
	return count;
}

static void run_and_wait(struct holder *holder)
{
	int exits = count_of(holder, SHIM_EVENT_EXIT);

	shim_client_run(holder->client, "tag");
	wait_for(holder->fixture, count_of(holder, SHIM_EVENT_EXIT) == exits + 1);
}

static void holder_end(struct holder *holder)
{
	shim_client_leave(holder->client);
	wait_for(holder->fixture, count_of(holder, SHIM_EVENT_LOST) == 1);
	holder_away(holder);
}

/* Each start ends with the number of its run. */
#define COUNTING "n=$(cat n 2>/dev/null || echo 0); n=$((n+1)); echo $n > n; "

static void test_exits_are_kept_until_collected(void **state)
{
	struct holder holder;

	holder_start(&holder, *state, COUNTING "exit $n");
	run_and_wait(&holder);
	run_and_wait(&holder);
	run_and_wait(&holder);
	shim_client_collect(holder.client, 1);
	holder_away(&holder);

	holder_connect(&holder);
	assert_true(holder.status.exit_pending);
	wait_for(holder.fixture, holder.count == 2);
	assert_int_equal(holder.events[0].code, 2);
	assert_int_equal(holder.events[0].run, 2);
	assert_int_equal(holder.events[1].code, 3);
	shim_client_collect(holder.client, 3);
	holder_away(&holder);

	holder_connect(&holder);
	assert_false(holder.status.exit_pending);
	assert_false(file_exists("run/shim/held.exit"));
	holder_end(&holder);
}

static void test_leaving_waits_until_the_exit_is_safe(void **state)
{
	struct holder holder;

	holder_start(&holder, *state, "exit 7");
	run_and_wait(&holder);
	shim_client_leave(holder.client);
	/* Asked after that, it is still there to answer. */
	shim_client_signal(holder.client, 0);
	wait_for(holder.fixture, count_of(&holder, SHIM_EVENT_ERROR) == 1);
	shim_client_collect(holder.client, 1);
	wait_for(holder.fixture, count_of(&holder, SHIM_EVENT_LOST) == 1);
	holder_away(&holder);
	assert_false(file_exists("run/shim/held.exit"));
}

static void test_agent_that_dies_before_collecting_finds_the_exit_on_disk(void **state)
{
	char buffer[SHIM_CLIENT_MAX_PACKET];
	struct shim_event event;
	struct holder holder;

	holder_start(&holder, *state, "echo last words >&2; exit 7");
	run_and_wait(&holder);
	shim_client_leave(holder.client);
	holder_away(&holder);
	wait_for(holder.fixture, !file_exists("run/shim/held.sock"));
	assert_true(shim_exit_file_take("run/shim", "held", buffer, &event));
	assert_int_equal(event.code, 7);
	assert_memory_equal(event.text, "last words\n", event.text_size);
}

/* The agent was killed after it had asked for the next run and before it had kept the exit. */
static void test_earlier_exit_is_noticed_beside_the_running_service(void **state)
{
	struct fixture *fixture = *state;
	struct holder holder;

	holder_start(&holder, fixture, COUNTING "[ $n = 2 ] || exit 5; exec sleep 1000");
	run_and_wait(&holder);
	shim_client_run(holder.client, "tag");
	wait_for(fixture, holder.events[holder.count - 1].phase == SHIM_RUNNING);
	pid_t pid = holder.events[holder.count - 1].pid;
	holder_away(&holder);

	agent_restart(fixture);
	wait_for(fixture, fixture->notices[NOTICE_EXITED] == 1);
	assert_int_equal(fixture->last_exit.code, 5);
	assert_int_equal(status_of(fixture, "held").pid, pid);
	assert_true(process_exists(pid));
	/* It was safe with that: the next agent hears nothing of it. */
	agent_restart(fixture);
	assert_int_equal(status_of(fixture, "held").pid, pid);
	loop_turn(fixture->loop, 0);
	assert_int_equal(fixture->notices[NOTICE_EXITED], 1);
}

/* The file that the process of this pid runs. */
static const char *program_of(struct fixture *fixture, pid_t pid)
{
	char target[4096];
	ssize_t length = readlink(arena_printf(fixture->arena, "/proc/%d/exe", (int)pid), target,
				  sizeof(target));

	assert_true(length > 0);
	return arena_printf(fixture->arena, "%.*s", (int)length, target);
}

static pid_t parent_of(struct fixture *fixture, pid_t pid)
{
	const char *stat =
		read_text(fixture, arena_printf(fixture->arena, "/proc/%d/stat", (int)pid));

	assert_non_null(stat);
	return (pid_t)strtol(strrchr(stat, ')') + 4, NULL, 10);
}

/* Another file with the same program, as a new package would bring it. */
static char *program_copy(struct fixture *fixture, const char *name)
{
	char *path = arena_printf(fixture->arena, "%s/%s", fixture->root, name);
	struct error err = {0};
	char *data;
	size_t size;

	assert_success(file_read(fixture->shim, 64 << 20, fixture->arena, &data, &size, &err),
		       &err);
	assert_success(file_write_atomic(path, data, size, 0755, &err), &err);
	return path;
}

/* Numbers of the lines in all segments, which have to follow one another. */
static long last_line(struct fixture *fixture, const char *name)
{
	const char *folder = arena_printf(fixture->arena, "logs/%s", name);
	uint64_t oldest, newest;
	struct error err = {0};
	long last = 0;

	assert_success(segment_range(folder, &oldest, &newest, &err), &err);
	assert_int_equal(oldest, 1);
	for (uint64_t i = oldest; i <= newest; i++) {
		char path[256];

		assert_true(segment_path(folder, i, path, sizeof(path)));
		for (char *line = read_text(fixture, path); line && *line;) {
			char *end = strchr(line, '\n');
			struct segment_record record;

			if (!end)
				break;
			if (segment_parse(line, (size_t)(end - line), &record) &&
			    record.kind == 'o' && record.text_length > 5)
				assert_int_equal(strtol(record.text + 5, NULL, 10), ++last);
			line = end + 1;
		}
	}
	return last;
}

/* A number every few milliseconds, in two writes: there is half a line at any time. */
#define WRITING                                                                                  \
	"n=0; while [ ! -e stop ]; do n=$((n+1)); printf line; sleep 0.002; printf \" $n\\n\"; " \
	"done; echo last words >&2; exit 9"

static void test_upgrade_keeps_process_output_and_exit(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};

	set_shell(fixture, "writer", WRITING,
		  ",\"cwd\":\"${muster.data}\",\"restart\":{\"policy\":\"never\"}", 1);
	wait_for(fixture, state_of(fixture, "writer") == SERVICE_RUNNING);
	pid_t pid = status_of(fixture, "writer").pid;
	pid_t shim = parent_of(fixture, pid);
	for (int i = 0; i < 5; i++) {
		const char *path =
			program_copy(fixture, arena_printf(fixture->arena, "shim-%d", i));
		long before = last_line(fixture, "writer");

		fixture->shim = path;
		agent_restart(fixture);
		wait_for(fixture, strcmp(program_of(fixture, shim), path) == 0);
		wait_for(fixture, last_line(fixture, "writer") > before + 3);
		assert_int_equal(status_of(fixture, "writer").pid, pid);
		assert_int_equal(parent_of(fixture, pid), shim);
	}
	set_shell(fixture, "writer", WRITING,
		  ",\"cwd\":\"${muster.data}\",\"restart\":{\"policy\":\"never\"}", 1);
	assert_success(file_write_atomic("data/writer/stop", "", 0, 0644, &err), &err);
	wait_for(fixture, fixture->notices[NOTICE_EXITED] == 1);
	assert_int_equal(fixture->last_exit.code, 9);
	assert_string_equal(fixture->last_stderr, "last words\n");
	assert_true(last_line(fixture, "writer") > 0);
}

static void test_upgrade_keeps_exits_that_nobody_has_collected(void **state)
{
	struct fixture *fixture = *state;
	struct holder holder;

	holder_start(&holder, fixture, COUNTING "echo words $n >&2; exit $n");
	run_and_wait(&holder);
	run_and_wait(&holder);
	assert_true(shim_client_upgrade(holder.client, program_copy(fixture, "other")));
	wait_for(fixture, holder.events[holder.count - 1].kind == SHIM_EVENT_STATUS);
	assert_string_equal(holder.events[holder.count - 1].tag, "tag");
	holder_away(&holder);
	holder_connect(&holder);
	wait_for(fixture, holder.count == 2);
	assert_int_equal(holder.events[0].code, 1);
	assert_int_equal(holder.events[1].code, 2);
	assert_int_equal(holder.events[1].text_size, strlen("words 2\n"));
	run_and_wait(&holder);
	assert_int_equal(holder.events[holder.count - 1].run, 3);
	shim_client_collect(holder.client, 3);
	holder_end(&holder);
}

/* Neither of them takes over: one says no, the other is no program. */
static void test_upgrade_to_what_is_no_shim_changes_nothing(void **state)
{
	struct holder holder;

	holder_start(&holder, *state, "exec sleep 1000");
	shim_client_run(holder.client, "tag");
	wait_for(holder.fixture, holder.count == 1);
	pid_t shim = parent_of(holder.fixture, holder.events[0].pid);
	static const char *const PROGRAMS[] = {"/bin/false", "/etc/passwd"};
	for (size_t i = 0; i < ARRAY_SIZE(PROGRAMS); i++) {
		int count = holder.count;

		assert_true(shim_client_upgrade(holder.client, PROGRAMS[i]));
		wait_for(holder.fixture, holder.count == count + 1);
		assert_int_equal(holder.events[count].kind, SHIM_EVENT_ERROR);
		assert_string_equal(holder.error, "upgrade: the program does not take over");
	}
	assert_int_equal(parent_of(holder.fixture, holder.events[0].pid), shim);
	shim_client_stop(holder.client, SIGTERM, 1000);
	wait_for(holder.fixture, count_of(&holder, SHIM_EVENT_EXIT) == 1);
	shim_client_collect(holder.client, 1);
	holder_end(&holder);
}

static void test_shim_of_the_present_program_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	struct holder holder;

	holder_start(&holder, fixture, "exec sleep 1000");
	shim_client_run(holder.client, "tag");
	wait_for(fixture, holder.count == 1);
	holder_away(&holder);
	holder_connect(&holder);
	assert_false(shim_client_upgrade(holder.client, fixture->shim));
	assert_false(shim_client_upgrade(holder.client, "/no/such/program"));
	assert_true(shim_client_upgrade(holder.client, program_copy(fixture, "other")));
	holder_away(&holder);
	agent_restart(fixture);
}

/* Where cgroups version 2 is mounted, if only beside version 1; skips when it cannot be used. */
static char *cgroup2_make(struct fixture *fixture)
{
	const char *line = strstr(read_text(fixture, "/proc/self/mounts"), "cgroup2 /");
	char *path;

	if (!line)
		skip();
	line += strlen("cgroup2 ");
	path = arena_printf(fixture->arena, "%.*s/muster-test-%d", (int)strcspn(line, " "), line,
			    (int)getpid());
	if (mkdir(path, 0755) < 0)
		skip(); /* needs root */
	return path;
}

static void test_service_is_born_in_its_group_of_version_2(void **state)
{
	struct fixture *fixture = *state;
	char *group = cgroup2_make(fixture);
	struct holder holder;

	holder_start_in(&holder, fixture, "exec sleep 1000", group);
	shim_client_run(holder.client, "tag");
	wait_for(fixture, holder.count == 1);
	pid_t pid = holder.events[0].pid;
	const char *where =
		read_text(fixture, arena_printf(fixture->arena, "/proc/%d/cgroup", (int)pid));
	assert_contains(where, strrchr(group, '/'));
	shim_client_stop(holder.client, SIGTERM, 1000);
	wait_for(fixture, count_of(&holder, SHIM_EVENT_EXIT) == 1);
	shim_client_collect(holder.client, 1);
	holder_end(&holder);
	assert_int_equal(rmdir(group), 0);
}

/* In a group of version 1 the shim lives too; without a trace when both have gone. */
static void test_groups_are_gone_with_the_service(void **state)
{
	struct fixture *fixture = *state;
	char group[256] = "";

	set_shell(fixture, "grouped", "exec sleep 1000", "", 1);
	wait_for(fixture, state_of(fixture, "grouped") == SERVICE_RUNNING);
	const char *cgroup = status_of(fixture, "grouped").cgroup;
	if (!cgroup)
		skip(); /* this machine gives us none */
	snprintf(group, sizeof(group), "%s", cgroup);
	char *pid = arena_printf(fixture->arena, "%d\n", (int)status_of(fixture, "grouped").pid);
	char *list = arena_printf(fixture->arena, "%s/cgroup.procs", group);
	assert_contains(read_text(fixture, list), pid);
	supervisor_remove(fixture->supervisor, "grouped");
	wait_for(fixture, state_of(fixture, "grouped") == SERVICE_STATE_COUNT);
	assert_false(file_exists(group));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_exits_are_kept_until_collected),
		TEST(test_leaving_waits_until_the_exit_is_safe),
		TEST(test_agent_that_dies_before_collecting_finds_the_exit_on_disk),
		TEST(test_earlier_exit_is_noticed_beside_the_running_service),
		TEST(test_upgrade_keeps_process_output_and_exit),
		TEST(test_upgrade_keeps_exits_that_nobody_has_collected),
		TEST(test_upgrade_to_what_is_no_shim_changes_nothing),
		TEST(test_shim_of_the_present_program_is_left_alone),
		TEST(test_service_is_born_in_its_group_of_version_2),
		TEST(test_groups_are_gone_with_the_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
