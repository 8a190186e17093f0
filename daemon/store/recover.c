// SPDX-License-Identifier: Apache-2.0
/*
 * Opening a shard: superblock, index, log.  Reads the index and the unflushed
 * part of the log, nothing else, so its time is bounded by their sizes.
 *
 * The last frame of either may be half there: it was never acknowledged and is
 * cut off.  Anything else that is not as it was written is damage, is reported
 * and refused: a shard never opens with less than it acknowledged.
 *
 * What is found may be in a cache alone: of a process that ended between a write
 * and its sync.  It is synced before anybody sees it, and before anything is
 * overwritten that it replaces.
 */
#include <errno.h>
#include <string.h>

#include "base/blob.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/engine_impl.h"
#include "store/salvage.h"
#include "store/scan.h"

static int read_super(struct engine *e, struct engine_report *report)
{
	struct super_disk *copy = mem_aligned(FORMAT_SECTOR, 2 * sizeof(*copy));
	int err;

	if (!copy)
		return -ENOMEM;
	err = e->super_file ? io_do(&e->io, e->loop, IO_READ, e->super_file,
				    copy, 2 * sizeof(*copy), 0) : -EBADMSG;
	if (!err)
		err = super_choose(copy, &e->super, &report->super_pair);
	mem_free(copy);
	if (err)
		log_error("store", "superblock_unusable", "shard=%u error=%d",
			  e->opts.shard, -err);
	else if (e->super.shard != e->opts.shard ||
		 e->super.shards != e->opts.shards)
		err = -EXDEV;
	return err;
}

/* What it says, or for a repair what can be known without it. */
static int find_super(struct engine *e, struct engine_report *report)
{
	int err = read_super(e, report);

	report->lost_super = e->opts.salvage &&
			     (err == -EBADMSG || err == -EINVAL || err == -EIO);
	if (report->lost_super)
		err = salvage_super(e);
	e->index.store_tag = e->super.store_tag;
	return err;
}

static int open_files(struct engine *e)
{
	unsigned int flags = OS_FILE_DIRECT |
			     (e->opts.read_only ? OS_FILE_RDONLY : 0);
	const struct {
		const char *name;
		struct os_file **file;
	} files[] = {
		{ "log", &e->log_file },
		{ "data", &e->data_file },
		{ "index.0", &e->index.file[0] },
		{ "index.1", &e->index.file[1] },
	};
	char path[ENGINE_PATH_MAX];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int err = os_file_open(e->loop,
				       engine_path(e, files[i].name, path),
				       flags, files[i].file);

		if (err) {
			log_error("store", "open_failed",
				  "shard=%u file=%s error=%d", e->opts.shard,
				  files[i].name, -err);
			return err == -ENOENT ? -EBADMSG : err;
		}
	}
	return os_file_size(e->data_file, &e->data_size);
}

/* --- the index ----------------------------------------------------------- */

static int apply_part(struct engine *e, const struct change *change)
{
	struct part *part = engine_part_make(e, change->channel, change->space);
	uint32_t *removed = mem_alloc((change->removed + 1) * sizeof(*removed));
	struct block_ref *added = mem_alloc((change->added + 1) *
					    sizeof(*added));
	int err = part && removed && added ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < change->removed && !err; i++)
		removed[i] = change_place(change, i);
	for (uint32_t i = 0; i < change->added && !err; i++) {
		err = change_ref(change, i, &added[i]);
		if (!err && block_offset(&added[i]) + added[i].bytes >
				    e->data_size)
			err = -EBADMSG;
	}
	if (!err)
		err = part_change(part, removed, change->removed, added,
				  change->added);
	if (!err)
		part->flushed_seq = change->flushed_seq;
	mem_free(removed);
	mem_free(added);
	return err;
}

static int apply_index_frame(struct engine *e, const struct frame *frame)
{
	const uint8_t *pos = frame->data, *end = pos + frame->bytes;
	struct change change;
	int err;

	while (!(err = change_decode(&pos, end, &change))) {
		if (change.type == CHANGE_TAIL)
			e->tail = change.tail;
		else
			err = apply_part(e, &change);
		if (err)
			return err;
	}
	return err == -ENODATA ? 0 : err;
}

static int read_index(struct engine *e, struct scan *scan,
		      struct engine_report *report)
{
	uint64_t number = e->super.index_first, offset = 0, later, at;
	struct frame frame;
	int err;

	while (!(err = scan_frame(scan, offset, number, &frame))) {
		err = apply_index_frame(e, &frame);
		if (err)
			break;
		offset += frame_size(frame.bytes);
		number++;
	}
	e->index.current = (uint32_t)e->super.index_file;
	e->index.offset = offset;
	e->index.frame = number;
	if (err != -ENOENT && err != -EBADMSG)
		return err;
	if (number - e->super.index_first < e->super.index_frames)
		return -EBADMSG;
	report->torn_index = scan->size > offset;
	err = scan_later(scan, offset, number, &at, &later);
	return err > 0 ? -EBADMSG : err;
}

