/* SPDX-License-Identifier: Apache-2.0 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"

enum { BLOCK = 512 };

/* A file with content that is not synced. */
struct content {
	struct content *next;
	dev_t device;
	ino_t inode;
	int fd; /* our own: it keeps the inode from being used again */
	char *old;
	size_t old_size;
};

enum undo { UNDO_NOTHING, UNDO_REMOVE, UNDO_RESTORE, UNDO_SYMLINK, UNDO_MKDIR, UNDO_RENAME };

/* A change of names, with what is needed to undo it. */
struct disk_change {
	struct disk_change *before; /* the next older one, of any folder */
	enum undo undo;
	char folder[PATH_MAX]; /* whose sync makes it last */
	char path[PATH_MAX];   /* the name that was changed */
	char other[PATH_MAX];  /* of a rename: what it was before; of a symlink: its target */
	char stash[PATH_MAX];  /* what stood there before, or "" */
	bool stash_link;       /* that is a symlink: stash is its target */
};

struct disk {
	const char *root;
	const char *stash;
	int stashed;
	struct content *contents;
	struct disk_change *newest;
};

struct disk *disk_new(const char *root, const char *stash)
{
	struct disk *disk = xcalloc(1, sizeof(*disk));

	disk->root = root;
	disk->stash = stash;
	return disk;
}

/* --- contents --- */

static struct content **find_content(struct disk *disk, const struct stat *status)
{
	struct content **place = &disk->contents;

	while (*place && ((*place)->device != status->st_dev || (*place)->inode != status->st_ino))
		place = &(*place)->next;
	return place;
}

static char *read_all(int fd, size_t size)
{
	char *data = xcalloc(1, size + 1);
	size_t done = 0;
	ssize_t count;

	while (done < size && (count = pread(fd, data + done, size - done, (off_t)done)) > 0)
		done += (size_t)count;
	return data;
}

/* Before the first change since the last sync. name may be one in /proc. */
static void keep_content(struct disk *disk, const char *name)
{
	int fd = open(name, O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
	    *find_content(disk, &status)) {
		fd_cleanup(&fd);
		return;
	}
	struct content *content = xcalloc(1, sizeof(*content));
	content->device = status.st_dev;
	content->inode = status.st_ino;
	content->fd = fd;
	content->old_size = (size_t)status.st_size;
	content->old = read_all(fd, content->old_size);
	content->next = disk->contents;
	disk->contents = content;
}

static void forget_content(struct content **place)
{
	struct content *content = *place;

	*place = content->next;
	close(content->fd);
	free(content->old);
	free(content);
}

static uint64_t next_random(uint64_t *state)
{
	/* xorshift64*, https://doi.org/10.18637/jss.v008.i14 */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

static void write_all_at(int fd, const char *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t count = pwrite(fd, data + done, size - done, (off_t)done);

		if (count <= 0)
			return;
		done += (size_t)count;
	}
}

/* Some blocks have arrived, others have not. */
static void tear(const struct content *content, uint64_t *random)
{
	struct stat status;

	if (fstat(content->fd, &status) < 0)
		return;
	size_t now = (size_t)status.st_size;
	size_t least = now < content->old_size ? now : content->old_size;
	for (size_t at = 0; at < least; at += BLOCK) {
		size_t size = least - at < BLOCK ? least - at : BLOCK;

		if (next_random(random) % 2)
			(void)!pwrite(content->fd, content->old + at, size, (off_t)at);
	}
	if (now > content->old_size)
		(void)!ftruncate(content->fd,
				 (off_t)(least + next_random(random) % (now - least + 1)));
}

enum survival { SURVIVES_NOT, SURVIVES, SURVIVES_PARTLY };

static void cut_content(const struct content *content, enum survival survival, uint64_t *random)
{
	if (survival == SURVIVES_PARTLY)
		survival = (enum survival)(next_random(random) % 3);
	if (survival == SURVIVES_PARTLY) {
		tear(content, random);
	} else if (survival == SURVIVES_NOT) {
		(void)!ftruncate(content->fd, 0);
		write_all_at(content->fd, content->old, content->old_size);
	}
}

/* --- names --- */

