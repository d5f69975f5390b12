/* SPDX-License-Identifier: Apache-2.0 */
#include "profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/file.h"
#include "base/settings.h"

static const struct setting SETTINGS[] = {
	SETTING_STRING(struct profile, server, NULL, "https://host:port of musterd"),
	SETTING_PATH(struct profile, ca, NULL, "its certificate authority, PEM"),
	SETTING_SECRET(struct profile, token, "API token"),
	SETTING_STRING(struct profile, project, NULL, "id or name of the project"),
	SETTING_END,
};

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

const char *profile_path(struct arena *arena)
{
	if (variable("MUSTER_PROFILE") != NULL)
		return variable("MUSTER_PROFILE");
	if (variable("XDG_CONFIG_HOME") != NULL)
		return arena_printf(arena, "%s/muster/config", variable("XDG_CONFIG_HOME"));
	return arena_printf(arena, "%s/.config/muster/config",
			    variable("HOME") != NULL ? variable("HOME") : ".");
}

bool profile_load(struct arena *arena, struct profile *out, struct error *err)
{
	const char *path = profile_path(arena);
	struct profile profile = {0};

	if (!settings_defaults(SETTINGS, arena, &profile, err) ||
	    (access(path, F_OK) == 0 && !settings_file(SETTINGS, path, arena, &profile, err)) ||
	    !settings_environment(SETTINGS, "MUSTER", arena, &profile, err))
		return false;
	*out = profile;
	return true;
}

static const char *folder_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? "." : arena_strndup(arena, path, (size_t)(slash - path));
}

bool profile_keep_ca(struct arena *arena, struct profile *profile, const char *ca_pem,
		     struct error *err)
{
	const char *folder = folder_of(arena, profile_path(arena));
	char digest[SHA256_HEX_SIZE];

	/* A name of its own for each authority: the one in use is not overwritten. */
	sha256_hex(ca_pem, strlen(ca_pem), digest);
	profile->ca = arena_printf(arena, "%s/ca-%.16s.crt", folder, digest);
	return file_make_folders(folder, 0700, err) &&
	       file_write_atomic(profile->ca, ca_pem, strlen(ca_pem), 0644, err);
}

bool profile_save(struct arena *arena, const struct profile *profile, struct error *err)
{
	const char *path = profile_path(arena);

	if (!file_make_folders(folder_of(arena, path), 0700, err))
		return false;
	char *text = arena_printf(
		arena, "# Written by muster login.\nserver = %s\n%s%s%s%s%s%s%s%s%s",
		profile->server, profile->ca != NULL ? "ca = " : "",
		profile->ca != NULL ? profile->ca : "", profile->ca != NULL ? "\n" : "",
		profile->token != NULL ? "token = " : "",
		profile->token != NULL ? profile->token : "", profile->token != NULL ? "\n" : "",
		profile->project != NULL ? "project = " : "",
		profile->project != NULL ? profile->project : "",
		profile->project != NULL ? "\n" : "");
	return file_write_atomic(path, text, strlen(text), 0600, err);
}

bool profile_forget(struct arena *arena, struct error *err)
{
	const char *path = profile_path(arena);

	if (unlink(path) != 0 && errno != ENOENT)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not remove %s", path);
	return true;
}
