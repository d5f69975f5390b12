/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/download.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "base/file.h"
#include "fetch/fetch.h"
#include "fetch/transfer.h"

enum {
	MAX_ORDER = 64 * 1024,
	MAX_PAUSE_S = 30,
	PROGRESS_BYTES = 64 * 1024, /* of one round, with which the attempts begin anew */
	BUDGET_FACTOR = 3,	    /* at most so many times the size is received */
	STATUS_BEING_MADE = 503,
};

struct order {
	const char **urls; /* caches, then the server */
	size_t url_count;
	const char *sha256; /* NULL: a patch, whose result is checked later */
	int64_t size;	    /* of an archive; of a patch the most that it may have */
	int64_t wait_ms;    /* for a patch that the server is still making */
	const char *ca_file;
	usec_t time; /* that has come: certificates are judged by it */
	const char *part;
	int attempts;
	int64_t rate_bytes; /* per second; 0: no limit */
};

static const struct field ORDER_FIELDS[] = {
	FIELD_STRINGS_AS("urls", struct order, urls, url_count, FIELD_REQUIRED, FETCH_URLS_MAX,
			 4096),
	FIELD_STRING(struct order, sha256, 0, 64),
	FIELD_INT64(struct order, size, FIELD_REQUIRED, 1, INT64_MAX / 8),
	FIELD_INT64(struct order, wait_ms, 0, 0, INT64_MAX / 8),
	FIELD_STRING(struct order, ca_file, FIELD_REQUIRED, 4096),
	FIELD_INT64(struct order, time, FIELD_REQUIRED, 0, INT64_MAX),
	FIELD_STRING(struct order, part, FIELD_REQUIRED, 4096),
	FIELD_INT(struct order, attempts, FIELD_REQUIRED, 1, 1000),
	FIELD_INT64(struct order, rate_bytes, FIELD_REQUIRED, 0, INT64_MAX / 8),
	FIELD_END,
};

struct download {
	const struct order *order;
	struct transfer transfer;
	bool dropped[FETCH_URLS_MAX];	/* a cache that is not asked again */
	bool took_part[FETCH_URLS_MAX]; /* bytes of it are in the file */
	bool taken_over;		/* so are bytes of an earlier child */
	int mismatches;			/* when all bytes were the server's own */
};

static int fail(const char *code, const char *text)
{
	printf("error %s %s\n", code, text);
	fflush(stdout);
	return 1;
}

static int succeed(void)
{
	printf("done\n");
	fflush(stdout);
	return 0;
}

static bool is_cache(const struct download *download, size_t index)
{
	return index + 1 < download->order->url_count;
}

static bool checksum_matches(struct download *download)
{
	uint8_t digest[SHA256_SIZE];
	char text[SHA256_HEX_SIZE];

	sha256_final(download->transfer.hash, digest);
	hex_encode(digest, sizeof(digest), text);
	return strcmp(text, download->order->sha256) == 0;
}

/* Drops every cache that may have sent the wrong bytes. False: there was none. */
static bool drop_suspects(struct download *download)
{
	bool any = download->taken_over;

	for (size_t i = 0; is_cache(download, i); i++) {
		any = any || download->took_part[i];
		download->dropped[i] = download->dropped[i] || download->took_part[i];
		download->took_part[i] = false;
	}
	download->taken_over = false;
	return any;
}

/* All bytes are here. 0 or 1 when decided, -1 when it is worth another attempt. */
static int conclude(struct download *download)
{
	if (!download->order->sha256 || checksum_matches(download))
		return succeed();
	if (!transfer_start_over(&download->transfer))
		return fail("disk", strerror(errno));
	snprintf(download->transfer.reason, sizeof(download->transfer.reason), "wrong checksum");
	if (drop_suspects(download) || download->mismatches++ == 0)
		return -1;
	return fail("checksum", "the archive has another SHA-256 than its manifest says");
}

static bool is_final(long status)
{
	return status >= 400 && status < 500 && status != 408 && status != 416 && status != 429;
}

/* Not what we asked for. A cache is dropped; nothing of its answer was kept unless there was too much. */
static int answered_oddly(struct download *download, size_t index)
{
	download->dropped[index] = is_cache(download, index);
	if (is_cache(download, index) && !download->transfer.oversized)
		return -1;
	if (!transfer_start_over(&download->transfer))
		return fail("disk", strerror(errno));
	drop_suspects(download);
	if (!is_cache(download, index) && download->mismatches++ > 0)
		return fail("size", "the server sends something else than the manifest says");
	return -1;
}

