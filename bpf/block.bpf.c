// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block I/O latency per device and operation.
 *
 * A bio is stamped when it is submitted, its request when it is issued; both
 * stamps are resolved at completion.  A bio that a bio-based device (dm, md)
 * maps to another carries the number of that device to its request: so every
 * figure knows which device caused it.
 */
#include "compat.bpf.h"
#include "inflight.bpf.h"

#include "block_api.bpf.h"

#define BIO_SETS 8192
#define REQUEST_SETS 2048

/* Bios of one request whose places are given back when it ends. */
#define MERGED_MAX 128

/* Of inflight.queue_ns: the request was not seen before it was issued. */
#define NO_TIME (~0ULL)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BIO_SETS);
	__type(key, u32);
	__type(value, struct inflight_set);
} bios SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, REQUEST_SETS);
	__type(key, u32);
	__type(value, struct inflight_set);
} requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BLOCK_HISTS);
	__type(key, u32);
	__type(value, struct hist_slots);
} hists SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} slow SEC(".maps");

/* Claimed by compare-and-swap of both halves at once, never given back. */
__u64 series_keys[BLOCK_SERIES_MAX];
struct block_lost lost;
/* Only what this cgroup and those below it send; 0: everything. */
const volatile __u64 only_cgroup;
/* Requests that took at least this long are reported; set by user space. */
__u64 slow_ns = ~0ULL;

/* The series of @dev below @parent, or BLOCK_SERIES_MAX when all are taken. */
__noinline u32 series_of(u32 dev, u32 parent)
{
	u64 key = (u64)parent << 32 | dev;
	u32 home = (u32)((key * 0x9e3779b97f4a7c15ULL) >> 32);

	for (u32 i = 0; i < BLOCK_SERIES_PROBES; i++) {
		u32 at = (home + i) & (BLOCK_SERIES_MAX - 1);
		u64 seen = series_keys[at];

		if (!seen)
			seen = __sync_val_compare_and_swap(&series_keys[at],
							   0, key);
		if (!seen || seen == key)
			return at;
	}
	__sync_fetch_and_add(&lost.series, 1);
	return BLOCK_SERIES_MAX;
}

/* Global and not inlined: its copies would exceed the verifier's limit. */
__noinline u32 hist_bucket(u64 value)
{
	return hist_index(value);
}

static __always_inline void record(u32 series, u32 op, u32 span, u64 ns)
{
	u32 shard = bpf_get_smp_processor_id() & (BLOCK_SHARDS - 1);
	u32 at = block_hist_index(shard, series, op, span);
	struct hist_slots *hist = bpf_map_lookup_elem(&hists, &at);
	u32 bucket = hist_bucket(ns);

	if (!hist || bucket >= HIST_BUCKETS)
		return;
	__sync_fetch_and_add(&hist->count[bucket], 1);
	__sync_fetch_and_add(&hist->sum, ns);
}

static __always_inline u32 disk_number(struct gendisk *disk)
{
	return (u32)disk->major << 20 | (u32)disk->first_minor;
}

/* BLOCK_OPS for what is not counted: passthrough commands, zone management. */
static __always_inline u32 op_of(u32 flags)
{
	u32 op = flags & REQ_OP_MASK;

	if (op >= REQ_OP_DRV_IN)
		return BLOCK_OPS;
	if (op == REQ_OP_READ)
		return BLOCK_READ;
	if (op == REQ_OP_FLUSH)
		return BLOCK_FLUSH;
	if (op == REQ_OP_DISCARD || op == REQ_OP_SECURE_ERASE)
		return BLOCK_DISCARD;
	return op & 1 ? BLOCK_WRITE : BLOCK_OPS;
}

static __always_inline struct inflight *bio_find(u64 key)
{
	struct inflight_set *set = inflight_set(&bios, BIO_SETS, key);

	return set ? inflight_find(set, key) : NULL;
}

