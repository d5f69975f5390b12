/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiler extensions that we allow ourselves, each behind one macro.
 */
#pragma once

/* CLEANUP(fn) type variable: fn(&variable) runs when the scope is left. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* The caller must look at the result. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* The parameter number index is a printf format for the arguments from first on. */
#define PRINTF_FORMAT(index, first) __attribute__((format(printf, index, first)))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
