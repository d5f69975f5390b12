/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/fields.h"
#include "base/strbuf.h"

enum {
	ANSWER_MAX = 64 * 1024 * 1024,
	CONNECT_TIMEOUT_S = 10,
	JSON_DEPTH_MAX = 64,
};

struct client {
	CURL *curl;
	char *server;
	char *ca_file;
	struct curl_slist *headers;	 /* of every call */
	struct curl_slist *next_headers; /* of the next call */
	char *cookie;			 /* of the session, while signing in */
	char error[CURL_ERROR_SIZE];
};

static struct curl_slist *append(struct curl_slist *list, const char *name, const char *value)
{
	struct arena *arena = arena_new();
	struct curl_slist *grown =
		curl_slist_append(list, arena_printf(arena, "%s: %s", name, value));

	arena_free(arena);
	return grown;
}

struct client *client_new(const struct client_settings *settings)
{
	struct client *client = xcalloc(1, sizeof(*client));
	struct arena *arena = arena_new();

	client->curl = curl_easy_init();
	client->server = xstrdup(settings->server);
	for (size_t len = strlen(client->server); len > 0 && client->server[len - 1] == '/'; len--)
		client->server[len - 1] = '\0';
	if (settings->ca_file != NULL)
		client->ca_file = xstrdup(settings->ca_file);
	if (settings->token != NULL)
		client->headers = append(client->headers, "Authorization",
					 arena_printf(arena, "Bearer %s", settings->token));
	if (settings->project != NULL)
		client->headers = append(client->headers, "Muster-Project", settings->project);
	arena_free(arena);
	return client;
}

void client_free(struct client *client)
{
	if (client == NULL)
		return;
	curl_easy_cleanup(client->curl);
	curl_slist_free_all(client->headers);
	curl_slist_free_all(client->next_headers);
	free(client->server);
	free(client->ca_file);
	free(client->cookie);
	free(client);
}

void client_header(struct client *client, const char *name, const char *value)
{
	client->next_headers = append(client->next_headers, name, value);
}

static size_t take(char *data, size_t size, size_t count, void *arg)
{
	return strbuf_append(arg, data, size * count) ? size * count : 0;
}

/* Keeps the session cookie. libcurl's own cookies do not outlive curl_easy_reset without a leak. */
static size_t take_header(char *data, size_t size, size_t count, void *arg)
{
	static const char name[] = "set-cookie: ";
	struct client *client = arg;
	size_t bytes = size * count, skip = sizeof(name) - 1;

	if (bytes > skip && strncasecmp(data, name, skip) == 0) {
		size_t length = 0;
		while (skip + length < bytes && strchr(";\r\n", data[skip + length]) == NULL)
			length++;
		free(client->cookie);
		client->cookie = xcalloc(1, length + 1);
		memcpy(client->cookie, data + skip, length);
	}
	return bytes;
}

static struct curl_slist *all_headers(const struct client *client)
{
	struct curl_slist *list = NULL;

	for (const struct curl_slist *at = client->headers; at != NULL; at = at->next)
		list = curl_slist_append(list, at->data);
	for (const struct curl_slist *at = client->next_headers; at != NULL; at = at->next)
		list = curl_slist_append(list, at->data);
	if (client->cookie != NULL)
		list = append(list, "Cookie", client->cookie);
	return curl_slist_append(list, "Expect:");
}

static void prepare(struct client *client, const char *method, const char *url,
		    struct strbuf *answer, struct curl_slist *headers)
{
	CURL *curl = client->curl;

	curl_easy_reset(curl);
	client->error[0] = '\0';
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, client);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (client->ca_file != NULL)
		curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca_file);
}

