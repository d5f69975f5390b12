/* SPDX-License-Identifier: Apache-2.0 */
/* Brings the packages that are not here yet. Nothing that runs is touched in this phase. */
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "reconcile/transaction_internal.h"
#include "state/packages.h"

enum { FIRST_PAUSE_MS = 1000, MAX_PAUSE_MS = 60 * 1000, EXPIRED_PAUSE_MS = 10 * 1000 };

#define PROGRESS_EVERY (2 * USEC_PER_SEC)

static bool have_package(const char *sha256)
{
	struct arena *arena = arena_new();
	bool have = file_exists(fetch_package_path(arena, sha256));

	arena_free(arena);
	return have;
}

static void give_up(struct transaction *transaction, const char *code, const char *text)
{
	transaction_blame(transaction, "fetch", code, NULL, text);
	transaction_refuse(transaction, false);
}

/* Room for the archives and what they unpack to; where that is not known, as much again. */
static bool check_space(struct transaction *transaction)
{
	int64_t needed = transaction->options.settings->reserve_bytes, available;
	struct error err = {0};

	for (size_t i = 0; i < transaction->missing_count; i++) {
		const struct content_package *package = transaction->missing[i];

		if (!fetch_archive_here(package->sha256, package->size))
			needed += package->size;
		needed += package->tar_size > package->size ? package->tar_size : package->size;
	}
	if (!file_free_bytes(".", &available, &err)) {
		give_up(transaction, "disk", err.text);
		return false;
	}
	if (available < needed) {
		give_up(transaction, "disk_full",
			arena_printf(transaction->arena,
				     "%lld MiB are free, the update needs %lld MiB",
				     (long long)(available >> 20), (long long)(needed >> 20)));
		return false;
	}
	return true;
}

void fetching_begin(struct transaction *transaction)
{
	transaction->phase = PHASE_FETCH;
	transaction->missing_count = plan_missing_packages(&transaction->to, have_package,
							   transaction->missing, MAX_MISSING);
	if (transaction->missing_count == 0) {
		apply_begin(transaction);
		return;
	}
	if (!check_space(transaction))
		return;
	transaction_tell(transaction, RESULT_FETCHING);
	transaction_wait(transaction, 0);
}

static void tell_progress(int64_t done_bytes, int64_t total_bytes, void *arg)
{
	struct transaction *transaction = arg;
	usec_t now = clock_monotonic();

	if (now - transaction->progress_told < PROGRESS_EVERY)
		return;
	transaction->progress_told = now;
	const struct msg_result result = {
		.generation = transaction->candidate.generation,
		.digest = transaction->candidate.digest,
		.rollout = transaction->to.rollout,
		.state = RESULT_FETCHING,
		.has_progress = true,
		.done_bytes = done_bytes,
		.total_bytes = total_bytes,
	};
	outgoing_result(transaction->options.outgoing, &result);
}

static void fetch_ended(enum fetch_outcome outcome, const char *code, const char *text,
			const struct fetch_account *account, void *arg)
{
	struct transaction *transaction = arg;
	int64_t pause_ms = FIRST_PAUSE_MS;

	transaction->fetch = NULL;
	if (outcome == FETCH_DONE) {
		log_info("a package is here fetched_bytes=%lld saved_bytes=%lld",
			 (long long)account->fetched_bytes, (long long)account->saved_bytes);
		transaction->account.fetched_bytes += account->fetched_bytes;
		transaction->account.saved_bytes += account->saved_bytes;
		transaction->missing_index++;
		transaction->fetch_failures = 0;
		transaction_wait(transaction, 0);
		return;
	}
	log_warn("could not fetch a package: %s code=%s", text, code);
	if (outcome == FETCH_BAD) {
		transaction_blame(transaction, "fetch", code, NULL, text);
		/* A wrong checksum may come from between; an unsafe archive stays unsafe. */
		transaction_refuse(transaction, strcmp(code, "checksum") != 0);
		return;
	}
	transaction->last_problem = arena_strdup(transaction->arena, text);
	for (int i = 0; i < transaction->fetch_failures && pause_ms < MAX_PAUSE_MS; i++)
		pause_ms *= 2;
	transaction->fetch_failures++;
	if (outcome == FETCH_EXPIRED) {
		transaction->options.need_urls(transaction->options.arg);
		pause_ms = EXPIRED_PAUSE_MS;
	}
	transaction_wait(transaction, pause_ms < MAX_PAUSE_MS ? pause_ms : MAX_PAUSE_MS);
}

