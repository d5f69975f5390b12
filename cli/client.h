/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The REST API over libcurl: only this file's .c knows it. TLS is checked against the authority that
 * was pinned at login. An answer that is a problem (RFC 9457) becomes an error whose text holds the
 * detail, the failing field and the request id.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

struct client;

struct client_settings {
	const char *server;  /* https://host:port */
	const char *ca_file; /* PEM, or NULL: the system's authorities */
	const char *token;   /* or NULL */
	const char *project; /* or NULL */
};

/* Settings are copied. */
struct client *client_new(const struct client_settings *settings);
void client_free(struct client *client); /* accepts NULL */

/* body (borrowed) may be NULL. reply (may be NULL) gets the JSON, kept by the arena, or NULL for an
 * empty answer. UNAVAILABLE when the server cannot be reached; the text says what to check. */
MUST_CHECK bool client_call(struct client *client, const char *method, const char *path,
			    const json_t *body, struct arena *arena, json_t **reply,
			    struct error *err);

/* Adds a header to the next call only. */
void client_header(struct client *client, const char *name, const char *value);

/* Sends a part of a file, [offset, offset + size), with shown progress on stderr when show is true. */
struct client_upload {
	const char *file;
	int64_t offset, size;
	bool show;
};
MUST_CHECK bool client_send_file(struct client *client, const char *method, const char *path,
				 const struct client_upload *upload, struct arena *arena,
				 json_t **reply, struct error *err);

/*
 * Sends body and writes the answer to a file that is there only once it is whole (file.part before).
 * size_bytes gets its size. header (may be NULL) names a header of the answer, whose value goes to
 * *value in the arena, or NULL.
 */
struct client_download {
	const char *file;
	const char *header;
	bool show; /* progress on stderr */
	int64_t size_bytes;
	const char *value;
};
MUST_CHECK bool client_receive_file(struct client *client, const char *path, const json_t *body,
				    struct client_download *download, struct arena *arena,
				    struct error *err);

/* The raw answer without any check of the server's certificate: for the first meeting only. */
MUST_CHECK bool client_fetch_untrusted(const char *url, struct arena *arena, char **text,
				       struct error *err);

/* Streams lines of server-sent events until the callback says false or the stream ends. */
typedef bool (*client_line_fn)(void *arg, const char *line);
MUST_CHECK bool client_stream(struct client *client, const char *path, client_line_fn on_line,
			      void *arg, struct error *err);
