// SPDX-License-Identifier: GPL-2.0-only
/* The device-mapper target: construction, dispatch, messages, limits. */
#include "sd.h"

#include <linux/sched/mm.h>

/*
 * The device's sectors will be as large as the largest of those below: where
 * those of an SSD do not fit, device-mapper would refuse the table.
 */
static bool sectors_fit(const struct sd_set *set, u32 i)
{
	u32 bytes = bdev_logical_block_size(set->leg[i].dev->bdev);

	return IS_ALIGNED(set->ti->begin | set->ti->len,
			  bytes >> SD_SECTOR_SHIFT);
}

/* A member that cannot be opened, or used, leaves its position vacant. */
static void open_leg(struct sd_set *set, u32 i, const char *path)
{
	if (sd_member_open(set, i, path)) {
		DMERR("%s: SSD %u (%s) cannot be opened, the disk serves its blocks",
		      set->name, i, path);
	} else if (!sectors_fit(set, i)) {
		DMERR("%s: SSD %u (%s) has sectors that do not fit the target, it is left out",
		      set->name, i, path);
		sd_member_close(set, i);
	}
}

static void open_legs(struct sd_set *set, const struct sd_args *a)
{
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++)
		if (strcmp(a->ssd[i], SD_VACANT))
			open_leg(set, i, a->ssd[i]);
}

static void close_legs(struct sd_set *set)
{
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++)
		sd_member_close(set, i);
}

static int init_legs(struct sd_set *set)
{
	u32 i;
	int err = 0;

	for (i = 0; !err && i < set->geom.nr_legs; i++)
		err = sd_leg_init(set, i);
	return err;
}

static void fini_legs(struct sd_set *set)
{
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++)
		sd_leg_fini(&set->leg[i]);
}

static void unfence_work(struct work_struct *work)
{
	struct sd_set *set = container_of(work, struct sd_set, unfence_work);

	sd_write_unfence(set);
	wake_up_all(&set->idle);
}

static void init_works(struct sd_set *set)
{
	init_waitqueue_head(&set->idle);
	mutex_init(&set->admin);
	mutex_init(&set->lock);
	spin_lock_init(&set->dev_lock);
	spin_lock_init(&set->rescue_lock);
	bio_list_init(&set->rescues);
	bio_list_init(&set->fenced);
	bio_list_init(&set->deferred);
	INIT_LIST_HEAD(&set->hedged);
	INIT_WORK(&set->rescue_work, sd_rescue_work);
	INIT_WORK(&set->hedge_work, sd_hedge_work);
	INIT_WORK(&set->defer_work, sd_defer_work);
	INIT_WORK(&set->unfence_work, unfence_work);
	INIT_WORK(&set->retired_work, sd_retired_work);
	INIT_DELAYED_WORK(&set->watch_work, sd_watch_work);
	sd_guard_init(&set->guard);
	sd_warm_init(set);
}

struct workqueue_struct *sd_workqueue(const char *name)
{
	return alloc_workqueue("%s", WQ_MEM_RECLAIM | WQ_UNBOUND, 0, name);
}

static int init_memory(struct sd_set *set)
{
	int err;

	set->stats = alloc_percpu(struct sd_stats);
	set->io_wq = sd_workqueue("superdisk_io");
	set->meta_wq = sd_workqueue("superdisk_meta");
	set->send_wq = sd_workqueue("superdisk_send");
	if (!set->stats || !set->io_wq || !set->meta_wq || !set->send_wq)
		return -ENOMEM;
	err = sd_transfers_init(set);
	return err ?: sd_jobs_init(set) ?: sd_decay_init(set) ?:
	       init_legs(set);
}

static void free_wq(struct workqueue_struct *wq)
{
	if (wq)
		destroy_workqueue(wq);
}

static void free_set(struct sd_set *set)
{
	fini_legs(set);
	sd_heat_fini(&set->heat);
	sd_jobs_fini(set);
	bioset_exit(&set->bios);
	free_wq(set->send_wq);
	free_wq(set->meta_wq);
	free_wq(set->io_wq);
	free_percpu(set->stats);
	close_legs(set);
	if (set->disk) {
		sd_unclaim(&set->disk_claim);
		dm_put_device(set->ti, set->disk);
	}
	kvfree(set);
}

