/* SPDX-License-Identifier: Apache-2.0 */
/* The child that reads a bundle. It believes nothing in it; its parent verifies what is signed. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "fetch/import.h"
#include "fetch/sandbox.h"
#include "protocol/bundle.h"

enum { ORDERS_FD = 3, MAX_ORDERS = 32 * 1024, COPY_BYTES = 64 * 1024, MAX_NAMED = 200 };

struct wanted {
	char sha256[SHA256_HEX_SIZE];
	int64_t size;
	bool here;
};

struct importing {
	const char *node;
	struct bundle_reader reader;
	bool has_envelope;
	bool ordered;
	char others[MAX_NAMED]; /* whom the bundle is for */
	struct wanted wanted[IMPORT_MAX_PACKAGES];
	size_t wanted_count;
	int64_t done, total;
	usec_t told;
};

static bool read_stdin(void *arg, void *out, size_t size, size_t *count, struct error *err)
{
	ssize_t got;

	(void)arg;
	do
		got = read(STDIN_FILENO, out, size);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not read the bundle");
	*count = (size_t)got;
	return true;
}

static void note_other(struct importing *importing, const char *node)
{
	size_t length = strlen(importing->others);

	if (length + strlen(node) + 8 < sizeof(importing->others))
		snprintf(importing->others + length, sizeof(importing->others) - length, "%s%s",
			 length ? ", " : "", node);
	else if (length > 3 && importing->others[length - 1] != '.')
		snprintf(importing->others + length, sizeof(importing->others) - length, " ...");
}

static bool take_envelope(struct importing *importing, const struct bundle_entry *entry,
			  struct error *err)
{
	char *text = malloc((size_t)entry->size + 1);
	size_t length = 0, count = 1;
	bool ok = text != NULL;

	while (ok && count > 0) {
		ok = bundle_read(&importing->reader, text + length, (size_t)entry->size - length,
				 &count, err);
		length += ok ? count : 0;
	}
	if (ok) {
		printf("envelope %zu\n", length);
		fwrite(text, 1, length, stdout);
		fflush(stdout);
		importing->has_envelope = true;
	}
	free(text);
	return ok;
}

/* Lines "<sha256> <size>" until the parent closes its end behind "go". */
static bool read_orders(struct importing *importing, struct error *err)
{
	char text[MAX_ORDERS + 1];
	size_t length = 0;
	ssize_t count;

	while (length < MAX_ORDERS &&
	       (count = read(ORDERS_FD, text + length, MAX_ORDERS - length)) > 0)
		length += (size_t)count;
	text[length] = '\0';
	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		struct wanted *wanted = &importing->wanted[importing->wanted_count];

		*end = '\0';
		if (strcmp(line, "go") == 0)
			return true;
		if (importing->wanted_count == IMPORT_MAX_PACKAGES ||
		    sscanf(line, "%64[0-9a-f] %" SCNd64, wanted->sha256, &wanted->size) != 2)
			break;
		importing->total += wanted->size;
		importing->wanted_count++;
	}
	return error_set(err, ERR_INTERNAL, "it was not wanted");
}

/* The states are behind us: what now is to be taken out depends on whether ours was accepted. */
static bool make_ready(struct importing *importing, struct error *err)
{
	if (importing->ordered)
		return true;
	if (!importing->has_envelope)
		return error_set(
			err, ERR_NOT_FOUND, "the bundle is not for this node (%s), but for %s",
			importing->node, importing->others[0] ? importing->others : "nobody");
	importing->ordered = true;
	return read_orders(importing, err);
}

static struct wanted *find_wanted(struct importing *importing, const char *sha256)
{
	for (size_t i = 0; i < importing->wanted_count; i++)
		if (strcmp(importing->wanted[i].sha256, sha256) == 0)
			return &importing->wanted[i];
	return NULL;
}

static void tell_progress(struct importing *importing)
{
	usec_t now = clock_monotonic();

	if (now - importing->told < USEC_PER_SEC && importing->done < importing->total)
		return;
	importing->told = now;
	printf("progress %" PRId64 " %" PRId64 "\n", importing->done, importing->total);
	fflush(stdout);
}

