/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounds of everything that travels between server and agent. Both sides enforce them before they
 * parse; a message beyond a bound is refused as a whole. Sizes are bytes.
 */
#pragma once

#include <stdint.h>

#define PROTOCOL_VERSION 1

#define LIMIT_UP_MESSAGE (256 * 1024) /* any message that a node sends */
#define LIMIT_DOWN_MESSAGE \
	(768 * 1024) /* a desired envelope is the largest: base64 of its payload */
#define LIMIT_DESIRED_CONTENT (384 * 1024)
#define LIMIT_JSON_DEPTH 16
#define LIMIT_TOPIC 160

/* Generations are exact in every JSON reader, and can always go on counting. */
#define LIMIT_GENERATION ((INT64_C(1) << 53) - 1)

#define LIMIT_NAME 63
#define LIMIT_BROKERS 16 /* of one installation, and addresses of brokers that a node knows */
#define LIMIT_BROKER_URL 512
#define LIMIT_NODE_ID 32
#define LIMIT_SERVICES 64
#define LIMIT_TEXT 4096 /* an event's text, a reason, a log line */
#define LIMIT_PROBES 16 /* of one service */
#define LIMIT_PROBE_TEXT 160
#define LIMIT_STDERR 4096 /* last bytes of stderr that explain a failure */

#define LIMIT_LOG_LINES 500	     /* lines in one logs message */
#define LIMIT_LOG_BYTES (128 * 1024) /* text bytes in one logs message */
#define LIMIT_EVENTS 100	     /* events in one events message */

#define LIMIT_CONFIG_FILES 100
#define LIMIT_CONFIG_BYTES (256 * 1024) /* rendered files of one config */
#define LIMIT_CONFIG_PATH 255

#define LIMIT_CSR (16 * 1024)
#define LIMIT_MANIFEST (64 * 1024)
#define LIMIT_SIGNATURES 8 /* signatures in one envelope */
#define LIMIT_RELEASE_KEYS 32

#define LIMIT_STREAM_WINDOW 32 /* unacknowledged messages of one stream that an agent has sent */

#define LIMIT_BUNDLE_ENTRIES 2048 /* desired states and packages in one bundle */
