/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/account.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

bool account_find(const char *name, struct account *out, struct error *err)
{
	struct passwd entry, *found = NULL;
	char buffer[4096];

	*out = (struct account){.change = false, .name = name};
	if (geteuid() != 0)
		return true;
	int failure = getpwnam_r(name, &entry, buffer, sizeof(buffer), &found);
	if (found == NULL)
		return error_set_errno(err, ERR_NOT_FOUND, failure == 0 ? ENOENT : failure,
				       "no account '%s', which is needed when running as root",
				       name);
	out->change = true;
	out->uid = entry.pw_uid;
	out->gid = entry.pw_gid;
	return true;
}

void account_apply(const struct account *account, struct spawn_options *options)
{
	if (!account->change)
		return;
	options->flags |= SPAWN_SET_USER;
	options->uid = account->uid;
	options->gid = account->gid;
}

bool account_make_folder(const struct account *account, const char *path, mode_t mode,
			 struct error *err)
{
	if (!file_make_folders(path, mode, err))
		return false;
	if (account->change && chown(path, account->uid, account->gid) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot give %s to %s", path,
				       account->name);
	if (chmod(path, mode) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot set the mode of %s", path);
	return true;
}

bool account_write_file(const struct account *account, const char *path, const char *text,
			struct error *err)
{
	if (!file_write_atomic(path, text, strlen(text), 0600, err))
		return false;
	if (account->change && chown(path, account->uid, account->gid) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot give %s to %s", path,
				       account->name);
	return true;
}

static bool may_enter(const struct account *account, const struct stat *status)
{
	if (status->st_uid == account->uid)
		return (status->st_mode & S_IXUSR) != 0;
	if (status->st_gid == account->gid)
		return (status->st_mode & S_IXGRP) != 0;
	return (status->st_mode & S_IXOTH) != 0;
}

bool account_check_reach(const struct account *account, const char *path, struct error *err)
{
	char parent[PATH_MAX];
	struct stat status;

	if (!account->change)
		return true;
	if (snprintf(parent, sizeof(parent), "%s", path) >= (int)sizeof(parent))
		return error_set(err, ERR_INVALID, "path is too long: %.100s", path);
	for (char *slash = strrchr(parent, '/'); slash != NULL && slash != parent;
	     slash = strrchr(parent, '/')) {
		*slash = '\0';
		if (stat(parent, &status) != 0)
			return error_set_errno(err, ERR_INTERNAL, errno, "cannot use %s", parent);
		if (!may_enter(account, &status))
			return error_set(err, ERR_FORBIDDEN,
					 "account '%s' cannot enter %s: choose another data "
					 "directory, or run chmod o+x %s",
					 account->name, parent, parent);
	}
	return true;
}
