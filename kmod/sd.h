/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to the module.
 *
 * Locks, outermost first:
 *
 *	sets_lock (sets.c)	mutex	the list of sets, their users; process
 *	set->admin		mutex	commands, activation; process
 *	set->lock		mutex	members, generation, roster; process
 *	leg->meta_lock		mutex	superblock and checkpoints of one SSD
 *	leg->wait_lock		spin	writes waiting for an intent; any context
 *	guard.bucket[].lock	spin	ops and validity of its blocks; any context
 *	guard.range_lock	spin	discards under way; any context
 *	cache.lock		spin	states of slots, policy; any context
 *	reads.lock, writes.lock	spin	sequential streams; any context
 *	meta.intent.lock	spin	the intent map; any context
 *	set->rescue_lock	spin	bios waiting for a worker; any context
 *	stock.lock		spin	reads waiting for a buffer; any context
 *	pool.lock		spin	free pages, whose they are; any context
 *	set->dev_lock		spin	names of devices; process
 *	claims_lock (claim.c)	mutex	devices in use; process
 *	set->idle.lock		spin	what is waited for to come back; any context
 *
 * No spin lock is held while another of this list is taken, but range_lock and
 * cache.lock inside a bucket's lock.  The path of a hit takes none of them: it holds a
 * per-CPU reference to its leg.  Status and dumps take none of the mutexes: a
 * reference to the leg keeps its table as well.
 */
#ifndef SD_H
#define SD_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/device-mapper.h>
#include <linux/hash.h>
#include <linux/mempool.h>
#include <linux/mutex.h>
#include <linux/percpu-refcount.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "args.h"
#include "compat.h"
#include "event.h"
#include "guard.h"
#include "heat.h"
#include "hedge.h"
#include "job.h"
#include "member.h"
#include "meta.h"
#include "recover.h"
#include "stock.h"
#include "stream.h"

#define DM_MSG_PREFIX "superdisk"

/* Of attach verify, as long as warming has no rate of its own. */
#define SD_DEFAULT_RATE_KIB	65536u

struct sd_set;

/* A block device as the metadata code sees it. */
struct sd_kdev {
	struct sd_dev dev;
	struct sd_set *set;
	struct block_device *bdev;
	struct sd_stats __percpu *stats;
	unsigned long timeout;		/* of silence; 0: waits for ever */
	bool silent;			/* fails at once from now on */
	u32 late;			/* transfers left behind.  set->idle.lock */
};

/* A position in the table and the SSD in it. */
struct sd_leg {
	struct sd_set *set;
	u32 index;
	int state;			/* enum superdisk_state; cmpxchg */
	struct dm_dev *dev;		/* NULL: vacant.  admin, dev_lock */
	struct sd_claim claim;		/* of dev */
	dev_t devt;			/* of dev, for those without the lock */
	struct percpu_ref ref;		/* live while IN or BYPASS */
	bool drained;			/* all of them are back.  idle.lock */
	/*
	 * Its driver has not given back what it was sent: table, meta and
	 * device stay, and nothing is sent there.  set->admin
	 */
	bool held;
	atomic_t jobs_out;
	u32 pages_out;			/* of set->pool.  pool.lock */
	atomic_t flying;		/* copies of warm.c */
	struct sd_kdev kdev;
	sector_t data_start;
	struct sd_table table;		/* valid while referenced */
	struct sd_meta meta;
	bool loaded;			/* table and meta exist.  set->admin */
	bool joining;			/* about to be a member.  set->lock */
	bool loose;			/* all in doubt: no intents needed */
	bool auditing;			/* pages wait to be verified */
	struct sd_stats __percpu *stats;
	atomic_t bad_streak;		/* errors without a success between */
	int error;			/* that put it out of service ... */
	int failed_from;		/* ... and from which state */

	/* What its driver, if full, may hold up: this SSD's own and no other. */
	struct workqueue_struct *fill_wq;
	/*
	 * roster_work, last_words.  fail_work waits for these of all SSDs, on
	 * meta_wq: without memory for workers one queue does one thing at a time.
	 */
	struct workqueue_struct *tell_wq;
	struct mutex meta_lock;		/* superblock, checkpoints */
	struct work_struct intent_work;
	struct delayed_work checkpoint_work;
	struct work_struct room_work;
	struct work_struct probe_work;
	struct work_struct fail_work;
	struct work_struct last_words;
	struct completion said;
	bool is_out;			/* it knows that it missed writes */
	struct work_struct roster_work;
	bool telling;			/* roster_work is to be done */

	spinlock_t wait_lock;		/* lists, released, what is to be told */
	u64 roster[SD_MAX_LEGS];	/* what roster_work stores ... */
	u64 generation;
	u64 told;			/* ... and the last that it did */
	struct list_head waiters;	/* for the next pass */
	struct list_head passing;	/* for the running one */
	bool released;			/* nobody waits here any more */

