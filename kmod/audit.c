// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach verify: pages that an SSD was attached with are compared with the
 * disk before they are believed.
 *
 *	start	register the op, as a fill does
 *	send	read disk and SSD at the same time
 *	compare	worker: what is equal becomes valid, what is not is forgotten
 *	finish	nothing left: store what was found out, then say so on the SSD
 *
 * Until the last step the SSD says SD_SUPER_UNVERIFIED: what it says meanwhile
 * is compared again after a crash, whatever the table wants.
 */
#include "sd.h"

static bool may_audit(struct sd_leg *leg)
{
	return READ_ONCE(leg->auditing) && sd_leg_serves(leg);
}

u64 sd_audit_wanted(struct sd_leg *leg, u64 block, u64 mask)
{
	return may_audit(leg) ? mask & sd_table_unverified(&leg->table, block) :
				0;
}

struct sd_job *sd_audit_start(struct sd_leg *leg, u64 block, u64 mask)
{
	struct sd_set *set = leg->set;
	struct sd_job *job, *peer;
	u64 run;

	percpu_ref_get(&leg->ref);	/* one for each of the two */
	job = sd_job_new(set, leg, hweight64(mask));
	peer = job ? sd_job_new(set, leg, hweight64(mask)) : NULL;
	if (!peer) {
		if (job)
			sd_job_free(job);
		else
			sd_leg_put(leg);
		sd_leg_put(leg);
		return NULL;
	}
	job->peer = peer;
	run = sd_op_begin_verify(&set->guard, &leg->table, &job->op, block,
				 mask);
	if (!run) {
		sd_job_free(peer);
		sd_job_free(job);
		return NULL;
	}
	job->audit = true;
	job->first = __ffs64(run);
	sd_job_trim(job, hweight64(run));
	sd_job_trim(peer, hweight64(run));
	return job;
}

/* Pages that both have read and that are equal. */
static u64 equal_pages(struct sd_job *job)
{
	u64 equal = 0;
	u32 i;

	if (job->disk_status || job->ssd_status)
		return 0;
	for (i = 0; i < job->nr; i++)
		if (!memcmp(page_address(job->vecs[i].bv_page),
			    page_address(job->peer->vecs[i].bv_page), SD_PAGE))
			equal |= BIT_ULL(job->first + i);
	return equal;
}

static void compare(struct work_struct *work)
{
	struct sd_job *job = container_of(work, struct sd_job, work);
	u64 equal = equal_pages(job);

	sd_job_checksum(job);
	job->differs = job->op.spoiled ? 0 : job->op.mask & ~equal;
	sd_warm_landed(job, sd_op_end(&job->set->guard, &job->op, equal,
				      job->crc));
	sd_job_free(job->peer);
	sd_job_free(job);
}

static void put_read(struct sd_job *job)
{
	if (!refcount_dec_and_test(&job->refs))
		return;
	INIT_WORK(&job->work, compare);
	queue_work(job->leg->fill_wq, &job->work);
}

static void disk_read(struct bio *bio)
{
	struct sd_job *job = bio->bi_private;

	job->disk_status = bio->bi_status;
	bio_uninit(bio);
	put_read(job);
}

static void ssd_read(struct bio *bio)
{
	struct sd_job *peer = bio->bi_private, *job = peer->peer;

	job->ssd_status = bio->bi_status;
	bio_uninit(bio);
	sd_leg_result(job->leg, job->ssd_status);
	put_read(job);
}

/* A driver that is full holds up this worker, and not the one of warming. */
static void ssd_send(struct work_struct *work)
{
	struct sd_job *peer = container_of(work, struct sd_job, work);

	sd_submit(peer->set, &peer->ssd_bio, sd_job_sector(peer->peer));
}

void sd_audit_send(struct sd_job *job)
{
	struct sd_leg *leg = job->leg;
	struct sd_job *peer = job->peer;

	peer->peer = job;
	refcount_set(&job->refs, 2);
	sd_job_bio(peer, &peer->ssd_bio, leg->kdev.bdev,
		   sd_leg_sector(leg, job->op.slot, job->first), REQ_OP_READ,
		   ssd_read);
	sd_job_idle_bio(&peer->ssd_bio);
	sd_job_bio(job, &job->disk_bio, job->set->disk->bdev,
		   sd_job_sector(job), REQ_OP_READ, disk_read);
	sd_job_idle_bio(&job->disk_bio);
	this_cpu_inc(leg->stats->started);
	INIT_WORK(&peer->work, ssd_send);
	queue_work(leg->fill_wq, &peer->work);
	sd_submit(job->set, &job->disk_bio, sd_job_sector(job));
}

static int store_end(struct sd_leg *leg)
{
	int err;

	mutex_lock(&leg->meta_lock);
	err = sd_meta_checkpoint(&leg->meta, false);
	if (!err) {
		leg->meta.super.state &= ~SD_SUPER_UNVERIFIED;
		err = sd_meta_store_super(&leg->meta);
	}
	mutex_unlock(&leg->meta_lock);
	if (err && err != -EREMOTEIO)
		sd_leg_fail(leg, err);
	return err;
}

bool sd_audit_finish(struct sd_leg *leg)
{
	bool done = false;

	if (!sd_leg_get(leg))
		return false;
	if (may_audit(leg) && !sd_table_count_unverified(&leg->table))
		done = !store_end(leg);
	if (done) {
		WRITE_ONCE(leg->auditing, false);
		sd_event(leg->set, SUPERDISK_EVENT_LEG_VERIFIED, leg->index, 0);
	}
	sd_leg_put(leg);
	return done;
}
