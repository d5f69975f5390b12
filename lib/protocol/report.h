/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A report file: what a node has to say to the server, carried by hand. The payload is signed with
 * the device's key, the one of its certificate; the server knows that key by its SHA-256. It holds the
 * very messages of the streams that wait on the node, so that the server takes each once, whether it
 * comes by hand, over the link, or both.
 *
 *   {"payloadType": "application/vnd.muster.report+json", "payload": base64,
 *    "public_key": PEM, "signature": base64 of the signature over the bytes
 *                       "muster report v1\n" + payload}
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/x509.h"

/* An agent puts half a MiB into one; a later one may say more. */
#define REPORT_MAX_PAYLOAD (2 * 1024 * 1024)
#define REPORT_MAX_FILE (3 * 1024 * 1024)
#define REPORT_MAX_MESSAGES 10000

struct report_message {
	const char *channel; /* reported, events or result */
	const char *body;    /* the message as it would travel */
};

struct report {
	const char *node;
	usec_t made_at;	    /* the node's best time */
	int64_t generation; /* in force */
	const char *digest;
	struct report_message *messages; /* in the order of each stream */
	size_t message_count;
};

/* The file's text in the arena. */
MUST_CHECK bool report_seal(const struct report *report, const struct tls_key *key,
			    struct arena *arena, char **out, struct error *err);

/*
 * Opens a file. The signature fits the key in it, whose SHA-256 the caller compares with what he knows of
 * report->node: until then nothing in it is to be believed. ERR_INVALID: no report, or damaged;
 * ERR_FORBIDDEN: the signature is wrong.
 */
MUST_CHECK bool report_open(const char *text, size_t length, struct arena *arena,
			    struct report *out, char key_sha256[SHA256_HEX_SIZE],
			    struct error *err);
