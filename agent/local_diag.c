/* SPDX-License-Identifier: Apache-2.0 */
/* "muster-agent diag": the pieces of a diagnosis as a tar file, also when no agent answers. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ustar.h"
#include "control_ask.h"
#include "diag.h"
#include "local.h"
#include "local_internal.h"

struct archive {
	int fd;
	char path[PATH_MAX];
	bool broken;
	bool done; /* the agent has given all */
};

static struct archive archive = {.fd = -1};

static bool open_archive(struct local *local, struct error *err)
{
	char at[TIME_TEXT_SIZE];
	const char *path;

	time_format(clock_now_utc(), at);
	path = local->line.word_count > 0
		       ? local->line.words[0]
		       : arena_printf(local->arena, "muster-diag-%.10s-%.2s%.2s%.2s.tar", at,
				      at + 11, at + 14, at + 17);
	/* Only for whoever asked: it may hold what not everybody should read. */
	archive.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (archive.fd < 0 && errno == EEXIST)
		return error_set(err, ERR_CONFLICT, "%s is there already", path);
	if (archive.fd < 0)
		return error_set_errno(err, ERR_FORBIDDEN, errno, "cannot write %s", path);
	snprintf(archive.path, sizeof(archive.path), "%s", path);
	return true;
}

static void add(const char *name, const char *text)
{
	static const char ZERO[2 * USTAR_BLOCK];
	struct ustar_entry entry = {.size = (int64_t)strlen(text)};
	uint8_t header[USTAR_BLOCK];

	snprintf(entry.name, sizeof(entry.name), "muster-diag/%s", name);
	ustar_encode(&entry, header);
	archive.broken = archive.broken || !fd_write_all(archive.fd, header, sizeof(header)) ||
			 !fd_write_all(archive.fd, text, strlen(text)) ||
			 !fd_write_all(archive.fd, ZERO, ustar_padding(entry.size));
}

static bool take_piece(json_t *line, void *arg)
{
	(void)arg;
	if (json_object_get(line, "file"))
		add(text_at(line, "file"), text_at(line, "text"));
	archive.done = archive.done || json_object_get(line, "done") != NULL;
	return !archive.broken;
}

/* Without an agent: what the folder and the machine say by themselves. */
static void collect_alone(struct local *local, bool logs, const struct error *why)
{
	struct diag_piece piece;

	add("no-agent.txt", arena_printf(local->arena, "%s\n", why->text));
	for (size_t i = 0; diag_piece_at(i, local->arena, &piece); i++)
		add(piece.name, piece.text);
	for (size_t i = 0; logs && diag_log_at(i, local->arena, &piece); i++)
		add(piece.name, piece.text);
}

static bool finish(struct error *err)
{
	static const char ZERO[2 * USTAR_BLOCK];

	if (!archive.broken && fd_write_all(archive.fd, ZERO, sizeof(ZERO)) &&
	    fsync(archive.fd) == 0)
		return true;
	return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not write %s", archive.path);
}

int local_diag(int argc, char **argv)
{
	struct own_option options[] = {{.name = "no-logs"}, {.name = NULL}};
	struct local local = {.line = {.options = options, .most_words = 1}};
	struct error err = {0}, why = {0};
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = local_begin(&local, argc, argv, 0, open_archive, &err);
	json_auto_t *request =
		json_pack("{s:s, s:b}", "do", "diag", "logs", options[0].value == NULL);

	if (ok && (!control_ask_lines(request, -1, take_piece, NULL, &why) || !archive.done)) {
		ok = why.code != ERR_FORBIDDEN;
		if (ok)
			collect_alone(&local, options[0].value == NULL, &why);
		else
			err = why;
	}
	ok = ok && finish(&err);
	/* A name without a folder means where we came from. */
	if (!ok && archive.fd >= 0 && here >= 0)
		unlinkat(here, archive.path, 0);
	fd_cleanup(&archive.fd);
	fd_cleanup(&here);
	if (ok && local.config.json)
		printf("{\"file\":\"%s\"}\n", archive.path);
	else if (ok)
		printf("%s: keys and contents of configuration are left out; look at logs/ in it before you "
		       "pass it on\n",
		       archive.path);
	return local_finish(&local, ok, &err);
}