	struct xarray retired;		/* half slot -> 32 pages */
	struct xarray strikes;		/* page -> how often it went bad */
	atomic_t nr_retired, nr_strikes;

	struct sd_stock stock;
	struct sd_recent recent;	/* reads answered lately.  Watchdog */
	u32 hedge_us;			/* if auto: the bound now */
	u64 watch_done;			/* watchdog */
	unsigned long watch_silence;
};

/* Epochs of SSDs that were members and are none any more: the latest of them. */
struct sd_lost {
	u64 epoch[4 * SD_MAX_LEGS];
	u32 nr;				/* that there were */
};

/* One of the blocks that make up the fingerprint, and its intent's number. */
struct sd_sample {
	u64 block;
	u32 nr;
};

struct sd_set {
	struct dm_target *ti;
	struct dm_dev *disk;
	struct sd_claim disk_claim;
	struct sd_kdev disk_kdev;
	struct sd_stats __percpu *stats;	/* of what no SSD served */
	struct sd_geom geom;
	struct sd_options opt;
	enum superdisk_mode placement;	/* mirror or cache; since activation */
	struct sd_streams reads, writes;	/* in cache mode */
	struct sd_guard guard;
	struct sd_leg leg[SD_MAX_LEGS];
	struct sd_sample sample[SD_NR_SAMPLES];	/* in the order of the disk */

	struct mutex admin;		/* commands, activation */
	struct mutex lock;		/* members, generation, roster */
	spinlock_t dev_lock;		/* leg[].dev, to look at it */
	bool active, was_active;
	bool continued;			/* active before, or its table was */
	struct sd_set *before;		/* its table; during activation */
	u8 uuid[16];
	u64 roster[SD_MAX_LEGS];
	u64 generation;
	struct sd_lost lost;

	atomic_t fencing;		/* members whose loss is being recorded */
	spinlock_t rescue_lock;		/* the three lists */
	struct bio_list rescues;
	struct bio_list fenced;
	struct bio_list deferred;
	struct list_head hedged;		/* reads, rescue_lock */
	struct work_struct rescue_work;
	struct work_struct hedge_work;
	struct work_struct defer_work;
	struct work_struct unfence_work;
	unsigned long retiring;			/* SSDs with pages to tell of */
	struct work_struct retired_work;
	struct delayed_work watch_work;
	unsigned long watched_at;		/* watchdog */
	struct sd_recent recent;		/* misses.  Watchdog */
	unsigned long recent_at;		/* updated.  Watchdog */

	struct sd_warm warm;
	struct sd_heat heat;		/* from creation on */
	unsigned long decay_at;
	struct delayed_work decay_work;

	/*
	 * rescues, deferred requests, warming: wait for an SSD no longer than a
	 * timeout
	 */
	struct workqueue_struct *io_wq;
	struct workqueue_struct *meta_wq;	/* intents, checkpoints */
	struct workqueue_struct *send_wq;	/* their I/O to a full driver */
	struct bio_set bios;			/* of metadata */
	mempool_t *jobs;
	struct sd_pool pool;
	wait_queue_head_t idle;
	struct list_head node;			/* of all sets: sets.c */
	u32 users;				/* sets_lock */
	char name[32];
};

enum sd_io_kind {
	SD_IO_OTHER,	/* flush: straight to the disk */
	SD_IO_HIT,	/* read on its way to an SSD; holds leg */
	SD_IO_BOUNCE,	/* read into a buffer, or about to be rescued */
	SD_IO_MISS,	/* read on its way to the disk, by itself or by a job */
	SD_IO_WRITE,	/* write straight to the disk; op registered */
	SD_IO_COPY,	/* write of a job; the job has everything */
	SD_IO_RANGE,	/* discard or write-zeroes; range and holds */
};

/* Beside each bio that device-mapper gives us. */
struct sd_io {
	struct sd_set *set;
	struct sd_leg *leg;
	struct sd_job *job;
	enum sd_io_kind kind;
	enum superdisk_path path;
	enum superdisk_op opcode;
	bool late;			/* the SSD did not answer in time */
	bool again;			/* its driver had no room */
	bool bad_io;			/* hit: the SSD reported an error */
	u64 bad;			/* hit: pages that were not right */
	u32 region;
	u64 start_ns, ssd_ns;
	struct sd_ticket ticket;
	struct sd_op op;
	struct sd_range range;
	bool held;			/* an SSD's intent for the op */
	u64 samples;			/* whose intents are held ... */
	unsigned long sample_legs;	/* ... on these, referenced */
	unsigned long range_legs;	/* regions held; referenced */
	struct sd_waiter waiter;
	/* The bio as it was before it was sent. */
	struct bvec_iter iter;
	unsigned short bio_flags;
	sector_t sector;		/* on the target */
	u32 bytes;
};