static bool copy(struct importing *importing, int fd, char sha256[SHA256_HEX_SIZE],
		 struct error *err)
{
	static char buffer[COPY_BYTES];
	struct sha256 *hash = sha256_new();
	uint8_t digest[SHA256_SIZE];
	size_t count = 1;
	bool ok = true;

	while (ok && count > 0) {
		ok = bundle_read(&importing->reader, buffer, sizeof(buffer), &count, err);
		if (ok && count > 0 && !fd_write_all(fd, buffer, count))
			ok = error_set_errno(err, ERR_UNAVAILABLE, errno,
					     "could not store a package");
		if (ok) {
			sha256_update(hash, buffer, count);
			importing->done += (int64_t)count;
			tell_progress(importing);
		}
	}
	sha256_final(hash, digest);
	sha256_free(hash);
	hex_encode(digest, sizeof(digest), sha256);
	if (ok && fsync(fd) != 0)
		ok = error_set_errno(err, ERR_UNAVAILABLE, errno, "could not store a package");
	return ok;
}

static bool take_package(struct importing *importing, const struct bundle_entry *entry,
			 struct error *err)
{
	struct wanted *wanted = find_wanted(importing, entry->id);
	char path[128], sha256[SHA256_HEX_SIZE];

	if (!wanted)
		return true;
	if (wanted->size != entry->size)
		return error_set(
			err, ERR_INVALID,
			"the package %.12s... has another size than its signed manifest says",
			entry->id);
	snprintf(path, sizeof(path), "packages/%s.part", entry->id);
	CLEANUP(fd_cleanup)
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not store a package");
	bool ok = copy(importing, fd, sha256, err);
	if (ok && strcmp(sha256, entry->id) != 0)
		ok = error_set(err, ERR_INVALID,
			       "the package %.12s... has another SHA-256 than its signed manifest "
			       "says",
			       entry->id);
	/* Half of it would be taken for the begin of a download. */
	if (!ok)
		unlink(path);
	wanted->here = ok;
	return ok;
}

static bool import_all(struct importing *importing, struct error *err)
{
	for (;;) {
		struct bundle_entry entry;

		if (!bundle_next(&importing->reader, &entry, err))
			return false;
		if (entry.kind == BUNDLE_DESIRED) {
			if (strcmp(entry.id, importing->node) != 0)
				note_other(importing, entry.id);
			else if (!take_envelope(importing, &entry, err))
				return false;
			continue;
		}
		if (!make_ready(importing, err))
			return false;
		if (entry.kind == BUNDLE_END)
			break;
		if (!take_package(importing, &entry, err))
			return false;
	}
	for (size_t i = 0; i < importing->wanted_count; i++)
		if (!importing->wanted[i].here)
			return error_set(err, ERR_INVALID,
					 "the package %.12s... is neither here nor in the bundle",
					 importing->wanted[i].sha256);
	return true;
}

/* Of a bundle that is refused nothing stays. */
static void clean_up(const struct importing *importing)
{
	char path[128];

	for (size_t i = 0; i < importing->wanted_count; i++) {
		snprintf(path, sizeof(path), "packages/%s.part", importing->wanted[i].sha256);
		if (importing->wanted[i].here)
			unlink(path);
	}
}

int import_main(int argc, char **argv)
{
	struct importing importing = {.node = argc > 0 ? argv[0] : ""};
	struct error err = {0};

	sandbox_enter("packages");
	bundle_reader_init(&importing.reader, read_stdin, NULL);
	bool ok = import_all(&importing, &err);
	if (!ok)
		clean_up(&importing);
	if (ok)
		printf("done\n");
	else
		printf("error %s\n", err.text);
	fflush(stdout);
	/* Not exit: whoever was linked in may want processes, which are sealed off. */
	_exit(ok ? EXIT_SUCCESS : EXIT_FAILURE);
}
