/* SPDX-License-Identifier: Apache-2.0 */
#include "explain.h"
#include "test.h"

static const usec_t NOW = INT64_C(1767323045000000);

static void no_service_is_without_a_reason(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (int kind = 0; kind < SERVICE_STATE_COUNT; kind++) {
		bool timed = kind == SERVICE_BACKOFF || kind == SERVICE_HELD;
		const struct service_status status = {
			.name = "collector",
			.state = (enum service_state)kind,
			.reason = "because",
			.since = NOW,
			.retry_at = timed ? NOW + 1 : 0,
		};
		struct explanation why;

		explain_service(&status, arena, &why);
		assert_string_equal(why.state, service_state_name((enum service_state)kind));
		assert_contains(why.text, "because");
		assert_true(why.change[0]);
		assert_null(strstr(why.change, "%"));
		assert_int_equal(why.since, NOW);
		assert_int_equal(timed, why.until != 0);
		assert_int_equal(timed, why.then[0] != '\0');
	}
	arena_free(arena);
}

static void names_the_probe_the_exit_and_the_command(void **state)
{
	const struct probe_status probe = {.kind = PROBE_TCP, .readiness = true, .text = "refused"};
	const struct service_status status = {
		.name = "broker",
		.state = SERVICE_HELD,
		.reason = "4 exits in 60 s",
		.restarts = 1,
		.retry_at = NOW,
		.exit = {.known = true, .code = 3, .text = "exited with 3"},
		.probes = &probe,
		.probe_count = 1,
	};
	struct arena *arena = arena_new();
	struct explanation why;

	(void)state;
	explain_service(&status, arena, &why);
	assert_contains(why.text, "4 exits in 60 s");
	assert_contains(why.text, "a probe says: refused");
	assert_contains(why.text, "exited with 3");
	assert_contains(why.text, "1 restart so far");
	assert_contains(why.change, "muster-agent restart broker");
	arena_free(arena);
}

/* What a device without a server most needs to know: what it waits for, and that a bundle helps. */
static void explains_each_way_of_a_generation(void **state)
{
	struct arena *arena = arena_new();
	struct reconcile_status status = {.digest = "", .accepted_digest = "", .waits_for = ""};
	struct explanation why;

	(void)state;
	explain_generation(&status, false, NOW, arena, &why);
	assert_string_equal(why.state, "empty");
	assert_contains(why.change, "muster-agent apply");

	status.generation = 6;
	status.accepted = 7;
	status.changing = true;
	status.since = NOW - 5;
	status.phase = RESULT_VERIFYING;
	status.waits_for = "broker is not ready";
	status.deadline_ms = 5000;
	explain_generation(&status, true, NOW, arena, &why);
	assert_string_equal(why.state, "verifying");
	assert_int_equal(why.since, NOW - 5);
	assert_contains(why.text, "broker is not ready");
	assert_int_equal(why.until, NOW + 5000 * USEC_PER_MSEC);
	assert_contains(why.then, "all goes back");

	status.changing = false;
	status.postponed = true;
	status.retry_ms = 1000;
	explain_generation(&status, false, NOW, arena, &why);
	assert_int_equal(why.until, NOW + USEC_PER_SEC);
	assert_contains(why.change, "bundle");

	status.postponed = false;
	status.has_verdict = true;
	status.failed = 7;
	status.verdict = RESULT_ROLLED_BACK;
	status.failure = (struct msg_failure){
		.phase = "verify", .code = "exited", .text = "exited with 3", .service = "broker"};
	explain_generation(&status, true, NOW, arena, &why);
	assert_string_equal(why.state, "rolled_back");
	assert_contains(why.text, "service broker: exited with 3");
	assert_contains(why.change, "not tried again by itself");

	/* A newer one has put things right: people still want to know. */
	status.generation = status.accepted = 8;
	explain_generation(&status, true, NOW, arena, &why);
	assert_string_equal(why.state, "in force");
	assert_int_equal(why.since, NOW - 5);
	assert_contains(why.text, "before it, generation 7 was rolled_back");
	status.has_verdict = false;
	explain_generation(&status, true, NOW, arena, &why);
	assert_string_equal(why.state, "in force");
	status.unreadable = true;
	explain_generation(&status, true, NOW, arena, &why);
	assert_string_equal(why.state, "unreadable");
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_service_is_without_a_reason),
		cmocka_unit_test(names_the_probe_the_exit_and_the_command),
		cmocka_unit_test(explains_each_way_of_a_generation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