static void folder_of(const char *path, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s", path);
	char *slash = strrchr(out, '/');
	if (slash)
		*slash = '\0';
}

static struct disk_change *prepare(const char *path, enum undo undo)
{
	struct disk_change *change = xcalloc(1, sizeof(*change));

	change->undo = undo;
	snprintf(change->path, sizeof(change->path), "%s", path);
	folder_of(path, change->folder);
	return change;
}

/* A second name for what is about to lose its own. */
static bool stash_away(struct disk *disk, struct disk_change *change)
{
	struct stat status;

	if (lstat(change->path, &status) < 0)
		return false;
	change->stash_link = S_ISLNK(status.st_mode);
	if (change->stash_link)
		return readlink(change->path, change->stash, sizeof(change->stash) - 1) > 0;
	snprintf(change->stash, sizeof(change->stash), "%s/%d", disk->stash, disk->stashed++);
	if (!S_ISDIR(status.st_mode) && link(change->path, change->stash) == 0)
		return true;
	change->stash[0] = '\0';
	return S_ISDIR(status.st_mode);
}

static struct disk_change *before_rename(struct disk *disk, const struct call *call)
{
	struct disk_change *change = prepare(call->other, UNDO_RENAME);

	snprintf(change->other, sizeof(change->other), "%s", call->path);
	stash_away(disk, change);
	return change;
}

static struct disk_change *before_open(struct disk *disk, const struct call *call)
{
	struct stat status;

	if (lstat(call->path, &status) < 0)
		return call->flags & O_CREAT ? prepare(call->path, UNDO_REMOVE) : NULL;
	if (call->flags & O_TRUNC)
		keep_content(disk, call->path);
	return NULL;
}

static struct disk_change *before_unlink(struct disk *disk, const struct call *call)
{
	struct disk_change *change = prepare(call->path, UNDO_RESTORE);

	if (stash_away(disk, change))
		return change;
	free(change);
	return NULL;
}

struct disk_change *disk_before(struct disk *disk, pid_t pid, const struct call *call)
{
	char name[64];

	if (!call->disk)
		return NULL;
	snprintf(name, sizeof(name), "/proc/%d/fd/%d", (int)pid, call->fd);
	switch (call->kind) {
	case CALL_OPEN:
		return before_open(disk, call);
	case CALL_WRITE:
		keep_content(disk, name);
		return NULL;
	case CALL_TRUNCATE:
		keep_content(disk, call->fd >= 0 ? name : call->path);
		return NULL;
	case CALL_RENAME:
		return before_rename(disk, call);
	case CALL_UNLINK:
		return before_unlink(disk, call);
	case CALL_RMDIR:
		return prepare(call->path, UNDO_MKDIR);
	case CALL_MKDIR:
	case CALL_SYMLINK:
	case CALL_LINK:
		return prepare(call->path, UNDO_REMOVE);
	default:
		return NULL;
	}
}

static void replace_prefix(char path[PATH_MAX], const char *from, const char *to)
{
	size_t length = strlen(from), new_length = strlen(to), rest = strlen(path) - length;

	if (strncmp(path, from, length) != 0 || (path[length] != '/' && path[length] != '\0') ||
	    new_length + rest >= PATH_MAX)
		return;
	memmove(path + new_length, path + length, rest + 1);
	memcpy(path, to, new_length);
}

/* A rename that stays: what was changed below the old name before is found below the new one. */
static void settle_rename(const struct disk_change *change)
{
	if (change->undo != UNDO_RENAME)
		return;
	for (struct disk_change *older = change->before; older; older = older->before) {
		replace_prefix(older->folder, change->other, change->path);
		if (strcmp(older->folder, change->folder) == 0)
			continue;
		replace_prefix(older->path, change->other, change->path);
		if (older->undo == UNDO_RENAME)
			replace_prefix(older->other, change->other, change->path);
	}
}

static void sync_folder(struct disk *disk, const char *folder)
{
	struct disk_change **place = &disk->newest;

	while (*place) {
		struct disk_change *change = *place;

		if (folder && strcmp(change->folder, folder) != 0) {
			place = &change->before;
			continue;
		}
		if (folder)
			settle_rename(change);
		*place = change->before;
		if (change->stash[0] && !change->stash_link)
			unlink(change->stash);
		free(change);
	}
}

