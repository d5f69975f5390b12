/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest of a package, and the settings file of a program.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/file.h"
#include "base/settings.h"
#include "domain/config/declarations.h"
#include "domain/package/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct config {
	const char *name;
	const char *path;
	int64_t count;
	int64_t wait_ms;
	int64_t room;
	bool on;
};

static const struct setting SETTINGS[] = {
	SETTING_STRING(struct config, name, "", "text"),
	SETTING_PATH(struct config, path, "p", "path"),
	SETTING_INT(struct config, count, "1", 1, 10, "integer"),
	SETTING_DURATION(struct config, wait_ms, "1s", "duration"),
	SETTING_SIZE(struct config, room, "1KiB", "size"),
	SETTING_BOOL(struct config, on, "no", "switch"),
	SETTING_END,
};

static void check_settings(const uint8_t *data, size_t size, struct arena *arena)
{
	CLEANUP(fd_cleanup) int fd = memfd_create("settings", MFD_CLOEXEC);
	struct config config = {.count = 1};
	struct error err;

	if (fd < 0 || !fd_write_all(fd, data, size))
		abort();
	const char *path = arena_printf(arena, "/proc/self/fd/%d", fd);
	if (settings_file(SETTINGS, path, arena, &config, &err) &&
	    (config.count < 1 || config.count > 10 || config.wait_ms < 0 || config.room < 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	char *text = arena_memdup(arena, data, size);
	struct package_manifest manifest;
	struct declarations declarations;
	struct error err;

	if (manifest_parse(text, size, arena, &manifest, &err) &&
	    (!manifest.name || !manifest.version || manifest.archive.size < 0))
		abort();
	if (declarations_parse(text, size, arena, &declarations, &err) &&
	    declarations.count > DECLARATIONS_MAX)
		abort();
	check_settings(data, size, arena);
	arena_free(arena);
	return 0;
}
