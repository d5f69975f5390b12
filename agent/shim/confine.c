/* SPDX-License-Identifier: Apache-2.0 */
/* What a service may do and see, beside its user: capabilities(7), mount_namespaces(7). */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, CAPABILITY_VERSION = 0x20080522, CAPABILITY_WORDS = 2 };

/* As in linux/capability.h, which not every C library's compiler finds. */
struct capability_header {
	uint32_t version;
	int pid;
};

struct capability_data {
	uint32_t effective, permitted, inheritable;
};

bool capabilities_prepare(const struct shim_options *options)
{
	if (!options->set_capabilities)
		return true;
	/* What is dropped here does not come back by executing something either. */
	for (unsigned long i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++) {
		if (!(options->capabilities >> i & 1) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0 &&
		    geteuid() == 0)
			return false;
	}
	/* Else a change of user takes all of them. */
	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0;
}

bool capabilities_set(const struct shim_options *options)
{
	struct capability_header header = {.version = CAPABILITY_VERSION};
	struct capability_data data[CAPABILITY_WORDS];

	if (!options->set_capabilities)
		return true;
	for (int i = 0; i < CAPABILITY_WORDS; i++) {
		uint32_t bits = (uint32_t)(options->capabilities >> (32 * i));

		data[i] = (struct capability_data){
			.effective = bits, .permitted = bits, .inheritable = bits};
	}
	if (syscall(SYS_capset, &header, data) < 0)
		return false;
	/* An ordinary user keeps over exec what is ambient. */
	for (unsigned long i = 0; i < 64; i++) {
		if ((options->capabilities >> i & 1) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return false;
	}
	return true;
}

/* All folders of an absolute path. */
static bool folders_make(char *path)
{
	for (char *at = path + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		bool made = mkdir(path, 0755) == 0 || errno == EEXIST;
		*at = '/';
		if (!made)
			return false;
	}
	return mkdir(path, 0755) == 0 || errno == EEXIST;
}

/* The folder of the agent may be below the one that is covered: then it is shown in there. */
static bool shown_again(int folder, const char *path, const char *covered)
{
	char source[64];
	char target[PATH_BYTES];
	size_t length = strlen(covered);

	if (strncmp(path, covered, length) != 0 || path[length] != '/')
		return true;
	snprintf(source, sizeof(source), "/proc/self/fd/%d", folder);
	snprintf(target, sizeof(target), "%s", path);
	return folders_make(target) && mount(source, target, NULL, MS_BIND | MS_REC, NULL) == 0;
}

static bool cover(const char *folder, int root, const char *root_path)
{
	/* A machine without such a folder needs none of its own either. */
	if (access(folder, F_OK) < 0)
		return true;
	return mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") == 0 &&
	       shown_again(root, root_path, folder);
}

bool private_tmp_make(const struct shim_options *options)
{
	char root_path[PATH_BYTES];

	if (!options->private_tmp)
		return true;
	/* What is mounted on the machine later is seen; what we mount is not seen there. */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return false;
	/* We stand in the folder of the agent, which is to be that of the new namespace. */
	if (!getcwd(root_path, sizeof(root_path)))
		return false;
	int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return false;
	bool made = cover("/tmp", root, root_path) && cover("/var/tmp", root, root_path);
	int error = errno;
	close(root);
	errno = error;
	return made;
}
