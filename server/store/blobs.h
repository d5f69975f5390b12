/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content by its SHA-256, each text once. The seam behind which the bytes of configurations live:
 * domain/config knows hashes and sizes, not where the bytes are.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/crypto.h"
#include "base/error.h"
#include "model/ctx.h"

/* Stores the bytes unless they are there; digest gets their hash. */
MUST_CHECK bool blobs_insert(struct ctx *ctx, const void *data, size_t size_bytes,
			     uint8_t digest[SHA256_SIZE], struct error *err);
