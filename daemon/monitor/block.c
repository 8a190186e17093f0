// SPDX-License-Identifier: Apache-2.0
#include "monitor/block.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "block.skel.h"
#include "monitor/bpf_load.h"
#include "monitor/clock.h"
#include "monitor/hist.h"

struct block {
	struct block_bpf *skeleton;
	struct ring_buffer *ring;
	const struct hist_slots *hists;	/* BLOCK_HISTS of them, mapped */
	size_t hists_size;
	uint64_t since_ns;		/* attached at */
	block_slow_fn *on_slow;
	void *ctx;
};

static int take_record(void *ctx, void *data, size_t size)
{
	struct block *block = ctx;

	if (size == sizeof(struct block_slow))
		block->on_slow(data, block->ctx);
	return 0;
}

static int block_load(struct block *block, uint64_t only_cgroup)
{
	int err;

	block->skeleton = block_bpf__open();
	if (!block->skeleton)
		return -errno;
	block->skeleton->rodata->only_cgroup = only_cgroup;
	err = block_bpf__load(block->skeleton);
	if (err)
		return err;
	block->hists = bpf_load_map_array(block->skeleton->maps.hists,
					  &block->hists_size);
	if (!block->hists)
		return -errno;
	block->ring = ring_buffer__new(
		bpf_map__fd(block->skeleton->maps.slow), take_record, block,
		NULL);
	if (!block->ring)
		return -errno;
	err = block_bpf__attach(block->skeleton);
	block->since_ns = clock_monotonic_ns();
	return err;
}

int block_open(block_slow_fn *on_slow, void *ctx, uint64_t only_cgroup,
	       char *why, size_t why_size, struct block **ret_block)
{
	struct block *block = mem_zalloc(sizeof(*block));
	int err;

	if (!block)
		return -ENOMEM;
	block->on_slow = on_slow;
	block->ctx = ctx;
	bpf_load_begin();
	err = block_load(block, only_cgroup);
	bpf_load_end(err, why, why_size);
	if (err) {
		block_close(block);
		return err;
	}
	*ret_block = block;
	return 0;
}

void block_close(struct block *block)
{
	if (!block)
		return;
	ring_buffer__free(block->ring);
	if (block->hists)
		munmap((void *)(uintptr_t)block->hists, block->hists_size);
	block_bpf__destroy(block->skeleton);
	mem_free(block);
}

static void read_series(const struct block *block, uint32_t number,
			struct latency_series *s)
{
	for (uint32_t shard = 0; shard < BLOCK_SHARDS; shard++)
		for (uint32_t op = 0; op < BLOCK_OPS; op++)
			for (uint32_t span = 0; span < BLOCK_SPANS; span++)
				hist_add(&s->hist[op][span],
					 &block->hists[block_hist_index(shard,
							number, op, span)]);
}

void block_read(const struct block *block, struct devices *devices,
		struct latency *ret_latency)
{
	const struct block_bpf__bss *bss = block->skeleton->bss;

	memset(ret_latency, 0, sizeof(*ret_latency));
	ret_latency->at_ns = clock_monotonic_ns();
	ret_latency->since_ns = block->since_ns;
	ret_latency->lost = bss->lost;
	ret_latency->missed = bpf_load_misses(block->skeleton->obj);
	for (uint32_t i = 0; i < BLOCK_SERIES_MAX; i++) {
		struct latency_series *s =
			&ret_latency->series[ret_latency->count];
		uint64_t key = __atomic_load_n(&bss->series_keys[i],
					       __ATOMIC_RELAXED);

		if (!key)
			continue;
		s->dev = (uint32_t)key;
		s->parent = (uint32_t)(key >> 32);
		snprintf(s->name, sizeof(s->name), "%s",
			 devices_name(devices, s->dev));
		if (s->parent)
			snprintf(s->parent_name, sizeof(s->parent_name), "%s",
				 devices_name(devices, s->parent));
		read_series(block, i, s);
		ret_latency->count++;
	}
}

int block_slow_fd(const struct block *block)
{
	return ring_buffer__epoll_fd(block->ring);
}

int block_take_slow(struct block *block)
{
	return ring_buffer__consume(block->ring);
}

void block_set_slow(struct block *block, uint64_t ns)
{
	__atomic_store_n(&block->skeleton->data->slow_ns, ns,
			 __ATOMIC_RELAXED);
}
