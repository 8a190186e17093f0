// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of one SSD.
 *
 *	VACANT --prepare, start--> IN <--> BYPASS
 *	                            '--fail--> FAILED
 *
 * sd_leg_fail(): the state changes at once, so that no read is sent there any
 * more.  Then a worker records the loss on the other members; only when that
 * is durable may a write that this SSD misses go on, so that it can never come
 * back and be believed.
 */
#include "sd.h"

#define SD_MAX_BAD_STREAK	128
#define SD_LAST_WORDS		HZ

static void leg_drained(struct percpu_ref *ref)
{
	struct sd_leg *leg = container_of(ref, struct sd_leg, ref);
	struct sd_set *set = leg->set;
	unsigned long flags;

	/* Whoever sees it may free the set: all of it under the lock. */
	spin_lock_irqsave(&set->idle.lock, flags);
	leg->drained = true;
	wake_up_all_locked(&set->idle);
	spin_unlock_irqrestore(&set->idle.lock, flags);
}

static void let_go(struct list_head *list)
{
	struct sd_waiter *w, *next;

	list_for_each_entry_safe(w, next, list, node)
		w->go(w);
}

/* Let go all whose intent the pass that has just ended has stored. */
static void release_passed(struct sd_leg *leg)
{
	LIST_HEAD(list);

	spin_lock_irq(&leg->wait_lock);
	list_splice_init(&leg->passing, &list);
	spin_unlock_irq(&leg->wait_lock);
	let_go(&list);
}

/* Let go all, also those of a pass that never ends, and whoever comes. */
static void release_all(struct sd_leg *leg)
{
	LIST_HEAD(list);

	spin_lock_irq(&leg->wait_lock);
	leg->released = true;
	list_splice_init(&leg->passing, &list);
	list_splice_tail_init(&leg->waiters, &list);
	spin_unlock_irq(&leg->wait_lock);
	let_go(&list);
}

static bool in_service(const struct sd_leg *leg)
{
	int state = READ_ONCE(leg->state);

	return state == SUPERDISK_STATE_IN || state == SUPERDISK_STATE_BYPASS;
}

/*
 * Who waits was put on the list after taking its intent, so the pass that
 * begins after the list is moved stores it.
 */
static void intent_work(struct work_struct *work)
{
	struct sd_leg *leg = container_of(work, struct sd_leg, intent_work);
	int err = 0;

	if (!in_service(leg))
		return;		/* fail_work() releases the waiters */
	spin_lock_irq(&leg->wait_lock);
	list_splice_tail_init(&leg->waiters, &leg->passing);
	spin_unlock_irq(&leg->wait_lock);
	if (!READ_ONCE(leg->loose)) {
		sd_count(leg->stats, SUPERDISK_C_INTENT_WRITES, 1);
		err = sd_meta_pass(&leg->meta);
	}
	if (err)
		sd_leg_fail(leg, err);
	else
		release_passed(leg);
}

void sd_leg_wait(struct sd_leg *leg, struct sd_waiter *w)
{
	unsigned long flags;
	bool released;

	spin_lock_irqsave(&leg->wait_lock, flags);
	released = leg->released || READ_ONCE(leg->loose);
	if (!released)
		list_add_tail(&w->node, &leg->waiters);
	spin_unlock_irqrestore(&leg->wait_lock, flags);
	if (released)
		w->go(w);
	else
		queue_work(leg->set->meta_wq, &leg->intent_work);
}

struct sync_waiter {
	struct sd_waiter w;
	struct completion done;
};

static void sync_go(struct sd_waiter *w)
{
	complete(&container_of(w, struct sync_waiter, w)->done);
}

void sd_leg_wait_sync(struct sd_leg *leg)
{
	struct sync_waiter s = { .w.go = sync_go };

	init_completion(&s.done);
	sd_leg_wait(leg, &s.w);
	wait_for_completion(&s.done);
}

