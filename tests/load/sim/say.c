/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/say.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char SAY_FAREWELL[] = "{\"v\":1,\"offline\":true}";

/* Seen on gateways; the weights are equal. */
const struct say_cause SAY_CAUSES[] = {
	{"verify", "service_failed", "it exited with status 1 three times",
	 "Error: unable to load config file, line %d\\n", 1, 0, NULL, NULL, false},
	{"verify", "service_failed", "it was killed by signal 9",
	 "pid %d: out of memory while loading tables\\n", -1, 9, NULL, NULL, false},
	{"verify", "gate", "it did not become ready in time",
	 "listening on 127.0.0.1:8080\\nrequest %d answered 503\\n", -1, 0, "http",
	 "status 503 instead of 200", false},
	{"verify", "gate", "it does not stay ready", "bind: address already in use (pid %d)\\n", -1,
	 0, "tcp", "connection refused", false},
	{"fetch", "disk_full", "52428800 bytes are needed, 31457280 are free", NULL, -1, 0, NULL,
	 NULL, true},
	{"apply", "hook_failed", "hook before-start exited with status 3",
	 "migration %d: table exists\\n", 3, 0, NULL, NULL, false},
};
const size_t SAY_CAUSE_COUNT = ARRAY_SIZE(SAY_CAUSES);

void say_hello(struct strbuf *out, const struct say_hello *hello)
{
	strbuf_printf(out,
		      "{\"node\":\"%s\",\"protocol\":%d,\"agent_version\":\"" MUSTER_VERSION
		      "\",\"platform\":\"linux-amd64\",\"hostname\":\"%s\",\"boot_id\":\"%s\","
		      "\"epoch\":\"%s\",\"generation\":%" PRId64
		      ",\"digest\":\"%s\",\"streams\":{\"reported\":%" PRId64 ",\"logs\":%" PRId64
		      ",\"events\":%" PRId64 ",\"result\":%" PRId64 "},\"v\":1}",
		      hello->node, PROTOCOL_VERSION, hello->hostname, hello->boot_id, hello->epoch,
		      hello->generation, hello->digest, hello->produced[0], hello->produced[1],
		      hello->produced[2], hello->produced[3]);
}

void say_beat(struct strbuf *out, const struct msg_beat *beat)
{
	uint8_t bytes[BEAT_MAX_SIZE];

	strbuf_append(out, bytes, msg_beat_encode(beat, bytes));
}

void say_health(struct strbuf *out, const struct say_health *health)
{
	char at[TIME_TEXT_SIZE];

	time_format(health->at, at);
	strbuf_printf(out,
		      "{\"node\":\"%s\",\"mark\":%d,\"generation\":%" PRId64
		      ",\"digest\":\"%s\",\"at\":\"%s\",\"uptime_s\":%" PRId64
		      ",\"boot_id\":\"%s\",\"clock_offset_ms\":0,\"host\":{\"cpu_percent\":%d.0,"
		      "\"load1\":0.2,\"mem_total\":2147483648,\"mem_available\":1073741824,"
		      "\"disk_total\":8589934592,\"disk_free\":4294967296,\"limits\":\"cgroup2\"},"
		      "\"services\":%s,\"agent\":{\"rss_bytes\":6291456},\"v\":1}",
		      health->node, health->mark, health->generation, health->digest, at,
		      health->uptime_s, health->boot_id, health->cpu_percent, health->services);
}

static void begin(struct strbuf *out, const struct say_place *place)
{
	strbuf_printf(out, "{\"epoch\":\"%s\",\"seq\":%" PRId64, place->epoch, place->seq);
}

static void put_time(struct strbuf *out, usec_t time)
{
	char at[TIME_TEXT_SIZE];

	time_format(time, at);
	strbuf_printf(out, "\"at\":\"%s\"", at);
}

