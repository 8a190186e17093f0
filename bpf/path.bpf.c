// SPDX-License-Identifier: GPL-2.0-only
/*
 * What became of each request to a Super-Disk, from the module's own
 * tracepoint, and each step of it, from the block layer's.
 *
 * The module's tracepoint is a raw one with a plain record, so it needs no BTF
 * of the module; the record's version and size say what can be believed of it.
 * A step is a bio that the Super-Disk has sent (block_bio_remap names both);
 * user space finds out which request it is of.
 */
#include "compat.bpf.h"

#include "path_api.bpf.h"
#include "superdisk_trace.h"

#define STEPS_MAX 16384
/* Bios of one request that are followed. */
#define MERGED_MAX 16

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 * 1024 * 1024);
} path_records SEC(".maps");

/* Bios under way, by their address; those that end unseen give way. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STEPS_MAX);
	__type(key, u64);
	__type(value, struct path_step);
} path_steps SEC(".maps");

/* Only this device, 0: all; only what took that long or failed. */
const volatile __u32 only_dev;
const volatile __u64 only_ns;

__u64 path_lost;	/* ring buffer or table full */
__u64 path_foreign;	/* records of a version that we do not know */

static __always_inline void send(const struct superdisk_trace_io *io)
{
	struct path_record *slot;

	slot = bpf_ringbuf_reserve(&path_records, sizeof(*slot), 0);
	if (!slot) {
		__sync_fetch_and_add(&path_lost, 1);
		return;
	}
	*slot = (struct path_record) {
		.kind = PATH_REQUEST,
		.sector = io->sector,
		.start_ns = io->start_ns,
		.total_ns = io->total_ns,
		.ssd_ns = io->ssd_ns,
		.dev = io->dev,
		.leg_dev = io->leg_dev,
		.bytes = io->bytes,
		.error = io->error,
		.leg = io->leg,
		.op = io->op,
		.path = io->path,
	};
	bpf_ringbuf_submit(slot, 0);
}

SEC("raw_tp/superdisk_io")
int superdisk_io(struct bpf_raw_tracepoint_args *ctx)
{
	struct superdisk_trace_io io = {};

	if (bpf_probe_read_kernel(&io, sizeof(io), (void *)ctx->args[0]))
		return 0;
	if (io.version != SUPERDISK_TRACE_VERSION || io.size < sizeof(io)) {
		__sync_fetch_and_add(&path_foreign, 1);
		return 0;
	}
	if (only_dev && io.dev != only_dev)
		return 0;
	if (io.total_ns < only_ns && !io.error)
		return 0;
	send(&io);
	return 0;
}

SEC("tp_btf/block_bio_remap")
int BPF_PROG(step_sent, struct bio *bio, u32 from, u64 sector)
{
	struct block_device *bdev = bio->bi_bdev;
	u64 key = (u64)bio;
	struct path_step step = {
		.kind = PATH_STEP,
		.dev = from,
		.sector = sector,
		.start_ns = bpf_ktime_get_ns(),
		.bytes = bio->bi_iter.bi_size,
		.write = (bio->bi_opf & REQ_OP_MASK) != REQ_OP_READ,
	};

	/* a partition remaps too, from itself */
	if ((only_dev && from != only_dev) || !bdev || bdev->bd_dev == from)
		return 0;
	step.to = bdev->bd_dev;
	if (bpf_map_update_elem(&path_steps, &key, &step, BPF_ANY))
		__sync_fetch_and_add(&path_lost, 1);
	return 0;
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(step_issued, struct request *rq)
{
	u64 now = bpf_ktime_get_ns();
	struct bio *bio = rq->bio;
	struct path_step *step;

	for (int i = 0; i < MERGED_MAX && bio; i++) {
		u64 key = (u64)bio;

		step = bpf_map_lookup_elem(&path_steps, &key);
		if (step)
			step->queue_ns = now - step->start_ns;
		bio = bio->bi_next;
	}
	return 0;
}

static __always_inline void done(struct bio *bio, u8 status)
{
	u64 key = (u64)bio;
	struct path_step *step, *slot;

	step = bpf_map_lookup_elem(&path_steps, &key);
	if (!step)
		return;
	step->device_ns = bpf_ktime_get_ns() - step->start_ns - step->queue_ns;
	step->status = status;
	slot = bpf_ringbuf_reserve(&path_records, sizeof(*slot), 0);
	if (slot) {
		*slot = *step;
		bpf_ringbuf_submit(slot, 0);
	} else {
		__sync_fetch_and_add(&path_lost, 1);
	}
	bpf_map_delete_elem(&path_steps, &key);
}

/* The bios of a request end with it; block_bio_complete is not said of them. */
SEC("tp_btf/block_rq_complete")
int BPF_PROG(step_completed, struct request *rq, u32 error, unsigned int bytes)
{
	struct bio *bio = rq->bio;

	if (bytes < rq->__data_len)
		return 0; /* a part of it; the rest completes later */
	for (int i = 0; i < MERGED_MAX && bio; i++) {
		done(bio, (u8)error);
		bio = bio->bi_next;
	}
	return 0;
}

/* Of a device without requests. */
SEC("tp_btf/block_bio_complete")
int BPF_PROG(step_done, struct request_queue *q, struct bio *bio)
{
	done(bio, bio->bi_status);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
