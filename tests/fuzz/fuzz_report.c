/* SPDX-License-Identifier: Apache-2.0 */
/* A report file that somebody hands in: nothing of it is believed before its signature. */
#include <stdlib.h>
#include <string.h>

#include "protocol/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	char *text = arena_memdup(arena, data, size);
	char key[SHA256_HEX_SIZE];
	struct report report;
	struct error err = {0};

	if (report_open(text, size, arena, &report, key, &err)) {
		if (!report.node || !report.digest || strlen(key) != SHA256_HEX_SIZE - 1 ||
		    report.message_count > REPORT_MAX_MESSAGES)
			abort();
		for (size_t i = 0; i < report.message_count; i++)
			if (!report.messages[i].channel || !report.messages[i].body)
				abort();
	} else if (err.text[0] == '\0') {
		abort();
	}
	arena_free(arena);
	return 0;
}