static bool unreachable(const struct client *client, CURLcode result, struct error *err)
{
	const char *why = client->error[0] != '\0' ? client->error : curl_easy_strerror(result);

	if (result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE)
		return error_set(err, ERR_UNAVAILABLE,
				 "cannot trust %s: %s (log in again with its CA fingerprint, or "
				 "name its authority with --ca)",
				 client->server, why);
	return error_set(err, ERR_UNAVAILABLE,
			 "could not reach %s: %s (is musterd running, and is --server right?)",
			 client->server, why);
}

static enum error_code code_of(long status)
{
	switch (status) {
	case 401:
		return ERR_UNAUTHENTICATED;
	case 403:
		return ERR_FORBIDDEN;
	case 404:
		return ERR_NOT_FOUND;
	case 409:
	case 412:
		return ERR_CONFLICT;
	case 413:
		return ERR_TOO_LARGE;
	case 429:
		return ERR_LIMITED;
	case 503:
		return ERR_UNAVAILABLE;
	default:
		return status >= 500 ? ERR_INTERNAL : ERR_INVALID;
	}
}

static const char *string_of(json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

static bool problem(long status, json_t *json, struct error *err)
{
	const char *detail = string_of(json, "detail"), *title = string_of(json, "title");
	const char *field = string_of(json_array_get(json_object_get(json, "errors"), 0), "field");
	const char *request = string_of(json, "instance");

	error_set(err, code_of(status), "%s", detail != NULL ? detail : title != NULL ? title : "");
	if (err->text[0] == '\0')
		error_set(err, code_of(status), "the server answered %ld", status);
	if (field != NULL)
		error_prefix(err, "%s", field);
	if (status == 401)
		error_prefix(err, "not signed in (muster login, or set MUSTER_TOKEN)");
	if (status >= 500 && request != NULL)
		error_prefix(err, "request %s", request);
	return false;
}

/* Runs the prepared call and takes the answer apart. */
static bool perform(struct client *client, struct strbuf *answer, struct curl_slist *headers,
		    struct arena *arena, json_t **reply, struct error *err)
{
	struct error ignored;
	json_t *json = NULL;
	long status = 0;
	CURLcode result = curl_easy_perform(client->curl);

	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	curl_slist_free_all(client->next_headers);
	client->next_headers = NULL;
	if (result != CURLE_OK && status < 400)
		return unreachable(client, result, err);
	if (answer->length > 0 &&
	    json_parse_limited(answer->data, answer->length, JSON_DEPTH_MAX, &json, &ignored))
		json_keep(json, arena);
	if (status < 200 || status >= 300)
		return problem(status, json, err);
	if (answer->length > 0 && json == NULL)
		return error_set(err, ERR_INVALID, "%s did not answer with JSON: is it Muster?",
				 client->server);
	if (reply != NULL)
		*reply = json;
	return true;
}

bool client_call(struct client *client, const char *method, const char *path, const json_t *body,
		 struct arena *arena, json_t **reply, struct error *err)
{
	struct strbuf answer;

	strbuf_init(&answer, arena, ANSWER_MAX);
	if (body != NULL)
		client_header(client, "Content-Type", "application/json");
	struct curl_slist *headers = all_headers(client);
	prepare(client, method, arena_printf(arena, "%s%s", client->server, path), &answer,
		headers);
	if (body != NULL)
		curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, json_text(body, arena));
	else if (strcmp(method, "GET") != 0 && strcmp(method, "DELETE") != 0)
		curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE, 0L);
	return perform(client, &answer, headers, arena, reply, err);
}

/* --- uploads --- */

struct sending {
	FILE *file;
	int64_t left;
};

static size_t give(char *data, size_t size, size_t count, void *arg)
{
	struct sending *sending = arg;
	size_t room = size * count;

	if ((int64_t)room > sending->left)
		room = (size_t)sending->left;
	size_t got = fread(data, 1, room, sending->file);
	sending->left -= (int64_t)got;
	return got;
}

static int progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
		    curl_off_t up)
{
	(void)arg;
	(void)down_total;
	(void)down;
	if (up_total > 0)
		fprintf(stderr, "\r%3d %% of %.1f MB", (int)(up * 100 / up_total),
			(double)up_total / 1e6);
	return 0;
}

