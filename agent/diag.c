/* SPDX-License-Identifier: Apache-2.0 */
#include "diag.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/id.h"
#include "base/strbuf.h"
#include "process/segment.h"
#include "process/segment_tail.h"
#include "redact.h"
#include "telemetry/outgoing.h"

enum { LOG_LINES = 500, MAX_FILES = 2000, MAX_DEPTH = 4, SMALL_FILE = 16 * 1024 };

/* --- the machine --- */

static void add_file(struct strbuf *out, struct arena *arena, const char *path)
{
	char text[SMALL_FILE];
	FILE *file = fopen(path, "re");
	size_t size = file ? fread(text, 1, sizeof(text), file) : 0;

	if (file)
		fclose(file);
	strbuf_printf(out, "== %s\n%s\n", path, text_clean(arena, text, size, SMALL_FILE, false));
}

static void add_clocks(struct strbuf *out)
{
	char now[TIME_TEXT_SIZE];

	time_format(clock_now_utc(), now);
	strbuf_printf(out, "== clocks\nwall %s\nboot %lld s\n\n", now,
		      (long long)(clock_boottime() / USEC_PER_SEC));
}

static void add_disk(struct strbuf *out)
{
	struct statvfs disk;

	if (statvfs(".", &disk) == 0)
		strbuf_printf(
			out,
			"== disk of the agent's folder\nfree %llu MiB of %llu, inodes %llu\n\n",
			(unsigned long long)disk.f_bavail * disk.f_frsize >> 20,
			(unsigned long long)disk.f_blocks * disk.f_frsize >> 20,
			(unsigned long long)disk.f_favail);
}

static void describe_host(struct strbuf *out, struct arena *arena)
{
	static const char *const FILES[] = {
		"/etc/os-release",  "/proc/uptime",
		"/proc/loadavg",    "/proc/meminfo",
		"/proc/mounts",	    "/proc/net/dev",
		"/etc/resolv.conf", "/proc/sys/kernel/random/boot_id",
	};
	struct utsname system;

	if (uname(&system) == 0)
		strbuf_printf(out, "== system\n%s %s %s %s %s\n\n", system.sysname, system.nodename,
			      system.release, system.version, system.machine);
	add_clocks(out);
	add_disk(out);
	for (size_t i = 0; i < ARRAY_SIZE(FILES); i++)
		add_file(out, arena, FILES[i]);
}

/* --- the folder: names, kinds and sizes, nothing of what is in the files --- */

struct listing {
	struct strbuf *out;
	int files;
};

static void list_folder(struct listing *listing, struct arena *arena, const char *path, int depth)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder)) && listing->files < MAX_FILES) {
		const char *name = entry->d_name;
		struct stat status;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		const char *full = strcmp(path, ".") == 0
					   ? arena_strdup(arena, name)
					   : arena_printf(arena, "%s/%s", path, name);
		if (lstat(full, &status) != 0)
			continue;
		listing->files++;
		strbuf_printf(listing->out, "%06o %5u %12lld %s\n", (unsigned)status.st_mode,
			      (unsigned)status.st_uid, (long long)status.st_size,
			      text_clean(arena, full, strlen(full), 1024, false));
		/* What services keep and what packages hold is their own. */
		if (S_ISDIR(status.st_mode) && depth < MAX_DEPTH && strcmp(full, "data") != 0 &&
		    strncmp(full, "packages/", 9) != 0)
			list_folder(listing, arena, full, depth + 1);
	}
	if (folder)
		closedir(folder);
	if (listing->files == MAX_FILES && depth == 0)
		strbuf_append_string(listing->out, "... and more\n");
}

static void describe_folder(struct strbuf *out, struct arena *arena)
{
	struct listing listing = {.out = out};

	strbuf_append_string(out, "mode, owner, size, name\n");
	list_folder(&listing, arena, ".", 0);
}

static void describe_settings(struct strbuf *out, struct arena *arena)
{
	struct error ignored = {0};
	bool in_key = false;
	char *text = NULL;

	if (!file_read("agent.conf", SMALL_FILE, arena, &text, NULL, &ignored)) {
		strbuf_append_string(out, "no agent.conf: all settings are as they come\n");
		return;
	}
	for (char *line = text, *end; line && *line; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		if (end)
			*end = '\0';
		strbuf_printf(out, "%s\n", redact_line(arena, line, &in_key));
	}
}

static void describe(struct strbuf *out, struct arena *arena)
{
	(void)arena;
	strbuf_append_string(
		out, "Diagnosis of a gateway, made by muster-agent " MUSTER_VERSION ".\n\n"
		     "Left out on purpose: keys, contents of configuration files, values of\n"
		     "parameters. Log lines were searched for what looks like a secret; look\n"
		     "at logs/ yourself before you pass this on.\n");
}

static const struct {
	const char *name;
	void (*describe)(struct strbuf *out, struct arena *arena);
} PIECES[] = {
	{"README.txt", describe},
	{"host.txt", describe_host},
	{"files.txt", describe_folder},
	{"agent.conf", describe_settings},
};

bool diag_piece_at(size_t index, struct arena *arena, struct diag_piece *out)
{
	struct strbuf text;

	if (index >= ARRAY_SIZE(PIECES))
		return false;
	strbuf_init(&text, arena, DIAG_MAX_BYTES);
	PIECES[index].describe(&text, arena);
	*out = (struct diag_piece){PIECES[index].name, text.data};
	return true;
}

/* --- logs --- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t list_logs(struct arena *arena, const char **names, size_t room)
{
	DIR *folder = opendir("logs");
	const struct dirent *entry;
	size_t count = 0;

	while (folder && (entry = readdir(folder)) && count < room)
		if (id_valid_name(entry->d_name))
			names[count++] = arena_strdup(arena, entry->d_name);
	if (folder)
		closedir(folder);
	qsort(names, count, sizeof(*names), compare_names);
	return count;
}

static void add_records(struct strbuf *out, struct arena *arena, const char *data, size_t size,
			bool *in_key)
{
	for (size_t begin = 0; begin < size;) {
		const char *end = memchr(data + begin, '\n', size - begin);
		size_t length = end ? (size_t)(end - data) - begin : size - begin;
		struct segment_record record;
		char at[TIME_TEXT_SIZE];

		if (segment_parse(data + begin, length, &record)) {
			time_format(record.at, at);
			strbuf_printf(out, "%s %c %s\n", at, record.kind,
				      redact_line(arena,
						  text_clean(arena, record.text ? record.text : "",
							     record.text_length, 1024, false),
						  in_key));
		}
		begin += length + 1;
	}
}

bool diag_log_at(size_t index, struct arena *arena, struct diag_piece *out)
{
	enum { MAX_LOGS = 64, READ_BYTES = 32 * 1024 };
	const char *names[MAX_LOGS];
	struct segment_cursor cursor;
	bool in_key = false;
	struct strbuf text;
	size_t size;

	if (index >= list_logs(arena, names, MAX_LOGS))
		return false;
	const char *folder = arena_printf(arena, "logs/%s", names[index]);
	char *buffer = arena_alloc(arena, READ_BYTES);
	strbuf_init(&text, arena, DIAG_MAX_BYTES);
	segment_tail(folder, LOG_LINES, &cursor);
	while (!text.overflow && (size = segment_read(folder, &cursor, buffer, READ_BYTES)) > 0)
		add_records(&text, arena, buffer, size, &in_key);
	*out = (struct diag_piece){arena_printf(arena, "%s.log", folder), text.data};
	return true;
}
