/* SPDX-License-Identifier: Apache-2.0 */
#include "calls.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/compiler.h"

enum { NONE = -1, HERE = -2 /* a path relative to the current folder */ };

/* Arguments by their number: descriptor, folder and path, second folder and path, size. */
static const struct shape {
	long number;
	const char *name;
	enum call_kind kind;
	int fd, folder, path, other_folder, other, size;
} SHAPES[] = {
	{SYS_open, "open", CALL_OPEN, NONE, HERE, 0, NONE, NONE, NONE},
	{SYS_creat, "creat", CALL_OPEN, NONE, HERE, 0, NONE, NONE, NONE},
	{SYS_openat, "openat", CALL_OPEN, NONE, 0, 1, NONE, NONE, NONE},
	{SYS_write, "write", CALL_WRITE, 0, NONE, NONE, NONE, NONE, 2},
	{SYS_pwrite64, "pwrite", CALL_WRITE, 0, NONE, NONE, NONE, NONE, 2},
	{SYS_writev, "writev", CALL_WRITE, 0, NONE, NONE, NONE, NONE, NONE},
	{SYS_pwritev, "pwritev", CALL_WRITE, 0, NONE, NONE, NONE, NONE, NONE},
	{SYS_pwritev2, "pwritev2", CALL_WRITE, 0, NONE, NONE, NONE, NONE, NONE},
	{SYS_copy_file_range, "copy_file_range", CALL_WRITE, 2, NONE, NONE, NONE, NONE, 4},
	{SYS_sendfile, "sendfile", CALL_WRITE, 0, NONE, NONE, NONE, NONE, 3},
	{SYS_truncate, "truncate", CALL_TRUNCATE, NONE, HERE, 0, NONE, NONE, NONE},
	{SYS_ftruncate, "ftruncate", CALL_TRUNCATE, 0, NONE, NONE, NONE, NONE, NONE},
	{SYS_fallocate, "fallocate", CALL_TRUNCATE, 0, NONE, NONE, NONE, NONE, NONE},
	{SYS_chmod, "chmod", CALL_ATTRIBUTES, NONE, HERE, 0, NONE, NONE, NONE},
	{SYS_fchmod, "fchmod", CALL_ATTRIBUTES, 0, NONE, NONE, NONE, NONE, NONE},
	{SYS_fchmodat, "fchmodat", CALL_ATTRIBUTES, NONE, 0, 1, NONE, NONE, NONE},
	{SYS_chown, "chown", CALL_ATTRIBUTES, NONE, HERE, 0, NONE, NONE, NONE},
	{SYS_fchown, "fchown", CALL_ATTRIBUTES, 0, NONE, NONE, NONE, NONE, NONE},
	{SYS_fchownat, "fchownat", CALL_ATTRIBUTES, NONE, 0, 1, NONE, NONE, NONE},
	{SYS_fsync, "fsync", CALL_SYNC, 0, NONE, NONE, NONE, NONE, NONE},
	{SYS_fdatasync, "fdatasync", CALL_SYNC, 0, NONE, NONE, NONE, NONE, NONE},
	{SYS_syncfs, "syncfs", CALL_SYNC_ALL, 0, NONE, NONE, NONE, NONE, NONE},
	{SYS_rename, "rename", CALL_RENAME, NONE, HERE, 0, HERE, 1, NONE},
	{SYS_renameat, "renameat", CALL_RENAME, NONE, 0, 1, 2, 3, NONE},
	{SYS_renameat2, "renameat2", CALL_RENAME, NONE, 0, 1, 2, 3, NONE},
	{SYS_unlink, "unlink", CALL_UNLINK, NONE, HERE, 0, NONE, NONE, NONE},
	{SYS_unlinkat, "unlinkat", CALL_UNLINK, NONE, 0, 1, NONE, NONE, NONE},
	{SYS_rmdir, "rmdir", CALL_RMDIR, NONE, HERE, 0, NONE, NONE, NONE},
	{SYS_mkdir, "mkdir", CALL_MKDIR, NONE, HERE, 0, NONE, NONE, NONE},
	{SYS_mkdirat, "mkdirat", CALL_MKDIR, NONE, 0, 1, NONE, NONE, NONE},
	{SYS_symlink, "symlink", CALL_SYMLINK, NONE, HERE, 1, NONE, NONE, NONE},
	{SYS_symlinkat, "symlinkat", CALL_SYMLINK, NONE, 1, 2, NONE, NONE, NONE},
	{SYS_link, "link", CALL_LINK, NONE, HERE, 1, NONE, NONE, NONE},
	{SYS_linkat, "linkat", CALL_LINK, NONE, 2, 3, NONE, NONE, NONE},
	{SYS_fork, "fork", CALL_PROCESS, NONE, NONE, NONE, NONE, NONE, NONE},
	{SYS_vfork, "vfork", CALL_PROCESS, NONE, NONE, NONE, NONE, NONE, NONE},
	{SYS_clone, "clone", CALL_PROCESS, NONE, NONE, NONE, NONE, NONE, NONE},
	{SYS_clone3, "clone3", CALL_PROCESS, NONE, NONE, NONE, NONE, NONE, NONE},
	{SYS_execve, "execve", CALL_PROCESS, NONE, HERE, 0, NONE, NONE, NONE},
	{SYS_kill, "kill", CALL_PROCESS, NONE, NONE, NONE, NONE, NONE, NONE},
	{SYS_pidfd_send_signal, "pidfd_send_signal", CALL_PROCESS, NONE, NONE, NONE, NONE, NONE,
	 NONE},
	{SYS_connect, "connect", CALL_SOCKET, 0, NONE, NONE, NONE, NONE, NONE},
	{SYS_bind, "bind", CALL_SOCKET, 0, NONE, NONE, NONE, NONE, NONE},
	{SYS_listen, "listen", CALL_SOCKET, 0, NONE, NONE, NONE, NONE, NONE},
	{SYS_sendto, "sendto", CALL_SOCKET, 0, NONE, NONE, NONE, NONE, NONE},
	{SYS_sendmsg, "sendmsg", CALL_SOCKET, 0, NONE, NONE, NONE, NONE, NONE},
	{SYS_shutdown, "shutdown", CALL_SOCKET, 0, NONE, NONE, NONE, NONE, NONE},
};

