/* SPDX-License-Identifier: Apache-2.0 */
/* Finding again what an earlier agent has left running. */
#include "supervise/supervisor.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "supervise/service.h"

/* "broker.sock" -> "broker" */
static bool name_of(const char *file, const char *suffix, char out[SPEC_MAX_NAME + 1])
{
	size_t length = strlen(file);
	size_t end = strlen(suffix);

	if (length <= end || length - end > SPEC_MAX_NAME ||
	    strcmp(file + length - end, suffix) != 0)
		return false;
	memcpy(out, file, length - end);
	out[length - end] = '\0';
	return true;
}

static struct service *find_or_add(struct supervisor *supervisor, const char *name)
{
	struct service *service = supervisor_find(supervisor, name);

	return service ? service : supervisor_add(supervisor, name);
}

static void adopt_one(struct supervisor *supervisor, const char *name)
{
	struct service *service = find_or_add(supervisor, name);
	struct shim_client *client;
	struct shim_event status;
	struct error err = {0};

	if (!service)
		return;
	if (shim_client_connect(supervisor->options.loop, SUPERVISOR_RUN_DIR, name,
				service_shim_event, service, &client, &status, &err)) {
		if (shim_client_upgrade(client, supervisor->shim))
			log_info("takes the shim over to the program of this agent service=%s",
				 name);
		service_adopted(service, client, &status);
		return;
	}
	/* After a power cut the sockets are still there and nobody behind them. */
	if (err.code != ERR_NOT_FOUND)
		log_warn("could not adopt service=%s reason=\"%s\"", name, err.text);
	if (err.code == ERR_NOT_FOUND || err.code == ERR_TIMEOUT)
		cgroups_kill(&supervisor->cgroups, name);
	service_set_reason(service, "was not running when the agent started");
	service->removing = true;
	supervisor_poke(supervisor);
}

/* A shim that has gone since: what it has written down is all that is known. */
static void exit_file_one(struct supervisor *supervisor, const char *name)
{
	const struct service *known = supervisor_find(supervisor, name);
	char buffer[SHIM_CLIENT_MAX_PACKET];
	struct shim_event event;

	/* A living shim tells by itself, and takes its file away when that is heard. */
	if ((known && known->client) ||
	    !shim_exit_file_take(SUPERVISOR_RUN_DIR, name, buffer, &event))
		return;
	struct service *service = find_or_add(supervisor, name);
	if (!service)
		return;
	service_note_exit(service, &event);
	service->removing = true;
	service_set_reason(service, "%s", service->exit_text);
	service_notice(service, NOTICE_EXITED);
	service_deliver(service);
}

static bool visit(struct supervisor *supervisor, const char *suffix,
		  void (*found)(struct supervisor *supervisor, const char *name), struct error *err)
{
	DIR *folder = opendir(SUPERVISOR_RUN_DIR);
	const struct dirent *entry;
	char name[SPEC_MAX_NAME + 1];

	if (!folder)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not open %s",
				       SUPERVISOR_RUN_DIR);
	while ((entry = readdir(folder))) {
		if (name_of(entry->d_name, suffix, name))
			found(supervisor, name);
	}
	closedir(folder);
	return true;
}

bool supervisor_adopt(struct supervisor *supervisor, struct error *err)
{
	return file_make_folders("run", 0755, err) &&
	       file_make_folders(SUPERVISOR_RUN_DIR, 0700, err) &&
	       visit(supervisor, ".sock", adopt_one, err) &&
	       visit(supervisor, ".exit", exit_file_one, err);
}
