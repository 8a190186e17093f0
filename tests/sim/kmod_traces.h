/* SPDX-License-Identifier: GPL-2.0-only */
/* Synthetic traces of block reads, and a few writes, from a seed. */
#ifndef KMOD_TRACES_H
#define KMOD_TRACES_H

#include <stdbool.h>
#include <stdint.h>

#define TRACE_WRITE 0x80000000u	/* flag of a block: it is written, not read */

struct trace {
	const char *name;
	const char *what;
	uint32_t nr_blocks;	/* all below that */
	uint32_t nr_slots;	/* of a cache to try it on */
	uint32_t len;
	uint32_t reads;
	uint32_t *block;
};

#define NR_TRACES 6u

/* The i-th; len is scaled.  Returns memory that trace_free() frees. */
struct trace trace_make(uint32_t i, uint64_t seed, uint32_t len);
void trace_free(struct trace *t);

#endif
