/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request of the downloading child, appended to a file. Knows where in the file an answer
 * belongs: a server that ignores Range or sends another one than was asked for is noticed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/crypto.h"

enum { TRANSFER_TEXT = 256 };

struct transfer {
	void *curl;
	int fd;
	struct sha256 *hash; /* of the first done bytes */
	int64_t done;
	int64_t total;	  /* -1: not known yet */
	int64_t max_size; /* more is not taken */
	int64_t rate_bytes;
	int64_t received; /* over all requests */
	const char *ca_file;
	usec_t time; /* that has come: certificates are judged by it */
	usec_t reported;
	int64_t range_begin; /* of this answer; -1: not said */
	int64_t range_total;
	bool placed;   /* its status was looked at */
	bool unwanted; /* its body is an error page */
	bool broken;   /* the disk did not take it; errno says why */
	bool oversized;
	bool misplaced;		    /* not what was asked for */
	char reason[TRANSFER_TEXT]; /* why it ended early, in words */
};

/* cache: no trust in it, and less patience with it. True when the answer came to its end. */
bool transfer_run(struct transfer *transfer, const char *url, bool cache, long *status);

/* Forgets what is in the file. */
bool transfer_start_over(struct transfer *transfer);

/* Takes over what an earlier child has left. */
bool transfer_take_over(struct transfer *transfer);
