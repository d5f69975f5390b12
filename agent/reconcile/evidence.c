/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/evidence.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "process/segment.h"
#include "protocol/limits.h"
#include "telemetry/outgoing.h"

enum { TAIL_BYTES = 32 * 1024, MAX_PATH = 512 };

static void add_exit(struct arena *arena, const struct exit_info *exit, usec_t since,
		     struct msg_failure *failure)
{
	if (!exit->known || exit->at < since)
		return;
	if (!exit->wanted) {
		failure->has_exit = true;
		failure->exit.code = exit->code;
		failure->exit.signal = exit->signal;
		if (exit->text && !strstr(failure->text, exit->text))
			failure->text = arena_printf(arena, "%s; %s", failure->text, exit->text);
	}
	if (exit->stderr_size > 0)
		failure->stderr_text =
			text_clean(arena, exit->stderr_tail, exit->stderr_size, LIMIT_STDERR, true);
}

/* The first that says no by name; the text tells of all. */
static void add_probes(struct arena *arena, const struct service_status *status,
		       struct msg_failure *failure)
{
	for (size_t i = 0; i < status->probe_count; i++) {
		const struct probe_status *probe = &status->probes[i];

		if (probe->good || !probe->text || !probe->text[0])
			continue;
		if (!failure->has_probe) {
			failure->has_probe = true;
			failure->probe.kind = probe_kind_name(probe->kind);
			failure->probe.text = arena_strdup(arena, probe->text);
		}
		if (!strstr(failure->text, probe->text))
			failure->text = arena_printf(arena, "%s; probe %s: %s", failure->text,
						     probe_kind_name(probe->kind), probe->text);
	}
}

static void add_lines(const char *data, size_t size, usec_t since, struct strbuf *out)
{
	for (size_t at = 0; at < size;) {
		const char *end = memchr(data + at, '\n', size - at);
		size_t length = end ? (size_t)(end - data) - at : size - at;
		struct segment_record record;

		/* The first line is cut as a rule, and the last one may be torn. */
		if (end && segment_parse(data + at, length, &record) && record.kind == 'e' &&
		    record.at >= since) {
			strbuf_append(out, record.text, record.text_length);
			if (!record.continues)
				strbuf_append_char(out, '\n');
		}
		at += length + 1;
	}
}

static void add_segment(const char *log_dir, uint64_t number, usec_t since, struct strbuf *out)
{
	char path[MAX_PATH];
	char *data = xcalloc(1, TAIL_BYTES);

	if (segment_path(log_dir, number, path, sizeof(path))) {
		CLEANUP(fd_cleanup) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
		off_t from = size > TAIL_BYTES ? size - TAIL_BYTES : 0;
		ssize_t got = fd < 0 ? -1 : pread(fd, data, TAIL_BYTES, from);

		if (got > 0)
			add_lines(data, (size_t)got, since, out);
	}
	free(data);
}

const char *evidence_stderr(struct arena *arena, const char *log_dir, usec_t since)
{
	uint64_t oldest, newest;
	struct error ignored = {0};
	struct strbuf out;

	if (!segment_range(log_dir, &oldest, &newest, &ignored))
		return NULL;
	strbuf_init(&out, arena, 2 * (size_t)TAIL_BYTES);
	/* It may have begun a new segment just now. */
	if (newest > oldest)
		add_segment(log_dir, newest - 1, since, &out);
	add_segment(log_dir, newest, since, &out);
	return out.length ? text_clean(arena, out.data, out.length, LIMIT_STDERR, true) : NULL;
}

void evidence_add(struct arena *arena, const struct service_status *status, usec_t since,
		  struct msg_failure *failure)
{
	add_exit(arena, &status->exit, since, failure);
	add_probes(arena, status, failure);
	/* One that runs, but is not well, has said why in its log at best. */
	if (!failure->stderr_text)
		failure->stderr_text =
			evidence_stderr(arena, arena_printf(arena, "logs/%s", status->name), since);
}
