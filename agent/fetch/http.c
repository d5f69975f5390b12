/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"

enum { MAX_ANSWER = 1024 * 1024 };

static size_t take(char *data, size_t size, size_t count, void *arg)
{
	return strbuf_append(arg, data, size * count) ? size * count : 0;
}

static void set_trust(CURL *curl, const struct http_request *request)
{
	/* curl copies the PEM text. */
	struct curl_blob pem = {.flags = CURL_BLOB_COPY};

	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	if (request->ca_pem) {
		char *copy = xstrdup(request->ca_pem);

		pem.data = copy;
		pem.len = strlen(copy);
		curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &pem);
		free(copy);
		return;
	}
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
}

static CURLcode perform(CURL *curl, const struct http_request *request, struct strbuf *body)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json, */*");

	set_trust(curl, request);
	curl_easy_setopt(curl, CURLOPT_URL, request->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "muster-agent/" MUSTER_VERSION);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
	if (request->body) {
		headers = curl_slist_append(headers, "Content-Type: application/json");
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	CURLcode code = curl_easy_perform(curl);
	curl_slist_free_all(headers);
	return code;
}

bool http_exchange(const struct http_request *request, struct arena *arena,
		   struct http_answer *answer, struct error *err)
{
	char reason[CURL_ERROR_SIZE] = "";
	struct strbuf body;
	CURL *curl = curl_easy_init();

	if (!curl)
		return error_set(err, ERR_INTERNAL, "could not set up an HTTPS client");
	strbuf_init(&body, arena, MAX_ANSWER);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
	CURLcode code = perform(curl, request, &body);
	long status = 0;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	if (code != CURLE_OK)
		return error_set(err, ERR_UNAVAILABLE, "no answer from %s: %s", request->url,
				 reason[0] ? reason : curl_easy_strerror(code));
	answer->status = status;
	answer->body = body.data;
	answer->size = body.length;
	return true;
}
