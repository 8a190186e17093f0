// SPDX-License-Identifier: GPL-2.0-only
/*
 * What became of each request to a Super-Disk, from the module's own
 * tracepoint.  It is a raw one with a plain record, so it needs no BTF of the
 * module; the record's version and size say what can be believed of it.
 */
#include "compat.bpf.h"

#include "path_api.bpf.h"
#include "superdisk_trace.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1024 * 1024);
} path_records SEC(".maps");

/* Only this device, 0: all; only what took that long or failed. */
const volatile __u32 only_dev;
const volatile __u64 only_ns;

__u64 path_lost;	/* ring buffer full */
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

char LICENSE[] SEC("license") = "GPL";
