/* SPDX-License-Identifier: Apache-2.0 */
#include "process/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/file.h"

enum { CPU_PERIOD_USEC = 100000, MAX_DEPTH = 8 };

static const char *const V1_CONTROLLERS[] = {"memory", "pids", "cpu"};

/* With one '/' between them, however many they have at their ends. */
static bool path_join(char out[CGROUP_PATH_SIZE], const char *folder, const char *name)
{
	size_t size = strlen(folder);

	while (size > 0 && folder[size - 1] == '/')
		size--;
	while (*name == '/')
		name++;
	int length = snprintf(out, CGROUP_PATH_SIZE, "%.*s%s%s", (int)size, folder,
			      *name ? "/" : "", name);
	return length > 0 && length < CGROUP_PATH_SIZE;
}

static bool file_put(const char *folder, const char *name, const char *text)
{
	char path[CGROUP_PATH_SIZE + 64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool written = fd_write_all(fd, text, strlen(text));
	close(fd);
	return written;
}

static bool file_has_word(const char *folder, const char *name, const char *word)
{
	char path[CGROUP_PATH_SIZE + 64];
	char text[512] = "";

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got < 0)
		return false;
	const char *found = strstr(text, word);
	return found && (found == text || found[-1] == ' ') &&
	       (found[strlen(word)] == ' ' || found[strlen(word)] == '\n');
}

/* Mount point of the hierarchy: version 2, or version 1 with this controller. */
static bool mount_find(const char *type, const char *controller, char out[CGROUP_PATH_SIZE])
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent entry;
	char buffer[4096];
	bool found = false;

	if (!mounts)
		return false;
	while (!found && getmntent_r(mounts, &entry, buffer, sizeof(buffer))) {
		if (strcmp(entry.mnt_type, type) != 0 ||
		    (controller && !hasmntopt(&entry, controller)))
			continue;
		int length = snprintf(out, CGROUP_PATH_SIZE, "%s", entry.mnt_dir);
		found = length > 0 && length < CGROUP_PATH_SIZE;
	}
	endmntent(mounts);
	return found;
}

static bool list_has(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, word, length) == 0 && (at[length] == ',' || !at[length]))
			return true;
	}
	return false;
}

/* Where we are ourselves, as /proc/self/cgroup has it: "4:memory:/path", "0::/path". */
static bool own_path(const char *controller, char out[CGROUP_PATH_SIZE])
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[1024];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		char *names = strchr(line, ':');
		char *path = names ? strchr(names + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		names++;
		path[strcspn(path, "\n")] = '\0';
		if (controller ? !list_has(names, controller) : *names != '\0')
			continue;
		int length = snprintf(out, CGROUP_PATH_SIZE, "%s", path);
		found = length > 0 && length < CGROUP_PATH_SIZE;
	}
	fclose(file);
	return found;
}

/* <parent>/muster/<instance> */
static bool base_make(const char *parent, const char *instance, char out[CGROUP_PATH_SIZE])
{
	char group[CGROUP_PATH_SIZE];

	if (!path_join(group, parent, "muster") || !path_join(out, group, instance))
		return false;
	return (mkdir(group, 0755) == 0 || errno == EEXIST) &&
	       (mkdir(out, 0755) == 0 || errno == EEXIST);
}

/* Making a group does not mean that processes may be moved into it, so one is. No service
 * has a name like this. */
static bool can_join(const char *base)
{
	char group[CGROUP_PATH_SIZE];
	int status = -1;

	if (!path_join(group, base, ".join") || (mkdir(group, 0755) < 0 && errno != EEXIST))
		return false;
	pid_t pid = fork();
	if (pid == 0)
		_exit(file_put(group, "cgroup.procs", "0") ? 0 : 1);
	if (pid > 0 && waitpid(pid, &status, 0) != pid)
		status = -1;
	rmdir(group);
	return status == 0;
}

static bool controllers_enable(const char *base)
{
	char parent[CGROUP_PATH_SIZE + 4];

	snprintf(parent, sizeof(parent), "%s/..", base);
	file_put(parent, "cgroup.subtree_control", "+memory +pids +cpu");
	file_put(base, "cgroup.subtree_control", "+memory +pids +cpu");
	return file_has_word(base, "cgroup.subtree_control", "memory");
}

static bool version2_detect(struct cgroups *cgroups, const char *instance)
{
	char mount[CGROUP_PATH_SIZE], own[CGROUP_PATH_SIZE], parent[CGROUP_PATH_SIZE];
	char *base = cgroups->bases[0];

	if (!mount_find("cgroup2", NULL, mount) ||
	    !file_has_word(mount, "cgroup.controllers", "memory"))
		return false;
	/*
	 * Beside the system's own groups rather than below our unit: a group that hands
	 * controllers down may not hold processes, so the unit could not be started again
	 * while our services live in it.
	 */
	file_put(mount, "cgroup.subtree_control", "+memory +pids +cpu");
	bool made = base_make(mount, instance, base) && controllers_enable(base);
	if (!made && own_path(NULL, own) && path_join(parent, mount, own))
		made = base_make(parent, instance, base);
	if (!made || !can_join(base))
		return false;
	cgroups->kind = CGROUP_2;
	cgroups->base_count = 1;
	cgroups->limits = file_has_word(base, "cgroup.subtree_control", "memory");
	return true;
}

static void version1_detect(struct cgroups *cgroups, const char *instance)
{
	char mount[CGROUP_PATH_SIZE], own[CGROUP_PATH_SIZE], parent[CGROUP_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(V1_CONTROLLERS); i++) {
		const char *controller = V1_CONTROLLERS[i];

		if (!mount_find("cgroup", controller, mount) || !own_path(controller, own) ||
		    !path_join(parent, mount, own) ||
		    !base_make(parent, instance, cgroups->bases[cgroups->base_count]) ||
		    !can_join(cgroups->bases[cgroups->base_count]))
			continue;
		cgroups->base_count++;
		cgroups->kind = CGROUP_1;
		cgroups->limits = cgroups->limits || strcmp(controller, "memory") == 0;
	}
}