/* One request. 0 or 1 when decided, -1: go on with another one. */
static int ask(struct download *download, size_t index)
{
	struct transfer *transfer = &download->transfer;
	const int64_t before = transfer->received;
	long status;
	bool ended = transfer_run(transfer, download->order->urls[index], is_cache(download, index),
				  &status);

	download->took_part[index] = download->took_part[index] || transfer->received > before;
	if (transfer->broken)
		return fail("disk", strerror(errno));
	if (transfer->oversized || transfer->misplaced || status == 416)
		return answered_oddly(download, index);
	if (transfer->total >= 0 && transfer->done == transfer->total && transfer->done > 0)
		return conclude(download);
	if (!is_cache(download, index) && is_final(status))
		return fail("refused", transfer->reason);
	if (transfer->received > BUDGET_FACTOR * download->order->size)
		return fail("network", "too much was received in vain");
	/* A cache that has nothing to give is not asked again. */
	if (is_cache(download, index) && transfer->received == before)
		download->dropped[index] = true;
	if (ended)
		snprintf(transfer->reason, sizeof(transfer->reason), "the answer ended too early");
	return -1;
}

/* The server needs a moment to make a patch, and says so. */
static bool is_being_made(struct download *download, usec_t since)
{
	long status = 0;

	if (download->order->sha256 ||
	    clock_monotonic() - since > download->order->wait_ms * USEC_PER_MSEC)
		return false;
	curl_easy_getinfo(download->transfer.curl, CURLINFO_RESPONSE_CODE, &status);
	return status == STATUS_BEING_MADE;
}

static int run(struct download *download)
{
	const struct order *order = download->order;
	struct transfer *transfer = &download->transfer;
	const usec_t since = clock_monotonic();
	int pause_s = 1, left = order->attempts;

	while (left > 0) {
		const int64_t before = transfer->received;

		for (size_t i = 0; i < order->url_count; i++) {
			int result = download->dropped[i] ? -1 : ask(download, i);

			if (result >= 0)
				return result;
		}
		if (is_being_made(download, since)) {
			sleep(1);
			continue;
		}
		/* It went on: the line is poor, not dead. */
		if (transfer->received - before >= PROGRESS_BYTES) {
			pause_s = 1;
			left = order->attempts;
			continue;
		}
		if (--left > 0)
			sleep((unsigned)pause_s);
		pause_s = pause_s * 2 > MAX_PAUSE_S ? MAX_PAUSE_S : pause_s * 2;
	}
	return fail("network", transfer->reason);
}

/* What an earlier child has left of an archive is gone on with; of a patch we do not know the end. */
static int begin(struct download *download)
{
	struct transfer *transfer = &download->transfer;
	const bool archive = download->order->sha256 != NULL;

	if (!(archive ? transfer_take_over(transfer) : transfer_start_over(transfer)))
		return fail("disk", strerror(errno));
	download->taken_over = transfer->done > 0;
	if (!archive || transfer->done < transfer->total)
		return run(download);
	int result = conclude(download);
	return result < 0 ? run(download) : result;
}

static bool read_order(struct arena *arena, struct order *order, struct error *err)
{
	char *text = arena_alloc(arena, MAX_ORDER);
	size_t length = fread(text, 1, MAX_ORDER, stdin);
	json_t *json;

	if (!json_parse_limited(text, length, 3, &json, err))
		return false;
	json_keep(json, arena);
	return fields_decode(ORDER_FIELDS, json, FIELDS_STRICT, arena, order, err) &&
	       (order->url_count > 0 || error_set(err, ERR_INVALID, "no address"));
}

int download_main(void)
{
	struct arena *arena = arena_new();
	struct order order = {0};
	struct error err = {0};

	if (!read_order(arena, &order, &err))
		return fail("internal", err.text);
	struct download download = {
		.order = &order,
		.transfer = {.hash = sha256_new(),
			     .total = order.sha256 ? order.size : -1,
			     .max_size = order.size,
			     .rate_bytes = order.rate_bytes,
			     .ca_file = order.ca_file,
			     .time = order.time},
	};
	download.transfer.fd = open(order.part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (download.transfer.fd < 0)
		return fail("disk", strerror(errno));
	curl_global_init(CURL_GLOBAL_DEFAULT);
	download.transfer.curl = curl_easy_init();
	int result = download.transfer.curl ? begin(&download)
					    : fail("internal", "cannot set up a client");
	curl_easy_cleanup(download.transfer.curl);
	close(download.transfer.fd);
	sha256_free(download.transfer.hash);
	arena_free(arena);
	return result;
}
