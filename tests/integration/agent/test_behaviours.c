/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random services as real processes under real shims: they end with codes and signals, ignore what
 * they are told, storm with forks, put themselves into the background, never become ready. What each
 * start does follows from a seed, for the program (this one, with --act) and for the test, which
 * counts out what must come of it. The clock plays no part; that is tests/unit/agent/test_behaviours.c.
 *
 *   BEHAVIOURS=24         how many services
 *   BEHAVIOUR_SEED=1      of the first; each failure names that of its round
 */
#include "harness.h"

#include <fcntl.h>
#include <limits.h>

enum {
	AT_ONCE = 12,
	MAX_RUNS = 5,	    /* the last one is a good one */
	STORM = 20,	    /* processes */
	PATIENCE_MS = 4000, /* for a service that never becomes ready */
};

enum act {
	ACT_STAY,
	ACT_EXIT,
	ACT_STORM,	/* many children, then a bad end of their parent */
	ACT_BACKGROUND, /* forks twice and ends with 0: the child is the service */
	ACT_NEVER_READY,
};

/* What one start of a service does. */
struct run {
	enum act act;
	bool deaf;   /* to SIGTERM */
	bool strays; /* has children in sessions of their own */
	int after_ms;
	int code;
	int signal;
};

struct plan {
	uint64_t seed;
	enum restart_policy policy;
	int burst;
	bool by_log; /* ready is a line of its log, or a file */
	int version;
	int64_t generation;
	/* What must come of it. */
	int next; /* number of the next start */
	enum service_state state;
	int exits, restarts;
	const struct run *last; /* that ended */
	struct run runs[MAX_RUNS];
};

