/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which SSDs are believed when a device is created.  Pure core: the caller
 * reads, this decides.
 */
#ifndef SD_RECOVER_H
#define SD_RECOVER_H

#include "format.h"
#include "map.h"

enum sd_attach {
	SD_ATTACH_TRUST,	/* believe what the superblocks say */
	SD_ATTACH_DISCARD,	/* always start cold */
	SD_ATTACH_VERIFY,	/* compare with the disk first */
};

struct sd_candidate {
	bool present;		/* there is a device at this position */
	int err;		/* of reading its superblock */
	struct sd_super super;	/* if !err */
	struct sd_layout layout;	/* as its size wants it now */
	/* If sd_recover_is_mixed(), what sd_recover_weigh() found, else 0: */
	u64 right;		/* its samples that the disk confirms */
	u64 wrong;		/* those that the disk contradicts */
	/* The verdict: */
	bool warm;
	bool doubts;		/* was in use: its intent map counts */
	const char *why;	/* cold, because; NULL if blank or warm */
};

/*
 * SSDs of several caches: only one of them can be the last that this disk had,
 * and no generation tells whether another had this disk at all.
 */
bool sd_recover_is_mixed(const struct sd_geom *g, const struct sd_candidate *c);
/*
 * Compare an SSD's fingerprint with the disk, `sample` of the geometry in its
 * superblock.  What is in doubt says nothing, and a blank block of the disk
 * confirms nothing, as most disks have some.
 */
void sd_recover_weigh(struct sd_candidate *c, const u32 *sample, u64 doubted,
		      u64 blank);

/*
 * Mirror or cache, if the table does not name it: cache if an SSD is too small
 * for its share of the disk, or if the set was in cache mode before, so that it
 * stays warm when its small SSDs are missing today.
 */
enum superdisk_mode sd_recover_placement(const struct sd_geom *g, u32 named,
					 const struct sd_candidate *c);
/*
 * Judge all members of a set.  The superblock of the highest generation names
 * the members that have missed nothing; the others are cold.  Returns from
 * which generation to go on, and whose superblock is the newest (nr_legs:
 * nobody's).
 *
 * An SSD of another disk is not heard, see is_alien(); it is cold alone.
 *
 * now: of the clock, ns.  Who goes on without having seen an SSD that is away
 * outranks it all the same when it returns, as time has passed: nobody changes
 * members once a nanosecond.
 */
u64 sd_recover(const struct sd_geom *g, enum superdisk_mode mode,
	       enum sd_attach attach, bool verify, u64 now,
	       struct sd_candidate *c, u32 *ret_best);
/*
 * Compare the samples of the disk with those an SSD remembers.  `now` are
 * those of the disk as large as the SSD knew it.
 */
bool sd_recover_same_disk(const struct sd_super *s, const u32 *now,
			  const unsigned long *doubted);

#endif
