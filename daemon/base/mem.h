/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of the daemons: malloc with a seam, so that a test can let the n-th
 * allocation of its thread fail and walk every path of exhaustion.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL when memory is out.  Freed with mem_free().  Any thread. */
void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
void *mem_realloc(void *ptr, size_t size);
void *mem_aligned(size_t align, size_t size);
char *mem_strdup(const char *text);
void *mem_dup(const void *data, size_t size);
void mem_free(void *ptr);

/*
 * Makes room for `need` elements of `size` in *array, which has *cap; at least
 * doubles.  -ENOMEM: everything is as it was.
 */
int mem_grow(void *array, uint32_t *cap, uint32_t need, size_t size);

/*
 * The n-th allocation from now (from 1) of the calling thread fails, once;
 * 0: none.  Returns how many allocations the thread has made since the last
 * call.
 */
uint64_t mem_fail_nth(uint64_t n);
/* From now on all of the calling thread's fail, or none; those of memory that
 * pools have at hand do not. */
void mem_out(bool is_out);
bool mem_is_out(void);

#endif
