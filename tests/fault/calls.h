/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls that can change something outside of a process, as a tracer sees them on amd64:
 * what they are about, and which files they name. See syscalls(2), ptrace(2).
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum call_kind {
	CALL_NONE, /* changes nothing */
	CALL_OPEN, /* creates, empties, or opens for writing */
	CALL_WRITE,
	CALL_TRUNCATE,
	CALL_ATTRIBUTES,
	CALL_SYNC,
	CALL_SYNC_ALL,
	CALL_RENAME,
	CALL_UNLINK,
	CALL_RMDIR,
	CALL_MKDIR,
	CALL_SYMLINK,
	CALL_LINK,
	CALL_PROCESS, /* fork, exec, kill */
	CALL_SOCKET,
};

struct call {
	enum call_kind kind;
	const char *name;
	bool disk;	      /* about files and folders below the root */
	bool counts;	      /* it is one of the n */
	int fd;		      /* in the tracee, or -1 */
	int flags;	      /* of open */
	uint64_t count;	      /* bytes of a write */
	int count_argument;   /* which argument that is, or -1 */
	char path[PATH_MAX];  /* absolute, its folder resolved; of fd too; "" when there is none */
	char other[PATH_MAX]; /* the new name of rename and link */
};

/* Describes the call that pid is about to make. root: the folder whose files are the disk. */
void call_read(pid_t pid, uint64_t number, const uint64_t arguments[6], const char *root,
	       struct call *out);
