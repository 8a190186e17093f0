/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Table of things in flight, keyed by a kernel pointer: sets of four places,
 * found by a hash, claimed by compare-and-swap.  It costs a fraction of a BPF
 * hash map, which takes a bucket lock per operation.
 *
 * Protocol: a place with key 0 is free.  Who changes the key from 0 owns the
 * place until it stores 0 again.  One bio or request passes its tracepoints
 * one after another, so its place has one user at a time.  When a set is full
 * its oldest place is taken over and the loss is counted; the displaced user
 * finds no place with its key and records nothing.
 */
#ifndef INFLIGHT_BPF_H
#define INFLIGHT_BPF_H

#include "compat.bpf.h"

#define INFLIGHT_WAYS 4

struct inflight {
	u64 key;	/* inflight_key() of the bio or request */
	u64 since_ns;	/* bio: submitted; request: issued */
	u64 queue_ns;	/* request: time before since_ns */
	u64 cgroup;
	u64 pid_tgid;
	u32 parent;	/* bio-based device that sent it, or 0 */
	u32 bytes;
	char comm[16];
};

_Static_assert(sizeof(struct inflight) == 64, "one cache line");

struct inflight_set {
	struct inflight way[INFLIGHT_WAYS];
};

/* Never read: the place that pointers are measured from. */
__u64 inflight_origin;

/*
 * The verifier forbids arithmetic on a typed kernel pointer, but the distance
 * of two pointers is a plain number to it.
 */
static __always_inline u64 inflight_key(const void *pointer)
{
	u64 key = (u64)pointer;
	__u64 *origin = &inflight_origin;

	asm volatile("%0 -= %1" : "+r"(key) : "r"(origin));
	return key;
}

static __always_inline struct inflight_set *inflight_set(void *map, u32 sets,
							 u64 key)
{
	/* Fibonacci hashing; the low bits of a slab address say little. */
	u32 index = (u32)((key * 0x9e3779b97f4a7c15ULL) >> 40) & (sets - 1);

	return bpf_map_lookup_elem(map, &index);
}

static __always_inline struct inflight *inflight_find(struct inflight_set *set,
						      u64 key)
{
#pragma unroll
	for (int i = 0; i < INFLIGHT_WAYS; i++)
		if (set->way[i].key == key)
			return &set->way[i];
	return NULL;
}

/* A place for @key, its old one or a free one or the oldest of its set. */
static __always_inline struct inflight *inflight_claim(struct inflight_set *set,
						       u64 key, u64 *lost)
{
	struct inflight *old = inflight_find(set, key);
	u64 displaced;

	if (old)
		return old;
#pragma unroll
	for (int i = 0; i < INFLIGHT_WAYS; i++)
		if (!set->way[i].key &&
		    !__sync_val_compare_and_swap(&set->way[i].key, 0, key))
			return &set->way[i];
	old = &set->way[0];
#pragma unroll
	for (int i = 1; i < INFLIGHT_WAYS; i++)
		if (set->way[i].since_ns < old->since_ns)
			old = &set->way[i];
	__sync_fetch_and_add(lost, 1);
	displaced = old->key;
	if (__sync_val_compare_and_swap(&old->key, displaced, key) != displaced)
		return NULL;
	return old;
}

/* An exchange and not a store: what was read of the place came before. */
static __always_inline void inflight_release(struct inflight *entry)
{
	entry->parent = 0;
	__sync_lock_test_and_set(&entry->key, 0);
}

#endif
