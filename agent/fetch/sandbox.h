/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the unpacking child gives up before it reads a byte from outside: new programs and processes, the
 * network, other processes, capabilities, new privileges, every file outside of one folder, and more memory
 * than the decoders of sane archives need. Where the kernel has no seccomp filter or no Landlock (5.13) the
 * rest still holds; that is not an error.
 */
#pragma once

void sandbox_enter(const char *folder);
