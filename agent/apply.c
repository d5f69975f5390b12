/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle that somebody brings: read by a child, examined like a message of the link, then taken. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app_internal.h"
#include "base/file.h"
#include "base/log.h"
#include "fetch/import.h"
#include "reconcile/offer.h"
#include "verbs.h"

struct apply {
	struct app *app;
	struct control_client *client; /* NULL: gone */
	struct import *import;
	struct arena *arena;
	const char *envelope;
	size_t size;
	struct offer offer;
	uint64_t cancel_timer;
};

static void apply_free(struct apply *apply)
{
	loop_timer_cancel(apply->app->loop, apply->cancel_timer);
	apply->app->apply = NULL;
	import_cancel(apply->import);
	arena_free(apply->arena);
	free(apply);
}

void apply_cancel(struct app *app)
{
	if (app->apply)
		apply_free(app->apply);
}

static void refuse(struct apply *apply, const struct error *err)
{
	struct control_client *client = apply->client;

	reconcile_refuse_offer(apply->app->reconcile, err->text);
	apply_free(apply);
	if (client)
		control_fail(client, err);
}

static void cancel_now(void *arg)
{
	struct apply *apply = arg;

	apply->cancel_timer = 0;
	log_info("whoever brought the bundle is gone: nothing was changed");
	apply_free(apply);
}

/* He may go in the middle of what the import tells us, so the end comes a turn later. */
static void client_gone(void *arg)
{
	struct apply *apply = arg;

	apply->client = NULL;
	apply->cancel_timer = loop_timer_set(apply->app->loop, 0, cancel_now, apply);
}

static bool check_space(const struct apply *apply, struct error *err)
{
	int64_t needed = apply->app->config->disk_reserve_bytes, available;

	for (size_t i = 0; i < apply->offer.missing_count; i++)
		needed += 2 * apply->offer.missing[i]->size;
	if (!file_free_bytes(".", &available, err))
		return false;
	return available >= needed ||
	       error_set(err, ERR_UNAVAILABLE, "%lld MiB are free, the bundle needs %lld MiB",
			 (long long)(available >> 20), (long long)(needed >> 20));
}

static void envelope_came(const char *text, size_t size, void *arg)
{
	struct import_package wanted[OFFER_MAX_PACKAGES];
	struct apply *apply = arg;
	struct error err = {0};

	apply->envelope = arena_memdup(apply->arena, text, size);
	apply->size = size;
	if (!reconcile_examine(apply->app->reconcile, text, size, apply->arena, &apply->offer,
			       &err) ||
	    !check_space(apply, &err)) {
		refuse(apply, &err);
		return;
	}
	for (size_t i = 0; i < apply->offer.missing_count; i++)
		wanted[i] = (struct import_package){apply->offer.missing[i]->sha256,
						    apply->offer.missing[i]->size};
	if (!import_want(apply->import, wanted, apply->offer.missing_count, &err)) {
		refuse(apply, &err);
		return;
	}
	if (apply->client)
		control_send(apply->client,
			     json_pack("{s:I, s:I}", "generation",
				       (json_int_t)apply->offer.generation, "packages",
				       (json_int_t)apply->offer.missing_count));
}

static void progress_came(int64_t done, int64_t total, void *arg)
{
	struct apply *apply = arg;

	if (apply->client)
		control_send(apply->client, json_pack("{s:I, s:I}", "done", (json_int_t)done,
						      "total", (json_int_t)total));
}

static void take_offer(struct apply *apply)
{
	struct app *app = apply->app;
	struct control_client *client = apply->client;
	char text[80];

	snprintf(text, sizeof(text), "a bundle with generation %" PRId64 " was brought",
		 apply->offer.generation);
	verb_tell(app, client, "bundle.accepted", NULL, text);
	reconcile_receive_desired(app->reconcile, apply->envelope, apply->size);
	control_end(client,
		    json_pack("{s:I, s:s, s:b}", "accepted", (json_int_t)apply->offer.generation,
			      "digest", apply->offer.digest, "in_force", apply->offer.in_force));
}

static void import_done(const char *failure, void *arg)
{
	struct apply *apply = arg;
	struct error err = {0};

	apply->import = NULL;
	if (failure) {
		error_set(&err, ERR_INVALID, "%s", failure);
		refuse(apply, &err);
		return;
	}
	/* Who has gone meanwhile did not want it to happen. */
	if (apply->client)
		take_offer(apply);
	apply_free(apply);
}

/* Only what can be read and has an end: no device, no pipe that never says a word. */
static bool check_file(int file, struct error *err)
{
	struct stat status;

	if (file < 0)
		return error_set(err, ERR_INVALID, "apply comes with an open file");
	if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode) ||
	    (fcntl(file, F_GETFL) & O_ACCMODE) == O_WRONLY)
		return error_set(err, ERR_INVALID, "a bundle is a file");
	if (lseek(file, 0, SEEK_SET) != 0)
		return error_set_errno(err, ERR_INVALID, errno, "cannot read the bundle");
	return true;
}

void verb_apply(struct control_client *client, json_t *request, void *arg)
{
	struct app *app = arg;
	int file = control_take_fd(client);
	struct error err = {0};
	bool ok = check_file(file, &err);

	(void)request;
	if (ok && app->apply)
		ok = error_set(&err, ERR_CONFLICT, "another bundle is being read; try again later");
	if (!ok) {
		fd_cleanup(&file);
		control_fail(client, &err);
		return;
	}
	struct apply *apply = xcalloc(1, sizeof(*apply));
	const struct import_callbacks callbacks = {.envelope = envelope_came,
						   .progress = progress_came,
						   .done = import_done,
						   .arg = apply};
	*apply = (struct apply){.app = app, .client = client, .arena = arena_new()};
	app->apply = apply;
	if (!import_start(app->loop, file, app->identity.node_id, &callbacks, &apply->import,
			  &err)) {
		apply_free(apply);
		control_fail(client, &err);
		return;
	}
	control_on_gone(client, client_gone, apply);
}
