/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies on their way to an SSD: of writes (write.c), of what was missed
 * (fill.c), and of background work (warm.c, audit.c).
 */
#ifndef SD_JOB_H
#define SD_JOB_H

#include <linux/bio.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>

#include "guard.h"
#include "plan.h"

struct sd_io;
struct sd_leg;
struct sd_set;

/* Someone who waits for an intent to be durable. */
struct sd_waiter {
	struct list_head node;
	void (*go)(struct sd_waiter *w);	/* process context */
};

/*
 * Pages taken at creation: copies of writes and fills under way.  Half of them
 * are guaranteed to the SSDs, to each as many, the rest is for all: copies to an
 * SSD that hangs keep their pages until its driver gives them back, and must not
 * take those of the others.
 *
 *	free = spare + what each SSD has not yet taken of its share
 */
struct sd_pool {
	spinlock_t lock;		/* free pages, pages_out of each SSD */
	u32 nr, free;
	u32 share;			/* guaranteed to each SSD */
	u32 spare;			/* may be taken beyond shares */
	struct page **page;
};

#define SD_WARM_FLIGHT	8	/* copies under way at a time */

/* Work in the background; states in warm.c. */
struct sd_warm {
	int state;			/* enum superdisk_warm.  set->admin */
	bool running;			/* the work goes on */
	struct delayed_work work;
	/* Of the work: */
	struct sd_plan plan;
	struct sd_pace pace;
	u64 block;			/* not all of it is sent */
	bool have_block;
	bool auditing;			/* this walk verifies, else it copies */
	bool busy;			/* others want the device */
	u64 requests;			/* when it was looked at */
	unsigned long looked;
	/* Of all: */
	bool progress;			/* in this walk */
	atomic64_t copied;		/* pages, since it was started */
};

/* A copy of pages on its way to an SSD, and of a write also to the disk. */
struct sd_job {
	struct sd_set *set;
	struct sd_leg *leg;		/* referenced */
	struct sd_op op;
	struct bio *user;		/* completed with the disk; or NULL */
	refcount_t refs;		/* I/O under way */
	blk_status_t disk_status, ssd_status;
	bool intent;			/* region held */
	bool back;			/* repair: read back before publishing */
	bool warm;			/* of warm.c */
	bool audit;			/* of audit.c: */
	u64 differs;
	struct sd_job *peer;		/* holds what the SSD says */
	u32 region;
	u32 nr;
	u32 first;			/* page of the block */
	u64 start_ns, ssd_ns;
	struct work_struct work;
	struct sd_waiter waiter;
	struct bio ssd_bio, disk_bio;	/* share vecs */
	u32 *crc;
	struct bio_vec vecs[];
};

/* job.c: copies */
int sd_jobs_init(struct sd_set *set);
void sd_jobs_fini(struct sd_set *set);
/* NULL if memory is short; never waits.  Takes over the caller's leg ref. */
struct sd_job *sd_job_new(struct sd_set *set, struct sd_leg *leg, u32 nr);
void sd_job_free(struct sd_job *job);
/* Is half of what this SSD may have taken?  A guess. */
bool sd_pages_are_short(const struct sd_leg *leg);
/* Checksums of its pages, if they are needed. */
void sd_job_checksum(struct sd_job *job);
/* After sd_job_bio(): others go first. */
void sd_job_idle_bio(struct bio *bio);
/* Give back all but the first nr pages. */
void sd_job_trim(struct sd_job *job, u32 nr);
/* Keep only those pages that its op is for. */
void sd_job_narrow(struct sd_job *job);
/* Copy a bio of whole pages, and compute their checksums. */
void sd_job_copy(struct sd_job *job, struct bio *bio);
/* To the reader: what it wants of these pages, the first of which is that. */
void sd_copy_out(const struct bio_vec *pages, u32 first, const struct sd_io *io,
		 struct bio *bio);
/* Set up one of the job's bios over its pages. */
void sd_job_bio(struct sd_job *job, struct bio *bio, struct block_device *bdev,
		sector_t sector, blk_opf_t opf, bio_end_io_t *end);
sector_t sd_leg_sector(const struct sd_leg *leg, u64 slot, u32 page);
/* Where its first page is on the target. */
sector_t sd_job_sector(const struct sd_job *job);

/* fill.c: NULL if there is nothing to fill, or nothing to do it with */
struct sd_job *sd_fill_begin(struct sd_set *set, const struct sd_io *io);
/* The same without a reader.  Takes over the reference. */
struct sd_job *sd_fill_start(struct sd_leg *leg, u64 block, u64 mask);
/* Read the disk, for a reader that gets a copy, if there is one; then fill. */
void sd_fill_read(struct sd_job *job, struct bio *reader);
/* Pages of mask that the SSD lacks and may be given. */
u64 sd_fill_wanted(struct sd_leg *leg, u64 block, u64 mask);

/* admit.c: may what this read missed, pages of a block, go to the SSD? */
bool sd_admit(struct sd_leg *leg, const struct sd_io *io, u64 block, u64 mask);
/* A write of it was begun. */
void sd_admit_written(struct sd_leg *leg, const struct sd_io *io, u64 block);

/* audit.c: like these three, but for pages that are to be verified */
u64 sd_audit_wanted(struct sd_leg *leg, u64 block, u64 mask);
struct sd_job *sd_audit_start(struct sd_leg *leg, u64 block, u64 mask);
void sd_audit_send(struct sd_job *job);
/* True if all of its pages are verified, and that is stored.  May block. */
bool sd_audit_finish(struct sd_leg *leg);

/* warm.c: set->admin is held */
void sd_warm_init(struct sd_set *set);
/* From the start: an SSD has come, or the device is resumed. */
void sd_warm_resume(struct sd_set *set);
/* No new copies; those under way go on. */
void sd_warm_pause(struct sd_set *set);
/* 0 stops it. */
void sd_warm_set_rate(struct sd_set *set, u32 kib_per_s);
/* A copy has ended, these pages are valid now.  Any context. */
void sd_warm_landed(struct sd_job *job, u64 published);

#endif
