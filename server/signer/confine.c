/* SPDX-License-Identifier: Apache-2.0 */
#include "signer/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_ARM
#else
#error "name the audit architecture of this machine"
#endif

/* Calls above this are the x32 variants of x86-64, which would get around the list below. */
#define X32_BIT 0x40000000U

#define DENY_RESULT (SECCOMP_RET_ERRNO | (EPERM & SECCOMP_RET_DATA))
#define DENY(call)                                                          \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)__NR_##call, 0U, 1U), \
		BPF_STMT(BPF_RET | BPF_K, DENY_RESULT)

static bool become_owner(const char *folder, struct error *err)
{
	struct stat status;

	if (stat(folder, &status) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot use %s", folder);
	if (geteuid() != 0 || status.st_uid == 0)
		return true;
	if (setgroups(0, NULL) != 0 ||
	    setresgid(status.st_gid, status.st_gid, status.st_gid) != 0 ||
	    setresuid(status.st_uid, status.st_uid, status.st_uid) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot become the owner of %s",
				       folder);
	return true;
}

bool confine_begin(const char *folder, struct error *err)
{
	const struct rlimit no_core = {0, 0};

	if (setrlimit(RLIMIT_CORE, &no_core) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot forbid core dumps");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot give up new privileges");
	if (!become_owner(folder, err))
		return false;
	/* Last, since a change of user sets it again. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot become undumpable");
	return true;
}

bool confine_seal(struct error *err)
{
	static struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCHITECTURE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, DENY_RESULT),
		DENY(socket),
		DENY(socketpair),
		DENY(connect),
		DENY(bind),
		DENY(listen),
		DENY(accept4),
#ifdef __NR_accept
		DENY(accept),
#endif
#ifdef __NR_open
		DENY(open),
#endif
		DENY(openat),
		DENY(openat2),
		DENY(open_by_handle_at),
#ifdef __NR_fork
		DENY(fork),
		DENY(vfork),
#endif
		DENY(clone),
		DENY(clone3),
		DENY(execve),
		DENY(execveat),
		DENY(ptrace),
		DENY(process_vm_readv),
		DENY(process_vm_writev),
		DENY(pidfd_getfd),
		DENY(bpf),
		DENY(io_uring_setup),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = filter,
	};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot install the call filter");
	return true;
}
