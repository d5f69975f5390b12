/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thousand random services (exit codes, signals, slow or flapping readiness, silent probes,
 * ignored stops, programs that cannot be executed, killed shims) and what people ask of them,
 * against a model of what must happen, to the millisecond of a clock of the test's own.
 *
 *   BEHAVIOURS=1000       how many
 *   BEHAVIOUR_SEED=1      the first; each failure names its own, which repeats it alone
 */
#include "test.h"

#include <signal.h>
#include <unistd.h>

#include "agent/supervision_model.h"
#include "fake_clock.h"
#include "fake_probe.h"
#include "fake_shim.h"
#include "temporary_folder.h"

#include "base/fields.h"
#include "base/loop.h"
#include "supervise/service.h"

enum { MAX_STEPS = 250, NAME_SIZE = 64 };

/* What one start of the program does. */
struct run {
	bool cannot_execute;
	int64_t ready_after_ms[MODEL_MAX_PROBES]; /* or MODEL_NEVER */
	int flaps_percent;			  /* of the answers after that are bad */
	bool silent;				  /* instead of a bad answer there is none */
	int64_t ends_after_ms;			  /* by itself; or MODEL_NEVER */
	int code;
	int signal;
	int64_t stops_after_ms; /* when told */
	bool ignores_stop;	/* ... and only a SIGKILL helps */
};

struct world {
	uint64_t seed;
	uint64_t chance;
	void *folder;
	struct arena *arena;
	struct loop *loop;
	struct supervisor *supervisor;
	struct model model;
	struct service_spec spec;
	char more[1024]; /* the parameters in force, but for env and run */
	int version;
	int64_t generation;
	bool kind;   /* from here on all goes well */
	bool failed; /* until it has come to its end */
	struct run run;
	int64_t began;
	int64_t dies_at; /* or MODEL_NEVER */
	int code, signal;
	int notices[NOTICE_REMOVED + 1];
	int64_t starts, held, sick, moments; /* in all lives */
};

static struct world world;

