/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent waits nearly all the time. What a start or a change has needed of its code and heap is
 * given back to the machine now and then; what is used again comes back from the page cache.
 */
#pragma once

void memory_let_go(void);
