// SPDX-License-Identifier: GPL-2.0-only
/* The device-mapper target: construction, dispatch, status, messages. */
#include "sd.h"

#include <linux/sched/mm.h>

/* A member that cannot be opened leaves its position vacant. */
static void open_legs(struct sd_set *set, const struct sd_args *a)
{
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++)
		if (strcmp(a->ssd[i], SD_VACANT) &&
		    sd_member_open(set, i, a->ssd[i]))
			DMERR("%s: SSD %u (%s) cannot be opened, the disk serves its blocks",
			      set->name, i, a->ssd[i]);
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
	mutex_init(&set->admin);
	mutex_init(&set->lock);
	spin_lock_init(&set->rescue_lock);
	bio_list_init(&set->rescues);
	bio_list_init(&set->fenced);
	bio_list_init(&set->deferred);
	INIT_LIST_HEAD(&set->hedged);
	INIT_WORK(&set->rescue_work, sd_rescue_work);
	INIT_WORK(&set->hedge_work, sd_hedge_work);
	INIT_WORK(&set->defer_work, sd_defer_work);
	INIT_WORK(&set->unfence_work, unfence_work);
	INIT_DELAYED_WORK(&set->watch_work, sd_watch_work);
	sd_guard_init(&set->guard);
	sd_warm_init(set);
}

static struct workqueue_struct *new_wq(const char *name)
{
	return alloc_workqueue("%s", WQ_MEM_RECLAIM | WQ_UNBOUND, 0, name);
}

static int init_memory(struct sd_set *set)
{
	int err;

	set->stats = alloc_percpu(struct sd_stats);
	set->io_wq = new_wq("superdisk_io");
	set->fill_wq = new_wq("superdisk_fill");
	set->meta_wq = new_wq("superdisk_meta");
	if (!set->stats || !set->io_wq || !set->fill_wq || !set->meta_wq)
		return -ENOMEM;
	err = bioset_init(&set->bios, 4 * SD_MAX_LEGS, 0, BIOSET_NEED_BVECS);
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
	free_wq(set->meta_wq);
	free_wq(set->fill_wq);
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
	if (sd_claim(&set->disk_claim, set, set->disk->bdev)) {
		dm_put_device(ti, set->disk);
		set->disk = NULL;
		ti->error = "The disk is in use by another target of the table";
		return -EEXIST;
	}
	if (bdev_nr_sectors(set->disk->bdev) < ti->len) {
		ti->error = "The disk is smaller than the target";
		return -EINVAL;
	}
	sd_kdev_init(&set->disk_kdev, set, set->disk->bdev, set->stats);
	return 0;
}