/* splitmix64: the same lives for the same seed, everywhere. */
static uint64_t chance(void)
{
	uint64_t z = (world.chance += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static int64_t between(int64_t low, int64_t high)
{
	return low + (int64_t)(chance() % (uint64_t)(high - low + 1));
}

static bool percent(int64_t share)
{
	return between(1, 100) <= share;
}

static int64_t now_ms(void)
{
	return clock_boottime() / USEC_PER_MSEC;
}

/* --- the program --- */

static void run_draw(struct run *run)
{
	*run = (struct run){.ends_after_ms = MODEL_NEVER, .stops_after_ms = between(0, 200)};
	if (world.kind)
		return;
	run->cannot_execute = percent(4);
	for (size_t i = 0; i < MODEL_MAX_PROBES; i++)
		run->ready_after_ms[i] = percent(80)   ? between(0, 900)
					 : percent(50) ? between(0, 20000)
						       : MODEL_NEVER;
	run->flaps_percent = percent(25) ? (int)between(5, 90) : 0;
	run->silent = percent(30);
	if (percent(60))
		run->ends_after_ms = percent(50) ? between(0, 300) : between(0, 90000);
	run->code = percent(30) ? 0 : (int)between(1, 255);
	run->signal = percent(30) ? SIGSEGV : 0;
	if (run->signal)
		run->code = -1;
	run->ignores_stop = percent(25);
	run->stops_after_ms = between(0, 4000);
}

static enum fake_answer fake_answer(size_t index)
{
	int64_t age = now_ms() - world.began;
	int64_t ready = world.run.ready_after_ms[index];
	bool good = world.kind ||
		    (ready != MODEL_NEVER && age >= ready && !percent(world.run.flaps_percent));
	/* A line of a log is there or not. */
	bool silent = !good && world.run.silent && world.spec.probes[index].kind != PROBE_LOG;

	model_saw_attempt(&world.model, index, silent, good);
	return silent ? FAKE_SILENT : good ? FAKE_GOOD : FAKE_BAD;
}

static void fake_given_up(size_t index)
{
	model_saw_given_up(&world.model, index);
}

/* --- what the shim does, as the model sees it --- */

static void saw_run(struct shim_client *client)
{
	(void)client;
	model_saw_start(&world.model);
	run_draw(&world.run);
	fake_exec_fails = world.run.cannot_execute;
	world.began = now_ms();
	world.dies_at = MODEL_NEVER;
	if (!fake_exec_fails && world.run.ends_after_ms != MODEL_NEVER)
		world.dies_at = now_ms() + world.run.ends_after_ms;
	world.code = world.run.code;
	world.signal = world.run.signal;
}

static void saw_stop(struct shim_client *client)
{
	int64_t ends = now_ms() + world.run.stops_after_ms;
	int64_t killed = now_ms() + client->grace_ms;

	model_saw_stop(&world.model, client->stop_signal, client->grace_ms);
	world.sick += world.model.duty == DUTY_SICK;
	if (world.run.ignores_stop || ends > killed)
		ends = killed;
	/* It may just be about to end by itself. */
	if (world.dies_at != MODEL_NEVER && world.dies_at <= ends)
		return;
	world.dies_at = ends;
	world.code = -1;
	world.signal = ends == killed ? SIGKILL : client->stop_signal;
}

static void saw_event(struct shim_client *client, const struct shim_event *event)
{
	if (event->kind == SHIM_EVENT_STATUS && event->phase == SHIM_RUNNING)
		model_saw_process(&world.model);
	if (event->kind == SHIM_EVENT_EXIT)
		model_saw_end(&world.model, event->code == 0 && !event->wanted);
	/* Killed: what it held is gone with it. */
	if (event->kind == SHIM_EVENT_LOST && !client->leaving && world.model.alive)
		model_saw_end(&world.model, false);
}

static void noticed(enum supervisor_notice notice, const struct service_status *status, void *arg)
{
	(void)arg;
	if (notice != NOTICE_REMOVED && status->state != SERVICE_RUNNING)
		assert_true(status->reason[0] != '\0');
	world.notices[notice]++;
}

/* --- what is asked for --- */

static void parameters_draw(char *out, size_t size)
{
	static const char *const POLICIES[] = {"always", "always", "on-failure", "never"};
	/* All but the first go on. */
	static const char PROCESS[] = "{\"kind\":\"process\"}";
	static const char EXEC[] = "{\"kind\":\"exec\",\"command\":[\"x\"]";
	static const char LOG[] = "{\"kind\":\"log\",\"match\":\"x\"";
	static const char *const PROBES[] = {PROCESS, EXEC, LOG};
	int length = snprintf(
		out, size,
		",\"stop\":{\"signal\":\"SIG%s\",\"grace_ms\":%d},\"restart\":{\"policy\":\"%s\","
		"\"delay_ms\":%d,\"max_delay_ms\":%d,\"burst\":%d,\"window_ms\":%d,"
		"\"hold_ms\":%d},\"probes\":[",
		percent(50) ? "TERM" : "INT", (int)between(1, 5000), POLICIES[between(0, 3)],
		(int)between(0, 2000), (int)between(0, 9000), (int)between(1, 6),
		(int)between(1000, 60000), (int)between(1000, 120000));

	for (int64_t i = 0, count = between(1, MODEL_MAX_PROBES); i < count; i++) {
		int64_t kind = between(0, 2);

		length += snprintf(out + length, size - (size_t)length, "%s%s", i ? "," : "",
				   PROBES[kind]);
		if (kind == 0)
			continue;
		length += snprintf(
			out + length, size - (size_t)length,
			",\"readiness\":%s,\"liveness\":%s,\"interval_ms\":%d,\"timeout_ms\":%d,"
			"\"success\":%d,\"success_of\":%d,\"failure\":%d,\"failure_of\":%d,"
			"\"start_grace_ms\":%d}",
			percent(80) ? "true" : "false", percent(60) ? "true" : "false",
			(int)between(50, 4000), (int)between(10, 3000), (int)between(1, 3),
			(int)between(1, 4), (int)between(1, 4), (int)between(1, 6),
			(int)between(0, 8000));
	}
	snprintf(out + length, size - (size_t)length, "]");
}

static void spec_set(bool run, bool changed, bool other)
{
	struct error err = {0};
	json_t *json;
	const char *text = arena_printf(
		world.arena,
		"{\"driver\":\"generic\",\"run\":%s,\"parameters\":{\"command\":[\"x\"],"
		"\"env\":{\"V\":\"%d\"}%s}}",
		run ? "true" : "false", world.version, world.more);

	assert_success(json_parse_limited(text, strlen(text), 16, &json, &err), &err);
	const struct spec_input input = {
		.root = world.folder, .node = "n1", .name = "web", .service = json};
	assert_success(spec_build(world.arena, &input, &world.spec, &err), &err);
	json_decref(json);
	model_asked_spec(&world.model, &world.spec, changed, other);
	assert_success(supervisor_set(world.supervisor, &world.spec, ++world.generation, &err),
		       &err);
}

static void command(bool restart)
{
	struct error err = {0};

	if (world.spec.run)
		model_asked_command(&world.model, restart);
	if (restart)
		assert_int_equal(supervisor_restart(world.supervisor, "web", &err), world.spec.run);
	else
		assert_int_equal(supervisor_start(world.supervisor, "web", &err), world.spec.run);
}

static void shim_lose(void)
{
	struct shim_client *client = fake_shim("web");

	if (client && !client->leaving)
		fake_lose(client);
	world.dies_at = MODEL_NEVER;
}

static void somebody_asks(void)
{
	struct error err = {0};
	bool run = world.spec.run;

	switch (between(0, 7)) {
	case 0:
		command(true);
		break;
	case 1:
		command(false);
		break;
	case 2:
		model_asked_stop(&world.model);
		assert_success(supervisor_stop(world.supervisor, "web", &err), &err);
		break;
	case 3: /* the same in a new generation */
		spec_set(run, false, false);
		break;
	case 4: /* another version */
		world.version++;
		spec_set(true, true, true);
		break;
	case 5: /* other probes and policies for what runs */
		parameters_draw(world.more, sizeof(world.more));
		spec_set(run, true, false);
		break;
	case 6: /* on or off */
		spec_set(!run, true, false);
		break;
	default:
		shim_lose();
		break;
	}
}

/* --- a life --- */

static void settle(void)
{
	do {
		for (int i = 0; i < 3; i++)
			loop_turn(world.loop, 0);
	} while (fake_pump());
}

/* The supervisor and the model agree. */
static void compare(void)
{
	const struct model *model = &world.model;
	const struct shim_client *client = fake_shim("web");
	struct service_status status;

	world.moments++;
	model_settled(model);
	assert_true(supervisor_status(world.supervisor, "web", &status));
	if (status.state != model_state(model))
		fail_msg("%s (%s) instead of %s", service_state_name(status.state), status.reason,
			 service_state_name(model_state(model)));
	assert_int_equal(client && client->running, model->alive);
	assert_int_equal(status.pid, model->alive ? client->pid : 0);
	assert_int_equal(status.run, model_wanted(model));
	assert_int_equal(status.restarts, model->restarts);
	assert_int_equal(world.notices[NOTICE_STARTED], model->started);
	assert_int_equal(world.notices[NOTICE_EXITED], model->ended);
	assert_int_equal(world.notices[NOTICE_CRASH_LOOP], model->held);
	/* Who was told to end has been told so. */
	if (model->alive)
		assert_int_equal(client->stopping, model->duty != DUTY_LIVE);
	if (model->starts) {
		int64_t at = now_ms() + (status.retry_at - fake_utc) / USEC_PER_MSEC;

		assert_in_range(at, model->starts_from, model->starts_to);
		assert_true(at > now_ms());
	} else {
		assert_int_equal(status.retry_at, 0);
	}
}

static void go_to(int64_t at)
{
	fake_clock_advance((at - now_ms()) * USEC_PER_MSEC);
	world.model.now = now_ms();
	settle();
	if (world.dies_at != MODEL_NEVER && world.dies_at <= now_ms()) {
		struct shim_client *client = fake_shim("web");

		world.dies_at = MODEL_NEVER;
		fake_exit(client, world.code, world.signal);
		settle();
	}
	compare();
}

/* The next moment at which something is due, up to until. */
static int64_t next_moment(int64_t until)
{
	struct service_status status;
	int64_t next = model_next(&world.model);

	/* The model knows a range of the start only, the status says when. */
	if (world.model.starts && supervisor_status(world.supervisor, "web", &status))
		next = now_ms() + (status.retry_at - fake_utc) / USEC_PER_MSEC;
	if (next == MODEL_NEVER || next > until)
		next = until;
	if (world.dies_at != MODEL_NEVER && world.dies_at < next)
		next = world.dies_at;
	return next;
}

/* False: so much was going on that it did not come to the end of that time. */
static bool live_until(int64_t until, int steps)
{
	while (now_ms() < until && steps-- > 0)
		go_to(next_moment(until));
	return now_ms() >= until;
}

static void life_begin(uint64_t seed)
{
	world.seed = world.chance = seed;
	world.arena = arena_new();
	world.kind = false;
	world.generation = world.version = 0;
	world.dies_at = MODEL_NEVER;
	memset(world.notices, 0, sizeof(world.notices));
	model_begin(&world.model, now_ms());
	parameters_draw(world.more, sizeof(world.more));
	spec_set(true, true, true);
	settle();
	compare();
}

static void life_end(void)
{
	enum service_state state;

	/* All that is still to come is good: then everything must come to its goal. */
	world.kind = true;
	world.run.ends_after_ms = MODEL_NEVER;
	world.dies_at = MODEL_NEVER;
	if (world.model.alive && world.model.duty != DUTY_LIVE)
		world.dies_at = now_ms() + 1;
	assert_true(live_until(now_ms() + 400 * 1000, 1 << 20));
	state = model_state(&world.model);
	if (model_wanted(&world.model))
		assert_true(state == SERVICE_RUNNING || state == SERVICE_COMPLETED ||
			    state == SERVICE_FAILED);
	else
		assert_int_equal(state, SERVICE_STOPPED);
	if (world.model.alive)
		world.model.duty = DUTY_END;
	world.starts += world.model.started;
	world.held += world.model.held;
	supervisor_remove(world.supervisor, "web");
	settle();
	if (fake_shim("web"))
		fake_exit(fake_shim("web"), 0, 0);
	settle();
	assert_int_equal(supervisor_count(world.supervisor), 0);
	assert_null(fake_shim("web"));
	arena_free(world.arena);
}

static void life(uint64_t seed)
{
	life_begin(seed);
	for (int64_t i = between(0, 6); i > 0; i--) {
		live_until(now_ms() + between(0, 40000), MAX_STEPS);
		somebody_asks();
		settle();
		compare();
	}
	live_until(now_ms() + between(0, 300000), MAX_STEPS);
	life_end();
}

static int64_t setting(const char *name, int64_t preset)
{
	const char *text = getenv(name);

	return text && *text ? strtoll(text, NULL, 10) : preset;
}

static void test_lives_go_as_the_model_says(void **state)
{
	int64_t first = setting("BEHAVIOUR_SEED", 1);
	int64_t count = setting("BEHAVIOURS", 1000);

	(void)state;
	world.failed = true;
	for (int64_t seed = first; seed < first + count; seed++)
		life((uint64_t)seed);
	world.failed = false;
	print_message("%lld services: %lld starts, %lld stops for ill health, %lld times held, "
		      "compared at %lld moments\n",
		      (long long)count, (long long)world.starts, (long long)world.sick,
		      (long long)world.held, (long long)world.moments);
}

static int setup(void **state)
{
	(void)state;
	if (temporary_folder_setup(&world.folder) != 0 || chdir(world.folder) != 0)
		return -1;
	world.loop = loop_new();
	const struct supervisor_options options = {
		.loop = world.loop,
		.root = world.folder,
		.shim = "none",
		.notice = noticed,
	};
	world.supervisor = supervisor_new(&options);
	/* Groups of the machine have nothing to do with it, and cost time. */
	world.supervisor->cgroups = (struct cgroups){0};
	fake_hooks.run = saw_run;
	fake_hooks.stop = saw_stop;
	fake_hooks.told = saw_event;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	/* A failure has left it in the middle of something. */
	if (world.failed)
		return 0;
	supervisor_free(world.supervisor);
	loop_free(world.loop);
	return chdir("/") == 0 ? temporary_folder_teardown(&world.folder) : -1;
}

static void say_seed(void)
{
	fprintf(stderr, "BEHAVIOUR_SEED=%llu BEHAVIOURS=1 repeats it\n",
		(unsigned long long)world.seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lives_go_as_the_model_says, setup, teardown),
	};
	int failures = cmocka_run_group_tests(tests, NULL, NULL);

	if (failures > 0)
		say_seed();
	return failures;
}