static uint64_t mix(uint64_t *chance)
{
	uint64_t z = (*chance += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static int between(uint64_t *chance, int low, int high)
{
	return low + (int)(mix(chance) % (uint64_t)(high - low + 1));
}

static void runs_draw(uint64_t seed, struct run runs[MAX_RUNS])
{
	static const enum act ACTS[] = {ACT_EXIT,	ACT_EXIT,	ACT_EXIT, ACT_EXIT,
					ACT_STORM,	ACT_STORM,	ACT_STAY, ACT_STAY,
					ACT_BACKGROUND, ACT_NEVER_READY};
	uint64_t chance = seed * 7919;

	for (int i = 0; i < MAX_RUNS; i++) {
		struct run *run = &runs[i];

		run->act = i == MAX_RUNS - 1 ? ACT_STAY : ACTS[between(&chance, 0, 9)];
		/* Each takes its time. */
		if (run->act == ACT_NEVER_READY && i > 0)
			run->act = ACT_EXIT;
		run->deaf = between(&chance, 0, 2) == 0;
		run->strays = run->act == ACT_STAY && between(&chance, 0, 1) == 0;
		run->after_ms = between(&chance, 0, 100);
		run->signal = between(&chance, 0, 3) == 0 ? SIGUSR2 : 0;
		run->code = run->signal ? -1 : between(&chance, 0, 3);
		if (run->act == ACT_STORM && run->code == 0)
			run->code = 4;
	}
}

/* --- the program --- */

/* Everybody leaves a name, so that the test can look for survivors. */
static void sign_in(const char *file)
{
	char text[32];
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	int length = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (fd < 0 || write(fd, text, (size_t)length) != length)
		_exit(99);
	close(fd);
}

static _Noreturn void stay(void)
{
	for (;;)
		pause();
}

static void child(bool own_session)
{
	pid_t pid = fork();

	if (pid != 0)
		return;
	if (own_session) {
		setsid();
		if (fork() != 0)
			_exit(0);
	}
	sign_in("pids");
	stay();
}

static void become_ready(const struct run *run)
{
	usleep((useconds_t)run->after_ms * 1000);
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		_exit(99);
	/* Whose readiness it is: that of an earlier start does not count. */
	unlink("up");
	sign_in("up");
}

static int starts_so_far(void)
{
	char text[64];
	int fd = open("runs", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof(text));

	if (fd >= 0)
		close(fd);
	return got > 0 ? (int)got : 0;
}

/* The program of a service; returns only to end. */
static int act(const char *seed)
{
	struct run runs[MAX_RUNS];
	int number = starts_so_far();

	runs_draw(strtoull(seed, NULL, 10), runs);
	const struct run *run = &runs[number < MAX_RUNS ? number : MAX_RUNS - 1];
	if (run->deaf)
		signal(SIGTERM, SIG_IGN);
	sign_in("pids");
	int fd = open("runs", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, "x", 1) != 1)
		return 99;
	close(fd);
	for (int i = 0; run->act == ACT_STORM && i < STORM; i++)
		child(i % 2 == 0);
	if (run->strays)
		child(true);
	if (run->act == ACT_BACKGROUND && fork() != 0)
		return 0;
	if (run->act == ACT_BACKGROUND) {
		setsid();
		sign_in("pids");
	}
	if (run->act == ACT_NEVER_READY)
		stay();
	if (run->act == ACT_STAY || run->act == ACT_BACKGROUND) {
		become_ready(run);
		stay();
	}
	usleep((useconds_t)run->after_ms * 1000);
	if (run->signal)
		raise(run->signal);
	return run->code;
}

/* --- what must come of it --- */

static const struct run *run_at(const struct plan *plan, int number)
{
	return &plan->runs[number < MAX_RUNS ? number : MAX_RUNS - 1];
}

static bool stays(const struct run *run)
{
	return run->act == ACT_STAY || run->act == ACT_BACKGROUND;
}

/* From the next start on, which somebody asked for: the states and counts to expect. */
static void foresee(struct plan *plan)
{
	for (int bad = 0;;) {
		const struct run *run = run_at(plan, plan->next++);
		bool success = run->act == ACT_EXIT && run->code == 0;

		plan->state = SERVICE_RUNNING;
		if (stays(run))
			return;
		plan->exits++;
		plan->last = run;
		if (plan->policy == RESTART_NEVER ||
		    (plan->policy == RESTART_ON_FAILURE && success)) {
			plan->state = success ? SERVICE_COMPLETED : SERVICE_FAILED;
			return;
		}
		if (++bad >= plan->burst) {
			plan->state = SERVICE_HELD;
			return;
		}
		plan->restarts++;
	}
}

static void plan_draw(struct plan *plan, uint64_t seed)
{
	uint64_t chance = seed;

	*plan = (struct plan){.seed = seed, .state = SERVICE_STOPPED};
	plan->policy = (enum restart_policy)between(&chance, RESTART_ALWAYS, RESTART_NEVER);
	plan->burst = between(&chance, 2, 6);
	plan->by_log = between(&chance, 0, 1) == 0;
	runs_draw(seed, plan->runs);
}

/* --- the test --- */

static char self[PATH_MAX];
static uint64_t first_seed;

static const char *name_of(struct fixture *fixture, const struct plan *plan)
{
	return arena_printf(fixture->arena, "s%llu", (unsigned long long)plan->seed);
}

static void give(struct fixture *fixture, struct plan *plan)
{
	static const char *const POLICIES[] = {"always", "on-failure", "never"};

	set_service(
		fixture, name_of(fixture, plan),
		arena_printf(
			fixture->arena,
			"{\"driver\":\"generic\",\"run\":true,\"parameters\":{\"command\":[\"%s\","
			"\"--act\",\"%llu\"],\"env\":{\"ASAN_OPTIONS\":\"detect_leaks=0\",\"V\":\"%d\"},"
			"\"stop\":{\"grace_ms\":300},\"restart\":{\"policy\":\"%s\","
			"\"delay_ms\":10,\"max_delay_ms\":50,\"burst\":%d,\"window_ms\":600000},"
			"\"probes\":[{\"interval_ms\":50,\"timeout_ms\":60000,\"failure\":1,"
			"\"start_grace_ms\":%d,%s}]}}",
			self, (unsigned long long)plan->seed, plan->version, POLICIES[plan->policy],
			plan->burst,
			plan->runs[0].act == ACT_NEVER_READY && plan->next == 0 ? PATIENCE_MS
										: 60000,
			plan->by_log
				? "\"kind\":\"log\",\"match\":\"ready\""
				: "\"kind\":\"exec\",\"command\":[\"sh\",\"-c\",\"[ -e /proc/$(cat up)/exe ]\"]"),
		++plan->generation);
}

static int starts_of(struct fixture *fixture, const struct plan *plan)
{
	const char *text = read_text(
		fixture, arena_printf(fixture->arena, "data/%s/runs", name_of(fixture, plan)));

	return text ? (int)strlen(text) : 0;
}

static bool has_come(struct fixture *fixture, const struct plan *plan)
{
	struct service_status status = status_of(fixture, name_of(fixture, plan));

	return status.state == plan->state && status.restarts == plan->restarts &&
	       starts_of(fixture, plan) == plan->next;
}

static void check(struct fixture *fixture, const struct plan *plan)
{
	struct service_status status = status_of(fixture, name_of(fixture, plan));

	assert_int_equal(status.pid > 0, status.state == SERVICE_RUNNING);
	if (status.state == SERVICE_RUNNING || status.state == SERVICE_STOPPED)
		return;
	if (plan->last->act == ACT_NEVER_READY)
		assert_int_equal(status.exit.signal, plan->last->deaf ? SIGKILL : SIGTERM);
	else
		assert_int_equal(status.exit.signal, plan->last->signal);
	if (plan->last->act != ACT_NEVER_READY)
		assert_int_equal(status.exit.code, plan->last->code);
}

/* True: somebody who has signed in is still there. */
static bool has_survivors(struct fixture *fixture, const struct plan *plan)
{
	const char *at = read_text(
		fixture, arena_printf(fixture->arena, "data/%s/pids", name_of(fixture, plan)));

	for (; at && *at; at = strchrnul(at, '\n') + 1) {
		const char *exe = arena_printf(fixture->arena, "/proc/%d/exe", atoi(at));
		char program[PATH_MAX] = "";

		/* Another process may have its number by now. */
		if (readlink(exe, program, sizeof(program) - 1) > 0 && strcmp(program, self) == 0)
			return true;
	}
	return false;
}

/* Somebody wants something of it. What ends then ends because of that. */
static void ask(struct fixture *fixture, struct plan *plan, uint64_t *chance)
{
	struct error err = {0};
	const char *name = name_of(fixture, plan);

	switch (between(chance, 0, 3)) {
	case 0:
		break;
	case 1:
		plan->exits += plan->state == SERVICE_RUNNING;
		foresee(plan);
		assert_success(supervisor_restart(fixture->supervisor, name, &err), &err);
		break;
	case 2:
		plan->exits += plan->state == SERVICE_RUNNING;
		plan->state = SERVICE_STOPPED;
		assert_success(supervisor_stop(fixture->supervisor, name, &err), &err);
		break;
	default:
		plan->exits += plan->state == SERVICE_RUNNING;
		plan->version++;
		give(fixture, plan);
		foresee(plan);
		break;
	}
}

static void all_come(struct fixture *fixture, const struct plan *plans, int count)
{
	int exits = 0;

	for (int i = 0; i < count; i++) {
		wait_for(fixture, has_come(fixture, &plans[i]));
		check(fixture, &plans[i]);
		exits += plans[i].exits;
	}
	assert_int_equal(fixture->notices[NOTICE_EXITED], exits);
}

static void round_of(struct fixture *fixture, uint64_t seed, int count)
{
	struct plan plans[AT_ONCE];
	uint64_t chance = seed;

	fixture->notices[NOTICE_EXITED] = 0;
	for (int i = 0; i < count; i++) {
		plan_draw(&plans[i], seed + (uint64_t)i);
		give(fixture, &plans[i]);
		foresee(&plans[i]);
	}
	all_come(fixture, plans, count);
	for (int i = 0; i < count; i++)
		ask(fixture, &plans[i], &chance);
	all_come(fixture, plans, count);
	for (int i = 0; i < count; i++) {
		/* A service that is over has left nobody, however they hid. */
		if (plans[i].state != SERVICE_RUNNING)
			assert_false(has_survivors(fixture, &plans[i]));
		supervisor_remove(fixture->supervisor, name_of(fixture, &plans[i]));
	}
	wait_for(fixture, supervisor_count(fixture->supervisor) == 0);
	for (int i = 0; i < count; i++)
		assert_false(has_survivors(fixture, &plans[i]));
}

static int64_t setting(const char *name, int64_t preset)
{
	const char *text = getenv(name);

	return text && *text ? strtoll(text, NULL, 10) : preset;
}

static void test_real_services_come_to_what_must_come(void **state)
{
	int64_t left = setting("BEHAVIOURS", 2 * AT_ONCE);

	first_seed = (uint64_t)setting("BEHAVIOUR_SEED", 1);
	for (; left > 0; left -= AT_ONCE) {
		round_of(*state, first_seed, left < AT_ONCE ? (int)left : AT_ONCE);
		first_seed += AT_ONCE;
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_real_services_come_to_what_must_come,
						fixture_setup, fixture_teardown),
	};

	if (argc == 3 && strcmp(argv[1], "--act") == 0)
		return act(argv[2]);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	int failures = cmocka_run_group_tests(tests, NULL, NULL);
	if (failures > 0)
		fprintf(stderr, "BEHAVIOUR_SEED=%llu BEHAVIOURS=%d repeats it\n",
			(unsigned long long)first_seed, AT_ONCE);
	return failures;
}