/* Store metadata by fn; false if there will be no more of that. */
static bool store_meta(struct sd_leg *leg, int (*fn)(struct sd_meta *m))
{
	u64 writes, given;
	int err;

	/* Held by one that hangs: an idle wait, not a stuck task. */
	if (mutex_lock_interruptible(&leg->meta_lock))
		return false;
	writes = leg->meta.nr_writes;
	given = leg->meta.nr_given;
	err = sd_leg_serves(leg) ? fn(&leg->meta) : 0;
	sd_count(leg->stats, SUPERDISK_C_META_WRITES,
		 leg->meta.nr_writes - writes);
	sd_count(leg->stats, SUPERDISK_C_EVICTIONS,
		 leg->meta.nr_given - given);
	mutex_unlock(&leg->meta_lock);
	if (err && err != -EREMOTEIO)
		sd_leg_fail(leg, err);
	return in_service(leg);
}

static int checkpoint(struct sd_meta *m)
{
	return sd_meta_checkpoint(m, false);
}

static void checkpoint_work(struct work_struct *work)
{
	struct sd_leg *leg = container_of(to_delayed_work(work), struct sd_leg,
					  checkpoint_work);

	if (!store_meta(leg, checkpoint))
		return;
	queue_work(leg->set->meta_wq, &leg->intent_work);
	queue_delayed_work(leg->set->meta_wq, &leg->checkpoint_work,
			   msecs_to_jiffies(leg->set->opt.checkpoint_ms));
}

static void room_work(struct work_struct *work)
{
	store_meta(container_of(work, struct sd_leg, room_work),
		   sd_meta_make_room);
}

/* Is it only pages that are bad, however many, or the SSD? */
static void probe_work(struct work_struct *work)
{
	struct sd_leg *leg = container_of(work, struct sd_leg, probe_work);

	if (store_meta(leg, sd_meta_probe))
		atomic_set(&leg->bad_streak, 0);
}

void sd_leg_want_room(struct sd_leg *leg)
{
	if (leg->table.cache && sd_cache_is_short(leg->table.cache))
		queue_work(leg->set->meta_wq, &leg->room_work);
}

void sd_leg_say_out(struct sd_leg *leg)
{
	/* A hung checkpoint may hold it: an idle wait, not a stuck task. */
	if (leg->is_out || mutex_lock_interruptible(&leg->meta_lock))
		return;
	leg->meta.super.state |= SD_SUPER_OUT;
	leg->meta.super.roster[leg->index] = 0;
	leg->is_out = !sd_meta_store_super(&leg->meta);
	mutex_unlock(&leg->meta_lock);
}

static void last_words(struct work_struct *work)
{
	struct sd_leg *leg = container_of(work, struct sd_leg, last_words);

	sd_leg_say_out(leg);
	complete(&leg->said);
}

/*
 * The SSD may still take a write.  Nobody waits for it longer than a moment,
 * and that only if there is no other member to remember.
 */
static void ask_last_words(struct sd_leg *leg, bool wait)
{
	reinit_completion(&leg->said);
	queue_work(leg->tell_wq, &leg->last_words);
	if (wait)
		wait_for_completion_timeout(&leg->said, SD_LAST_WORDS);
}

/*
 * Each SSD is told by a worker of its own, of a queue of its own: one that hangs
 * does not keep the others from knowing, even when there is no memory for more
 * workers.  What it is told was written down when it was asked to, as it may be
 * very late.
 */
static void roster_work(struct work_struct *work)
{
	struct sd_leg *leg = container_of(work, struct sd_leg, roster_work);
	struct sd_super *s = &leg->meta.super;
	int err;

	/* Held by a checkpoint that hangs: an idle wait, as above. */
	if (mutex_lock_interruptible(&leg->meta_lock))
		return;
	spin_lock_irq(&leg->wait_lock);
	memcpy(s->set_uuid, leg->set->uuid, sizeof(s->set_uuid));
	s->generation = leg->generation;
	memcpy(s->roster, leg->roster, sizeof(s->roster));
	spin_unlock_irq(&leg->wait_lock);
	err = sd_meta_store_super(&leg->meta);
	if (err)
		sd_leg_fail(leg, err);
	else
		leg->told = s->generation;
	mutex_unlock(&leg->meta_lock);
	smp_store_release(&leg->telling, false);	/* told first */
	wake_up_all(&leg->set->idle);
}

void __sd_leg_tell(struct sd_leg *leg)
{
	struct sd_set *set = leg->set;

	lockdep_assert_held(&set->lock);
	spin_lock_irq(&leg->wait_lock);
	memcpy(leg->roster, set->roster, sizeof(leg->roster));
	leg->generation = set->generation;
	spin_unlock_irq(&leg->wait_lock);
	WRITE_ONCE(leg->telling, true);
	queue_work(leg->tell_wq, &leg->roster_work);
}

