/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which parts of an SSD are in doubt after a crash.
 *
 * One bit per region of slots, and one per sample of the disk's fingerprint.
 * A bit is durable on the SSD before the first write that may make SSD and
 * disk differ in its region is sent to either.
 *
 *	            get                  pass done
 *	clean ------------> wanted ------------------> durable
 *	  ^                                               |
 *	  '------- clear (idle, all metadata stored) <----'
 *
 *	want && durable		writes may be sent
 *	want && !durable	writes wait for the next pass
 *	!want			clean; a pass may still have to store that
 *
 * Passes are serialised by the caller.  `durable` is only believed together
 * with `want`, and clearing drops both: between a clear and the pass that
 * stores it a new writer therefore waits for a pass of its own.
 */
#ifndef SD_INTENT_H
#define SD_INTENT_H

#include "core.h"

/* Bits in one sector of the stored map: the unit of atomic writes. */
#define SD_INTENT_BITS_PER_SECTOR	3840u
#define SD_INTENT_SECTORS		8u
#define SD_INTENT_MAX_BITS	(SD_INTENT_BITS_PER_SECTOR * SD_INTENT_SECTORS)

struct sd_intent {
	spinlock_t lock;		/* everything below */
	u32 nr_bits;
	u32 *users;			/* writes under way, per bit */
	unsigned long *want;
	unsigned long *durable;
	unsigned long *recent;		/* used since the last selection */
	unsigned long *chosen;		/* may be cleared by this checkpoint */
	unsigned long *snap;		/* what the running pass stores */
	unsigned long stale;		/* sectors whose stored copy is old */
	unsigned long passing;		/* sectors the running pass stores */
};

int sd_intent_init(struct sd_intent *it, u32 nr_bits);
void sd_intent_fini(struct sd_intent *it);

/*
 * Start a write: true if it may be sent, false if it must wait for a pass that
 * begins after this call.  Any context.  Balanced by sd_intent_put().
 */
bool sd_intent_get(struct sd_intent *it, u32 bit);
void sd_intent_put(struct sd_intent *it, u32 bit);
/* Recovery: this bit was found set, or could not be read. */
void sd_intent_doubt(struct sd_intent *it, u32 bit);
bool sd_intent_doubted(struct sd_intent *it, u32 bit);

/* A pass: begin, store every sector in it->passing from it->snap, end. */
bool sd_intent_pass_begin(struct sd_intent *it);
void sd_intent_pass_end(struct sd_intent *it);

/*
 * A checkpoint: choose the idle bits (all idle ones if `eager`, else those not
 * used since the last choice), store the metadata of their regions, then clear
 * those still unused.  clear() returns how many were.
 */
u32 sd_intent_choose(struct sd_intent *it, bool eager);
bool sd_intent_chosen(struct sd_intent *it, u32 bit);
u32 sd_intent_clear_chosen(struct sd_intent *it);
u32 sd_intent_count(struct sd_intent *it);

#endif