bool client_send_file(struct client *client, const char *method, const char *path,
		      const struct client_upload *upload, struct arena *arena, json_t **reply,
		      struct error *err)
{
	struct sending sending = {.file = fopen(upload->file, "rb"), .left = upload->size};
	struct strbuf answer;

	if (sending.file == NULL || fseeko(sending.file, upload->offset, SEEK_SET) != 0) {
		int reason = errno;
		if (sending.file != NULL)
			fclose(sending.file);
		return error_set_errno(err, ERR_INVALID, reason, "could not read %s", upload->file);
	}
	strbuf_init(&answer, arena, ANSWER_MAX);
	client_header(client, "Content-Type", "application/octet-stream");
	struct curl_slist *headers = all_headers(client);
	prepare(client, method, arena_printf(arena, "%s%s", client->server, path), &answer,
		headers);
	curl_easy_setopt(client->curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(client->curl, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(client->curl, CURLOPT_READDATA, &sending);
	curl_easy_setopt(client->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)upload->size);
	curl_easy_setopt(client->curl, CURLOPT_XFERINFOFUNCTION, progress);
	curl_easy_setopt(client->curl, CURLOPT_NOPROGRESS, upload->show ? 0L : 1L);
	bool done = perform(client, &answer, headers, arena, reply, err);
	if (upload->show)
		fputs("\n", stderr);
	fclose(sending.file);
	return done;
}

struct receiving {
	struct client *client;
	FILE *file;
	struct strbuf problem; /* the body of an answer that is no success */
	struct client_download *download;
	struct arena *arena;
	bool broken; /* the file did not take it */
};

static size_t receive_part(char *data, size_t size, size_t count, void *arg)
{
	struct receiving *receiving = arg;
	long status = 0;

	curl_easy_getinfo(receiving->client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return take(data, size, count, &receiving->problem);
	receiving->broken = fwrite(data, size, count, receiving->file) != count;
	receiving->download->size_bytes += (int64_t)(size * count);
	return receiving->broken ? 0 : size * count;
}

static size_t receive_header(char *data, size_t size, size_t count, void *arg)
{
	struct receiving *receiving = arg;
	const char *name = receiving->download->header;
	size_t bytes = size * count, length = name != NULL ? strlen(name) : 0;

	if (length > 0 && bytes > length + 2 && strncasecmp(data, name, length) == 0 &&
	    data[length] == ':') {
		const char *value = data + length + 1;
		size_t left = bytes - length - 1;

		for (; left > 0 && *value == ' '; value++)
			left--;
		receiving->download->value =
			arena_strndup(receiving->arena, value,
				      left - (left >= 2 && value[left - 2] == '\r' ? 2 : 0));
	}
	return bytes;
}

static int receive_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
			    curl_off_t up)
{
	return progress(arg, 0, 0, down_total, up_total > 0 && up == 0 ? 0 : down);
}

static bool receive_to(struct receiving *receiving, const char *path, const json_t *body,
		       struct error *err)
{
	struct client *client = receiving->client;
	struct arena *arena = receiving->arena;

	client_header(client, "Content-Type", "application/json");
	struct curl_slist *headers = all_headers(client);
	prepare(client, "POST", arena_printf(arena, "%s%s", client->server, path),
		&receiving->problem, headers);
	curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, json_text(body, arena));
	curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, receive_part);
	curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, receiving);
	curl_easy_setopt(client->curl, CURLOPT_HEADERFUNCTION, receive_header);
	curl_easy_setopt(client->curl, CURLOPT_HEADERDATA, receiving);
	curl_easy_setopt(client->curl, CURLOPT_XFERINFOFUNCTION, receive_progress);
	curl_easy_setopt(client->curl, CURLOPT_NOPROGRESS, receiving->download->show ? 0L : 1L);
	bool done = perform(client, &receiving->problem, headers, arena, NULL, err);
	if (receiving->download->show)
		fputs("\n", stderr);
	if (receiving->broken)
		return error_set(err, ERR_UNAVAILABLE, "could not write %s: is the disk full?",
				 receiving->download->file);
	return done;
}

