/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identifiers. New ids are 20 random characters of [a-z2-7] (100 bits), which
 * are safe in MQTT topics, file names, URLs and certificates.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ID_RANDOM_LENGTH 20
#define ID_MAX_LENGTH 64
#define NAME_MAX_LENGTH 63
/* Room for a prefix of up to 11 characters, the random part and the zero byte. */
#define ID_SIZE 32

/* Writes prefix followed by the random part, for example id_random(out, "r"). */
void id_random(char out[ID_SIZE], const char *prefix);

/* A node id: 1 to 64 characters of [a-z0-9], nothing else. */
bool id_valid_node(const char *id);

/* A name of a thing (node, service, config, package): [a-z0-9][a-z0-9._-]{0,62}.
 * Safe as a file name. */
bool id_valid_name(const char *name);