static void fail_work(struct work_struct *work)
{
	struct sd_leg *leg = container_of(work, struct sd_leg, fail_work);
	struct sd_set *set = leg->set;
	u32 witnesses;

	mutex_lock(&set->lock);
	set->generation++;
	witnesses = __sd_set_store_roster(set);
	mutex_unlock(&set->lock);
	ask_last_words(leg, !witnesses);
	if (atomic_dec_and_test(&set->fencing)) {
		sd_write_unfence(set);
		wake_up_all(&set->idle);
	}
	release_all(leg);
	DMWARN("%s: SSD %u is out of service (%s, error %d); the disk serves its blocks",
	       set->name, leg->index, leg->error ? "failed" : "removed",
	       leg->error);
	sd_event_leg(leg, leg->failed_from, SUPERDISK_STATE_FAILED, leg->error);
}

/* Whoever takes it out of service does so once.  The state it was in, or -1. */
static int leave_service(struct sd_leg *leg, int to)
{
	int from;

	do {
		from = READ_ONCE(leg->state);
		if (from != SUPERDISK_STATE_IN && from != SUPERDISK_STATE_BYPASS)
			return -1;
	} while (cmpxchg(&leg->state, from, to) != from);
	return from;
}

void sd_leg_fail(struct sd_leg *leg, int err)
{
	struct sd_set *set = leg->set;
	int from;

	/* Pairs with sd_is_fenced(): raised before the reference dies. */
	atomic_inc(&set->fencing);
	from = leave_service(leg, SUPERDISK_STATE_FAILED);
	if (from < 0) {
		if (atomic_dec_and_test(&set->fencing))
			queue_work(set->meta_wq, &set->unfence_work);
		return;
	}
	leg->error = err;
	leg->failed_from = from;
	/* Before the reference dies: see sd_leg_stop(). */
	queue_work(set->meta_wq, &leg->fail_work);
	percpu_ref_kill(&leg->ref);
	wake_up_all(&set->idle);	/* nobody waits for its word any more */
}

void sd_leg_result(struct sd_leg *leg, blk_status_t status)
{
	if (unlikely(status == BLK_STS_AGAIN)) {
		this_cpu_inc(leg->stats->refused);
		return;
	}
	this_cpu_inc(leg->stats->done);
	if (likely(!status)) {
		if (unlikely(atomic_read(&leg->bad_streak)))
			atomic_set(&leg->bad_streak, 0);
		return;
	}
	if (atomic_inc_return(&leg->bad_streak) >= SD_MAX_BAD_STREAK)
		queue_work(leg->set->meta_wq, &leg->probe_work);
}

int sd_leg_init(struct sd_set *set, u32 index)
{
	struct sd_leg *leg = &set->leg[index];
	int err;

	leg->set = set;
	leg->index = index;
	leg->state = SUPERDISK_STATE_VACANT;
	leg->drained = true;
	init_completion(&leg->said);
	mutex_init(&leg->meta_lock);
	spin_lock_init(&leg->wait_lock);
	INIT_LIST_HEAD(&leg->waiters);
	INIT_LIST_HEAD(&leg->passing);
	INIT_WORK(&leg->intent_work, intent_work);
	INIT_DELAYED_WORK(&leg->checkpoint_work, checkpoint_work);
	INIT_WORK(&leg->room_work, room_work);
	INIT_WORK(&leg->probe_work, probe_work);
	INIT_WORK(&leg->fail_work, fail_work);
	INIT_WORK(&leg->last_words, last_words);
	INIT_WORK(&leg->roster_work, roster_work);
	xa_init(&leg->retired);
	xa_init(&leg->strikes);
	leg->stats = alloc_percpu(struct sd_stats);
	leg->fill_wq = sd_workqueue("superdisk_fill");
	leg->tell_wq = sd_workqueue("superdisk_tell");
	if (!leg->stats || !leg->fill_wq || !leg->tell_wq)
		return -ENOMEM;
	err = sd_stock_init(leg);
	return err ?: percpu_ref_init(&leg->ref, leg_drained,
				      PERCPU_REF_INIT_DEAD |
				      PERCPU_REF_ALLOW_REINIT, GFP_KERNEL);
}

