/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/user.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "base/strbuf.h"

bool user_find(const char *name, struct user *out, struct error *err)
{
	struct passwd entry, *found = NULL;
	char buffer[4096];
	gid_t groups[USER_MAX_GROUPS];
	int count = USER_MAX_GROUPS;

	if (getpwnam_r(name, &entry, buffer, sizeof(buffer), &found) != 0 || !found)
		return error_set(err, ERR_NOT_FOUND, "this machine has no user %s", name);
	if (found->pw_uid == geteuid()) {
		*out = (struct user){.uid = found->pw_uid, .gid = found->pw_gid};
		return true;
	}
	if (geteuid() != 0)
		return error_set(err, ERR_FORBIDDEN,
				 "an agent that is not root cannot run a service as %s", name);
	/* More groups than fit: the first ones are filled in. */
	if (getgrouplist(name, found->pw_gid, groups, &count) < 0)
		count = USER_MAX_GROUPS;
	*out = (struct user){.change = true, .uid = found->pw_uid, .gid = found->pw_gid};
	for (int i = 0; i < count; i++)
		out->groups[out->group_count++] = groups[i];
	return true;
}

char *user_shim_text(const struct user *user, struct arena *arena)
{
	struct strbuf text;

	if (!user->change)
		return NULL;
	strbuf_init(&text, arena, 1024);
	strbuf_printf(&text, "%u:%u:", (unsigned)user->uid, (unsigned)user->gid);
	for (size_t i = 0; i < user->group_count; i++)
		strbuf_printf(&text, "%s%u", i ? "," : "", (unsigned)user->groups[i]);
	return text.data;
}

bool confinement_fill(const struct service_spec *spec, struct arena *arena,
		      struct shim_start *start, struct error *err)
{
	bool root = geteuid() == 0;

	if (!root && spec->capabilities != 0)
		return error_set(err, ERR_FORBIDDEN,
				 "an agent that is not root cannot give capabilities");
	if (!root && spec->private_tmp)
		return error_set(err, ERR_FORBIDDEN,
				 "an agent that is not root cannot make a private /tmp");
	if (spec->has_capabilities)
		start->capabilities =
			arena_printf(arena, "%llu", (unsigned long long)spec->capabilities);
	start->new_privileges = !spec->no_new_privs;
	start->private_tmp = spec->private_tmp;
	return true;
}
