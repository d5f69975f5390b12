/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Code and constants of the program or a library: clean pages of a file, so nothing gets lost. */
static int object_let_go(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)arg;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t begin = (uintptr_t)(info->dlpi_addr + segment->p_vaddr);

		if (segment->p_type != PT_LOAD || segment->p_flags & PF_W)
			continue;
		uintptr_t end = begin + segment->p_filesz;
		begin &= ~(page - 1);
		madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

void memory_let_go(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
	dl_iterate_phdr(object_let_go, NULL);
}