static bool read_text(pid_t pid, uint64_t address, char out[PATH_MAX])
{
	char name[64];

	out[0] = '\0';
	snprintf(name, sizeof(name), "/proc/%d/mem", (int)pid);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t count = pread(fd, out, PATH_MAX - 1, (off_t)address);
	close(fd);
	out[count > 0 ? count : 0] = '\0';
	return count > 0;
}

/* The name of a path in the tracee's eyes, its folder resolved and its last part as it is. */
static void resolve(pid_t pid, int folder, const char *text, char out[PATH_MAX])
{
	char given[2 * PATH_MAX], real[PATH_MAX];
	size_t length;

	out[0] = '\0';
	if (text[0] == '/')
		snprintf(given, sizeof(given), "%s", text);
	else if (folder == AT_FDCWD)
		snprintf(given, sizeof(given), "/proc/%d/cwd/%s", (int)pid, text);
	else
		snprintf(given, sizeof(given), "/proc/%d/fd/%d/%s", (int)pid, folder, text);
	for (length = strlen(given); length > 1 && given[length - 1] == '/'; length--)
		given[length - 1] = '\0';
	char *slash = strrchr(given, '/');
	if (!slash || text[0] == '\0')
		return;
	*slash = '\0';
	if (!realpath(given[0] ? given : "/", real))
		return;
	length = strlen(real);
	if (length == 1) /* the root folder itself */
		length = 0;
	if (length + strlen(slash + 1) + 2 > PATH_MAX)
		return;
	memcpy(out, real, length);
	out[length] = '/';
	memcpy(out + length + 1, slash + 1, strlen(slash + 1) + 1);
}

