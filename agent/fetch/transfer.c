/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/transfer.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/x509_tls.h"

enum {
	COPY_BYTES = 64 * 1024,
	RECEIVE_BYTES = 128 * 1024,
	CONNECT_S = 15,
	CACHE_CONNECT_S = 4,
	STALL_BYTES_PER_S = 64,
	STALL_S = 30,
	CACHE_STALL_BYTES_PER_S = 4096,
	CACHE_STALL_S = 10,
};

bool transfer_start_over(struct transfer *transfer)
{
	sha256_free(transfer->hash);
	transfer->hash = sha256_new();
	transfer->done = 0;
	return ftruncate(transfer->fd, 0) == 0 && lseek(transfer->fd, 0, SEEK_SET) == 0;
}

bool transfer_take_over(struct transfer *transfer)
{
	static char buffer[COPY_BYTES];
	struct stat status;
	ssize_t count;

	if (fstat(transfer->fd, &status) != 0)
		return false;
	if (status.st_size > transfer->max_size)
		return transfer_start_over(transfer);
	while ((count = read(transfer->fd, buffer, sizeof(buffer))) > 0) {
		sha256_update(transfer->hash, buffer, (size_t)count);
		transfer->done += count;
	}
	return count == 0;
}

static void report_progress(struct transfer *transfer)
{
	usec_t now = clock_monotonic();

	if (now - transfer->reported < USEC_PER_SEC && transfer->done < transfer->total)
		return;
	transfer->reported = now;
	printf("progress %" PRId64 " %" PRId64 "\n", transfer->done, transfer->total);
	fflush(stdout);
}

/* "Content-Range: bytes 100-199/200" (RFC 9110, 14.4). */
static size_t take_header(char *line, size_t size, size_t count, void *arg)
{
	static const char NAME[] = "content-range:";
	struct transfer *transfer = arg;
	long long begin, end, total;
	char text[128];

	if (size * count < sizeof(text) && size * count > strlen(NAME) &&
	    strncasecmp(line, NAME, strlen(NAME)) == 0) {
		memcpy(text, line, size * count);
		text[size * count] = '\0';
		if (sscanf(text + strlen(NAME), " bytes %lld-%lld/%lld", &begin, &end, &total) ==
		    3) {
			transfer->range_begin = begin;
			transfer->range_total = total;
		}
	}
	return size * count;
}

/* How long all of it is, as this answer has it. */
static bool learn_total(struct transfer *transfer, long status)
{
	int64_t total = transfer->range_total;
	curl_off_t length = -1;

	curl_easy_getinfo(transfer->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (status == 200)
		total = length;
	if (transfer->total < 0 && total <= transfer->max_size)
		transfer->total = total;
	/* An answer without a length is measured when it is here. */
	return total < 0 || total == transfer->total;
}

static bool place_answer(struct transfer *transfer)
{
	long status = 0;

	transfer->placed = true;
	curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
	transfer->unwanted = status != 200 && status != 206;
	if (transfer->unwanted)
		return true;
	transfer->misplaced = !learn_total(transfer, status) ||
			      (status == 206 && transfer->range_begin != transfer->done);
	if (transfer->misplaced)
		return false;
	/* A server that ignores Range sends everything: so do we begin again. */
	if (status == 200 && transfer->done > 0 && !transfer_start_over(transfer)) {
		transfer->broken = true;
		return false;
	}
	return true;
}

static size_t take(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t bytes = size * count;

	if (!transfer->placed && !place_answer(transfer))
		return 0;
	if (transfer->unwanted)
		return bytes;
	transfer->received += (int64_t)bytes;
	if (transfer->done + (int64_t)bytes > transfer->max_size) {
		transfer->oversized = true;
		return 0;
	}
	if (!fd_write_all(transfer->fd, data, bytes)) {
		transfer->broken = true;
		return 0;
	}
	sha256_update(transfer->hash, data, bytes);
	transfer->done += (int64_t)bytes;
	report_progress(transfer);
	return bytes;
}

static CURLcode use_time(CURL *curl, void *context, void *arg)
{
	(void)curl;
	tls_judge_at(context, arg);
	return CURLE_OK;
}

static void set_trust(struct transfer *transfer, bool cache)
{
	CURL *curl = transfer->curl;

	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(curl, CURLOPT_CAINFO, transfer->ca_file);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, cache ? "http,https" : "https");
	if (!cache) {
		curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, use_time);
		curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, &transfer->time);
		return;
	}
	/* Whoever it is: only the right bytes are taken. */
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
}

static void set_patience(CURL *curl, bool cache)
{
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)(cache ? CACHE_CONNECT_S : CONNECT_S));
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT,
			 (long)(cache ? CACHE_STALL_BYTES_PER_S : STALL_BYTES_PER_S));
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)(cache ? CACHE_STALL_S : STALL_S));
}

static void prepare(struct transfer *transfer, const char *url, char range[32])
{
	CURL *curl = transfer->curl;

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "muster-agent/" MUSTER_VERSION);
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
	curl_easy_setopt(curl, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)transfer->rate_bytes);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
	/* Not CURLOPT_RESUME_FROM: with it curl itself gives up on a server that ignores Range. */
	if (transfer->done > 0) {
		snprintf(range, 32, "%" PRId64 "-", transfer->done);
		curl_easy_setopt(curl, CURLOPT_RANGE, range);
	}
}

bool transfer_run(struct transfer *transfer, const char *url, bool cache, long *status)
{
	char reason[CURL_ERROR_SIZE] = "", range[32];

	curl_easy_reset(transfer->curl);
	transfer->placed = transfer->unwanted = transfer->oversized = transfer->misplaced = false;
	transfer->range_begin = transfer->range_total = -1;
	prepare(transfer, url, range);
	set_trust(transfer, cache);
	set_patience(transfer->curl, cache);
	curl_easy_setopt(transfer->curl, CURLOPT_ERRORBUFFER, reason);
	CURLcode code = curl_easy_perform(transfer->curl);
	*status = 0;
	curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, status);
	curl_easy_setopt(transfer->curl, CURLOPT_ERRORBUFFER, NULL);
	if (transfer->oversized || transfer->misplaced)
		snprintf(transfer->reason, sizeof(transfer->reason),
			 "the answer is not the part of the archive that was asked for");
	else if (code != CURLE_OK)
		snprintf(transfer->reason, sizeof(transfer->reason), "%s",
			 reason[0] ? reason : curl_easy_strerror(code));
	else if (*status != 200 && *status != 206)
		snprintf(transfer->reason, sizeof(transfer->reason),
			 "the server answers with status %ld", *status);
	else if (transfer->total < 0)
		transfer->total = transfer->done;
	return code == CURLE_OK && (*status == 200 || *status == 206);
}
