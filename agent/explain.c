/* SPDX-License-Identifier: Apache-2.0 */
#include "explain.h"

#include <string.h>

#include "base/strbuf.h"
#include "telemetry/outgoing.h"

enum { MAX_TEXT = 2048 };

static const char RESTART[] = "\"muster-agent restart %s\", or a new desired state";

static const struct {
	const char *text;   /* what the state means */
	const char *then;   /* with retry_at */
	const char *change; /* %s: the name */
} STATES[SERVICE_STATE_COUNT] = {
	[SERVICE_STOPPED] =
		{"has no process and shall have none", "",
		 "a new desired state in which it runs, or \"muster-agent restart %s\""},
	[SERVICE_WAITING] = {"shall run, but starts after something that is not ready", "",
			     "that what it waits for becomes ready"},
	[SERVICE_STARTING] = {"is on its way up, not ready yet", "",
			      "that its readiness probes are good; it is restarted when that takes "
			      "longer than its start grace"},
	[SERVICE_RUNNING] = {"runs and is ready", "",
			     "a new desired state, \"muster-agent restart %s\", or its own end"},
	[SERVICE_UNHEALTHY] =
		{"runs, but a readiness probe says no", "",
		 "that the probe is good again; a liveness probe that fails restarts it"},
	[SERVICE_STOPPING] = {"was told to stop, and stays stopped", "",
			      "the end of its process; it is killed when its grace is over"},
	[SERVICE_RESTARTING] = {"was told to stop, and starts again", "",
				"the end of its process; it is killed when its grace is over"},
	[SERVICE_BACKOFF] = {"has ended by itself and is started again after a pause",
			     "it is started again", RESTART},
	[SERVICE_HELD] = {"has ended too often in a short time and is held",
			  "it is tried once more", RESTART},
	[SERVICE_FAILED] = {"has ended badly, and its policy says not to start it again", "",
			    RESTART},
	[SERVICE_COMPLETED] = {"has ended well, and its policy says not to start it again", "",
			       RESTART},
};

/* The one "%s" of a row is the service's name. */
static const char *with_name(struct arena *arena, const char *text, const char *name)
{
	const char *at = strstr(text, "%s");

	return at ? arena_printf(arena, "%.*s%s%s", (int)(at - text), text, name, at + 2) : text;
}

static void add_reason(struct strbuf *text, struct arena *arena, const char *lead,
		       const char *reason)
{
	if (reason && reason[0])
		strbuf_printf(text, "%s%s", lead,
			      text_clean(arena, reason, strlen(reason), 1024, false));
}

void explain_service(const struct service_status *status, struct arena *arena,
		     struct explanation *out)
{
	struct strbuf text;

	strbuf_init(&text, arena, MAX_TEXT);
	strbuf_append_string(&text, STATES[status->state].text);
	if (status->pid > 0)
		strbuf_printf(&text, ", pid %d", (int)status->pid);
	add_reason(&text, arena, ": ", status->reason);
	for (size_t i = 0; i < status->probe_count; i++)
		if (!status->probes[i].good && status->state != SERVICE_STOPPED)
			add_reason(&text, arena, "; a probe says: ", status->probes[i].text);
	if (status->exit.known && !status->exit.wanted &&
	    (!status->reason || !strstr(status->reason, status->exit.text)))
		add_reason(&text, arena, "; its last process ", status->exit.text);
	if (status->restarts > 0)
		strbuf_printf(&text, "; %d restart%s so far", status->restarts,
			      status->restarts == 1 ? "" : "s");
	*out = (struct explanation){
		.state = service_state_name(status->state),
		.text = text.data,
		.since = status->since,
		.until = status->retry_at,
		.then = status->retry_at ? STATES[status->state].then : "",
		.change = with_name(arena, STATES[status->state].change, status->name),
	};
}

static void explain_change(const struct reconcile_status *status, usec_t now, struct arena *arena,
			   struct explanation *out)
{
	out->state = RESULT_STATE_NAMES[status->phase];
	out->since = status->since;
	out->text = arena_printf(arena, "generation %lld is being applied (%s)%s%s",
				 (long long)status->accepted, out->state,
				 status->waits_for[0] ? ": " : "", status->waits_for);
	if (status->deadline_ms > 0) {
		out->until = now + status->deadline_ms * USEC_PER_MSEC;
		out->then = "it is given up, and all goes back to what ran before";
	}
	out->change = "its end; a newer desired state takes its place";
}

static const char *failure_words(const struct reconcile_status *status, struct arena *arena)
{
	const struct msg_failure *failure = &status->failure;

	return arena_printf(arena, "generation %lld was %s in the phase %s (%s)%s%s: %s",
			    (long long)status->failed, RESULT_STATE_NAMES[status->verdict],
			    failure->phase, failure->code, failure->service ? ", service " : "",
			    failure->service ? failure->service : "",
			    failure->text[0] ? failure->text : "no cause was kept");
}

static void explain_verdict(const struct reconcile_status *status, struct arena *arena,
			    struct explanation *out)
{
	out->state = RESULT_STATE_NAMES[status->verdict];
	out->text = failure_words(status, arena);
	out->change =
		"another desired state, or \"muster-agent retry\": the same content is not tried "
		"again by itself";
}

void explain_generation(const struct reconcile_status *status, bool online, usec_t now,
			struct arena *arena, struct explanation *out)
{
	*out = (struct explanation){.then = ""};
	if (status->changing) {
		explain_change(status, now, arena, out);
	} else if (status->postponed) {
		out->state = "waiting";
		out->text =
			arena_printf(arena,
				     "generation %lld could not be fetched or begun; nothing was "
				     "touched",
				     (long long)status->accepted);
		out->until = now + status->retry_ms * USEC_PER_MSEC;
		out->then = "it is tried again";
		out->change = online ? "a fresh message of the server tries it at once"
				     : "the connection to the server, or a bundle with what is "
				       "missing (\"muster-agent apply FILE\")";
	} else if (status->has_verdict && status->failed == status->accepted &&
		   status->accepted != status->generation) {
		explain_verdict(status, arena, out);
	} else if (status->unreadable) {
		out->state = "unreadable";
		out->text =
			arena_printf(arena,
				     "generation %lld is in force, but this agent cannot read it; "
				     "services are left alone",
				     (long long)status->generation);
		out->change = "a new desired state, or the agent that wrote it";
	} else if (status->generation == 0) {
		out->state = "empty";
		out->text = "no desired state has come yet";
		out->change = online ? "a rollout of the server"
				     : "the connection to the server, or a bundle (\"muster-agent "
				       "apply FILE\")";
	} else {
		out->state = "in force";
		out->since = status->since;
		out->text = arena_printf(arena, "generation %lld is what runs, as wanted%s%s",
					 (long long)status->generation,
					 status->has_verdict ? "; before it, " : "",
					 status->has_verdict ? failure_words(status, arena) : "");
		out->change = "a newer desired state, from the server or as a bundle";
	}
}