bool client_receive_file(struct client *client, const char *path, const json_t *body,
			 struct client_download *download, struct arena *arena, struct error *err)
{
	const char *part = arena_printf(arena, "%s.part", download->file);
	struct receiving receiving = {
		.client = client, .download = download, .arena = arena, .file = fopen(part, "wb")};

	if (receiving.file == NULL)
		return error_set_errno(err, ERR_INVALID, errno, "could not write %s",
				       download->file);
	download->size_bytes = 0;
	download->value = NULL;
	strbuf_init(&receiving.problem, arena, ANSWER_MAX);
	bool done = receive_to(&receiving, path, body, err);
	/* It goes onto a stick that is pulled out a moment later. */
	bool kept = fflush(receiving.file) == 0 && fsync(fileno(receiving.file)) == 0;
	kept = fclose(receiving.file) == 0 && kept;
	if (done && (!kept || rename(part, download->file) != 0))
		done = error_set_errno(err, ERR_UNAVAILABLE, errno, "could not write %s",
				       download->file);
	if (!done)
		unlink(part);
	return done;
}

bool client_fetch_untrusted(const char *url, struct arena *arena, char **text, struct error *err)
{
	struct client client = {.curl = curl_easy_init(), .server = arena_strdup(arena, url)};
	struct strbuf answer;
	long status = 0;

	strbuf_init(&answer, arena, 1024 * 1024);
	prepare(&client, "GET", url, &answer, NULL);
	/* What comes is compared with a fingerprint before it is believed. */
	curl_easy_setopt(client.curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(client.curl, CURLOPT_SSL_VERIFYHOST, 0L);
	CURLcode result = curl_easy_perform(client.curl);
	curl_easy_getinfo(client.curl, CURLINFO_RESPONSE_CODE, &status);
	bool done = result == CURLE_OK && status == 200;
	if (result != CURLE_OK)
		unreachable(&client, result, err);
	else if (!done)
		error_set(err, ERR_INVALID, "%s answered %ld: is it Muster?", url, status);
	curl_easy_cleanup(client.curl);
	free(client.cookie);
	if (done)
		*text = answer.data;
	return done;
}

/* --- streams --- */

struct streaming {
	struct strbuf line;
	client_line_fn on_line;
	void *arg;
	bool ended; /* by the callback */
};

static size_t take_lines(char *data, size_t size, size_t count, void *arg)
{
	struct streaming *streaming = arg;

	for (size_t i = 0; i < size * count; i++) {
		if (data[i] != '\n') {
			if (!strbuf_append_char(&streaming->line, data[i]))
				return 0;
			continue;
		}
		if (!streaming->on_line(streaming->arg, streaming->line.data)) {
			streaming->ended = true;
			return 0;
		}
		strbuf_reset(&streaming->line);
	}
	return size * count;
}

bool client_stream(struct client *client, const char *path, client_line_fn on_line, void *arg,
		   struct error *err)
{
	struct arena *arena = arena_new();
	struct streaming streaming = {.on_line = on_line, .arg = arg};
	long status = 0;

	strbuf_init(&streaming.line, arena, 1024 * 1024);
	struct curl_slist *headers = all_headers(client);
	prepare(client, "GET", arena_printf(arena, "%s%s", client->server, path), NULL, headers);
	curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, take_lines);
	curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &streaming);
	curl_easy_setopt(client->curl, CURLOPT_FAILONERROR, 1L);
	CURLcode result = curl_easy_perform(client->curl);
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	arena_free(arena);
	if (result == CURLE_OK || streaming.ended)
		return true;
	return status >= 400 ? problem(status, NULL, err) : unreachable(client, result, err);
}