/*
 * What a crash left behind the last whole frame is part of one of the next
 * number: the rest of it must not come by a later crash in the middle of ours.
 */
static int cut_index(struct engine *e)
{
	struct os_file *file = e->index.file[e->index.current];
	uint64_t size;
	int err = os_file_size(file, &size);

	if (err || size <= e->index.offset)
		return err;
	err = os_file_truncate(file, e->index.offset);
	return err ? err : io_do(&e->io, e->loop, IO_SYNC, file, NULL, 0, 0);
}

/* Which slots the blocks lie in, and how much of each they are. */
static int count_slots(struct engine *e)
{
	uint32_t bytes = e->super.slot_bytes;
	int err;

	err = space_reserve(&e->space, (uint32_t)((e->data_size + bytes - 1) /
						  bytes));
	if (err)
		return err;
	list_for_each(node, &e->all) {
		const struct part *part = list_entry(node, struct part, all);

		for (uint32_t i = 0; i < part->block_count; i++) {
			const struct block_ref *ref = &part->blocks[i];
			uint32_t n = engine_slot_of(e, ref->place);

			if (e->space.slot[n].live + padded(ref->bytes) > bytes)
				return -EBADMSG;
			space_adopt(&e->space, n, padded(ref->bytes));
			e->stats.blocks++;
			e->stats.rows_in_blocks += ref->rows;
		}
	}
	return 0;
}

/* --- the log ------------------------------------------------------------- */

/* A frame's records; `rows` is a copy of them once somebody needs it. */
struct replayed {
	const struct frame *frame;
	struct blob *rows;
};

static int replay(struct engine *e, const struct logrec *rec, uint64_t seq,
		  struct replayed *from)
{
	struct part *part = engine_part_make(e, rec->channel, rec->space);
	const struct frame *frame = from->frame;
	struct part_row row = { .size = rec->size };
	size_t before;
	int err;

	if (!part)
		return -ENOMEM;
	if (seq <= part->flushed_seq)
		return 0;
	if (!from->rows)
		from->rows = blob_new(frame->data, frame->bytes);
	if (!from->rows)
		return -ENOMEM;
	row.owner = from->rows;
	row.at = (uint32_t)(rec->data - frame->data);
	before = part->delta_bytes;
	err = part_apply(part, rec->type, rec->id, seq,
			 rec->type == RECORD_DELETE ? NULL : &row);
	/* Behind a gap a row that changes may not be there any more. */
	if (err == -EBADMSG && e->opts.salvage)
		err = rec->type == RECORD_DELETE ? 0 :
		      part_apply(part, RECORD_APPEND, rec->id, seq, &row);
	if (!err)
		engine_part_changed(e, part, before);
	return err;
}

static int replay_frame(struct engine *e, const struct frame *frame)
{
	const uint8_t *pos = frame->data, *end = pos + frame->bytes;
	struct replayed from = { .frame = frame };
	uint64_t seq = frame->first_seq;
	struct logrec rec;
	int err;

	while (!(err = logrec_decode(&pos, end, &rec))) {
		err = replay(e, &rec, seq++, &from);
		if (err)
			break;
	}
	blob_put(from.rows);
	if (err == -ENODATA)
		err = seq - frame->first_seq == frame->records ? 0 : -EBADMSG;
	return err;
}

/* A frame follows the one before, or begins the ring again. */
static int next_frame(struct scan *scan, uint64_t *offset, uint64_t number,
		      struct frame *ret_frame)
{
	int err = scan_frame(scan, *offset, number, ret_frame);

	if (err != -ENOENT && err != -EBADMSG)
		return err;
	if (!scan_frame(scan, 0, number, ret_frame)) {
		*offset = 0;
		return 0;
	}
	return err;
}

/*
 * No frame follows.  1 when one should have: then `at` moves on to the next
 * that is there; 0; or an error.
 */
static int is_gap(struct scan *scan, struct log_tail *at,
		   struct engine_report *report)
{
	uint64_t number;
	int is = scan_later(scan, at->offset, at->frame, &at->offset, &number);

	if (!is)
		is = scan_later(scan, 0, at->frame, &at->offset, &number);
	if (is > 0) {
		report->lost_frames += number - at->frame;
		at->frame = number;
	}
	return is;
}

static int replay_next(struct engine *e, const struct frame *frame,
		       struct log_tail *at, struct engine_report *report)
{
	uint32_t size = frame_size(frame->bytes);
	int err;

	at->seq = frame->first_seq;
	err = replay_frame(e, frame);
	if (err)
		return err;
	log_remember(&e->log, at, frame->records, size);
	report->frames++;
	report->replayed += frame->records;
	at->frame++;
	at->offset += size;
	at->seq += frame->records;
	return 0;
}

static int read_log(struct engine *e, struct scan *scan,
		    struct engine_report *report)
{
	int err = report->lost_index ? salvage_tail(e, scan) : 0;
	struct log_tail at = e->tail;
	struct frame frame;

