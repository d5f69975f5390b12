/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every test needs: cmocka with the headers that it wants first, and
 * assertions for functions that report a struct error.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

/* The call succeeds; otherwise the test fails with the error's text. */
#define assert_success(call, err)                                                                 \
	do {                                                                                      \
		if (!(call))                                                                      \
			fail_msg("%s: %s: %s", #call, error_code_name((err)->code), (err)->text); \
	} while (0)

/* The call fails with this code. */
#define assert_failure(call, err, wanted)                                                       \
	do {                                                                                    \
		assert_false(call);                                                             \
		if ((err)->code != (wanted))                                                    \
			fail_msg("%s: expected %s, got %s: %s", #call, error_code_name(wanted), \
				 error_code_name((err)->code), (err)->text);                    \
	} while (0)

#define assert_contains(text, part)                                          \
	do {                                                                 \
		if (!strstr((text), (part)))                                 \
			fail_msg("\"%s\" is not in \"%s\"", (part), (text)); \
	} while (0)