/*
 * The unpacked package that a patch may start from: of what runs, else the one of this name that ran last.
 * NULL: there is none.
 */
static const char *find_base(struct transaction *transaction, const struct content_package *package)
{
	const struct content *from = transaction->options.from;
	struct error ignored = {0};
	const char *found = NULL;

	for (size_t i = 0; from && i < from->service_count; i++) {
		const struct content_package *old = from->services[i].package;

		if (old && strcmp(old->name, package->name) == 0 && have_package(old->sha256))
			return old->sha256;
	}
	if (!packages_latest(transaction->options.state, package->name, transaction->arena, &found,
			     &ignored))
		return NULL;
	return found && have_package(found) ? found : NULL;
}

static void add_url(const char **urls, size_t *count, const char *url)
{
	if (url && *count < FETCH_URLS_MAX)
		urls[(*count)++] = url;
}

static void add_caches(struct transaction *transaction, const char *server, const char **urls,
		       size_t *count)
{
	const char *text = transaction->options.settings->cache_urls;

	for (text += strspn(text, ", "); *text && *count < FETCH_URLS_MAX / 2;
	     text += strspn(text, ", ")) {
		size_t length = strcspn(text, ", ");
		const char *cache = arena_strndup(transaction->arena, text, length);

		add_url(urls, count, fetch_cache_url(transaction->arena, cache, server));
		text += length;
	}
}

/*
 * Our own caches, then those that the server names, then the server: its address is a string, or the last
 * one of an array. 0: the server has given none.
 */
static size_t list_urls(struct transaction *transaction, const char *sha256,
			const char *urls[FETCH_URLS_MAX])
{
	json_t *given = json_object_get(transaction->urls, sha256);
	size_t others = json_array_size(given), count = 0;
	const char *server =
		json_string_value(json_is_array(given) ? json_array_get(given, others - 1) : given);

	if (!server)
		return 0;
	add_caches(transaction, server, urls, &count);
	for (size_t i = 0; i + 1 < others && count < FETCH_URLS_MAX - 1; i++)
		add_url(urls, &count, json_string_value(json_array_get(given, i)));
	add_url(urls, &count, server);
	return count;
}

static bool start_fetch(struct transaction *transaction, const struct content_package *package,
			struct error *err)
{
	const struct transaction_settings *settings = transaction->options.settings;
	const char *urls[FETCH_URLS_MAX];
	const size_t url_count = list_urls(transaction, package->sha256, urls);
	const struct fetch_callbacks callbacks = {
		.progress = tell_progress, .done = fetch_ended, .arg = transaction};
	int64_t available;

	if (url_count == 0 && !fetch_archive_here(package->sha256, package->size)) {
		transaction->options.need_urls(transaction->options.arg);
		return error_set(err, ERR_NOT_FOUND, "the server gave no URL for %s %s",
				 package->name, package->version);
	}
	if (!file_free_bytes(".", &available, err))
		return false;
	int64_t room = available - package->size - settings->reserve_bytes;
	const struct fetch_job job = {
		.urls = urls,
		.url_count = url_count,
		.sha256 = package->sha256,
		.size = package->size,
		.base = find_base(transaction, package),
		.tar_sha256 = package->tar_sha256,
		.tar_size = package->tar_size,
		.ca_file = settings->ca_file,
		.time = trusted_time_now(transaction->options.time),
		.attempts = settings->fetch_attempts,
		.rate_bytes = settings->fetch_rate_bytes,
		.max_unpacked_bytes =
			room < settings->unpack_max_bytes ? room : settings->unpack_max_bytes,
	};
	if (room <= 0)
		return error_set(err, ERR_UNAVAILABLE, "the disk is full");
	return fetch_start(transaction->options.loop, &job, &callbacks, &transaction->fetch, err);
}

void fetching_continue(struct transaction *transaction)
{
	struct error err = {0};

	if (transaction->fetch)
		return;
	while (transaction->missing_index < transaction->missing_count &&
	       have_package(transaction->missing[transaction->missing_index]->sha256))
		transaction->missing_index++;
	if (transaction->missing_index == transaction->missing_count) {
		apply_begin(transaction);
		return;
	}
	if (clock_boottime() > transaction->deadline) {
		give_up(transaction, "fetch_failed",
			transaction->last_problem ? transaction->last_problem
						  : "no package came in time");
		return;
	}
	if (start_fetch(transaction, transaction->missing[transaction->missing_index], &err))
		return;
	transaction->last_problem = arena_strdup(transaction->arena, err.text);
	transaction_wait(transaction, EXPIRED_PAUSE_MS);
}
