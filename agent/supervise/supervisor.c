/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/supervisor.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/file.h"
#include "supervise/service.h"

enum { INSTANCE_DIGITS = 12, LEFTOVER_LOOK_MS = 50 };

/* Beside our own program first, so that a test or an unpacked archive uses its own. */
static char *shim_find(void)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 32);

	if (length > 0) {
		path[length] = '\0';
		char *slash = strrchr(path, '/');
		if (slash) {
			snprintf(slash + 1, sizeof(path) - (size_t)(slash + 1 - path),
				 "muster-shim");
			if (access(path, X_OK) == 0)
				return xstrdup(path);
		}
	}
	const char *search = getenv("PATH");
	while (search && *search) {
		size_t size = strcspn(search, ":");

		snprintf(path, sizeof(path), "%.*s/muster-shim", (int)size, search);
		if (size > 0 && access(path, X_OK) == 0)
			return xstrdup(path);
		search += size + (search[size] == ':');
	}
	return xstrdup("/usr/bin/muster-shim");
}

struct supervisor *supervisor_new(const struct supervisor_options *options)
{
	struct supervisor *supervisor = xcalloc(1, sizeof(*supervisor));
	char instance[SHA256_HEX_SIZE];

	supervisor->options = *options;
	supervisor->root = xstrdup(options->root);
	supervisor->shim = options->shim ? xstrdup(options->shim) : shim_find();
	sha256_hex(options->root, strlen(options->root), instance);
	instance[INSTANCE_DIGITS] = '\0';
	cgroups_detect(&supervisor->cgroups, instance);
	return supervisor;
}

void supervisor_free(struct supervisor *supervisor)
{
	if (!supervisor)
		return;
	loop_timer_cancel(supervisor->options.loop, supervisor->sweep_timer);
	for (size_t i = 0; i < supervisor->count; i++)
		service_free(supervisor->services[i]);
	cgroups_release(&supervisor->cgroups);
	free(supervisor->root);
	free(supervisor->shim);
	free(supervisor);
}

/* Where the name is, or where it would have to stand. */
static size_t position(const struct supervisor *supervisor, const char *name)
{
	size_t i = 0;

	while (i < supervisor->count && strcmp(supervisor->services[i]->name, name) < 0)
		i++;
	return i;
}

struct service *supervisor_find(const struct supervisor *supervisor, const char *name)
{
	size_t i = position(supervisor, name);

	if (i == supervisor->count || strcmp(supervisor->services[i]->name, name) != 0)
		return NULL;
	return supervisor->services[i];
}

struct service *supervisor_add(struct supervisor *supervisor, const char *name)
{
	size_t i = position(supervisor, name);

	if (supervisor->count == SUPERVISOR_MAX_SERVICES)
		return NULL;
	memmove(supervisor->services + i + 1, supervisor->services + i,
		(supervisor->count - i) * sizeof(supervisor->services[0]));
	supervisor->services[i] = service_new(supervisor, name);
	supervisor->count++;
	return supervisor->services[i];
}

static void forget(struct supervisor *supervisor, size_t index)
{
	struct service *service = supervisor->services[index];
	struct service_status status;

	supervisor->count--;
	memmove(supervisor->services + index, supervisor->services + index + 1,
		(supervisor->count - index) * sizeof(supervisor->services[0]));
	cgroups_remove(&supervisor->cgroups, service->name);
	service_status_fill(service, &status);
	if (supervisor->options.notice)
		supervisor->options.notice(NOTICE_REMOVED, &status, supervisor->options.arg);
	service_free(service);
}

static bool is_gone(const struct service *service)
{
	return !service->client && !service_has_process(service) &&
	       service->state != SERVICE_WAITING && service->state != SERVICE_BACKOFF;
}

static bool all_gone(const struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->count; i++) {
		if (!is_gone(supervisor->services[i]))
			return false;
	}
	return true;
}

/* Ends what was asked to end and whose turn it is. */
static void pass_on(struct service *service)
{
	const struct service *other = service_ends_after(service);
	enum service_event event = service->asked_for;

	if (other) {
		service_set_reason(service, "ends after %s", other->name);
		return;
	}
	service->asked_for = SERVICE_EVENT_COUNT;
	service_dispatch(service, event);
}

static void look_again(struct service *service)
{
	const char *name = service_waits_for(service);

	if (name)
		service_set_reason(service, "waits for %s", name);
	else
		service_dispatch(service, EVENT_CLEARED);
}

static void sweep(void *arg);

static void sweep_in(struct supervisor *supervisor, int64_t delay_ms)
{
	/* One that is to come soon must not wait for one that is to come later. */
	if (supervisor->sweep_timer != 0 && delay_ms > 0)
		return;
	loop_timer_cancel(supervisor->options.loop, supervisor->sweep_timer);
	supervisor->sweep_timer =
		loop_timer_set(supervisor->options.loop, delay_ms, sweep, supervisor);
}

