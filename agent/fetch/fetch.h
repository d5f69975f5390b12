/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings one package to packages/<sha256>/: a child downloads and checks the archive, another one
 * unpacks it; the agent only watches. Where an older version is unpacked here, a patch is tried first, and
 * what cannot be had that way comes as the archive without a word. Works on the current folder. A
 * download that was broken off goes on at the next start of the same package.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/loop.h"

struct fetch;

enum { FETCH_URLS_MAX = 16 };

enum fetch_outcome {
	FETCH_DONE,
	FETCH_RETRY,   /* network, server or disk: nothing is wrong with the package */
	FETCH_EXPIRED, /* the server refuses the URL: a fresh one is needed */
	FETCH_BAD,     /* the archive is not what its manifest says, or is not safe */
};

struct fetch_job {
	const char *const *urls; /* caches in the order of asking, then the server */
	size_t url_count;	 /* 0: the archive is here as .part already, brought by a bundle */
	const char *sha256;	 /* 64 hex digits */
	int64_t size;
	const char *base;	/* sha256 of an older version that is unpacked here, or NULL */
	const char *tar_sha256; /* of the tar inside the archive, or NULL: no patch */
	int64_t tar_size;
	const char *ca_file;
	usec_t time; /* that has come, in UTC: what the server's certificate is judged by */
	int attempts;
	int64_t rate_bytes; /* per second; 0: no limit */
	int64_t max_unpacked_bytes;
};

/* What crossed the line for a package that is here, and what did not have to. */
struct fetch_account {
	int64_t fetched_bytes;
	int64_t saved_bytes;
};

struct fetch_callbacks {
	void (*progress)(int64_t done_bytes, int64_t total_bytes, void *arg);
	/* code is one word; the fetch is gone after the call. account counts with FETCH_DONE. */
	void (*done)(enum fetch_outcome outcome, const char *code, const char *text,
		     const struct fetch_account *account, void *arg);
	void *arg;
};

/* The job is copied. */
MUST_CHECK bool fetch_start(struct loop *loop, const struct fetch_job *job,
			    const struct fetch_callbacks *callbacks, struct fetch **out,
			    struct error *err);

/* Ends it without a callback. Accepts NULL. */
void fetch_cancel(struct fetch *fetch);

/* Whether the archive of this size lies here, waiting to be unpacked. */
bool fetch_archive_here(const char *sha256, int64_t size);

/*
 * Where the patch from an older version is, by the address of the archive: ".../download/<sha256>?..." ->
 * ".../download/<sha256>/from/<base>?...". In the arena.
 */
const char *fetch_patch_url(struct arena *arena, const char *url, const char *base);

/* The same archive at a cache: its address with what follows the server's name. NULL: no such address. */
const char *fetch_cache_url(struct arena *arena, const char *cache, const char *url);

/* "packages/<sha256>" in the arena. */
const char *fetch_package_path(struct arena *arena, const char *sha256);