void sd_leg_fini(struct sd_leg *leg)
{
	if (leg->tell_wq)
		destroy_workqueue(leg->tell_wq);
	if (leg->fill_wq)
		destroy_workqueue(leg->fill_wq);
	percpu_ref_exit(&leg->ref);
	sd_stock_fini(leg);
	free_percpu(leg->stats);
}

/* What vendors rate an SSD at: so often its size written a day. */
static void set_budget(struct sd_leg *leg)
{
	struct sd_set *set = leg->set;
	u64 bytes = leg->table.nr_slots * sd_block_sectors(&set->geom) *
		    SD_SECTOR;

	sd_cache_set_budget(leg->table.cache,
			    div_u64(bytes * set->opt.fill_dwpd, 86400), bytes);
}

static int init_table(struct sd_leg *leg, const struct sd_super *super)
{
	struct sd_set *set = leg->set;
	int err;

	err = sd_table_init(&leg->table, &set->geom, leg->index,
			    super->layout.nr_slots,
			    sd_slots_per_chunk(set->geom.pages),
			    set->opt.verify);
	if (err || set->placement != SUPERDISK_MODE_CACHE)
		return err;
	err = sd_table_init_cache(&leg->table, sd_options_policy(&set->opt));
	if (err)
		sd_table_fini(&leg->table);
	else
		set_budget(leg);
	return err;
}

int sd_leg_prepare(struct sd_leg *leg, const struct sd_super *super)
{
	struct sd_set *set = leg->set;
	int err;

	sd_kdev_init(&leg->kdev, set, leg->dev->bdev, leg->stats,
		     set->opt.timeout_ms);
	leg->data_start = super->layout.data_start;
	err = init_table(leg, super);
	if (err)
		return err;
	err = sd_meta_init(&leg->meta, &leg->kdev.dev, &set->disk_kdev.dev,
			   &leg->table, &set->guard, super);
	if (err) {
		sd_table_fini(&leg->table);
		return err;
	}
	leg->loaded = true;
	return 0;
}

void sd_leg_start(struct sd_leg *leg)
{
	atomic_set(&leg->bad_streak, 0);
	leg->error = 0;
	leg->released = false;
	leg->loose = false;
	leg->is_out = false;
	leg->watch_silence = 0;
	leg->drained = false;
	percpu_ref_reinit(&leg->ref);
	/* Whoever sees the state sees the table. */
	smp_store_release(&leg->state, SUPERDISK_STATE_IN);
	queue_delayed_work(leg->set->meta_wq, &leg->checkpoint_work,
			   msecs_to_jiffies(leg->set->opt.checkpoint_ms));
}

bool sd_leg_is_quiet(struct sd_leg *leg)
{
	struct sd_set *set = leg->set;
	bool quiet;

	spin_lock_irq(&set->idle.lock);
	quiet = leg->drained && !leg->kdev.late;
	spin_unlock_irq(&set->idle.lock);
	return quiet;
}

bool sd_leg_stop(struct sd_leg *leg)
{
	struct sd_set *set = leg->set;

	if (leave_service(leg, SUPERDISK_STATE_VACANT) >= 0)
		percpu_ref_kill(&leg->ref);
	/* Whoever still took it for a member has asked for it to be told. */
	mutex_lock(&set->lock);
	mutex_unlock(&set->lock);
	cancel_delayed_work_sync(&leg->checkpoint_work);
	flush_work(&leg->intent_work);
	flush_work(&leg->fail_work);
	flush_work(&leg->last_words);
	flush_work(&leg->roster_work);
	leg->held = !sd_wait_idle(set->idle, sd_leg_is_quiet(leg),
				  msecs_to_jiffies(set->opt.timeout_ms));
	flush_work(&leg->room_work);	/* whoever held it may have asked */
	flush_work(&leg->probe_work);
	if (leg->held)
		return false;
	/* Whoever took it out of service may have done so just now. */
	flush_work(&leg->fail_work);
	flush_work(&leg->last_words);
	flush_work(&leg->stock.retry);	/* its driver may have held that up */
	return true;
}

void sd_leg_unload(struct sd_leg *leg)
{
	if (!leg->loaded)
		return;
	leg->loaded = false;
	leg->auditing = false;
	sd_meta_fini(&leg->meta);
	sd_table_fini(&leg->table);
	sd_heal_reset(leg);
}