static int open_disk(struct sd_set *set, const struct sd_args *a)
{
	struct dm_target *ti = set->ti;

	if (dm_get_device(ti, a->disk, SD_MODE(ti), &set->disk)) {
		set->disk = NULL;
		ti->error = "Cannot open the disk";
		return -ENODEV;
	}
	if (sd_claim(&set->disk_claim, set, NULL, set->disk->bdev)) {
		dm_put_device(ti, set->disk);
		set->disk = NULL;
		ti->error = "The disk is in use by another target";
		return -EEXIST;
	}
	if (bdev_nr_sectors(set->disk->bdev) < ti->len) {
		ti->error = "The disk is smaller than the target";
		return -EINVAL;
	}
	sd_kdev_init(&set->disk_kdev, set, set->disk->bdev, set->stats, 0);
	return 0;
}

static void set_up_target(struct dm_target *ti, struct sd_set *set)
{
	ti->private = set;
	ti->max_io_len = sd_block_sectors(&set->geom);
	ti->per_io_data_size = sizeof(struct sd_io);
	ti->num_flush_bios = 1;
	ti->num_write_zeroes_bios = 1;
	if (bdev_max_discard_sectors(set->disk->bdev)) {
		ti->num_discard_bios = 1;
		ti->discards_supported = true;
	}
}

static int build(struct sd_set *set, const struct sd_args *a)
{
	int err;

	err = sd_geom_init(&set->geom, set->ti->len, a->opt.block_sectors,
			   a->nr_legs);
	if (err) {
		set->ti->error = "Geometry is out of range";
		return err;
	}
	set->placement = set->opt.mode == SUPERDISK_MODE_CACHE ?
			 SUPERDISK_MODE_CACHE : SUPERDISK_MODE_MIRROR;
	sd_streams_init(&set->reads);
	sd_streams_init(&set->writes);
	init_works(set);
	sd_samples_init(set);
	set->ti->error = "Out of memory";
	err = init_memory(set);
	return err ?: open_disk(set, a);
}

static int superdisk_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct sd_args args;
	struct sd_set *set;
	const char *why;
	int err;

	err = sd_args_parse(&args, argc, argv, &why);
	if (err) {
		ti->error = (char *)why;
		return err;
	}
	set = kvzalloc(sizeof(*set), GFP_KERNEL);
	if (!set) {
		ti->error = "Out of memory";
		return -ENOMEM;
	}
	set->ti = ti;
	set->opt = args.opt;
	strscpy(set->name, dm_device_name(dm_table_get_md(ti->table)),
		sizeof(set->name));
	err = build(set, &args);
	if (err) {
		free_set(set);
		return err;
	}
	open_legs(set, &args);
	set_up_target(ti, set);
	sd_sets_add(set);
	return 0;
}

static void superdisk_dtr(struct dm_target *ti)
{
	struct sd_set *set = ti->private;

	sd_sets_del(set);
	sd_set_deactivate(set);
	sd_set_settle(set);
	cancel_work_sync(&set->retired_work);
	free_set(set);
}

static void init_io(struct sd_set *set, struct sd_io *io, struct bio *bio)
{
	io->set = set;
	io->leg = NULL;
	io->job = NULL;
	io->kind = SD_IO_OTHER;
	io->path = SUPERDISK_PATH_OTHER;
	io->held = false;
	io->sample_legs = 0;
	io->start_ns = ktime_get_ns();
	io->ssd_ns = 0;
	io->iter = bio->bi_iter;
	io->bio_flags = bio->bi_flags;
	io->sector = dm_target_offset(set->ti, bio->bi_iter.bi_sector);
	io->bytes = bio->bi_iter.bi_size;
}

static int map_flush(struct sd_set *set, struct sd_io *io, struct bio *bio)
{
	io->opcode = SUPERDISK_OP_FLUSH;
	bio_set_dev(bio, set->disk->bdev);
	bio->bi_iter.bi_sector = io->sector;
	return DM_MAPIO_REMAPPED;
}

static int superdisk_map(struct dm_target *ti, struct bio *bio)
{
	struct sd_set *set = ti->private;
	struct sd_io *io = sd_io_of(bio);

	this_cpu_inc(set->stats->requests);
	init_io(set, io, bio);
	if (bio->bi_opf & REQ_PREFLUSH || bio_op(bio) == REQ_OP_FLUSH)
		return map_flush(set, io, bio);
	switch (bio_op(bio)) {
	case REQ_OP_READ:
		io->opcode = SUPERDISK_OP_READ;
		return sd_read_map(set, io, bio);
	case REQ_OP_WRITE:
		io->opcode = SUPERDISK_OP_WRITE;
		return sd_write_map(set, io, bio);
	case REQ_OP_DISCARD:
		io->opcode = SUPERDISK_OP_DISCARD;
		return sd_range_map(set, io, bio);
	case REQ_OP_WRITE_ZEROES:
		io->opcode = SUPERDISK_OP_WRITE_ZEROES;
		return sd_range_map(set, io, bio);
	default:
		return DM_MAPIO_KILL;
	}
}

