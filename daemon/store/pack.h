/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where new blocks go: packed one behind the other into regions of the open
 * slot, which are written as they fill.  One for a shard; a round at a time
 * uses it.
 */
#ifndef STORE_PACK_H
#define STORE_PACK_H

#include "store/engine_impl.h"

struct packer;

/* -ENOMEM.  Its memory, PACK_REGIONS * PACK_REGION_BYTES, is taken here. */
int packer_new(struct engine *e, struct packer **ret_packer);
/* Nothing may be in flight. */
void packer_free(struct packer *packer);

#define PACK_REGIONS 3u
#define PACK_REGION_BYTES (512u << 10)

/*
 * Makes a block of these rows and says where it is: not durable, and not in
 * the index.  -EAGAIN: every region is being written, ask again when one is
 * not; other errors: no room on the disk, or none in memory.
 */
int packer_put(struct packer *packer, const struct block_id *id,
	       const struct row *rows, uint32_t count, bool compress,
	       struct block_ref *ret_ref);

/* Writes what has not been. */
void packer_send(struct packer *packer);
/* Forgets what has not been written. */
void packer_discard(struct packer *packer);

/* Regions being written; packer_put() must wait for one when it is full. */
uint32_t packer_writing(const struct packer *packer);
bool packer_is_full(const struct packer *packer);
/* The first error of a write since this was last asked. */
int packer_error(struct packer *packer);

#endif
