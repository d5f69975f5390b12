/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/sandbox.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/compiler.h"

/* Each row: this system call answers EPERM. */
#define DENY(call)                                             \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

static struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	DENY(execve),
	DENY(execveat),
	DENY(socket),
	DENY(socketpair),
	DENY(connect),
	DENY(bind),
	DENY(sendto),
	DENY(sendmsg),
	DENY(ptrace),
	DENY(process_vm_readv),
	DENY(process_vm_writev),
	DENY(pidfd_getfd),
	DENY(kill),
	DENY(tkill),
	DENY(mount),
	DENY(umount2),
	DENY(pivot_root),
	DENY(chroot),
	DENY(unshare),
	DENY(setns),
	DENY(mknodat),
	DENY(bpf),
	DENY(perf_event_open),
	DENY(keyctl),
	DENY(add_key),
	DENY(request_key),
	DENY(init_module),
	DENY(finit_module),
	DENY(kexec_load),
	DENY(reboot),
	DENY(io_uring_setup),
	DENY(userfaultfd),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

void sandbox_enter(void)
{
	const struct rlimit none = {0, 0};
	const struct rlimit files = {64, 64};
	const struct sock_fprog program = {.len = ARRAY_SIZE(filter), .filter = filter};

	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_NOFILE, &files);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
