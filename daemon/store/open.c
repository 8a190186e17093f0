// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/engine_impl.h"
#include "store/pack.h"

static void io_woke(void *ctx)
{
	engine_wake(ctx);
}

static size_t or_default(size_t value, size_t otherwise)
{
	return value ? value : otherwise;
}

static struct engine *engine_new(struct os_loop *loop,
				 const struct engine_opts *opts)
{
	struct engine *e = mem_zalloc(sizeof(*e));

	if (!e)
		return NULL;
	e->opts = *opts;
	e->opts.dir = mem_strdup(opts->dir);
	e->opts.cache_bytes = or_default(opts->cache_bytes, ENGINE_CACHE_BYTES);
	e->opts.delta_bytes = or_default(opts->delta_bytes, ENGINE_DELTA_BYTES);
	e->opts.holes_max = opts->holes_max ? opts->holes_max :
					      ENGINE_HOLES_MAX;
	e->loop = loop;
	list_init(&e->all);
	list_init(&e->dirty);
	list_init(&e->fragmented);
	list_init(&e->holed);
	list_init(&e->fetches);
	list_init(&e->held_fetches);
	list_init(&e->fetching_ops);
	list_init(&e->staged);
	list_init(&e->waiting);
	io_init(&e->io, io_woke, e);
	if (e->opts.dir && !packer_new(e, &e->packer) &&
	    !cache_new(e->opts.cache_bytes, &e->cache) &&
	    !block_codec_new(opts->compress, &e->codec))
		return e;
	engine_abandon(e);
	return NULL;
}

static int open_or_create(struct engine *e, struct engine_report *report)
{
	unsigned int flags = OS_FILE_DIRECT |
			     (e->opts.read_only ? OS_FILE_RDONLY : 0);
	char path[ENGINE_PATH_MAX];
	int err;

	err = e->opts.read_only ? 0 : os_dir_make(e->loop, e->opts.dir);
	if (err)
		return err;
	err = os_file_open(e->loop, engine_path(e, "super", path), flags,
			   &e->super_file);
	if (err == -ENOENT && e->opts.salvage)
		err = 0;
	if (err == -ENOENT && !e->opts.read_only) {
		report->created = true;
		err = create_shard(e);
		if (!err)
			err = os_file_open(e->loop,
					   engine_path(e, "super", path),
					   flags, &e->super_file);
	}
	return err ? err : recover_shard(e, report);
}

int engine_open(struct os_loop *loop, const struct engine_opts *opts,
		struct engine **ret_engine, struct engine_report *ret_report)
{
	struct engine *e = engine_new(loop, opts);
	int err;

	memset(ret_report, 0, sizeof(*ret_report));
	if (!e)
		return -ENOMEM;
	err = open_or_create(e, ret_report);
	if (err) {
		engine_abandon(e);
		return err;
	}
	e->idle_bytes = ENGINE_IDLE_PRICE * e->log.bytes;
	e->log.done = engine_log_done;
	e->log.ctx = e;
	e->log.times = opts->commits;
	e->log.no_sync = opts->unsafe & ENGINE_UNSAFE_LOG_SYNC;
	e->log.no_heal = opts->unsafe & ENGINE_UNSAFE_LOG_HEAL;
	*ret_engine = e;
	return 0;
}

static void run_io(struct engine *e)
{
	if (list_empty(&e->io.finished))
		os_loop_run(e->loop, UINT64_MAX);
	io_run(&e->io);
}

/* Every write that was taken is answered before the files close. */
void engine_close(struct engine *e)
{
	while (!list_empty(&e->staged) || e->log.busy) {
		log_commit(&e->log);
		if (!e->log.busy)
			break;		/* stuck */
		run_io(e);
	}
	if (!e->opts.read_only)
		log_mark_end(&e->log);
	e->failed = -ECANCELED;
	while (!io_idle(&e->io))
		run_io(e);
	engine_cancel_writes(e);
	engine_abandon(e);
}

static void close_file(struct os_file *file)
{
	if (file)
		os_file_close(file);
}

static void abandon_reads(struct engine *e)
{
	struct list *node;

	fetch_abandon(e);
	while ((node = list_pop(&e->fetching_ops))) {
		struct store_op *op = list_entry(node, struct store_op, node);

		fetch_group_fini(op->group);
		mem_free(op->group);
		op->group = NULL;
	}
}

void engine_abandon(struct engine *e)
{
	abandon_reads(e);
	relog_abandon(e);
	round_free(e);
	rewrite_free(e);
	while (!list_empty(&e->all)) {
		struct part *part = list_entry(e->all.next, struct part, all);

		list_del(&part->all);
		part_free(part);
	}
	for (int i = 0; i < STORE_SPACE_COUNT; i++)
		hmap_fini(&e->parts[i]);
	hmap_fini(&e->fetching);
	hmap_fini(&e->bad);
	cache_free(e->cache);
	space_fini(&e->space);
	log_fini(&e->log);
	index_fini(&e->index);
	block_codec_free(e->codec);
	close_file(e->index.file[0]);
	close_file(e->index.file[1]);
	close_file(e->data_file);
	close_file(e->log_file);
	close_file(e->super_file);
	packer_free(e->packer);
	mem_free((char *)e->opts.dir);
	mem_free(e);
}

void engine_stats(const struct engine *e, struct engine_stats *ret_stats)
{
	struct engine_stats stats = e->stats;
	struct cache_stats cache;

	cache_stats(e->cache, &cache);
	stats.cache_bytes = cache.bytes;
	stats.cache_hits = cache.hits;
	stats.cache_misses = cache.misses;
	stats.delta_bytes = e->delta_bytes;
	stats.index_bytes = stats.partitions * sizeof(struct part) +
			    stats.blocks * sizeof(struct block_ref);
	stats.log_bytes = e->log.bytes;
	stats.log_used = log_used(&e->log);
	stats.log_written = e->log.bytes_written;
	stats.log_frames = e->log.frames_written;
	stats.index_written = e->index.bytes_written;
	stats.index_file = e->index.offset;
	stats.data_used = e->space.used;
	stats.data_live = e->space.live;
	stats.data_file = e->data_size -
			  (uint64_t)e->space.holes * e->super.slot_bytes;
	*ret_stats = stats;
}
