/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nodes say, written as text right away: tens of thousands a second are too many for trees of JSON. The unit
 * test holds each against the codec of lib/protocol. Strings given here need no escaping in JSON.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "protocol/beat.h"
#include "protocol/messages.h"

extern const char SAY_FAREWELL[];

struct say_hello {
	const char *node, *hostname, *boot_id, *epoch;
	int64_t generation;
	const char *digest;
	const int64_t *produced; /* reported, logs, events, result */
};
void say_hello(struct strbuf *out, const struct say_hello *hello);

void say_beat(struct strbuf *out, const struct msg_beat *beat);

struct say_health {
	const char *node, *boot_id;
	int mark;
	int64_t generation;
	const char *digest;
	usec_t at;
	int64_t uptime_s;
	int cpu_percent;
	const char *services; /* JSON object */
};
void say_health(struct strbuf *out, const struct say_health *health);

/* Where in its stream a message is. */
struct say_place {
	const char *epoch;
	int64_t seq;
	usec_t at;
};

void say_reported(struct strbuf *out, const struct say_place *place, int64_t generation,
		  const char *digest, const char *services);

/* Why a change did not come to stand, as a simulated gateway sees it. */
struct say_cause {
	const char *phase, *code, *text;
	const char *stderr_text; /* "%d" in it is replaced by a drawn number */
	int exit_code, signal;	 /* -1, 0: nothing has ended */
	const char *probe_kind, *probe_text;
	bool refused; /* before anything was touched */
};
extern const struct say_cause SAY_CAUSES[];
extern const size_t SAY_CAUSE_COUNT;

struct say_result {
	int64_t generation;
	const char *digest;
	const char *rollout; /* "": none */
	enum result_state state;
	const char *service;	       /* "": none */
	const struct say_cause *cause; /* NULL: none */
	int number;		       /* a drawn one, for what differs from failure to failure */
};
void say_result(struct strbuf *out, const struct say_place *place, const struct say_result *result);

/* Lines that end in "<seq>/<line>", filled up to bytes each. */
void say_logs(struct strbuf *out, const struct say_place *place, const char *service,
	      const char *node, int lines, int bytes);

void say_event(struct strbuf *out, const struct say_place *place, const char *node);
