/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capabilities of Linux by name, as manifests name them; the index is the kernel's number
 * (linux/capability.h). Ends with NULL.
 */
#pragma once

enum { CAPABILITY_COUNT = 41 };

extern const char *const CAPABILITY_NAMES[];