static inline struct sd_io *sd_io_of(struct bio *bio)
{
	return dm_per_bio_data(bio, sizeof(struct sd_io));
}

static inline struct bio *sd_bio_of(struct sd_io *io)
{
	return dm_bio_from_per_bio_data(io, sizeof(struct sd_io));
}

/*
 * io.c: tell the block layer's tracepoints that this bio is for the request to
 * this sector of the target, as device-mapper does for DM_MAPIO_REMAPPED.
 */
void sd_trace_remap(struct sd_set *set, struct bio *bio, sector_t sector);
void sd_submit(struct sd_set *set, struct bio *bio, sector_t sector);
/* bio goes in place of the user's: he pays for it, and says how urgent it is. */
void sd_stand_in(struct bio *bio, struct bio *user);
int sd_transfers_init(struct sd_set *set);
/*
 * Blocking I/O of the metadata.  timeout_ms: it is given up when the device has
 * answered nothing for so long; 0: never.  While anything is late it must not
 * be called again, nor the device be used otherwise.
 */
void sd_kdev_init(struct sd_kdev *k, struct sd_set *set,
		  struct block_device *bdev, struct sd_stats __percpu *stats,
		  u32 timeout_ms);

/*
 * What a request that is sent in place of a user's takes over from it: what it
 * is and how urgent.  Only the disk is told what else he asked for.
 */
#define SD_FLAGS_KEPT	(REQ_SYNC | REQ_META | REQ_PRIO | REQ_RAHEAD | \
			 REQ_IDLE | REQ_BACKGROUND | REQ_SWAP)
#define SD_FLAGS_TO_DISK (SD_FLAGS_KEPT | REQ_FUA | REQ_NOWAIT | \
			 REQ_FAILFAST_MASK)

/*
 * A driver that is full holds up whoever sends to it.  Only a worker that nobody
 * waits for may be: others ask with REQ_NOWAIT, and such a worker asks again
 * what was refused.  A driver that cannot say that it is full is sent nothing
 * but by that worker, and no read that must not wait itself.
 */
static inline blk_opf_t sd_nowait(struct block_device *bdev)
{
	return bdev_nowait(bdev) ? REQ_NOWAIT : 0;
}

/* Submit it now, or have work do so if that may be held up. */
static inline void sd_leg_submit(struct sd_leg *leg, struct bio *bio,
				 sector_t sector, struct work_struct *work)
{
	if (bio->bi_opf & REQ_NOWAIT)
		sd_submit(leg->set, bio, sector);
	else
		queue_work(leg->fill_wq, work);
}

/* leg.c: life of an SSD */
int sd_leg_init(struct sd_set *set, u32 index);
void sd_leg_fini(struct sd_leg *leg);
/* Allocate table and metadata for the layout in super. */
int sd_leg_prepare(struct sd_leg *leg, const struct sd_super *super);
void sd_leg_start(struct sd_leg *leg);
/*
 * No new I/O; waits for what is under way, but for a silent SSD no longer than
 * timeout_ms.  False if it is held then.  Keeps table and metadata.  set->lock
 * is not held.
 */
bool sd_leg_stop(struct sd_leg *leg);
/* Has everything come back that it was sent? */
bool sd_leg_is_quiet(struct sd_leg *leg);
/* Tell it that it misses writes, if it does not know.  May block. */
void sd_leg_say_out(struct sd_leg *leg);
void sd_leg_unload(struct sd_leg *leg);
/* Take it out of service.  Any context. */
void sd_leg_fail(struct sd_leg *leg, int err);
/*
 * Account the end of an I/O; an SSD that only fails must show that it lives.
 * That its driver is full (BLK_STS_AGAIN) is no answer.
 */
void sd_leg_result(struct sd_leg *leg, blk_status_t status);
void sd_leg_wait(struct sd_leg *leg, struct sd_waiter *w);
/* Begin to store the set's generation and roster on this SSD.  set->lock */
void __sd_leg_tell(struct sd_leg *leg);
/* Cache mode: store what is leaving now, if slots are becoming few. */
void sd_leg_want_room(struct sd_leg *leg);

static inline bool sd_leg_get(struct sd_leg *leg)
{
	return percpu_ref_tryget_live(&leg->ref);
}

static inline void sd_leg_put(struct sd_leg *leg)
{
	percpu_ref_put(&leg->ref);
}

static inline bool sd_leg_serves(const struct sd_leg *leg)
{
	return READ_ONCE(leg->state) == SUPERDISK_STATE_IN;
}

/* Microseconds after which the disk is asked too; 0: never. */
static inline u32 sd_leg_hedge_us(const struct sd_leg *leg)
{
	u32 us = leg->set->opt.hedge_us;

	return us == SD_HEDGE_AUTO ? READ_ONCE(leg->hedge_us) : us;
}

