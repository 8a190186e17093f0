/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The eBPF programs that measure block latency: loading, reading, detaching.
 * Nothing is pinned, so they go with this process however it ends.  One
 * thread.  block_open() needs CAP_BPF and CAP_PERFMON; nothing else does.
 */
#ifndef MONITOR_BLOCK_H
#define MONITOR_BLOCK_H

#include "monitor/latency.h"

struct block;

/* Called for each slow request; *borrows* @record for the call. */
typedef void block_slow_fn(const struct block_slow *record, void *ctx);

/*
 * Loads and attaches, for what cgroup @only_cgroup and those below it send, or
 * if it is 0 for everything.  On failure @why, of @why_size bytes, says in words what
 * the machine lacks: -EPERM (capabilities), -ENOENT (kernel without BTF),
 * or what the kernel said.
 */
int block_open(block_slow_fn *on_slow, void *ctx, uint64_t only_cgroup,
	       char *why, size_t why_size, struct block **ret_block);
/* Detaches.  NULL is allowed. */
void block_close(struct block *block);

/* Everything since block_open(), named by @devices. */
void block_read(const struct block *block, struct devices *devices,
		struct latency *ret_latency);

/* Becomes readable when slow requests wait; then call block_take_slow(). */
int block_slow_fd(const struct block *block);
int block_take_slow(struct block *block);

/* Requests that take at least @ns are reported; at first none is. */
void block_set_slow(struct block *block, uint64_t ns);

#endif
