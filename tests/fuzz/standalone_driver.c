/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays a corpus through a fuzz target without libFuzzer, so that what the
 * fuzzer has found once is a plain test with every compiler.
 * Usage: fuzz_NAME FILE-OR-FOLDER...
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_INPUT_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	/* The exact size on the heap lets ASan see a read past the end. */
	static uint8_t buffer[MAX_INPUT_BYTES];
	FILE *file = fopen(path, "rb");

	if (!file) {
		perror(path);
		return 1;
	}
	size_t size = fread(buffer, 1, sizeof(buffer), file);
	fclose(file);
	uint8_t *data = malloc(size ? size : 1);
	if (!data)
		abort();
	memcpy(data, buffer, size);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

static int replay_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int failures = 0;

	if (!folder) {
		perror(path);
		return 1;
	}
	while ((entry = readdir(folder))) {
		char name[4096];

		if (entry->d_name[0] == '.')
			continue;
		int length = snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (length > 0 && (size_t)length < sizeof(name))
			failures += replay_file(name);
	}
	closedir(folder);
	return failures;
}

int main(int argc, char **argv)
{
	int failures = 0;

	for (int i = 1; i < argc; i++) {
		struct stat status;

		if (stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode))
			failures += replay_folder(argv[i]);
		else
			failures += replay_file(argv[i]);
	}
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
