// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local uint64_t count;
static _Thread_local uint64_t fail_at;
static _Thread_local bool out;

static bool must_fail(void)
{
	return ++count == fail_at || out;
}

void mem_out(bool is_out)
{
	out = is_out;
}

bool mem_is_out(void)
{
	return out;
}

void *mem_alloc(size_t size)
{
	return must_fail() ? NULL : malloc(size);
}

void *mem_zalloc(size_t size)
{
	return must_fail() ? NULL : calloc(1, size);
}

void *mem_realloc(void *ptr, size_t size)
{
	return must_fail() ? NULL : realloc(ptr, size);
}

void *mem_aligned(size_t align, size_t size)
{
	void *ptr;

	if (must_fail() || posix_memalign(&ptr, align, size))
		return NULL;
	return ptr;
}

char *mem_strdup(const char *text)
{
	return mem_dup(text, strlen(text) + 1);
}

void *mem_dup(const void *data, size_t size)
{
	void *copy = mem_alloc(size);

	if (copy && size)
		memcpy(copy, data, size);
	return copy;
}

void mem_free(void *ptr)
{
	free(ptr);
}

int mem_grow(void *array, uint32_t *cap, uint32_t need, size_t size)
{
	uint32_t to = *cap ? *cap : 4;
	void *memory;

	if (need <= *cap)
		return 0;
	while (to < need)
		to *= 2;
	memory = mem_realloc(*(void **)array, to * size);
	if (!memory)
		return -ENOMEM;
	*(void **)array = memory;
	*cap = to;
	return 0;
}

uint64_t mem_fail_nth(uint64_t n)
{
	uint64_t made = count;

	count = 0;
	fail_at = n;
	return made;
}