void say_reported(struct strbuf *out, const struct say_place *place, int64_t generation,
		  const char *digest, const char *services)
{
	begin(out, place);
	strbuf_append_char(out, ',');
	put_time(out, place->at);
	strbuf_printf(out,
		      ",\"generation\":%" PRId64 ",\"digest\":\"%s\",\"services\":", generation,
		      digest);
	strbuf_append_string(out, services);
	strbuf_append_string(out, ",\"v\":1}");
}

static void put_stderr(struct strbuf *out, const char *text, int number)
{
	const char *mark = strstr(text, "%d");

	strbuf_append_string(out, ",\"stderr\":\"");
	if (mark)
		strbuf_printf(out, "%.*s%d%s", (int)(mark - text), text, number, mark + 2);
	else
		strbuf_append_string(out, text);
	strbuf_append_char(out, '"');
}

static void put_cause(struct strbuf *out, const struct say_result *result)
{
	const struct say_cause *cause = result->cause;

	strbuf_printf(out, ",\"error\":{\"phase\":\"%s\",\"code\":\"%s\",\"text\":\"%s\"",
		      cause->phase, cause->code, cause->text);
	if (result->service[0])
		strbuf_printf(out, ",\"service\":\"%s\"", result->service);
	if (cause->stderr_text)
		put_stderr(out, cause->stderr_text, result->number);
	if (cause->exit_code >= 0 || cause->signal > 0)
		strbuf_printf(out, ",\"exit\":{\"code\":%d,\"signal\":%d}", cause->exit_code,
			      cause->signal);
	if (cause->probe_kind)
		strbuf_printf(out, ",\"probe\":{\"kind\":\"%s\",\"text\":\"%s\"}",
			      cause->probe_kind, cause->probe_text);
	strbuf_append_char(out, '}');
}

void say_result(struct strbuf *out, const struct say_place *place, const struct say_result *result)
{
	begin(out, place);
	strbuf_append_char(out, ',');
	put_time(out, place->at);
	strbuf_printf(out, ",\"generation\":%" PRId64 ",\"digest\":\"%s\",\"rollout\":",
		      result->generation, result->digest);
	if (result->rollout[0])
		strbuf_printf(out, "\"%s\"", result->rollout);
	else
		strbuf_append_string(out, "null");
	strbuf_printf(out, ",\"state\":\"%s\"", RESULT_STATE_NAMES[result->state]);
	if (result->service[0])
		strbuf_printf(out, ",\"service\":\"%s\"", result->service);
	if (result->cause)
		put_cause(out, result);
	strbuf_append_string(out, ",\"v\":1}");
}

void say_logs(struct strbuf *out, const struct say_place *place, const char *service,
	      const char *node, int lines, int bytes)
{
	static const char FILLER[] = "value=21.5 unit=celsius quality=good register=40012 ";

	begin(out, place);
	strbuf_printf(out, ",\"service\":\"%s\",\"lines\":[", service);
	for (int i = 0; i < lines; i++) {
		char mark[80];
		int length = snprintf(mark, sizeof(mark), "%s %" PRId64 "/%d", node, place->seq, i);

		strbuf_append_string(out, i ? ",{" : "{");
		put_time(out, place->at + i);
		strbuf_append_string(out, ",\"stream\":\"stdout\",\"text\":\"");
		for (int left = bytes - length; left > 0; left -= (int)sizeof(FILLER) - 1)
			strbuf_append(out, FILLER,
				      left < (int)sizeof(FILLER) - 1 ? (size_t)left
								     : sizeof(FILLER) - 1);
		strbuf_append_string(out, mark);
		strbuf_append_string(out, "\"}");
	}
	strbuf_append_string(out, "],\"v\":1}");
}

void say_event(struct strbuf *out, const struct say_place *place, const char *node)
{
	begin(out, place);
	strbuf_append_char(out, ',');
	put_time(out, place->at);
	strbuf_append_string(out, ",\"events\":[{");
	put_time(out, place->at);
	strbuf_printf(out,
		      ",\"kind\":\"sim.tick\",\"severity\":\"info\",\"text\":\"%s %" PRId64
		      "\"}],\"v\":1}",
		      node, place->seq);
}