static void set_up_target(struct dm_target *ti, struct sd_set *set)
{
	ti->private = set;
	ti->max_io_len = sd_block_sectors(&set->geom);
	ti->per_io_data_size = sizeof(struct sd_io);
	ti->num_flush_bios = 1;
	ti->flush_supported = true;
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
	case SD_IO_MISS:
		r = sd_read_end(io, bio, error);
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

static const char * const mode_names[] = {
	"auto", "mirror", "cache", "passthrough"
};

/* Counters in a status line, in this order. */
static const enum superdisk_counter shown[] = {
	SUPERDISK_C_HITS, SUPERDISK_C_MISSES, SUPERDISK_C_WRITES,
	SUPERDISK_C_WRITE_AROUNDS, SUPERDISK_C_FILLS,
	SUPERDISK_C_FILLS_DROPPED, SUPERDISK_C_RESCUES,
	SUPERDISK_C_READ_ERRORS, SUPERDISK_C_WRITE_ERRORS,
	SUPERDISK_C_CSUM_ERRORS, SUPERDISK_C_RACES, SUPERDISK_C_RETIRED,
};

/* Of cache mode, at the end of an SSD's fields. */
static const enum superdisk_counter shown_cache[] = {
	SUPERDISK_C_ADMISSIONS, SUPERDISK_C_EVICTIONS, SUPERDISK_C_REFUSALS,
	SUPERDISK_C_THROTTLED, SUPERDISK_C_BYPASSED_BYTES,
};

static int show_counters(const u64 *count, const enum superdisk_counter *which,
			 u32 nr, char *buf, int size)
{
	int at = 0;
	u32 i;

	for (i = 0; i < nr; i++)
		at += scnprintf(buf + at, size - at, " %llu", count[which[i]]);
	return at;
}

static int show_cache(struct sd_leg *leg, const u64 *count, char *buf, int size)
{
	struct sd_cache *c = leg->loaded ? leg->table.cache : NULL;
	int at;

	at = scnprintf(buf, size, " %u/%u", c ? sd_cache_used(c) : 0,
		       c ? c->nr_slots : 0);
	return at + show_counters(count, shown_cache, ARRAY_SIZE(shown_cache),
				  buf + at, size - at);
}

static int show_leg(struct sd_leg *leg, char *buf, int size)
{
	u64 count[SUPERDISK_C_NR], valid = 0, total = 0;
	int at;

	sd_stats_sum(leg->stats, count);
	if (leg->loaded) {
		valid = sd_table_count_valid(&leg->table);
		total = leg->table.nr_slots * leg->set->geom.pages;
	}
	at = scnprintf(buf, size, " %s %s %llu/%llu",
		       leg->dev ? leg->dev->name : SD_VACANT,
		       sd_state_name(READ_ONCE(leg->state)), valid, total);
	at += show_counters(count, shown, ARRAY_SIZE(shown), buf + at,
			    size - at);
	at += scnprintf(buf + at, size - at, " %u",
			leg->loaded ? sd_intent_count(&leg->meta.intent) : 0);
	at += show_cache(leg, count, buf + at, size - at);
	at += scnprintf(buf + at, size - at, " %llu %llu %llu %llu %u",
			leg->loaded ?
			sd_table_count_unverified(&leg->table) : 0,
			count[SUPERDISK_C_HEDGES],
			count[SUPERDISK_C_HEDGE_WINS],
			count[SUPERDISK_C_OVERDUE], sd_leg_hedge_us(leg));
	return at;
}

static const char * const warm_names[] = { "off", "running", "done" };

static int show_warm(struct sd_set *set, char *buf, int size)
{
	return scnprintf(buf, size, " warm %s %llu %u",
			 warm_names[READ_ONCE(set->warm.state)],
			 (u64)atomic64_read(&set->warm.copied),
			 READ_ONCE(set->opt.warm_kib));
}

static void show_info(struct sd_set *set, char *buf, int size)
{
	u64 count[SUPERDISK_C_NR];
	int at;
	u32 i;

	mutex_lock(&set->lock);
	sd_stats_sum(set->stats, count);
	at = scnprintf(buf, size, "1 %s %s %u %llu %u",
		       set->active ? "active" : "suspended",
		       mode_names[sd_set_mode(set)],
		       sd_block_sectors(&set->geom),
		       count[SUPERDISK_C_MISSES], set->geom.nr_legs);
	for (i = 0; i < set->geom.nr_legs; i++)
		at += show_leg(&set->leg[i], buf + at, size - at);
	at += scnprintf(buf + at, size - at, " %s",
		  set->placement == SUPERDISK_MODE_CACHE ?
		  sd_options_policy(&set->opt)->name : SD_VACANT);
	show_warm(set, buf + at, size - at);
	mutex_unlock(&set->lock);
}

static void show_table(struct sd_set *set, char *buf, int size)
{
	int at;
	u32 i;

	mutex_lock(&set->lock);
	at = scnprintf(buf, size, "%s %u", set->disk->name, set->geom.nr_legs);
	for (i = 0; i < set->geom.nr_legs; i++)
		at += scnprintf(buf + at, size - at, " %s", set->leg[i].dev ?
				set->leg[i].dev->name : SD_VACANT);
	mutex_unlock(&set->lock);
	sd_options_print(&set->opt, buf + at, size - at);
}

static void superdisk_status(struct dm_target *ti, status_type_t type,
			     unsigned int flags, char *result,
			     unsigned int maxlen)
{
	struct sd_set *set = ti->private;

	switch (type) {
	case STATUSTYPE_INFO:
		show_info(set, result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		show_table(set, result, maxlen);
		break;
	case STATUSTYPE_IMA:
		*result = '\0';
		break;
	}
}

static int superdisk_message(struct dm_target *ti, unsigned int argc,
			     char **argv, char *result, unsigned int maxlen)
{
	struct sd_set *set = ti->private;
	struct sd_message m;

	return sd_message_parse(&m, argc, argv, set->geom.nr_legs) ?:
	       sd_command(set, &m);
}

static int superdisk_iterate_devices(struct dm_target *ti,
				     iterate_devices_callout_fn fn, void *data)
{
	struct sd_set *set = ti->private;
	struct sd_leg *leg;
	u32 i;
	int r;

	r = fn(ti, set->disk, 0, ti->len, data);
	for (i = 0; !r && i < set->geom.nr_legs; i++) {
		leg = &set->leg[i];
		if (leg->dev)
			r = fn(ti, leg->dev, 0, bdev_nr_sectors(leg->dev->bdev),
			       data);
	}
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
	.status = superdisk_status,
	.message = superdisk_message,
	.iterate_devices = superdisk_iterate_devices,
	.io_hints = superdisk_io_hints,
};
