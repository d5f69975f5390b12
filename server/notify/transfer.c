/* SPDX-License-Identifier: Apache-2.0 */
#include "notify/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "notify/signature.h"

enum {
	TIMEOUT_MS = 10000,
	CONNECT_TIMEOUT_MS = 5000,
	ANSWER_MAX = 64 * 1024, /* a receiver has nothing to say at length */
};

/* libcurl hands over the address that it is about to connect to: the one place to refuse it. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *transfer = arg;
	bool private_ok;

	(void)purpose;
	if (!guard_permits(transfer->guard, &address->addr, &private_ok) ||
	    (!transfer->over_tls && !private_ok)) {
		transfer->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_answer(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t bytes = size * count, room = TRANSFER_EXCERPT - transfer->excerpt_size;
	size_t take = bytes < room ? bytes : room;

	for (size_t i = 0; i < take; i++) {
		unsigned char c = (unsigned char)data[i];
		/* Only plain text is kept: the excerpt is shown to people. */
		transfer->excerpt[transfer->excerpt_size++] = c >= ' ' && c < 0x7f ? data[i] : ' ';
	}
	transfer->received += bytes;
	return transfer->received > ANSWER_MAX ? 0 : bytes;
}

static bool add_header(struct transfer *transfer, struct arena *arena, const char *name,
		       const char *value)
{
	struct curl_slist *grown =
		curl_slist_append(transfer->headers, arena_printf(arena, "%s: %s", name, value));

	if (grown == NULL)
		return false;
	transfer->headers = grown;
	return true;
}

static bool add_headers(struct transfer *transfer, const struct transfer_request *request,
			struct arena *arena)
{
	char signature[WEBHOOK_SIGNATURE_SIZE];
	int64_t timestamp_s = request->now / USEC_PER_SEC;

	webhook_sign(request->secret, request->secret_size, request->event_id, timestamp_s,
		     request->body, signature);
	return add_header(transfer, arena, "Content-Type", "application/json") &&
	       add_header(transfer, arena, "User-Agent", "Muster-Webhook/1") &&
	       add_header(transfer, arena, "webhook-id", request->event_id) &&
	       add_header(transfer, arena, "webhook-timestamp",
			  arena_printf(arena, "%lld", (long long)timestamp_s)) &&
	       add_header(transfer, arena, "webhook-signature", signature) &&
	       add_header(transfer, arena, "Expect", "");
}

void transfer_global_init(void)
{
	/* Fails only for lack of memory, and then every transfer says so. */
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

bool transfer_init(struct transfer *transfer, const struct transfer_request *request,
		   const struct guard *guard, struct arena *arena, struct error *err)
{
	*transfer = (struct transfer){.guard = guard,
				      .over_tls = strncmp(request->url, "https://", 8) == 0};
	CURL *curl = transfer->curl = curl_easy_init();
	if (curl == NULL || !add_headers(transfer, request, arena)) {
		transfer_release(transfer);
		return error_set(err, ERR_INTERNAL, "could not prepare a request");
	}
	curl_easy_setopt(curl, CURLOPT_URL, request->url);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	/* A proxy would resolve the name out of the guard's sight; a redirect is not followed. */
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	/* open_socket sees new connections only. */
	curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	return true;
}

void transfer_release(struct transfer *transfer)
{
	curl_easy_cleanup(transfer->curl);
	curl_slist_free_all(transfer->headers);
	transfer->curl = NULL;
	transfer->headers = NULL;
}