static __always_inline struct inflight *bio_claim(u64 key)
{
	struct inflight_set *set = inflight_set(&bios, BIO_SETS, key);

	return set ? inflight_claim(set, key, &lost.bios) : NULL;
}

static __always_inline bool is_foreign(struct bio *bio)
{
	return only_cgroup && !compat_bio_below(bio, only_cgroup);
}

SEC("tp_btf/block_bio_queue")
int BPF_PROG(bio_queue, struct bio *bio)
{
	struct inflight *entry;

	if (is_foreign(bio))
		return 0;
	entry = bio_claim(inflight_key(bio));
	if (!entry)
		return 0;
	entry->since_ns = bpf_ktime_get_ns();
	entry->queue_ns = NO_TIME;
	entry->cgroup = compat_bio_cgroup(bio);
	entry->pid_tgid = bpf_get_current_pid_tgid();
	entry->bytes = bio->bi_iter.bi_size;
	bpf_get_current_comm(entry->comm, sizeof(entry->comm));
	return 0;
}

/*
 * A clone is remapped before it is queued: its place is claimed here, and
 * bio_queue() above then keeps the parent.  A partition remaps too, from
 * itself to its disk; that is no parent.
 */
SEC("tp_btf/block_bio_remap")
int BPF_PROG(bio_remap, struct bio *bio, u32 from)
{
	struct block_device *bdev = bio->bi_bdev;
	struct inflight *entry;

	if (!bdev || bdev->bd_dev == from || is_foreign(bio))
		return 0;
	entry = bio_claim(inflight_key(bio));
	if (!entry)
		return 0;
	entry->since_ns = bpf_ktime_get_ns();
	entry->parent = from;
	return 0;
}

/* The front part of a split bio starts as late as the whole did. */
SEC("tp_btf/block_split")
int BPF_PROG(bio_split, struct bio *front)
{
	u64 key = inflight_key(front);
	struct inflight *whole, *entry;
	u64 here, there = 0;

	/* What a void pointer is to the verifier depends on the kernel. */
	bpf_probe_read_kernel(&here, sizeof(here), &ctx[0]);
	bpf_core_read(&there, sizeof(there), &front->bi_private);
	whole = bio_find(there - here + key);
	if (!whole)
		return 0;
	entry = bio_claim(key);
	if (!entry)
		return 0;
	entry->since_ns = whole->since_ns;
	entry->cgroup = whole->cgroup;
	entry->pid_tgid = whole->pid_tgid;
	entry->parent = whole->parent;
	entry->bytes = front->bi_iter.bi_size;
	__builtin_memcpy(entry->comm, whole->comm, sizeof(entry->comm));
	return 0;
}

/* A flush that the block layer sends by itself has no bio and no queue time. */
SEC("tp_btf/block_rq_issue")
int BPF_PROG(rq_issue, struct request *rq)
{
	u64 key = inflight_key(rq);
	struct inflight_set *set;
	struct inflight *bio, *entry;
	u64 now;

	if (op_of(rq->cmd_flags) == BLOCK_OPS)
		return 0;
	bio = rq->bio ? bio_find(inflight_key(rq->bio)) : NULL;
	if (!bio && only_cgroup)
		return 0;
	set = inflight_set(&requests, REQUEST_SETS, key);
	if (!set)
		return 0;
	entry = inflight_claim(set, key, &lost.requests);
	if (!entry)
		return 0;
	now = bpf_ktime_get_ns();
	if (bio) {
		entry->queue_ns = now - bio->since_ns;
		entry->cgroup = bio->cgroup;
		entry->pid_tgid = bio->pid_tgid;
		entry->parent = bio->parent;
		__builtin_memcpy(entry->comm, bio->comm, sizeof(entry->comm));
	} else {
		entry->queue_ns = NO_TIME;
		entry->cgroup = 0;
		entry->pid_tgid = 0;
		entry->parent = 0;
		__builtin_memset(entry->comm, 0, sizeof(entry->comm));
	}
	entry->bytes = rq->__data_len;
	entry->since_ns = now;
	return 0;
}

