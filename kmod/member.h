/* SPDX-License-Identifier: GPL-2.0-only */
/* Which devices and SSDs a set has: all together, and changed one by one. */
#ifndef SD_MEMBER_H
#define SD_MEMBER_H

#include <linux/blkdev.h>
#include <linux/device-mapper.h>

#include "message.h"
#include "meta.h"

struct sd_candidate;
struct sd_leg;
struct sd_set;

/* A device that a target uses: claim.c */
struct sd_claim {
	struct list_head node;
	struct dm_table *table;
	struct block_device *bdev;
	struct sd_leg *leg;		/* NULL: it is the disk */
	bool used;			/* found free.  claims_lock */
	bool parting;			/* about to be told.  claims_lock */
};

/* claim.c: -EEXIST if another target uses the device already, -EINVAL: itself */
int sd_claim(struct sd_claim *claim, struct sd_set *set, struct sd_leg *leg,
	     struct block_device *bdev);
void sd_unclaim(struct sd_claim *claim);
/* To one that has none. */
void sd_claim_move(struct sd_claim *to, struct sd_claim *from);
/*
 * Begin to use an SSD.  False if another table, however long replaced, has sent
 * it what the driver has not given back, or is about to tell it that it is out.
 */
bool sd_claim_use(struct sd_claim *claim);
/* The table is gone, and no other uses the SSD: nobody does from now on. */
bool sd_claim_part(struct sd_claim *claim);

/* attach.c: all members */
int sd_set_activate(struct sd_set *set);
void sd_set_deactivate(struct sd_set *set);
/* Does its superblock say that it was of this set, at this position? */
bool sd_attach_knows(struct sd_set *set, struct sd_leg *leg);
/* The superblock of bdev when it joins, cold.  -ENOSPC if it is too small. */
int sd_attach_super(struct sd_set *set, struct sd_leg *leg,
		    struct block_device *bdev, struct sd_super *ret);
/* Wait for all drivers, however long.  It is not active. */
void sd_set_settle(struct sd_set *set);

/*
 * weigh.c: compare what an SSD's superblock says of the disk with the disk, as
 * long as it is not used.  buf: the largest block.  -ETIMEDOUT if the SSD does
 * not answer.
 */
int sd_weigh(struct sd_leg *leg, struct sd_candidate *c, u8 *buf);

/* roster.c: who is a member, and who has been one */
bool sd_is_member(const struct sd_leg *leg);
/*
 * Store generation and roster on all members.  Returns on how many it is; one
 * that does not answer within timeout_ms is taken out of service.
 */
u32 __sd_set_store_roster(struct sd_set *set);
/* Before anything is served: every SSD that is ready names every other. */
void __sd_set_enlist(struct sd_set *set);
/* Loaded, and not held. */
bool sd_leg_is_ready(const struct sd_leg *leg);
/* It cannot be used after all. */
void sd_leg_drop(struct sd_leg *leg);
/* Has an SSD of this epoch missed writes of this set, or the one before? */
bool sd_is_lost(const struct sd_set *set, u64 epoch);
void sd_lost_inherit(struct sd_set *set, const struct sd_set *before);

/* member.c: commands; process context, 0 or negative errno */
int sd_member_open(struct sd_set *set, u32 i, const char *path);
void sd_member_close(struct sd_set *set, u32 i);
int sd_member_bypass(struct sd_set *set, u32 i);
int sd_member_restore(struct sd_set *set, u32 i);
int sd_member_remove(struct sd_set *set, u32 i);
/* What a message or a netlink command wants.  -EBUSY while suspended. */
int sd_command(struct sd_set *set, const struct sd_message *m);

/* sets.c: what is found is to be given back; process context */
void sd_sets_add(struct sd_set *set);
/* Waits until nobody uses it. */
void sd_sets_del(struct sd_set *set);
/* The active set of a device, the first one if begin is NULL. */
struct sd_set *sd_sets_find(u32 dev, const u64 *begin);
/* The n-th active one. */
struct sd_set *sd_sets_nth(long n);
/*
 * A set of another table of the device, wherever it begins, that is active
 * though the device is suspended: sd_set_activate().
 */
struct sd_set *sd_sets_left_active(struct sd_set *now);
/* The set that a reload of the table puts this one in the place of. */
struct sd_set *sd_sets_before(struct sd_set *now);
void sd_sets_put(struct sd_set *set);

#endif
