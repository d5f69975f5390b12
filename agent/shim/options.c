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

static bool digits_parse(const char *text, size_t length, int64_t max, int64_t *out)
{
	int64_t value = 0;

	if (length == 0)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		if (value > (max - (text[i] - '0')) / 10)
			return false;
		value = value * 10 + (text[i] - '0');
	}
	*out = value;
	return true;
}

bool number_parse(const char *text, int64_t max, int64_t *out)
{
	return digits_parse(text, strlen(text), max, out);
}

static bool limit_parse(const char *text, struct shim_options *options)
{
	size_t length = strcspn(text, "=");
	int64_t number;

	if (!text[length] || options->limit_count == SHIM_MAX_LIMITS ||
	    !number_parse(text + length + 1, INT64_MAX, &number))
		return false;
	for (size_t i = 0; i < sizeof(LIMIT_NAMES) / sizeof(LIMIT_NAMES[0]); i++) {
		if (strlen(LIMIT_NAMES[i].name) == length &&
		    strncmp(text, LIMIT_NAMES[i].name, length) == 0) {
			options->limits[options->limit_count++] = (struct shim_limit){
				.resource = LIMIT_NAMES[i].resource, .value = (rlim_t)number};
			return true;
		}
	}
	return false;
}

/* A number of an account up to the delimiter, which *text stands behind afterwards. */
static bool account_parse(const char **text, const char *delimiter, int64_t *out)
{
	size_t length = strcspn(*text, delimiter);

	if (!digits_parse(*text, length, UINT32_MAX - 1, out))
		return false;
	*text += length + ((*text)[length] != '\0');
	return true;
}

/* "uid:gid:group,group" */
static bool user_parse(const char *text, struct shim_options *options)
{
	const char *first = strchr(text, ':');
	int64_t number;

	if (!first || !strchr(first + 1, ':') || !account_parse(&text, ":", &number))
		return false;
	options->uid = (uid_t)number;
	if (!account_parse(&text, ":", &number))
		return false;
	options->gid = (gid_t)number;
	while (*text) {
		if (options->group_count == SHIM_MAX_GROUPS || !account_parse(&text, ",", &number))
			return false;
		options->groups[options->group_count++] = (gid_t)number;
	}
	options->set_user = true;
	return true;
}

static bool folder_add(const char *folders[SHIM_MAX_CGROUPS], size_t *count, const char *folder)
{
	if (*count == SHIM_MAX_CGROUPS)
		return false;
	folders[(*count)++] = folder;
	return true;
}

static bool capabilities_parse(const char *text, struct shim_options *options)
{
	int64_t number;

	if (!number_parse(text, INT64_MAX, &number))
		return false;
	options->set_capabilities = true;
	options->capabilities = (uint64_t)number;
	return true;
}

static bool truth_parse(const char *text, bool *out)
{
	int64_t number;

	if (!number_parse(text, 1, &number))
		return false;
	*out = number == 1;
	return true;
}

/* These two stand in the arguments of a program that takes our place. */
static bool resume_parse(const char *text, bool check, struct shim_options *options)
{
	int64_t number;

	if (!number_parse(text, INT_MAX, &number))
		return false;
	options->resume_fd = (int)number;
	options->check = check;
	return true;
}

static bool option_parse(const char *name, const char *value, struct shim_options *options)
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
	else if (strcmp(name, "--capabilities") == 0)
		return capabilities_parse(value, options);
	else if (strcmp(name, "--new-privileges") == 0)
		return truth_parse(value, &options->new_privileges);
	else if (strcmp(name, "--private-tmp") == 0)
		return truth_parse(value, &options->private_tmp);
	else if (strcmp(name, "--cgroup") == 0)
		return folder_add(options->cgroups, &options->cgroup_count, value);
	else if (strcmp(name, "--within") == 0)
		return folder_add(options->within, &options->within_count, value);
	else if (strcmp(name, "--resume") == 0 || strcmp(name, "--check") == 0)
		return resume_parse(value, name[2] == 'c', options);
	else if (strcmp(name, "--stop-signal") == 0) {
		if (!number_parse(value, 64, &number))
			return false;
		options->stop_signal = (int)number;
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
