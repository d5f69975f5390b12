/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/file.h"

/* xz -9 needs 65 MiB, zstd up to --long=26 as much; what asks for more is refused. */
#define MEMORY_BYTES ((rlim_t)160 << 20)

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define ARCHITECTURE AUDIT_ARCH_ARM
#else
#error "the numbers of the system calls below are not known for this machine"
#endif

/* Each row: this system call answers EPERM. */
#define DENY(call)                                             \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

static struct sock_filter filter[] = {
	/* Other numberings of calls, as a 64-bit kernel has for old programs, would go around the rows. */
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#if defined(__x86_64__)
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), /* x32 */
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
#endif
#ifdef SYS_fork
	DENY(fork),
	DENY(vfork),
#endif
	DENY(clone),
	DENY(clone3),
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
#ifdef SYS_mknod
	DENY(mknod),
#endif
	DENY(mknodat),
	DENY(linkat),
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

/* The rights of files that a kernel of this ABI knows; newer headers would name them. */
static uint64_t file_rights(long abi)
{
	static const uint64_t RIGHTS[] = {(1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1};

	return RIGHTS[abi > 3 ? 2 : abi - 1];
}

static void forbid_other_files(const char *folder)
{
	const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
				 (unsigned)LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 1)
		return;
	const struct landlock_ruleset_attr rules = {.handled_access_fs = file_rights(abi)};
	CLEANUP(fd_cleanup)
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0U);
	CLEANUP(fd_cleanup) int allowed = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct landlock_path_beneath_attr rule = {
		.allowed_access =
			rules.handled_access_fs &
			~(uint64_t)(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
				    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SOCK |
				    LANDLOCK_ACCESS_FS_MAKE_FIFO),
		.parent_fd = allowed,
	};

	/* Without its rule nothing at all could be opened, which is an error that shows. */
	if (allowed >= 0)
		(void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule,
			      0U);
	(void)syscall(SYS_landlock_restrict_self, ruleset, 0U);
}

/* As root: to write into folders of ours that belong to somebody else is all that is left. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2] = {{0}, {0}};

	if (syscall(SYS_capget, &header, sets) != 0)
		return;
	sets[0].permitted &= 1U << CAP_DAC_OVERRIDE;
	sets[0].effective = sets[0].permitted;
	sets[1] = (struct __user_cap_data_struct){0};
	sets[0].inheritable = 0;
	(void)syscall(SYS_capset, &header, sets);
}

void sandbox_enter(const char *folder)
{
	const struct rlimit none = {0, 0};
	const struct rlimit files = {64, 64};
	const struct sock_fprog program = {.len = ARRAY_SIZE(filter), .filter = filter};

	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_NOFILE, &files);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* their shadow memory counts */
	const struct rlimit memory = {MEMORY_BYTES, MEMORY_BYTES};

	setrlimit(RLIMIT_DATA, &memory);
#endif
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	drop_capabilities();
	forbid_other_files(folder);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