void cgroups_detect(struct cgroups *cgroups, const char *instance)
{
	*cgroups = (struct cgroups){0};
	if (!version2_detect(cgroups, instance))
		version1_detect(cgroups, instance);
}

/* A file that is not in this hierarchy cannot be opened, which is fine: it is in another. */
static void limits_write(const struct cgroups *cgroups, const char *folder,
			 const struct cgroup_limits *limits)
{
	char text[64];
	bool second = cgroups->kind == CGROUP_2;
	const char *unlimited = second ? "max" : "-1";

	snprintf(text, sizeof(text), "%lld", (long long)limits->memory_bytes);
	file_put(folder, second ? "memory.max" : "memory.limit_in_bytes",
		 limits->memory_bytes ? text : unlimited);
	if (second)
		file_put(folder, "memory.oom.group", "1");
	/* The shim is in there too, see cgroups_take_shim. */
	snprintf(text, sizeof(text), "%d", limits->pids + (second ? 0 : 1));
	file_put(folder, "pids.max", limits->pids ? text : "max");
	long long quota = (long long)limits->cpu_percent * CPU_PERIOD_USEC / 100;
	if (second) {
		snprintf(text, sizeof(text), "%lld %d", quota, CPU_PERIOD_USEC);
		file_put(folder, "cpu.max", quota ? text : "max");
	} else {
		snprintf(text, sizeof(text), "%lld", quota);
		file_put(folder, "cpu.cfs_quota_us", quota ? text : "-1");
	}
}

size_t cgroups_prepare(const struct cgroups *cgroups, const char *service,
		       const struct cgroup_limits *limits,
		       char paths[CGROUP_MAX_BASES][CGROUP_PATH_SIZE])
{
	size_t count = 0;

	for (size_t i = 0; i < cgroups->base_count; i++) {
		char *path = paths[count];

		if (!path_join(path, cgroups->bases[i], service) ||
		    (mkdir(path, 0755) < 0 && errno != EEXIST))
			continue;
		limits_write(cgroups, path, limits);
		count++;
	}
	return count;
}

bool cgroups_take_shim(const struct cgroups *cgroups, const char *path,
		       const struct cgroup_limits *limits)
{
	char quota[CGROUP_PATH_SIZE + 64];

	if (cgroups->kind != CGROUP_1)
		return false;
	snprintf(quota, sizeof(quota), "%s/cpu.cfs_quota_us", path);
	return limits->cpu_percent == 0 || access(quota, F_OK) != 0;
}

/* This group and those that the service has made in it, the innermost first. True: one visit was. */
static bool groups_visit(const char *path, int depth, bool (*visit)(const char *path))
{
	char inner[CGROUP_PATH_SIZE];
	bool any = false;
	DIR *folder = depth > 0 ? opendir(path) : NULL;
	const struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
		    path_join(inner, path, entry->d_name))
			any = groups_visit(inner, depth - 1, visit) || any;
	}
	if (folder)
		closedir(folder);
	return visit(path) || any;
}

static bool service_visit(const struct cgroups *cgroups, const char *service,
			  bool (*visit)(const char *path))
{
	char path[CGROUP_PATH_SIZE];
	bool any = false;

	for (size_t i = 0; i < cgroups->base_count; i++) {
		if (path_join(path, cgroups->bases[i], service))
			any = groups_visit(path, MAX_DEPTH, visit) || any;
	}
	return any;
}

/* The first process of a group, -1: it is empty. */
static int process_next(FILE *file)
{
	int pid;

	return file && fscanf(file, "%d", &pid) == 1 ? pid : -1;
}

static FILE *processes_open(const char *group)
{
	char path[CGROUP_PATH_SIZE + 64];

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	return fopen(path, "re");
}

static bool is_busy(const char *group)
{
	FILE *file = processes_open(group);
	bool busy = process_next(file) >= 0;

	if (file)
		fclose(file);
	return busy;
}

static bool kill_all(const char *group)
{
	int pid;

	/* What cannot fork any more is dead after one pass. */
	file_put(group, "pids.max", "0");
	if (file_put(group, "cgroup.kill", "1"))
		return true;
	FILE *file = processes_open(group);
	while ((pid = process_next(file)) >= 0) {
		if (pid > 1)
			kill(pid, SIGKILL);
	}
	if (file)
		fclose(file);
	return true;
}

static bool remove_group(const char *group)
{
	return rmdir(group) == 0;
}

bool cgroups_busy(const struct cgroups *cgroups, const char *service)
{
	return service_visit(cgroups, service, is_busy);
}

void cgroups_kill(const struct cgroups *cgroups, const char *service)
{
	service_visit(cgroups, service, kill_all);
}

void cgroups_remove(const struct cgroups *cgroups, const char *service)
{
	service_visit(cgroups, service, remove_group);
}

void cgroups_release(const struct cgroups *cgroups)
{
	char parent[CGROUP_PATH_SIZE + 4];

	for (size_t i = 0; i < cgroups->base_count; i++) {
		snprintf(parent, sizeof(parent), "%s", cgroups->bases[i]);
		rmdir(parent);
		char *slash = strrchr(parent, '/');
		if (slash) {
			*slash = '\0';
			rmdir(parent);
		}
	}
}

const char *cgroups_limits_name(const struct cgroups *cgroups)
{
	if (!cgroups->limits)
		return "rlimit";
	return cgroups->kind == CGROUP_2 ? "cgroup2" : "cgroup1";
}