static void sync_one(struct disk *disk, const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return;
	if (S_ISDIR(status.st_mode)) {
		sync_folder(disk, path);
		return;
	}
	struct content **place = find_content(disk, &status);
	if (*place)
		forget_content(place);
}

void disk_after(struct disk *disk, const struct call *call, struct disk_change *change)
{
	if (call->kind == CALL_SYNC_ALL) {
		while (disk->contents)
			forget_content(&disk->contents);
		sync_folder(disk, NULL);
	} else if (call->kind == CALL_SYNC && call->disk) {
		sync_one(disk, call->path);
	} else if (change) {
		change->before = disk->newest;
		disk->newest = change;
	}
}

void disk_failed(struct disk_change *change)
{
	if (change && change->stash[0] && !change->stash_link)
		unlink(change->stash);
	free(change);
}

/* --- the cut --- */

/* Away from its name; a folder takes along what is in it. */
static void take_away(struct disk *disk, const char *path)
{
	char to[PATH_MAX];

	snprintf(to, sizeof(to), "%s/%d", disk->stash, disk->stashed++);
	if (rename(path, to) < 0 && errno != ENOENT)
		fprintf(stderr, "cannot undo %s: %s\n", path, strerror(errno));
}

static void put_back(const struct disk_change *change)
{
	if (!change->stash[0])
		return;
	int failed = change->stash_link ? symlink(change->stash, change->path)
					: rename(change->stash, change->path);
	if (failed && errno != ENOENT)
		fprintf(stderr, "cannot bring back %s: %s\n", change->path, strerror(errno));
}

static void undo(struct disk *disk, const struct disk_change *change)
{
	switch (change->undo) {
	case UNDO_REMOVE:
		take_away(disk, change->path);
		break;
	case UNDO_RENAME:
		if (rename(change->path, change->other) < 0 && errno != ENOENT)
			fprintf(stderr, "cannot undo %s: %s\n", change->path, strerror(errno));
		put_back(change);
		break;
	case UNDO_MKDIR:
		(void)!mkdir(change->path, 0755);
		break;
	default:
		put_back(change);
		break;
	}
}

/* In each folder the oldest changes may survive: those after the first that is lost are lost too. */
static void cut_names(struct disk *disk, enum survival survival, uint64_t *random)
{
	char lost[64][PATH_MAX];
	size_t folders = 0;
	struct disk_change *change;
	size_t count = 0, index = 0;

	if (survival == SURVIVES)
		return;
	for (change = disk->newest; change; change = change->before)
		count++;
	bool *survives = xcalloc(count + 1, sizeof(*survives));
	struct disk_change **list = xcalloc(count + 1, sizeof(struct disk_change *));
	for (change = disk->newest; change; change = change->before)
		list[index++] = change;
	for (index = count; index-- > 0;) {
		bool gone = survival == SURVIVES_NOT || next_random(random) % 3 == 0;

		for (size_t i = 0; i < folders; i++)
			gone = gone || strcmp(lost[i], list[index]->folder) == 0;
		survives[index] = !gone;
		if (gone && folders < ARRAY_SIZE(lost))
			snprintf(lost[folders++], PATH_MAX, "%s", list[index]->folder);
	}
	for (index = 0; index < count; index++) {
		if (survives[index])
			settle_rename(list[index]);
		else
			undo(disk, list[index]);
	}
	free(survives);
	free(list);
}

void disk_cut(struct disk *disk, uint64_t seed)
{
	static const enum survival NAMES[] = {SURVIVES_NOT, SURVIVES, SURVIVES_NOT,
					      SURVIVES_PARTLY};
	static const enum survival CONTENTS[] = {SURVIVES_NOT, SURVIVES_NOT, SURVIVES,
						 SURVIVES_PARTLY};
	uint64_t random = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);
	size_t shape = next_random(&random) % ARRAY_SIZE(NAMES);

	cut_names(disk, NAMES[shape], &random);
	for (const struct content *content = disk->contents; content; content = content->next)
		cut_content(content, CONTENTS[shape], &random);
}
