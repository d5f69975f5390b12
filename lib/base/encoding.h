/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as text: lower hex, base64 (RFC 4648, padded) and base64url (no padding).
 * The decoders are strict: exact alphabet, right padding, no spaces, unused bits
 * zero; so each byte string has exactly one text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

/* Sizes of the encoded text including the zero byte. */
#define HEX_SIZE(bytes) (2 * (bytes) + 1)
#define BASE64_SIZE(bytes) (((bytes) + 2) / 3 * 4 + 1)
#define BASE64URL_SIZE(bytes) (((bytes)*4 + 2) / 3 + 1)
/* Enough for the decoded bytes of a text of this length. */
#define BASE64_DECODED_SIZE(length) (((length) + 3) / 4 * 3)

/* out has room for the macro's size above. */
void hex_encode(const void *data, size_t size, char *out);
void base64_encode(const void *data, size_t size, char *out);
void base64url_encode(const void *data, size_t size, char *out);

/* Decode length characters into out with room for capacity bytes; *size is the
 * number of bytes. False: not valid, or too little room. hex accepts lower case only. */
MUST_CHECK bool hex_decode(const char *text, size_t length, void *out, size_t capacity,
			   size_t *size);
MUST_CHECK bool base64_decode(const char *text, size_t length, void *out, size_t capacity,
			      size_t *size);
MUST_CHECK bool base64url_decode(const char *text, size_t length, void *out, size_t capacity,
				 size_t *size);

/* Is text well-formed UTF-8 (no overlong forms, no surrogates, no zero byte)? */
bool utf8_valid(const char *text, size_t length);

/* Replaces every byte that is not part of well-formed UTF-8 by '?', for text of unknown origin
 * or cut off in the middle, before it goes into JSON. */
void utf8_clean(char *text);