static int superdisk_end_io(struct dm_target *ti, struct bio *bio,
			    blk_status_t *error)
{
	struct sd_io *io = sd_io_of(bio);
	int r = DM_ENDIO_DONE;

	switch (io->kind) {
	case SD_IO_HIT:
		r = sd_read_end(io, bio, *error);
		if (r != DM_ENDIO_DONE)
			return r;
		break;
	case SD_IO_WRITE:
	case SD_IO_COPY:
		sd_write_end(io);
		break;
	case SD_IO_RANGE:
		sd_range_end_io(io);
		break;
	case SD_IO_BOUNCE:
	case SD_IO_MISS:
	case SD_IO_OTHER:
		break;
	}
	sd_account(io, blk_status_to_errno(*error));
	if (io->kind == SD_IO_HIT)
		sd_leg_put(io->leg);
	return r;
}

static int superdisk_preresume(struct dm_target *ti)
{
	struct sd_set *set = ti->private;
	unsigned int noio = memalloc_noio_save();
	int err = 0;

	if (!set->active)
		err = sd_set_activate(set);
	memalloc_noio_restore(noio);
	return err;
}

static void superdisk_postsuspend(struct dm_target *ti)
{
	unsigned int noio = memalloc_noio_save();

	sd_set_deactivate(ti->private);
	memalloc_noio_restore(noio);
}

enum superdisk_mode sd_set_mode(const struct sd_set *set)
{
	return set->opt.mode == SUPERDISK_MODE_PASSTHROUGH ?
	       SUPERDISK_MODE_PASSTHROUGH : set->placement;
}

static int superdisk_message(struct dm_target *ti, unsigned int argc,
			     char **argv, char *result, unsigned int maxlen)
{
	struct sd_set *set = ti->private;
	struct sd_message m;

	return sd_message_parse(&m, argc, argv, set->geom.nr_legs) ?:
	       sd_command(set, &m);
}

/*
 * For device-mapper's checks, which want whole sectors of the size that the
 * device will have.  Those of an SSD itself may be smaller.
 */
static sector_t whole_sectors(const struct sd_leg *leg)
{
	return round_down(bdev_nr_sectors(leg->dev->bdev),
			  SD_DATA_ALIGN_SECTORS);
}

static int superdisk_iterate_devices(struct dm_target *ti,
				     iterate_devices_callout_fn fn, void *data)
{
	struct sd_set *set = ti->private;
	struct sd_leg *leg;
	u32 i;
	int r;

	r = fn(ti, set->disk, 0, ti->len, data);
	/* A live table can be asked at any time: its SSDs must stay for that. */
	mutex_lock(&set->admin);
	for (i = 0; !r && i < set->geom.nr_legs; i++) {
		leg = &set->leg[i];
		if (leg->dev)
			r = fn(ti, leg->dev, 0, whole_sectors(leg), data);
	}
	mutex_unlock(&set->admin);
	return r;
}

/* One discard walks all its blocks: keep that to a few milliseconds. */
#define SD_MAX_RANGE_BLOCKS	1024u

static void superdisk_io_hints(struct dm_target *ti, struct queue_limits *l)
{
	struct sd_set *set = ti->private;
	u32 block = sd_block_sectors(&set->geom);
	u32 discard = bdev_max_discard_sectors(set->disk->bdev);

	l->io_min = max(l->io_min, SD_PAGE);
	l->io_opt = block << SD_SECTOR_SHIFT;
	l->max_hw_discard_sectors = min(discard, SD_MAX_RANGE_BLOCKS * block);
	l->max_discard_sectors = l->max_hw_discard_sectors;
	l->discard_granularity = bdev_discard_granularity(set->disk->bdev);
	l->max_write_zeroes_sectors = min(l->max_write_zeroes_sectors,
					  SD_MAX_RANGE_BLOCKS * block);
	sd_limit_zeroes(l);
	sd_limit_flushes(l, set->disk->bdev);
}

struct target_type sd_target = {
	.name = "superdisk",
	.version = { 1, 0, 0 },
	.module = THIS_MODULE,
	.features = DM_TARGET_NOWAIT | DM_TARGET_ALWAYS_WRITEABLE,
	.ctr = superdisk_ctr,
	.dtr = superdisk_dtr,
	.map = superdisk_map,
	.end_io = superdisk_end_io,
	.preresume = superdisk_preresume,
	.postsuspend = superdisk_postsuspend,
	.status = sd_status,
	.message = superdisk_message,
	.iterate_devices = superdisk_iterate_devices,
	.io_hints = superdisk_io_hints,
};
