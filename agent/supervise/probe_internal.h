/* SPDX-License-Identifier: Apache-2.0 */
/* Between probe.c, which counts, and the files that know how to ask. */
#pragma once

#include "base/spawn.h"
#include "base/strbuf.h"
#include "supervise/answers.h"
#include "supervise/probe.h"

enum mqtt_stage { MQTT_STAGE_CONNECT, MQTT_STAGE_SUBSCRIBE, MQTT_STAGE_ECHO };

enum { PROBE_NONCE_SIZE = 16, PROBE_TEXT_SIZE = 160, PROBE_TARGET_SIZE = 64 };

struct probe {
	struct probe_options options;
	const struct probe_spec *spec;
	bool running;
	bool was_good;
	enum probe_verdict verdict;
	struct answers answers;
	bool attempting;
	uint64_t interval_timer;
	uint64_t timeout_timer;
	usec_t started; /* boot time */
	usec_t attempted;
	int64_t duration_us;
	char text[PROBE_TEXT_SIZE];
	char target[PROBE_TARGET_SIZE];

	int fd; /* network: -1 when there is none */
	bool connected;
	struct strbuf in;
	struct strbuf out;
	enum mqtt_stage stage;
	char topic[256];
	uint8_t nonce[PROBE_NONCE_SIZE];

	struct child child; /* exec: pidfd -1 when there is none */

	uint64_t segment; /* log: where reading goes on */
	int64_t offset;
};

/* Begins an attempt, which ends with one probe_finish: at once or from the loop. */
void probe_net_begin(struct probe *probe);
void probe_exec_begin(struct probe *probe);
void probe_log_begin(struct probe *probe);

/* Gives up the resources of an attempt. */
void probe_net_cancel(struct probe *probe);
void probe_exec_cancel(struct probe *probe);

/* Remembers the end of the log: only what this run writes counts. */
void probe_log_mark(struct probe *probe);

/* The attempt is over. text: why it failed. May free the probe. */
void probe_finish(struct probe *probe, bool good, const char *text);
