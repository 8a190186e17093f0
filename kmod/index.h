/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which slot holds a block, in cache mode: chains of slots from a hash of the
 * block.  8 bytes a slot, and 4 to 8 of heads.  Pure core.
 *
 * All blocks of a chain share one bucket of the guard (guard.h), whose lock is
 * the chain's.  Readers take none: slots are never freed, so that one that is
 * led from a chain to another by a change ends up nowhere (SD_NONE), at worst
 * after SD_INDEX_MAX_STEPS.  A slot that is found may have changed its block in
 * the same instant: sd_read_begin() looks again.
 */
#ifndef SD_INDEX_H
#define SD_INDEX_H

#include "core.h"

#define SD_NONE			0xffffffffu
#define SD_INDEX_MIN_BITS	10	/* those of the guard */
#define SD_INDEX_MAX_STEPS	64

struct sd_node {
	u32 block;		/* SD_NONE: the slot holds none */
	u32 next;		/* of its chain; of the free list if it has none */
};

struct sd_index {
	u32 bits;
	u32 *head;
	struct sd_node *node;
};

int sd_index_init(struct sd_index *ix, u32 nr_slots);
void sd_index_fini(struct sd_index *ix);
/* Slot of a block, or SD_NONE, which may be wrong during a change.  Lockless. */
u32 sd_index_find(const struct sd_index *ix, u32 block);
/* Under the chain's lock, exactly. */
u32 __sd_index_find(const struct sd_index *ix, u32 block);
void __sd_index_insert(struct sd_index *ix, u32 slot, u32 block);
/* The slot has no block afterwards. */
void __sd_index_remove(struct sd_index *ix, u32 slot);

#endif
