/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads under way into buffers of an SSD's stock: bounce.c, stock.c. */
#ifndef SD_STOCK_H
#define SD_STOCK_H

#include <linux/bio.h>
#include <linux/hrtimer.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>

struct sd_io;
struct sd_leg;

/* A read under way into a buffer of its own; states in bounce.c. */
struct sd_read {
	atomic_t use;			/* stock.c */
	atomic_t state;
	refcount_t refs;		/* SSD, timer, disk */
	struct sd_leg *leg;		/* referenced while refs */
	struct bio *user;		/* of who leaves READ_WAITED */
	struct sd_read *of;		/* hedge: whose place it reads */
	sector_t disk_sector;
	u64 start_ns;
	u32 first, nr;			/* pages of the block */
	bool timed;
	struct hrtimer timer;
	struct list_head node;		/* set->hedged */
	struct work_struct work;	/* sends bio if its driver may wait */
	struct bio bio;
	u32 nr_pages;			/* that it has */
	struct bio_vec vecs[];
};

/* Buffers for the reads of one SSD. */
struct sd_stock {
	u32 nr;
	struct sd_read **read;
	spinlock_t lock;		/* waiting, wanted */
	struct bio_list waiting;	/* for a buffer */
	bool wanted;			/* waiting has some */
	struct work_struct retry;
};

/* It may have begun after now, and the machine less than a bound ago. */
static inline bool sd_read_is_overdue(u64 start_ns, u64 now_ns, u64 bound_ns)
{
	return start_ns + bound_ns <= now_ns;
}

/* bounce.c: takes over the reference and the bio */
void sd_bounce_map(struct sd_leg *leg, struct sd_io *io, struct bio *bio);
void sd_bounce_init(struct sd_read *r);
/* Leave reads behind that wait for longer than that.  Process context. */
void sd_bounce_overdue(struct sd_leg *leg, u64 now_ns, u64 bound_ns);
void sd_hedge_work(struct work_struct *work);

/* stock.c */
int sd_stock_init(struct sd_leg *leg);
void sd_stock_fini(struct sd_leg *leg);
/* NULL if all are taken.  Any context, as the next two. */
struct sd_read *sd_stock_take(struct sd_leg *leg);
void sd_stock_give(struct sd_read *r);
/* This read is tried again when a buffer is given back. */
void sd_stock_wait(struct sd_leg *leg, struct bio *bio);
/* Try all that wait. */
void sd_stock_retry(struct sd_leg *leg);
/* Take those that have waited for longer than that. */
void sd_stock_overdue(struct sd_leg *leg, u64 now_ns, u64 bound_ns,
		      struct bio_list *ret);

#endif