static void resolve_fd(pid_t pid, int fd, char out[PATH_MAX], mode_t *mode)
{
	char name[64];
	struct stat status;

	snprintf(name, sizeof(name), "/proc/%d/fd/%d", (int)pid, fd);
	ssize_t length = readlink(name, out, PATH_MAX - 1);
	out[length > 0 ? length : 0] = '\0';
	*mode = stat(name, &status) == 0 ? status.st_mode : 0;
}

static bool is_below(const char *path, const char *root)
{
	size_t length = strlen(root);

	return strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static int open_flags(const struct shape *shape, const uint64_t arguments[6])
{
	if (shape->number == SYS_creat)
		return O_CREAT | O_TRUNC | O_WRONLY;
	return (int)arguments[shape->path + 1];
}

static void read_paths(pid_t pid, const struct shape *shape, const uint64_t arguments[6],
		       struct call *out)
{
	char text[PATH_MAX];

	if (shape->path >= 0 && read_text(pid, arguments[shape->path], text))
		resolve(pid, shape->folder >= 0 ? (int)arguments[shape->folder] : AT_FDCWD, text,
			out->path);
	if (shape->other >= 0 && read_text(pid, arguments[shape->other], text))
		resolve(pid,
			shape->other_folder >= 0 ? (int)arguments[shape->other_folder] : AT_FDCWD,
			text, out->other);
}

/* What is written to stderr, to devices and to the event descriptors of poll changes nothing. */
static bool write_counts(int fd, mode_t mode)
{
	return fd != STDERR_FILENO && (S_ISREG(mode) || S_ISSOCK(mode) || S_ISFIFO(mode));
}

static void classify(pid_t pid, const struct shape *shape, const uint64_t arguments[6],
		     const char *root, struct call *out)
{
	mode_t mode = 0;

	if (shape->kind == CALL_OPEN) {
		out->flags = open_flags(shape, arguments);
		if ((out->flags & (O_CREAT | O_TRUNC)) == 0 && (out->flags & O_ACCMODE) == O_RDONLY)
			return;
	}
	out->kind = shape->kind;
	read_paths(pid, shape, arguments, out);
	if (shape->fd >= 0) {
		out->fd = (int)arguments[shape->fd];
		resolve_fd(pid, out->fd, out->path, &mode);
	}
	if (shape->number == SYS_unlinkat && (arguments[2] & AT_REMOVEDIR))
		out->kind = CALL_RMDIR;
	if (shape->size >= 0)
		out->count = arguments[shape->size];
	out->disk = out->path[0] == '/' && is_below(out->path, root) && out->kind != CALL_PROCESS &&
		    out->kind != CALL_SOCKET;
	if (out->kind == CALL_OPEN)
		out->counts = out->disk && (out->flags & (O_CREAT | O_TRUNC));
	else if (out->kind == CALL_WRITE)
		out->counts = write_counts(out->fd, mode);
	else if (out->kind == CALL_MKDIR)
		out->counts = out->disk && access(out->path, F_OK) != 0;
	else
		out->counts = out->disk || out->kind == CALL_PROCESS || out->kind == CALL_SOCKET;
}

void call_read(pid_t pid, uint64_t number, const uint64_t arguments[6], const char *root,
	       struct call *out)
{
	*out = (struct call){.fd = -1, .count_argument = -1};
	for (size_t i = 0; i < ARRAY_SIZE(SHAPES); i++) {
		if ((uint64_t)SHAPES[i].number != number)
			continue;
		out->name = SHAPES[i].name;
		out->count_argument = SHAPES[i].size;
		classify(pid, &SHAPES[i], arguments, root, out);
		return;
	}
}
