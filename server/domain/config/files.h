/* SPDX-License-Identifier: Apache-2.0 */
/* What a set of configuration files must fulfil before it may become a version. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/config.h"

/* The file that declares variables; it stays on the server. */
#define CONFIG_VARIABLES_FILE "variables.json"

/* Relative, inside, printable: see files.c. */
bool config_path_valid(const char *path);

/*
 * Counts, sizes, paths (unique, none the folder of another), modes, and that every text file and
 * variables.json parses. The field of the error names the file: files[2].path.
 */
MUST_CHECK bool config_files_check(const struct config_file *files, size_t count,
				   struct arena *arena, struct error *err);

/* "sha256:<hex>" over mode, path and content hash of all files in the order of their paths. */
const char *config_files_digest(const struct config_file *files, size_t count, struct arena *arena);

/* Text (UTF-8 without zero bytes) is rendered and diffed; anything else is carried as it is. */
bool config_file_is_text(const struct config_file *file);
