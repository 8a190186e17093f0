// SPDX-License-Identifier: Apache-2.0
#include "store/tool.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/mem.h"
#include "store/engine_impl.h"
#include "store/store.h"

struct walk {
	struct engine *e;
	FILE *out;
	tool_row_fn fn;
	void *ctx;
	struct tool_sum *sum;
};

static int emit(struct walk *w, const struct part *part, const struct row *row)
{
	w->sum->rows++;
	w->sum->bytes += row->size;
	return w->fn ? w->fn(w->ctx, part->channel, part->space, row) : 0;
}

static int emit_delta(struct walk *w, const struct part *part, uint32_t i)
{
	const struct delta *delta = &part->deltas[i];
	struct row row;

	if (!delta->owner)
		return 0;
	row = part_delta_row(delta);
	return emit(w, part, &row);
}

static int read_block(struct walk *w, const struct part *part,
		      const struct block_ref *ref, struct rows **ret_rows)
{
	uint64_t from = block_offset(ref) & ~(uint64_t)(FORMAT_SECTOR - 1);
	uint64_t end = (block_offset(ref) + ref->bytes + FORMAT_SECTOR - 1) &
		       ~(uint64_t)(FORMAT_SECTOR - 1);
	struct block_id id = engine_block_id(w->e, part);
	uint8_t *buf = mem_aligned(FORMAT_SECTOR, end - from);
	int err;

	if (!buf)
		return -ENOMEM;
	err = io_do(&w->e->io, w->e->loop, IO_READ, w->e->data_file, buf,
		    end - from, from);
	if (!err)
		err = block_open(w->e->codec, buf + (block_offset(ref) - from),
				 &id, ref, ret_rows);
	mem_free(buf);
	return err;
}

static void describe_damage(struct walk *w, const struct part *part,
			    const struct block_ref *ref, int err)
{
	uint32_t lost = (uint32_t)(ref->rows - ref->dead);

	fprintf(w->out, "damaged: shard %u, channel %" PRIu64 ", space %u, "
		"ids %" PRIu64 " to %" PRIu64 ": %u rows (%s)\n",
		w->e->super.shard, part->channel, part->space, ref->first_id,
		ref->last_id, lost, strerror(-err));
	w->sum->damaged_blocks++;
	w->sum->damaged_rows += lost;
}

/* The rows of a block under the deltas up to its last id. */
static int walk_block(struct walk *w, const struct part *part,
		      const struct block_ref *ref, uint32_t *d)
{
	struct rows *rows = NULL;
	int err = 0, stop = 0;

	w->sum->blocks++;
	if (ref->dead < ref->rows)
		err = read_block(w, part, ref, &rows);
	if (err == -ENOMEM)
		return err;
	if (err)
		describe_damage(w, part, ref, err);
	for (uint32_t r = 0; rows && r < rows->count && !stop; r++) {
		const struct row *row = &rows->row[r];

		while (!stop && *d < part->delta_count &&
		       part->deltas[*d].id < row->id)
			stop = emit_delta(w, part, (*d)++);
		if (!stop && !part_delta_of(part, row->id))
			stop = emit(w, part, row);
	}
	rows_put(rows);
	while (!stop && *d < part->delta_count &&
	       part->deltas[*d].id <= ref->last_id)
		stop = emit_delta(w, part, (*d)++);
	return stop;
}

static int walk_part(struct walk *w, const struct part *part)
{
	uint32_t d = 0;
	int err = 0;

	w->sum->partitions++;
	for (uint32_t i = 0; i < part->block_count && !err; i++)
		err = walk_block(w, part, &part->blocks[i], &d);
	while (!err && d < part->delta_count)
		err = emit_delta(w, part, d++);
	return err;
}

static void describe_report(struct walk *w, const struct engine_report *report,
			    uint32_t shard)
{
	if (report->lost_super)
		fprintf(w->out, "damaged: shard %u: both superblocks; what they "
			"said was taken from the other files\n", shard);
	else if (!report->super_pair)
		fprintf(w->out, "note: shard %u: one of its two superblocks is "
			"of no use; the next start writes it anew\n", shard);
	if (report->torn_index)
		fprintf(w->out, "note: shard %u: the last change of its index "
			"is unfinished and does not count\n", shard);
	if (report->torn_tail)
		fprintf(w->out, "note: shard %u: the last commit is unfinished "
			"and does not count\n", shard);
	if (report->lost_frames)
		fprintf(w->out, "damaged: shard %u: %" PRIu64
			" commits of its log\n", shard, report->lost_frames);
	if (report->lost_index)
		fprintf(w->out, "damaged: shard %u: its index; blocks were "
			"searched for, deleted rows may be back\n", shard);
}

static int walk_shard(struct os_loop *loop, const struct engine_opts *opts,
		      struct walk *w)
{
	struct engine_report report;
	int err = engine_open(loop, opts, &w->e, &report);

	if (err) {
		fprintf(w->out, "unusable: shard %u: %s\n", opts->shard,
			strerror(-err));
		return err;
	}
	describe_report(w, &report, opts->shard);
	w->sum->lost_frames += report.lost_frames;
	w->sum->lost_indexes += report.lost_index;
	w->sum->lost_supers += report.lost_super;
	list_for_each(node, &w->e->all) {
		err = walk_part(w, list_entry(node, struct part, all));
		if (err)
			break;
	}
	engine_close(w->e);
	return err;
}

