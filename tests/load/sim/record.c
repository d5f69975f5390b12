/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/file.h"

enum { BUFFER_BYTES = 1 << 20 };

struct record {
	FILE *file;
};

bool record_open(const char *folder, size_t number, struct record **out, struct error *err)
{
	struct arena *arena = arena_new();
	const char *path = arena_printf(arena, "%s/%zu.log", folder, number);
	FILE *file = file_make_folders(folder, 0755, err) ? fopen(path, "ae") : NULL;
	bool ok = file != NULL;

	if (ok) {
		setvbuf(file, NULL, _IOFBF, BUFFER_BYTES);
		*out = xcalloc(1, sizeof(**out));
		(*out)->file = file;
	} else if (err->code == ERR_NONE) {
		error_fill_errno(err, ERR_INTERNAL, errno, "cannot write %s", path);
	}
	arena_free(arena);
	return ok;
}

void record_line(struct record *record, usec_t at, const char *node, const char *format, ...)
{
	va_list arguments;

	if (!record)
		return;
	fprintf(record->file, "%" PRId64 " %s ", at, node);
	va_start(arguments, format);
	vfprintf(record->file, format, arguments);
	va_end(arguments);
	fputc('\n', record->file);
}

bool record_close(struct record *record, struct error *err)
{
	if (!record)
		return true;
	/* What was written before has failed, too, if the disk is full. */
	bool ok = ferror(record->file) == 0;
	ok = fclose(record->file) == 0 && ok;
	free(record);
	return ok || error_set_errno(err, ERR_UNAVAILABLE, errno, "could not write the log");
}
