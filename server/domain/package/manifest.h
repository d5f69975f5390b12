/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest of a package: what schema/package-manifest.json says, checked before anything is stored.
 * Pure; the caller has opened the signed envelope.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

/* The uncompressed tar inside an archive. */
struct manifest_tar {
	const char *sha256; /* NULL: the manifest does not say */
	int64_t size;
};

struct package_manifest {
	int64_t v;
	const char *name;
	const char *version;
	const char *platform;
	struct {
		const char *sha256;
		int64_t size;
		const char *format;
		struct manifest_tar tar;
	} archive;
	int64_t release; /* -1: none */
	json_t *service;
	json_t *json; /* all of it */
};

/* INVALID names the member: "manifest.service.probes[1].kind". */
MUST_CHECK bool manifest_parse(const char *text, size_t length, struct arena *arena,
			       struct package_manifest *out, struct error *err);
