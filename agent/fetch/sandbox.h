/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the unpacking child gives up before it reads a byte from outside: new programs, the network,
 * other processes, new privileges. Where the kernel has no seccomp filter the rest still
 * holds; that is not an error.
 */
#pragma once

void sandbox_enter(void);
