/* SPDX-License-Identifier: Apache-2.0 */
#include "shim.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>
#include <time.h>

static const struct {
	const char *name;
	int resource;
} LIMIT_NAMES[] = {
	{"as", RLIMIT_AS},     {"core", RLIMIT_CORE},	  {"cpu", RLIMIT_CPU},
	{"data", RLIMIT_DATA}, {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC},
};

bool number_parse(const char *text, int64_t max, int64_t *out)
{
	int64_t value = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return false;
		if (value > (max - (*text - '0')) / 10)
			return false;
		value = value * 10 + (*text - '0');
	}
	*out = value;
	return true;
}

static bool limit_parse(char *text, struct shim_options *options)
{
	char *value = strchr(text, '=');
	int64_t number;

	if (!value || options->limit_count == SHIM_MAX_LIMITS)
		return false;
	*value++ = '\0';
	if (!number_parse(value, INT64_MAX, &number))
		return false;
	for (size_t i = 0; i < sizeof(LIMIT_NAMES) / sizeof(LIMIT_NAMES[0]); i++) {
		if (strcmp(text, LIMIT_NAMES[i].name) == 0) {
			options->limits[options->limit_count++] = (struct shim_limit){
				.resource = LIMIT_NAMES[i].resource, .value = (rlim_t)number};
			return true;
		}
	}
	return false;
}

/* "uid:gid:group,group" */
static bool user_parse(char *text, struct shim_options *options)
{
	char *gid = strchr(text, ':');
	char *groups = gid ? strchr(gid + 1, ':') : NULL;
	int64_t number;

	if (!groups)
		return false;
	*gid++ = '\0';
	*groups++ = '\0';
	if (!number_parse(text, UINT32_MAX - 1, &number))
		return false;
	options->uid = (uid_t)number;
	if (!number_parse(gid, UINT32_MAX - 1, &number))
		return false;
	options->gid = (gid_t)number;
	while (*groups) {
		char *end = strchrnul(groups, ',');
		bool last = !*end;

		*end = '\0';
		if (options->group_count == SHIM_MAX_GROUPS ||
		    !number_parse(groups, UINT32_MAX - 1, &number))
			return false;
		options->groups[options->group_count++] = (gid_t)number;
		groups = last ? end : end + 1;
	}
	options->set_user = true;
	return true;
}

static bool option_parse(const char *name, char *value, struct shim_options *options)
{
	int64_t number;

	if (strcmp(name, "--name") == 0)
		options->name = value;
	else if (strcmp(name, "--run") == 0)
		options->run_dir = value;
	else if (strcmp(name, "--log") == 0)
		options->log_dir = value;
	else if (strcmp(name, "--cwd") == 0)
		options->cwd = value;
	else if (strcmp(name, "--segment-bytes") == 0)
		return number_parse(value, INT64_C(1) << 40, &options->segment_bytes);
	else if (strcmp(name, "--segment-count") == 0)
		return number_parse(value, 1000, &options->segment_count);
	else if (strcmp(name, "--rate") == 0)
		return number_parse(value, INT64_C(1) << 32, &options->rate_bytes);
	else if (strcmp(name, "--grace-ms") == 0)
		return number_parse(value, INT_MAX, &options->grace_ms);
	else if (strcmp(name, "--limit") == 0)
		return limit_parse(value, options);
	else if (strcmp(name, "--user") == 0)
		return user_parse(value, options);
	else if (strcmp(name, "--stop-signal") == 0) {
		if (!number_parse(value, 64, &number))
			return false;
		options->stop_signal = (int)number;
	} else if (strcmp(name, "--cgroup") == 0) {
		if (options->cgroup_count == SHIM_MAX_CGROUPS)
			return false;
		options->cgroups[options->cgroup_count++] = value;
	} else {
		return false;
	}
	return true;
}

bool options_parse(int argc, char **argv, struct shim_options *options, const char **why)
{
	int i = 1;

	*why = "usage: muster-shim --name N --run DIR --log DIR [options] -- command ...";
	for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
		if (!option_parse(argv[i], argv[i + 1], options))
			return false;
	}
	if (i >= argc - 1 || strcmp(argv[i], "--") != 0)
		return false;
	options->command = argv + i + 1;
	if (!options->name || !options->run_dir || !options->log_dir)
		return false;
	return options->segment_bytes >= 4 * SHIM_WRITE_BYTES && options->segment_count >= 2;
}

static int64_t clock_usec(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

int64_t now_utc(void)
{
	return clock_usec(CLOCK_REALTIME);
}

int64_t now_monotonic(void)
{
	return clock_usec(CLOCK_MONOTONIC);
}
