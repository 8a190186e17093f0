// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stock of read buffers of one SSD: pages, bio and timer for so many reads
 * under way, taken when the device is created.  Each SSD has its own, so that
 * one that hangs keeps no other from reading.
 *
 * Every CPU begins to look at its own part, so that CPUs do not meet as long as
 * there is enough.  A reader that finds nothing waits in a list, which a worker
 * tries again when a buffer comes free, or when the reader has waited for as
 * long as it would have waited for the SSD.
 */
#include "sd.h"

enum { READ_FREE, READ_TAKEN };

static struct sd_read *new_read(struct sd_leg *leg, u32 pages)
{
	struct sd_read *r;
	struct page *page;
	u32 i;

	r = kzalloc(struct_size(r, vecs, pages), GFP_KERNEL);
	if (!r)
		return NULL;
	r->leg = leg;
	sd_bounce_init(r);
	for (i = 0; i < pages; i++) {
		page = alloc_page(GFP_KERNEL);
		if (!page)
			break;
		bvec_set_page(&r->vecs[i], page, SD_PAGE, 0);
		r->nr_pages++;
	}
	return r;
}

static void free_read(struct sd_read *r)
{
	if (!r)
		return;
	while (r->nr_pages)
		__free_page(r->vecs[--r->nr_pages].bv_page);
	kfree(r);
}

static struct bio *__pop(struct sd_stock *s)
{
	struct bio *bio = bio_list_pop(&s->waiting);

	lockdep_assert_held(&s->lock);
	if (bio_list_empty(&s->waiting))
		WRITE_ONCE(s->wanted, false);
	return bio;
}

static struct bio *next_waiting(struct sd_stock *s)
{
	struct bio *bio;

	spin_lock_irq(&s->lock);
	bio = __pop(s);
	spin_unlock_irq(&s->lock);
	return bio;
}

/* All are looked at: one that was refused or tried waits behind younger ones. */
void sd_stock_overdue(struct sd_leg *leg, u64 now_ns, u64 bound_ns,
		      struct bio_list *ret)
{
	struct sd_stock *s = &leg->stock;
	struct bio_list left;
	struct bio *bio;

	bio_list_init(&left);
	spin_lock_irq(&s->lock);
	while ((bio = bio_list_pop(&s->waiting)))
		bio_list_add(sd_read_is_overdue(sd_io_of(bio)->start_ns, now_ns,
						bound_ns) ? ret : &left, bio);
	s->waiting = left;
	if (bio_list_empty(&left))
		WRITE_ONCE(s->wanted, false);
	spin_unlock_irq(&s->lock);
}

/*
 * Each of them once: who finds nothing waits again.  The driver of the disk may
 * hold this worker up, of one that is no hit any more; the watchdog takes care
 * of those that it has not come to.
 */
static void retry_work(struct work_struct *work)
{
	struct sd_leg *leg = container_of(work, struct sd_leg, stock.retry);
	struct bio *bio;
	u32 n;

	spin_lock_irq(&leg->stock.lock);
	n = bio_list_size(&leg->stock.waiting);
	spin_unlock_irq(&leg->stock.lock);
	while (n-- && (bio = next_waiting(&leg->stock)))
		sd_read_again(leg->set, bio);
}

#define SD_STOCK_MIN	8u
#define SD_STOCK_MAX	1024u

int sd_stock_init(struct sd_leg *leg)
{
	struct sd_stock *s = &leg->stock;
	u32 pages = leg->set->geom.pages, i;

	spin_lock_init(&s->lock);
	bio_list_init(&s->waiting);
	INIT_WORK(&s->retry, retry_work);
	s->nr = clamp(leg->set->opt.read_kib / (pages * (u32)(SD_PAGE / 1024)),
		      SD_STOCK_MIN, SD_STOCK_MAX);
	s->read = kvcalloc(s->nr, sizeof(*s->read), GFP_KERNEL);
	for (i = 0; s->read && i < s->nr; i++) {
		s->read[i] = new_read(leg, pages);
		if (!s->read[i] || s->read[i]->nr_pages < pages)
			return -ENOMEM;
	}
	return s->read ? 0 : -ENOMEM;
}

void sd_stock_fini(struct sd_leg *leg)
{
	u32 i;

	for (i = 0; leg->stock.read && i < leg->stock.nr; i++)
		free_read(leg->stock.read[i]);
	kvfree(leg->stock.read);
}

struct sd_read *sd_stock_take(struct sd_leg *leg)
{
	struct sd_stock *s = &leg->stock;
	u32 at = raw_smp_processor_id() * (s->nr / num_possible_cpus()), i;
	struct sd_read *r;

	for (i = 0; i < s->nr; i++, at++) {
		r = s->read[at % s->nr];
		if (atomic_read(&r->use) == READ_FREE &&
		    atomic_cmpxchg(&r->use, READ_FREE, READ_TAKEN) == READ_FREE)
			return r;
	}
	return NULL;
}

void sd_stock_give(struct sd_read *r)
{
	struct sd_leg *leg = r->leg;

	/* Released: whoever takes it is done after us.  See sd_stock_wait(). */
	atomic_set_release(&r->use, READ_FREE);
	smp_mb();	/* pairs with sd_stock_wait() */
	sd_stock_retry(leg);
}

void sd_stock_retry(struct sd_leg *leg)
{
	if (unlikely(READ_ONCE(leg->stock.wanted)))
		queue_work(leg->fill_wq, &leg->stock.retry);
}

static bool any_free(const struct sd_stock *s)
{
	u32 i;

	for (i = 0; i < s->nr; i++)
		if (atomic_read(&s->read[i]->use) == READ_FREE)
			return true;
	return false;
}

/*
 * Either this finds what was given meanwhile, or who gives finds the bio: each
 * writes before it reads, with a barrier in between.
 */
void sd_stock_wait(struct sd_leg *leg, struct bio *bio)
{
	struct sd_stock *s = &leg->stock;
	unsigned long flags;

	spin_lock_irqsave(&s->lock, flags);
	bio_list_add(&s->waiting, bio);
	WRITE_ONCE(s->wanted, true);
	spin_unlock_irqrestore(&s->lock, flags);
	smp_mb();	/* pairs with sd_stock_give() */
	if (any_free(s))
		sd_stock_retry(leg);
}
