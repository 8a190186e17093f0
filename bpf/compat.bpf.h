/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel as our programs see it: the few fields that they read, relocated
 * at load time against the running kernel's BTF, and every difference between
 * kernels 6.1 and later.  Nothing else may test for a kernel version.
 */
#ifndef COMPAT_BPF_H
#define COMPAT_BPF_H

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

typedef __u64 u64;
typedef __u32 u32;
typedef __u16 u16;
typedef __u8 u8;

#define KERNEL_TYPE __attribute__((preserve_access_index))

struct block_device_operations {
	void *submit_bio;
} KERNEL_TYPE;

struct gendisk {
	int major;
	int first_minor;
	const struct block_device_operations *fops;
} KERNEL_TYPE;

struct block_device {
	u32 bd_dev;
	struct gendisk *bd_disk;
} KERNEL_TYPE;

struct kernfs_node {
	u64 id;
} KERNEL_TYPE;

struct cgroup {
	struct kernfs_node *kn;
	int level;
	struct cgroup *ancestors[];	/* the last is itself */
} KERNEL_TYPE;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
} KERNEL_TYPE;

struct blkcg {
	struct cgroup_subsys_state css;
} KERNEL_TYPE;

struct blkcg_gq {
	struct blkcg *blkcg;
} KERNEL_TYPE;

struct bvec_iter {
	u64 bi_sector;
	unsigned int bi_size;
} KERNEL_TYPE;

struct bio {
	struct bio *bi_next;
	struct block_device *bi_bdev;
	unsigned int bi_opf;
	u8 bi_status;
	struct bvec_iter bi_iter;
	void *bi_private;
	struct blkcg_gq *bi_blkg;
} KERNEL_TYPE;

struct request_queue {
	struct gendisk *disk;
} KERNEL_TYPE;

struct request {
	struct request_queue *q;
	unsigned int cmd_flags;
	unsigned int __data_len;
	u64 __sector;
	struct bio *bio;
} KERNEL_TYPE;

/* include/linux/blk_types.h: part of the block layer's stable numbering. */
#define REQ_OP_MASK 0xffU
#define REQ_OP_READ 0
#define REQ_OP_FLUSH 2
#define REQ_OP_DISCARD 3
#define REQ_OP_SECURE_ERASE 5
#define REQ_OP_DRV_IN 34

/*
 * bi_blkg exists with CONFIG_BLK_CGROUP only.  It names the cgroup that is
 * billed, which is right behind a device-mapper worker too, where the current
 * task is not the submitter.
 */
static __always_inline u64 compat_bio_cgroup(struct bio *bio)
{
	struct blkcg_gq *blkg;

	if (!bpf_core_field_exists(bio->bi_blkg))
		return 0;
	blkg = bio->bi_blkg;
	if (!blkg)
		return 0;
	return blkg->blkcg->css.cgroup->kn->id;
}

#define COMPAT_CGROUP_DEPTH 32

/*
 * Whether @bio is billed to cgroup @id or one below it.  Before 6.1 a cgroup
 * did not name its ancestors: then to it alone.
 */
static __always_inline bool compat_bio_below(struct bio *bio, u64 id)
{
	struct cgroup *cgroup, *above;
	int level;
	void *at;

	if (compat_bio_cgroup(bio) == id)
		return true;
	if (!bpf_core_field_exists(struct cgroup, ancestors) ||
	    !bpf_core_field_exists(bio->bi_blkg))
		return false;
	cgroup = BPF_CORE_READ(bio, bi_blkg, blkcg, css.cgroup);
	level = BPF_CORE_READ(cgroup, level);
	at = (void *)cgroup + bpf_core_field_offset(struct cgroup, ancestors);
	for (int i = 0; i < COMPAT_CGROUP_DEPTH && i < level; i++) {
		if (bpf_probe_read_kernel(&above, sizeof(above),
					  at + i * sizeof(above)))
			return false;
		if (BPF_CORE_READ(above, kn, id) == id)
			return true;
	}
	return false;
}

#endif
