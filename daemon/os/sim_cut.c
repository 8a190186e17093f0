// SPDX-License-Identifier: Apache-2.0
/* The power cut. */
#include "base/check.h"
#include "base/mem.h"
#include "os/sim_disk.h"

/* The part of w that lies in the sector at `at`: to `kept`, or the first
 * bytes of it only. */
static void keep_sector(struct sim_env *env, struct extent *kept,
			const struct pending_write *w, uint64_t at, bool torn)
{
	uint64_t from = w->offset > at ? w->offset : at;
	uint64_t to = w->offset + w->len;

	if (to > at + SECTOR)
		to = at + SECTOR;
	if (from >= to)
		return;
	if (torn)
		to = from + rng_below(&env->rng, to - from);
	check(!sim_extent_write(kept, from, w->data + (from - w->offset),
			    to - from));
}

static bool covers(const struct pending_write *w, uint64_t at)
{
	return !w->truncate && w->offset < at + SECTOR &&
	       w->offset + w->len > at;
}

/* One sector: it holds what some number of its writes have made of it. */
static void cut_sector(struct sim_env *env, struct sim_inode *inode,
		       uint64_t at)
{
	uint64_t versions = 0, kept;

	list_for_each(link, &inode->unsynced)
		versions += covers(list_entry(link, struct pending_write,
					      link), at);
	if (!versions)
		return;
	kept = rng_below(&env->rng, versions + 1);
	list_for_each(pos, &inode->unsynced) {
		struct pending_write *w = list_entry(pos, struct pending_write,
						     link);

		if (!kept)
			break;
		if (!covers(w, at))
			continue;
		kept--;
		keep_sector(env, &inode->kept, w, at,
			    !kept && !rng_below(&env->rng, 4));
	}
}

/* Truncations are kept or not; one that is undoes the writes before it. */
static void cut_truncations(struct sim_env *env, struct sim_inode *inode)
{
	struct list *last = NULL;

	list_for_each(link, &inode->unsynced) {
		struct pending_write *w = list_entry(link, struct pending_write,
						     link);

		if (!w->truncate || !rng_below(&env->rng, 2))
			continue;
		check(!sim_extent_resize(&inode->kept, w->offset));
		last = link;
	}
	while (last && inode->unsynced.next != last)
		mem_free(list_entry(list_pop(&inode->unsynced),
				    struct pending_write, link));
}

static void cut_inode(struct sim_env *env, struct sim_inode *inode)
{
	uint64_t end = 0;

	inode->cuts++;
	if (list_empty(&inode->unsynced))
		goto out;
	cut_truncations(env, inode);
	list_for_each(link, &inode->unsynced) {
		struct pending_write *w = list_entry(link, struct pending_write,
						     link);

		if (w->offset + w->len > end)
			end = w->offset + w->len;
	}
	for (uint64_t at = 0; at < end; at += SECTOR)
		cut_sector(env, inode, at);
	sim_inode_drop_writes(inode);
out:
	inode->seen.size = 0;
	check(!sim_extent_write(&inode->seen, 0, inode->kept.data,
			    inode->kept.size));
}

static void cut_names(struct sim_env *env, struct sim_disk *disk)
{
	list_for_each(link, &disk->unsynced_names)
		if (rng_below(&env->rng, 2))
			sim_name_op_apply(&disk->kept_names,
				      list_entry(link, struct name_op, link));
	sim_name_ops_drop(disk);
	sim_names_drop(&disk->names);
	list_for_each(pos, &disk->kept_names) {
		struct sim_name *name = list_entry(pos, struct sim_name, link);

		check(!sim_name_set(&disk->names, name->path, name->inode));
	}
}

void sim_disk_power_cut(struct sim_env *env)
{
	struct sim_disk *disk = env->disk;

	cut_names(env, disk);
	list_for_each(link, &disk->names)
		cut_inode(env, list_entry(link, struct sim_name, link)->inode);
	list_for_each(pos, &disk->files)
		list_entry(pos, struct sim_file, link)->dead = true;
}
