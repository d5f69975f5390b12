/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log segments that a shim writes: logs/<service>/<10 digits>.log, numbers only
 * grow, the oldest go when there are too many. One record per line:
 *
 *   <usec> o <text>    a line of stdout          <usec> e <text>    ... of stderr
 *   <usec> O <text>    a piece of one: the next record of the same stream goes on
 *   <usec> E <text>
 *   <usec> d <count>   so many lines were dropped here (too fast, or the disk is full)
 *   <usec> s <number>  first record of a segment: number of lines before it, dropped
 *                      ones counted, since the folder was begun
 *
 * Text is at most 4096 bytes and raw: any byte but newline. Who reads sanitises. A
 * reader that finds its segment gone opens the oldest left and learns from the s
 * record how many lines it missed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

enum { SEGMENT_MAX_TEXT = 4096, SEGMENT_MAX_RECORD = SEGMENT_MAX_TEXT + 32 };

struct segment_record {
	usec_t at;
	char kind;	  /* 'o', 'e', 'd' or 's' */
	bool continues;	  /* was written as 'O' or 'E' */
	int64_t number;	  /* of 'd' and 's' */
	const char *text; /* of 'o' and 'e'; points into the line, no zero byte */
	size_t text_length;
};

/* One line without its newline. False: not a record (a torn write). */
MUST_CHECK bool segment_parse(const char *line, size_t length, struct segment_record *out);

/* The number of a file name "0000000012.log"; false for other names. */
MUST_CHECK bool segment_number(const char *file_name, uint64_t *number);

/* "<folder>/0000000012.log" into out; false when it does not fit. */
MUST_CHECK bool segment_path(const char *folder, uint64_t number, char *out, size_t size);

/* Oldest and newest segment of a folder. ERR_NOT_FOUND: there is none. */
MUST_CHECK bool segment_range(const char *folder, uint64_t *oldest, uint64_t *newest,
			      struct error *err);
