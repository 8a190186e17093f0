/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slots of `data`: which are free, how much of each is alive.  Pure.
 *
 * A slot is filled from its start to its end, then only loses blocks.  With
 * nothing alive, nobody reading and nobody writing it is free again.
 */
#ifndef STORE_SPACE_H
#define STORE_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slot {
	uint32_t live;		/* bytes of blocks the index knows */
	uint32_t used;		/* bytes ever filled; 0: free */
	uint32_t readers;	/* reads under way, and what they pinned */
	bool open;		/* being filled */
	bool broken;		/* holds a block that cannot be read */
	bool held;		/* would be free, but for space_hold() */
	bool hole;		/* free, and the file has nothing there */
	bool punching;		/* is becoming one; not to be opened */
};

struct space {
	struct slot *slot;
	uint32_t count, cap;
	uint32_t bytes;		/* of each */
	uint64_t live;		/* of all */
	uint64_t used;
	uint32_t holes;
	bool hold;
};

#define SLOT_NONE UINT32_MAX

void space_init(struct space *space, uint32_t bytes);
void space_fini(struct space *space);
/* Makes slots 0 .. count-1 exist. */
int space_reserve(struct space *space, uint32_t count);

/* Recovery: a block of so many bytes is there; the slot is not filled on. */
void space_adopt(struct space *space, uint32_t n, uint32_t bytes);

/* Opens a free slot, a new one at the end if need be. */
int space_open(struct space *space, uint32_t *ret_slot);
/* Bytes 0 .. used of it are taken; closed when done. */
void space_fill(struct space *space, uint32_t n, uint32_t used, bool done);
/* A block of so many bytes came to life, or died. */
void space_live(struct space *space, uint32_t n, int64_t bytes);
void space_read(struct space *space, uint32_t n, int readers);

/* From now on no slot becomes free; afterwards all that would have. */
void space_hold(struct space *space, bool hold);

/*
 * Space that goes back to the file system: finds a free slot that is no hole
 * and keeps it from being opened, or SLOT_NONE; afterwards it is one, or not.
 */
uint32_t space_punch_begin(struct space *space);
void space_punch_end(struct space *space, uint32_t n, bool done);

/* The closed slot with the least alive, SLOT_NONE if all are full enough. */
uint32_t space_victim(const struct space *space, uint32_t max_live_percent);

#endif
