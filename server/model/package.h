/* SPDX-License-Identifier: Apache-2.0 */
/* Packages: released archives with signed manifests, the keys that sign, uploads under way. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/clock.h"

struct package_release {
	const char *id;
	const char *name;
	const char *version;
	const char *platform;
	const char *sha256; /* of the archive, lower hex */
	int64_t size;
	const char *format; /* tar.gz, tar.xz, tar.zst, deb */
	int64_t release;    /* counter against downgrades, -1 = none */
	json_t *manifest;   /* for showing; what is verified is the envelope */
	const char *envelope;
	const char *key_id;
	const char *uploaded_by;
	usec_t uploaded_at;
	int64_t nodes; /* that should run it */
};

struct release_key {
	const char *id;
	const char *name;
	const char *key_id;
	const char *public_key; /* base64 of the raw key */
	usec_t created_at;
};

struct upload {
	const char *id;
	int64_t size;
	const char *sha256; /* announced */
	int64_t received;
	usec_t expires_at;
};