	if (err)
		return err;
	err = log_init(&e->log, e->loop, &e->io, e->log_file, &e->super, &at);
	while (!err) {
		bool over = e->opts.log_end && at.frame > e->opts.log_end;

		err = over ? -ENOENT : next_frame(scan, &at.offset, at.frame,
						  &frame);
		if (!err) {
			err = replay_next(e, &frame, &at, report);
			if (err)
				return err;
			continue;
		}
		if (err != -ENOENT && err != -EBADMSG)
			break;
		report->torn_tail = err == -EBADMSG;
		e->log.frame = at.frame;
		e->log.head = at.offset;
		e->log.seq = at.seq;
		e->applied_seq = at.seq - 1;
		err = over ? 0 : is_gap(scan, &at, report);
		/* A repair takes what there is. */
		if (err < 0 && e->opts.salvage)
			err = 0;
		if (err <= 0)
			return err;
		err = e->opts.salvage ? 0 : -EBADMSG;
	}
	return err;
}

/* Scans one file with fn. */
static int with_scan(struct engine *e, struct os_file *file,
		     struct engine_report *report, bool is_log)
{
	struct scan scan;
	int err = scan_init(&scan, &e->io, e->loop, file, e->super.store_tag);

	if (!err)
		err = is_log ? read_log(e, &scan, report)
			     : read_index(e, &scan, report);
	if (err)
		log_error("store", is_log ? "log_damaged" : "index_damaged",
			  "shard=%u error=%d frame=%llu", e->super.shard, -err,
			  (unsigned long long)(is_log ? e->log.frame
						      : e->index.frame));
	scan_fini(&scan);
	return err;
}

static void sweep(struct engine *e, struct engine_report *report)
{
	list_for_each_safe(node, &e->all) {
		struct part *part = list_entry(node, struct part, all);

		report->blocks += part->block_count;
		for (uint32_t i = 0; i < part->delta_count; i++)
			report->rows += part->deltas[i].owner != NULL;
		for (uint32_t i = 0; i < part->block_count; i++)
			report->rows += part->blocks[i].rows -
					(uint64_t)part->blocks[i].dead;
		if (part->block_count > 1 &&
		    part->blocks[part->block_count - 1].rows < BLOCK_ROWS)
			list_push(&e->fragmented, &part->merge);
		engine_drop_part_if_empty(e, part);
	}
	report->partitions = e->stats.partitions;
}

static int sync_found(struct engine *e)
{
	struct os_file *const found[] = {
		e->super_file, e->index.file[e->index.current], e->log_file,
	};
	int err = 0;

	if (e->opts.unsafe & ENGINE_UNSAFE_START_SYNC)
		return 0;
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]) && !err; i++)
		err = io_do(&e->io, e->loop, IO_SYNC, found[i], NULL, 0, 0);
	return err;
}

/* The other superblock is damaged, or was not written any more when the index
 * was rewritten: makes it one that would do.  Ours stays as it is. */
static void pair_super(struct engine *e)
{
	struct super_disk *disk = mem_aligned(FORMAT_SECTOR, sizeof(*disk));
	struct super super = e->super;
	int err = disk ? 0 : -ENOMEM;

	super.generation++;
	if (disk) {
		super_encode(&super, disk);
		err = io_do(&e->io, e->loop, IO_WRITE_SYNC, e->super_file, disk,
			    sizeof(*disk), super_offset(&super));
	}
	mem_free(disk);
	if (!err)
		e->super = super;
	else
		log_error("store", "super_write_failed", "shard=%u error=%d",
			  super.shard, -err);
}

static int find_index(struct engine *e, struct engine_report *report)
{
	int err = with_scan(e, e->index.file[e->super.index_file], report,
			    false);

	if (!report->lost_super || err == -ENOMEM)
		return err;
	/* One that was never finished does not say where the log begins. */
	if (!err && e->tail.frame)
		return 0;
	err = salvage_other_index(e);
	return err ? err : with_scan(e, e->index.file[e->super.index_file],
				     report, false);
}

int recover_shard(struct engine *e, struct engine_report *report)
{
	int err = index_init(&e->index, &e->io);

	if (!err)
		err = open_files(e);
	if (!err)
		err = find_super(e, report);
	if (err)
		return err;
	space_init(&e->space, e->super.slot_bytes);
	err = find_index(e, report);
	if (err && e->opts.salvage && err != -ENOMEM) {
		report->lost_index = true;
		err = salvage_index(e);
	}
	if (!err && !e->opts.read_only)
		err = cut_index(e);
	if (!err)
		err = count_slots(e);
	if (!err)
		err = with_scan(e, e->log_file, report, true);
	if (!err && !e->opts.read_only)
		err = sync_found(e);
	if (!err && !e->opts.read_only)
		err = log_mark_start(&e->log);
	if (!err && !e->opts.read_only && !report->super_pair)
		pair_super(e);
	if (!err)
		sweep(e, report);
	return err;
}
