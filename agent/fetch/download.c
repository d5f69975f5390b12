/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/download.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "base/file.h"

enum {
	MAX_ORDER = 16 * 1024,
	COPY_BYTES = 64 * 1024,
	CONNECT_TIMEOUT_S = 15,
	STALL_BYTES_PER_S = 64,
	STALL_S = 30,
	MAX_PAUSE_S = 30,
	BUDGET_FACTOR = 3, /* at most so many times the size is received */
};

struct order {
	const char *url;
	const char *sha256;
	int64_t size;
	const char *ca_file;
	const char *part;
	int attempts;
	int64_t rate_bytes; /* per second; 0: no limit */
};

static const struct field ORDER_FIELDS[] = {
	FIELD_STRING(struct order, url, FIELD_REQUIRED, 4096),
	FIELD_STRING(struct order, sha256, FIELD_REQUIRED, 64),
	FIELD_INT64(struct order, size, FIELD_REQUIRED, 1, INT64_MAX / 8),
	FIELD_STRING(struct order, ca_file, FIELD_REQUIRED, 4096),
	FIELD_STRING(struct order, part, FIELD_REQUIRED, 4096),
	FIELD_INT(struct order, attempts, FIELD_REQUIRED, 1, 1000),
	FIELD_INT64(struct order, rate_bytes, FIELD_REQUIRED, 0, INT64_MAX / 8),
	FIELD_END,
};

struct download {
	const struct order *order;
	CURL *curl;
	int fd;
	struct sha256 *hash; /* of the first done bytes */
	int64_t done;
	int64_t received; /* over all attempts */
	usec_t reported;
	bool placed;	/* this answer's status was looked at */
	bool unwanted;	/* this answer's body is an error page */
	bool broken;	/* the disk did not take it */
	bool oversized; /* more than announced */
	char reason[CURL_ERROR_SIZE];
};

static bool start_over(struct download *download)
{
	sha256_free(download->hash);
	download->hash = sha256_new();
	download->done = 0;
	return ftruncate(download->fd, 0) == 0 && lseek(download->fd, 0, SEEK_SET) == 0;
}

/* Takes over what an earlier child has left. */
static bool take_over(struct download *download)
{
	static char buffer[COPY_BYTES];
	struct stat status;
	ssize_t count;

	if (fstat(download->fd, &status) != 0)
		return false;
	if (status.st_size > download->order->size)
		return start_over(download);
	while ((count = read(download->fd, buffer, sizeof(buffer))) > 0) {
		sha256_update(download->hash, buffer, (size_t)count);
		download->done += count;
	}
	return count == 0;
}

static void report_progress(struct download *download)
{
	usec_t now = clock_monotonic();

	if (now - download->reported < USEC_PER_SEC && download->done < download->order->size)
		return;
	download->reported = now;
	printf("progress %" PRId64 " %" PRId64 "\n", download->done, download->order->size);
	fflush(stdout);
}

/* A server that ignores Range sends everything: so do we begin again. */
static bool place_answer(struct download *download)
{
	long status = 0;

	download->placed = true;
	curl_easy_getinfo(download->curl, CURLINFO_RESPONSE_CODE, &status);
	download->unwanted = status != 200 && status != 206;
	if (status == 200 && download->done > 0 && !start_over(download)) {
		download->broken = true;
		return false;
	}
	return true;
}

static size_t take(char *data, size_t size, size_t count, void *arg)
{
	struct download *download = arg;
	size_t bytes = size * count;

	if (!download->placed && !place_answer(download))
		return 0;
	if (download->unwanted)
		return bytes;
	download->received += (int64_t)bytes;
	if (download->done + (int64_t)bytes > download->order->size ||
	    download->received > BUDGET_FACTOR * download->order->size) {
		download->oversized = true;
		return 0;
	}
	if (!fd_write_all(download->fd, data, bytes)) {
		download->broken = true;
		return 0;
	}
	sha256_update(download->hash, data, bytes);
	download->done += (int64_t)bytes;
	report_progress(download);
	return bytes;
}