/* What status and dumps say of an SSD. */
struct sd_leg_view {
	int state;
	u64 valid, total, unverified;	/* pages */
	u64 used, slots;		/* of cache mode */
	u32 doubted;
};

/* Never waits.  All zero but the state while it has no table to look at. */
void sd_leg_view(struct sd_leg *leg, struct sd_leg_view *ret);

/* read.c */
int sd_read_map(struct sd_set *set, struct sd_io *io, struct bio *bio);
/* A read that was sent to an SSD as it was. */
int sd_read_end(struct sd_io *io, struct bio *bio, blk_status_t status);
/* Ask the disk for this read, which nobody else has in hand.  Any context. */
void sd_rescue(struct sd_io *io, struct bio *bio);
void sd_rescue_work(struct work_struct *work);
/* A read that has waited for a buffer.  Process context. */
void sd_read_again(struct sd_set *set, struct bio *bio);

/* write.c */
int sd_write_map(struct sd_set *set, struct sd_io *io, struct bio *bio);
/* A write whose sample intents are durable. */
void sd_write_route(struct sd_io *io, struct bio *bio);
void sd_write_end(struct sd_io *io);
/*
 * The reference to a leg was refused: is the loss of an SSD being recorded?
 * Then what it would miss must wait.
 */
bool sd_is_fenced(struct sd_set *set);
/* The loss of an SSD is recorded: send what waited for that. */
void sd_write_unfence(struct sd_set *set);

/* range.c */
int sd_range_map(struct sd_set *set, struct sd_io *io, struct bio *bio);
void sd_range_end_io(struct sd_io *io);
/* Continue with this bio in process context. */
void sd_defer(struct sd_set *set, struct bio *bio);
void sd_defer_work(struct work_struct *work);

/* hold.c: intents of samples, on every SSD */
void sd_samples_init(struct sd_set *set);
/*
 * A write to these blocks begins.  True if it may be sent; false if
 * sd_samples_wait() must be called first, in process context.
 */
bool sd_samples_get(struct sd_set *set, struct sd_io *io, u64 first, u64 last);
void sd_samples_wait(struct sd_set *set, struct sd_io *io);
void sd_samples_put(struct sd_set *set, struct sd_io *io);
bool sd_is_sample(const struct sd_set *set, u64 first, u64 last);
/* Wait until all intents taken before are durable, or the SSD is out. */
void sd_leg_wait_sync(struct sd_leg *leg);

/* heal.c: pages that do not hold data */
u64 sd_retired(struct sd_leg *leg, u64 block);
u64 sd_retired_pages(struct sd_leg *leg, u64 slot);
void sd_retire(struct sd_leg *leg, u64 slot, u32 page, u64 block);
/* These pages went bad; one that does so again and again is retired. */
void sd_strike(struct sd_leg *leg, u64 slot, u64 pages, u64 block);
void sd_heal_reset(struct sd_leg *leg);
/* Tell of pages that were retired. */
void sd_retired_work(struct work_struct *work);

/* target.c */
extern struct target_type sd_target;
enum superdisk_mode sd_set_mode(const struct sd_set *set);
struct workqueue_struct *sd_workqueue(const char *name);

/* status.c: of the target type */
void sd_status(struct dm_target *ti, status_type_t type, unsigned int flags,
	       char *result, unsigned int maxlen);

/*
 * For what an SSD has to do.  If this machine stands still meanwhile, no more
 * than one half of the time is over when it goes on.
 */
#define sd_wait_idle(wq, condition, timeout) ({				\
	long __left = 0;						\
	int __halves = 2;						\
									\
	while (!__left && __halves--)					\
		__left = wait_event_idle_timeout(wq, condition,		\
						 (timeout) / 2);	\
	__left;								\
})

/* watch.c: an SSD that does not answer */
void sd_watch_start(struct sd_set *set);
void sd_watch_work(struct work_struct *work);

/* decay.c */
int sd_decay_init(struct sd_set *set);
void sd_decay_start(struct sd_set *set);
void sd_decay_stop(struct sd_set *set);
/* Heat outlives a reload of the table. */
void sd_decay_inherit(struct sd_set *set, const struct sd_set *before);

/* A read.  One after the other of the same block by a CPU count once. */
static inline void sd_heat_read(struct sd_set *set, u64 block, u64 now_ns)
{
	if (!set->heat.byte || this_cpu_read(set->stats->last_read) == block)
		return;
	this_cpu_write(set->stats->last_read, block);
	sd_heat_touch(&set->heat, block, hash_64(now_ns ^ block, 32));
}

/* netlink.c */
int sd_netlink_init(void);
void sd_netlink_exit(void);
void sd_netlink_event(struct sd_set *set, enum superdisk_event event, int leg,
		      int state, int err);

#endif