/* One finished request, or one finished bio of a bio-based device. */
struct done {
	u64 end_ns;
	u64 sector;
	u32 dev;
	u32 op;
	u32 error;
};

static __always_inline void report_slow(const struct inflight *entry,
					const struct done *done, u64 device_ns)
{
	struct block_slow *slot;

	slot = bpf_ringbuf_reserve(&slow, sizeof(*slot), 0);
	if (!slot) {
		__sync_fetch_and_add(&lost.records, 1);
		return;
	}
	*slot = (struct block_slow) {
		.end_ns = done->end_ns,
		.queue_ns = entry->queue_ns == NO_TIME ? 0 : entry->queue_ns,
		.device_ns = device_ns,
		.sector = done->sector,
		.cgroup = entry->cgroup,
		.bytes = entry->bytes,
		.dev = done->dev,
		.parent = entry->parent,
		.pid = entry->pid_tgid >> 32,
		.tid = (u32)entry->pid_tgid,
		.op = done->op,
		.error = done->error,
	};
	__builtin_memcpy(slot->comm, entry->comm, sizeof(slot->comm));
	bpf_ringbuf_submit(slot, 0);
}

static __always_inline void finish(const struct inflight *entry,
				   const struct done *done)
{
	u64 device_ns = done->end_ns - entry->since_ns;
	u64 total_ns = device_ns;
	u32 series = series_of(done->dev, entry->parent);

	if (series >= BLOCK_SERIES_MAX)
		return;
	record(series, done->op, BLOCK_DEVICE, device_ns);
	if (entry->queue_ns != NO_TIME) {
		record(series, done->op, BLOCK_QUEUE, entry->queue_ns);
		total_ns += entry->queue_ns;
	}
	if (total_ns >= slow_ns)
		report_slow(entry, done, device_ns);
}

/* The bios of a request end with it; block_bio_complete is not said of them. */
static __always_inline void release_bios(struct request *rq)
{
	struct bio *bio = rq->bio;

	for (int i = 0; i < MERGED_MAX && bio; i++) {
		struct inflight *entry = bio_find(inflight_key(bio));

		if (entry)
			inflight_release(entry);
		bio = bio->bi_next;
	}
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(rq_complete, struct request *rq, u32 error, unsigned int bytes)
{
	u64 key = inflight_key(rq);
	struct inflight_set *set;
	struct inflight *entry;
	struct gendisk *disk;
	struct done done = {};

	if (bytes < rq->__data_len)
		return 0; /* a part of it; the rest completes later */
	release_bios(rq);
	set = inflight_set(&requests, REQUEST_SETS, key);
	if (!set)
		return 0;
	entry = inflight_find(set, key);
	if (!entry)
		return 0;
	disk = rq->q->disk;
	if (disk) {
		done.end_ns = bpf_ktime_get_ns();
		done.sector = rq->__sector;
		done.dev = disk_number(disk);
		done.op = op_of(rq->cmd_flags);
		done.error = error & 0xff;
		finish(entry, &done);
	}
	inflight_release(entry);
	return 0;
}

/* A bio that became no request: its device, without requests, is measured. */
SEC("tp_btf/block_bio_complete")
int BPF_PROG(bio_complete, struct request_queue *q, struct bio *bio)
{
	struct inflight *entry = bio_find(inflight_key(bio));
	struct gendisk *disk = q->disk;
	struct done done = {};

	if (!entry)
		return 0;
	done.op = op_of(bio->bi_opf);
	if (disk && disk->fops->submit_bio && done.op < BLOCK_OPS) {
		done.end_ns = bpf_ktime_get_ns();
		done.sector = bio->bi_iter.bi_sector;
		done.dev = disk_number(disk);
		done.error = bio->bi_status;
		finish(entry, &done);
	}
	inflight_release(entry);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