static CURLcode receive(struct download *download, long *status)
{
	CURL *curl = download->curl;

	curl_easy_reset(curl);
	download->placed = false;
	download->reason[0] = '\0';
	curl_easy_setopt(curl, CURLOPT_URL, download->order->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(curl, CURLOPT_CAINFO, download->order->ca_file);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "muster-agent/" MUSTER_VERSION);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, download->reason);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_PER_S);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
	curl_easy_setopt(curl, CURLOPT_MAX_RECV_SPEED_LARGE,
			 (curl_off_t)download->order->rate_bytes);
	curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)download->done);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, download);
	CURLcode code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
	return code;
}

static int fail(const char *code, const char *text)
{
	printf("error %s %s\n", code, text);
	fflush(stdout);
	return 1;
}

static bool checksum_matches(struct download *download)
{
	uint8_t digest[SHA256_SIZE];
	char text[SHA256_HEX_SIZE];

	sha256_final(download->hash, digest);
	hex_encode(digest, sizeof(digest), text);
	return strcmp(text, download->order->sha256) == 0;
}

/* All bytes are here. Returns 0 or 1 when decided, -1 when it is worth another attempt. */
static int conclude(struct download *download, int mismatches)
{
	if (!checksum_matches(download)) {
		if (!start_over(download))
			return fail("disk", strerror(errno));
		return mismatches > 0 ? fail("checksum", "the archive has another SHA-256 than its "
							 "manifest says")
				      : -1;
	}
	if (fsync(download->fd) != 0)
		return fail("disk", strerror(errno));
	printf("done\n");
	fflush(stdout);
	return 0;
}

static bool is_final(long status)
{
	return status >= 400 && status < 500 && status != 408 && status != 416 && status != 429;
}

/* One attempt. -1: try again. */
static int attempt(struct download *download, int *mismatches)
{
	char text[CURL_ERROR_SIZE];
	long status = 0;

	if (download->done < download->order->size) {
		CURLcode code = receive(download, &status);

		if (download->broken)
			return fail("disk", strerror(errno));
		if (download->oversized)
			return fail("size", "the server sends more than the manifest says");
		snprintf(text, sizeof(text), "the server answers with status %ld", status);
		if (is_final(status))
			return fail("refused", text);
		if (status == 416 && !start_over(download))
			return fail("disk", strerror(errno));
		if (code != CURLE_OK)
			snprintf(text, sizeof(text), "%s",
				 download->reason[0] ? download->reason : curl_easy_strerror(code));
		if (download->done < download->order->size) {
			memcpy(download->reason, text, sizeof(text));
			return -1;
		}
	}
	int result = conclude(download, *mismatches);
	if (result < 0) {
		(*mismatches)++;
		snprintf(download->reason, sizeof(download->reason), "wrong checksum");
	}
	return result;
}

static int run(struct download *download)
{
	int mismatches = 0, pause_s = 1, result = -1;

	if (!take_over(download))
		return fail("disk", strerror(errno));
	for (int i = 0; i < download->order->attempts; i++) {
		int64_t before = download->done;

		result = attempt(download, &mismatches);
		if (result >= 0)
			return result;
		if (download->done > before) /* it went on: the line is poor, not dead */
			pause_s = 1;
		if (i + 1 < download->order->attempts)
			sleep((unsigned)pause_s);
		pause_s = pause_s * 2 > MAX_PAUSE_S ? MAX_PAUSE_S : pause_s * 2;
	}
	return fail("network", download->reason);
}

static bool read_order(struct arena *arena, struct order *order, struct error *err)
{
	char *text = arena_alloc(arena, MAX_ORDER);
	size_t length = fread(text, 1, MAX_ORDER, stdin);
	json_t *json;

	if (!json_parse_limited(text, length, 2, &json, err))
		return false;
	json_keep(json, arena);
	return fields_decode(ORDER_FIELDS, json, FIELDS_STRICT, arena, order, err);
}

int download_main(void)
{
	struct arena *arena = arena_new();
	struct order order = {0};
	struct error err = {0};

	if (!read_order(arena, &order, &err))
		return fail("internal", err.text);
	struct download download = {.order = &order, .hash = sha256_new()};
	download.fd = open(order.part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (download.fd < 0)
		return fail("disk", strerror(errno));
	curl_global_init(CURL_GLOBAL_DEFAULT);
	download.curl = curl_easy_init();
	int result = download.curl ? run(&download) : fail("internal", "cannot set up a client");
	curl_easy_cleanup(download.curl);
	close(download.fd);
	sha256_free(download.hash);
	arena_free(arena);
	return result;
}