static int walk_all(struct os_loop *loop, const char *dir,
		    struct engine_opts *opts, const uint64_t *log_ends,
		    struct walk *w)
{
	int err, first = 0;

	memset(w->sum, 0, sizeof(*w->sum));
	opts->read_only = true;
	err = store_count_shards(loop, dir, &opts->shards);
	if (!err && !opts->shards)
		err = -ENOENT;
	if (err)
		return err;
	for (uint32_t i = 0; i < opts->shards; i++) {
		char path[STORE_PATH_MAX];

		opts->dir = store_shard_dir(dir, i, path);
		opts->shard = i;
		opts->log_end = log_ends ? log_ends[i] : 0;
		err = walk_shard(loop, opts, w);
		if (err && !first)
			first = err;
		/* Other shards may be whole; a walk that was ended is over. */
		if (err && err != -EBADMSG)
			break;
	}
	return first;
}

int tool_walk(struct os_loop *loop, const char *dir, bool salvage, FILE *out,
	      tool_row_fn fn, void *ctx, struct tool_sum *ret_sum)
{
	struct walk w = { .out = out, .fn = fn, .ctx = ctx, .sum = ret_sum };
	struct engine_opts opts = { .salvage = salvage };

	return walk_all(loop, dir, &opts, NULL, &w);
}

int tool_walk_at(struct os_loop *loop, const char *dir,
		 const uint64_t *log_ends, FILE *out, tool_row_fn fn,
		 void *ctx, struct tool_sum *ret_sum)
{
	struct walk w = { .out = out, .fn = fn, .ctx = ctx, .sum = ret_sum };
	struct engine_opts opts = { 0 };

	return walk_all(loop, dir, &opts, log_ends, &w);
}

/* --- filling a store ------------------------------------------------------ */

#define WRITER_CALLS 1024u

struct writer_call {
	struct store_op op;
	struct tool_writer *writer;
	struct blob *row;
	bool busy;
};

struct tool_writer {
	struct os_loop *loop;
	uint32_t shards;
	struct engine **engines;
	bool due;
	uint32_t busy, next;
	int err;
	struct writer_call calls[WRITER_CALLS];
};

static void writer_wake(void *ctx)
{
	((struct tool_writer *)ctx)->due = true;
}

static void writer_step(struct tool_writer *writer)
{
	os_loop_run(writer->loop, writer->due ? 0 : UINT64_MAX);
	writer->due = false;
	for (uint32_t i = 0; i < writer->shards; i++)
		engine_step(writer->engines[i]);
}

static int writer_open_shards(struct tool_writer *writer, const char *dir)
{
	struct engine_opts opts = {
		.shards = writer->shards,
		.compress = true,
		.wake = writer_wake,
		.ctx = writer,
	};
	struct engine_report report;
	int err = 0;

	for (uint32_t i = 0; i < writer->shards && !err; i++) {
		char path[STORE_PATH_MAX];

		opts.dir = store_shard_dir(dir, i, path);
		opts.shard = i;
		err = engine_open(writer->loop, &opts, &writer->engines[i],
				  &report);
	}
	return err;
}

int tool_writer_open(struct os_loop *loop, const char *dir, uint32_t shards,
		     struct tool_writer **ret_writer)
{
	struct tool_writer *writer = mem_zalloc(sizeof(*writer));
	int err = store_make(loop, dir, shards);

	if (writer)
		writer->engines = mem_zalloc(shards * sizeof(struct engine *));
	if (!writer || !writer->engines)
		err = -ENOMEM;
	if (!err) {
		writer->loop = loop;
		writer->shards = shards;
		err = writer_open_shards(writer, dir);
	}
	if (err) {
		if (writer)
			tool_writer_close(writer);
		return err;
	}
	*ret_writer = writer;
	return 0;
}

static void writer_done(struct store_op *op)
{
	struct writer_call *call = container_of(op, struct writer_call, op);
	struct tool_writer *writer = call->writer;

	if (op->status && !writer->err)
		writer->err = op->status;
	blob_put(call->row);
	call->busy = false;
	writer->busy--;
}

int tool_writer_add(void *ctx, uint64_t channel, uint8_t space,
		    const struct row *row)
{
	struct tool_writer *writer = ctx;
	struct writer_call *call = &writer->calls[writer->next];

	while (call->busy)
		writer_step(writer);
	if (writer->err)
		return writer->err;
	*call = (struct writer_call){
		.op.kind = OP_APPEND,
		.op.channel = channel,
		.op.space = space,
		.op.id = row->id,
		.op.done = writer_done,
		.row = blob_new(row->data, row->size),
		.writer = writer,
		.busy = true,
	};
	if (!call->row)
		return -ENOMEM;
	call->op.row = call->row;
	writer->next = (writer->next + 1) % WRITER_CALLS;
	writer->busy++;
	engine_submit(writer->engines[store_shard_of(channel, writer->shards)],
		      &call->op);
	return 0;
}

int tool_writer_close(struct tool_writer *writer)
{
	int err;

	while (writer->busy)
		writer_step(writer);
	err = writer->err;
	for (uint32_t i = 0; writer->engines && i < writer->shards; i++)
		if (writer->engines[i])
			engine_close(writer->engines[i]);
	mem_free(writer->engines);
	mem_free(writer);
	return err;
}