static void sweep(void *arg)
{
	struct supervisor *supervisor = arg;

	supervisor->sweep_timer = 0;
	for (size_t i = 0; i < supervisor->count; i++) {
		if (supervisor->services[i]->asked_for != SERVICE_EVENT_COUNT)
			pass_on(supervisor->services[i]);
	}
	for (size_t i = 0; i < supervisor->count; i++) {
		struct service *service = supervisor->services[i];

		if (service->state == SERVICE_WAITING)
			look_again(service);
		if ((service->removing || supervisor->stopping_all) &&
		    service->state == SERVICE_STOPPED)
			service_release(service);
	}
	for (size_t i = supervisor->count; i-- > 0;) {
		const struct service *service = supervisor->services[i];

		if (!service->removing || service->state != SERVICE_STOPPED || service->client)
			continue;
		if (cgroups_busy(&supervisor->cgroups, service->name)) {
			cgroups_kill(&supervisor->cgroups, service->name);
			sweep_in(supervisor, LEFTOVER_LOOK_MS);
		} else {
			forget(supervisor, i);
		}
	}
	if (!supervisor->stopping_all || !all_gone(supervisor))
		return;
	supervisor->stopping_all = false;
	supervisor->stopped(supervisor->stopped_arg);
}

void supervisor_poke(struct supervisor *supervisor)
{
	sweep_in(supervisor, 0);
}

void supervisor_collect(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->count; i++)
		service_collect(supervisor->services[i]);
}

bool supervisor_set(struct supervisor *supervisor, const struct service_spec *spec,
		    int64_t generation, struct error *err)
{
	struct service *service = supervisor_find(supervisor, spec->name);

	if (supervisor->stopping_all)
		return error_set(err, ERR_CONFLICT, "everything is being stopped");
	if (!service)
		service = supervisor_add(supervisor, spec->name);
	if (!service)
		return error_set(err, ERR_TOO_LARGE, "more than %d services",
				 SUPERVISOR_MAX_SERVICES);
	service_take_spec(service, spec, generation);
	return true;
}

void supervisor_remove(struct supervisor *supervisor, const char *name)
{
	struct service *service = supervisor_find(supervisor, name);

	if (!service)
		return;
	service->removing = true;
	service_ask(service, EVENT_STOP);
}

static struct service *get(const struct supervisor *supervisor, const char *name, struct error *err)
{
	struct service *service = supervisor_find(supervisor, name);

	if (!service || service->removing) {
		error_set(err, ERR_NOT_FOUND, "there is no service %.63s", name);
		return NULL;
	}
	return service;
}

static bool begin_anew(struct service *service, enum service_event event, struct error *err)
{
	if (service->supervisor->stopping_all)
		return error_set(err, ERR_CONFLICT, "everything is being stopped");
	if (!service->claimed || !service->spec.run)
		return error_set(err, ERR_CONFLICT, "service %s is not to run", service->name);
	service->halted = false;
	service->asked = true;
	restart_forget(&service->history);
	if (event == EVENT_RESTART) {
		service_set_reason(service, "restart by command");
		service_ask(service, event);
	} else {
		service_unask(service);
		service_dispatch(service, event);
	}
	return true;
}

bool supervisor_restart(struct supervisor *supervisor, const char *name, struct error *err)
{
	struct service *service = get(supervisor, name, err);

	return service && begin_anew(service, EVENT_RESTART, err);
}

bool supervisor_start(struct supervisor *supervisor, const char *name, struct error *err)
{
	struct service *service = get(supervisor, name, err);

	return service && begin_anew(service, EVENT_START, err);
}

bool supervisor_stop(struct supervisor *supervisor, const char *name, struct error *err)
{
	struct service *service = get(supervisor, name, err);

	if (!service)
		return false;
	service->halted = true;
	service_ask(service, EVENT_STOP);
	return true;
}

void supervisor_prune(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->count; i++) {
		struct service *service = supervisor->services[i];

		if (service->claimed)
			continue;
		service->removing = true;
		service_ask(service, EVENT_STOP);
	}
}

void supervisor_stop_all(struct supervisor *supervisor, void (*done)(void *arg), void *arg)
{
	supervisor->stopping_all = true;
	supervisor->stopped = done;
	supervisor->stopped_arg = arg;
	for (size_t i = 0; i < supervisor->count; i++)
		service_ask(supervisor->services[i], EVENT_STOP);
	supervisor_poke(supervisor);
}

bool supervisor_status(struct supervisor *supervisor, const char *name,
		       struct service_status *status)
{
	struct service *service = supervisor_find(supervisor, name);

	if (!service)
		return false;
	service_status_fill(service, status);
	return true;
}

size_t supervisor_count(const struct supervisor *supervisor)
{
	return supervisor->count;
}

void supervisor_status_at(struct supervisor *supervisor, size_t index,
			  struct service_status *status)
{
	service_status_fill(supervisor->services[index], status);
}

const char *supervisor_limits_kind(const struct supervisor *supervisor)
{
	return cgroups_limits_name(&supervisor->cgroups);
}
