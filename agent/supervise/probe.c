/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "supervise/probe_internal.h"

/* While a service starts, waiting for its whole interval would only cost time. */
enum { START_INTERVAL_MS = 200 };

static void begin_nothing(struct probe *probe)
{
	probe_finish(probe, true, "");
}

static void cancel_nothing(struct probe *probe)
{
	(void)probe;
}

static const struct {
	void (*begin)(struct probe *probe);
	void (*cancel)(struct probe *probe);
} KINDS[] = {
	[PROBE_PROCESS] = {begin_nothing, cancel_nothing},
	[PROBE_TCP] = {probe_net_begin, probe_net_cancel},
	[PROBE_HTTP] = {probe_net_begin, probe_net_cancel},
	[PROBE_MQTT] = {probe_net_begin, probe_net_cancel},
	[PROBE_EXEC] = {probe_exec_begin, probe_exec_cancel},
	[PROBE_LOG] = {probe_log_begin, cancel_nothing},
};

/* In a few words. The end of what is longer may be half a character, which is replaced. */
static void target_fill(const struct probe_spec *spec, char out[PROBE_TARGET_SIZE])
{
	switch (spec->kind) {
	case PROBE_PROCESS:
		break;
	case PROBE_TCP:
	case PROBE_MQTT:
		snprintf(out, PROBE_TARGET_SIZE, "%d", spec->port);
		break;
	case PROBE_HTTP:
		snprintf(out, PROBE_TARGET_SIZE, "%d%s", spec->port, spec->path);
		break;
	case PROBE_EXEC:
		snprintf(out, PROBE_TARGET_SIZE, "%s", spec->command[0]);
		break;
	case PROBE_LOG:
		snprintf(out, PROBE_TARGET_SIZE, "%s", spec->match);
		break;
	}
	utf8_clean(out);
}

struct probe *probe_new(const struct probe_options *options)
{
	struct probe *probe = xcalloc(1, sizeof(*probe));

	probe->options = *options;
	probe->spec = &options->service->probes[options->index];
	target_fill(probe->spec, probe->target);
	probe->fd = -1;
	probe->child.pidfd = -1;
	probe->duration_us = -1;
	return probe;
}

void probe_free(struct probe *probe)
{
	if (!probe)
		return;
	probe_stop(probe);
	free(probe);
}

static void interval_over(void *arg);

static void timed_out(void *arg)
{
	struct probe *probe = arg;
	char text[64];

	probe->timeout_timer = 0;
	KINDS[probe->spec->kind].cancel(probe);
	snprintf(text, sizeof(text), "no answer within %d ms", probe->spec->timeout_ms);
	probe_finish(probe, false, text);
}

static void attempt_end(struct probe *probe)
{
	loop_timer_cancel(probe->options.loop, probe->timeout_timer);
	loop_timer_cancel(probe->options.loop, probe->interval_timer);
	probe->timeout_timer = 0;
	probe->interval_timer = 0;
	probe->attempting = false;
}

static void interval_over(void *arg)
{
	struct probe *probe = arg;

	probe->interval_timer = 0;
	probe->attempting = true;
	probe->attempted = clock_monotonic();
	probe->timeout_timer =
		loop_timer_set(probe->options.loop, probe->spec->timeout_ms, timed_out, probe);
	KINDS[probe->spec->kind].begin(probe);
}

/* A log line or a process that is there needs no further asking in this run. */
static bool is_settled(const struct probe *probe)
{
	return probe->verdict == PROBE_GOOD &&
	       (probe->spec->kind == PROBE_LOG || probe->spec->kind == PROBE_PROCESS);
}

static int next_delay_ms(const struct probe *probe)
{
	if (!probe->was_good && probe->spec->interval_ms > START_INTERVAL_MS)
		return START_INTERVAL_MS;
	return probe->spec->interval_ms;
}

static bool in_grace(const struct probe *probe)
{
	return !probe->was_good &&
	       clock_boottime() - probe->started < probe->spec->start_grace_ms * USEC_PER_MSEC;
}

void probe_finish(struct probe *probe, bool good, const char *text)
{
	enum probe_verdict before = probe->verdict;

	attempt_end(probe);
	probe->duration_us = clock_monotonic() - probe->attempted;
	snprintf(probe->text, sizeof(probe->text), "%s", text);
	answers_add(&probe->answers, good);
	probe->verdict = answers_verdict(&probe->answers, probe->spec, in_grace(probe), before);
	if (probe->verdict == PROBE_GOOD)
		probe->was_good = true;
	if (!is_settled(probe))
		probe->interval_timer = loop_timer_set(probe->options.loop, next_delay_ms(probe),
						       interval_over, probe);
	if (probe->verdict != before)
		probe->options.changed(probe->options.arg);
}

void probe_prepare(struct probe *probe)
{
	if (probe->spec->kind == PROBE_LOG)
		probe_log_mark(probe);
}

void probe_start(struct probe *probe, bool adopted)
{
	probe_stop(probe);
	probe->running = true;
	probe->started = clock_boottime();
	probe->verdict = PROBE_UNKNOWN;
	probe->was_good = false;
	probe->answers = (struct answers){0};
	probe->duration_us = -1;
	probe->text[0] = '\0';
	if (probe->spec->kind == PROBE_PROCESS || (probe->spec->kind == PROBE_LOG && adopted)) {
		probe->verdict = PROBE_GOOD;
		return;
	}
	/* Soon, but not at once: hardly any program answers in its first milliseconds. */
	int first_ms = probe->spec->interval_ms < 20 ? probe->spec->interval_ms : 20;
	probe->interval_timer = loop_timer_set(probe->options.loop, first_ms, interval_over, probe);
}

void probe_stop(struct probe *probe)
{
	if (probe->attempting)
		KINDS[probe->spec->kind].cancel(probe);
	attempt_end(probe);
	probe->running = false;
}

enum probe_verdict probe_verdict(const struct probe *probe)
{
	return probe->verdict;
}

const char *probe_target(const struct probe *probe)
{
	return probe->target;
}

const char *probe_text(const struct probe *probe)
{
	return probe->text;
}

int64_t probe_duration_us(const struct probe *probe)
{
	return probe->duration_us;
}
