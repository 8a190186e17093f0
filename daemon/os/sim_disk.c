// SPDX-License-Identifier: Apache-2.0
#include "os/sim_disk.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

struct sim_disk_event {
	struct sim_event event;
	struct sim_inode *inode;
	struct os_disk_op *op;
	enum os_disk_kind kind;
	void *buf;
	size_t len;
	uint64_t offset;
	uint64_t sync_to;	/* a sync's: number of the last write */
	struct pending_write *write;
	uint64_t cuts;		/* the inode's, when it was sent */
	int err;
};

struct sim_disk *sim_disk_new(void)
{
	struct sim_disk *disk = mem_alloc(sizeof(*disk));

	if (!disk)
		return NULL;
	list_init(&disk->names);
	list_init(&disk->kept_names);
	list_init(&disk->unsynced_names);
	list_init(&disk->files);
	return disk;
}

void sim_disk_free(struct sim_disk *disk)
{
	sim_name_ops_drop(disk);
	sim_names_drop(&disk->names);
	sim_names_drop(&disk->kept_names);
	check(list_empty(&disk->files));
	mem_free(disk);
}

static struct sim_file *file_of(struct os_file *file)
{
	return container_of(file, struct sim_file, file);
}

static uint64_t disk_used(const struct sim_disk *disk)
{
	uint64_t used = 0;

	list_for_each(link, &disk->names)
		used += list_entry(link, struct sim_name,
				   link)->inode->seen.size;
	return used;
}

static bool no_room(struct sim_env *env, struct sim_inode *inode, uint64_t end)
{
	uint64_t limit = env->faults.disk_bytes;

	return limit && end > inode->seen.size &&
	       disk_used(env->disk) + end - inode->seen.size > limit;
}

static int do_read(struct sim_env *env, struct sim_disk_event *e)
{
	size_t n = sim_extent_read(&e->inode->seen, e->offset, e->buf, e->len);

	if (n > SECTOR && rng_chance(&env->rng, env->faults.short_ppm))
		n = rng_below(&env->rng, n / SECTOR) * SECTOR + SECTOR;
	if (n && rng_chance(&env->rng, env->faults.bitflip_ppm))
		((uint8_t *)e->buf)[rng_below(&env->rng, n)] ^=
			(uint8_t)(1u << rng_below(&env->rng, 8));
	return (int)n;
}

static void complete(struct sim_inode *inode, struct pending_write *w)
{
	w->number = ++inode->completed;
	list_del(&w->link);
	list_push(&inode->unsynced, &w->link);
}

/* It is seen from now on. */
static int do_write(struct sim_env *env, struct sim_disk_event *e)
{
	struct sim_inode *inode = e->inode;
	size_t n = e->len;

	if (no_room(env, inode, e->offset + n))
		return -ENOSPC;
	if (n > SECTOR && rng_chance(&env->rng, env->faults.short_ppm))
		n = rng_below(&env->rng, n / SECTOR) * SECTOR + SECTOR;
	e->write->len = n;
	complete(inode, e->write);
	if (sim_extent_write(&inode->seen, e->offset, e->write->data, n))
		return -ENOSPC;
	return (int)n;
}

/* A write of zeroes that never makes the file longer. */
static int do_punch(struct sim_inode *inode, struct pending_write *w)
{
	if (w->offset > inode->seen.size)
		w->len = 0;
	else if (w->len > inode->seen.size - w->offset)
		w->len = inode->seen.size - w->offset;
	complete(inode, w);
	return sim_extent_write(&inode->seen, w->offset, w->data, w->len);
}

static int keep(struct sim_inode *inode, const struct pending_write *w)
{
	if (!w->truncate)
		return sim_extent_write(&inode->kept, w->offset, w->data, w->len);
	return sim_extent_resize(&inode->kept, w->offset);
}

static bool overlaps(const struct pending_write *a,
		     const struct pending_write *b)
{
	return a->offset < b->offset + b->len && b->offset < a->offset + a->len;
}

/* The number of the last truncation among the first so many writes. */
static uint64_t last_truncation(const struct sim_inode *inode, uint64_t upto)
{
	uint64_t last = 0;

	list_for_each(link, &inode->unsynced) {
		const struct pending_write *w =
			list_entry(link, struct pending_write, link);

		if (w->truncate && w->number <= upto)
			last = w->number;
	}
	return last;
}

static int make_durable(struct sim_inode *inode, struct pending_write *w)
{
	if (keep(inode, w))
		return -EIO;
	list_del(&w->link);
	mem_free(w);
	return 0;
}

/* Everything up to that number is durable. */
static int do_sync(struct sim_inode *inode, uint64_t upto)
{
	int err = 0;

	list_for_each_safe(link, &inode->unsynced) {
		struct pending_write *w = list_entry(link, struct pending_write,
						     link);

		if (w->number && w->number <= upto && !err)
			err = make_durable(inode, w);
	}
	return err;
}

/*
 * This write is durable, and nothing else that need not be: what it covers
 * cannot come back, and the file's size as it was cannot either.
 */
static int do_sync_one(struct sim_inode *inode, struct pending_write *own)
{
	int err = do_sync(inode, last_truncation(inode, own->number));

	list_for_each_safe(link, &inode->unsynced) {
		struct pending_write *w = list_entry(link, struct pending_write,
						     link);

		if (w == own || !w->number || !overlaps(w, own) || err)
			continue;
		err = make_durable(inode, w);
	}
	return err ? err : make_durable(inode, own);
}

static int perform(struct sim_env *env, struct sim_disk_event *e)
{
	struct sim_inode *inode = e->inode;
	int n, err;

	if (e->err)
		return e->err;
	if (e->kind == OS_DISK_READ)
		return do_read(env, e);
	if (e->kind == OS_DISK_SYNC)
		return do_sync(inode, e->sync_to);
	if (e->kind == OS_DISK_PUNCH)
		return do_punch(inode, e->write);
	n = do_write(env, e);
	if (e->kind == OS_DISK_WRITE || n < 0)
		return n;
	if ((size_t)n < e->len)
		return -EIO;
	err = do_sync_one(inode, e->write);
	return err ? err : n;
}

/* A write that failed may have reached the disk in part: it stays unsynced. */
static void disk_fire(struct sim_event *event)
{
	struct sim_disk_event *e = container_of(event, struct sim_disk_event,
						event);
	struct sim_env *env = sim_env_of(event->loop->loop.env);
	struct os_disk_op *op = e->op;
	int result = perform(env, e);

	if (result < 0 && e->write && !e->write->number) {
		e->write->failed = true;
		complete(e->inode, e->write);
	}
	sim_inode_put(e->inode);
	mem_free(e);
	op->done(op, result);
}

/* Nobody hears of it any more: it is there or it is not, and does not come at
 * some time when others have begun to write. */
static void end_write(struct sim_env *env, struct sim_disk_event *e)
{
	if (!e->err && e->kind != OS_DISK_PUNCH && rng_below(&env->rng, 2))
		do_write(env, e);
	if (e->write->number)
		return;
	list_del(&e->write->link);
	mem_free(e->write);
}

static void disk_drop(struct sim_event *event)
{
	struct sim_disk_event *e = container_of(event, struct sim_disk_event,
						event);

	if (e->write && e->cuts == e->inode->cuts)
		end_write(sim_env_of(event->loop->loop.env), e);
	sim_inode_put(e->inode);
	mem_free(e);
}

static struct pending_write *write_new(struct sim_inode *inode,
				       uint64_t offset, const void *data,
				       size_t len)
{
	struct pending_write *w = mem_zalloc(sizeof(*w) + len);

	if (!w)
		return NULL;
	w->offset = offset;
	w->len = len;
	if (data)
		memcpy(w->data, data, len);
	list_push(&inode->unsynced, &w->link);
	return w;
}

static bool misaligned(const struct sim_file *file, const void *buf, size_t len,
		      uint64_t offset)
{
	return file->direct &&
	       ((uintptr_t)buf | len | offset) & (OS_DISK_ALIGN - 1);
}

static bool is_write(enum os_disk_kind kind)
{
	return kind == OS_DISK_WRITE || kind == OS_DISK_WRITE_SYNC ||
	       kind == OS_DISK_PUNCH;
}

static uint32_t error_ppm(const struct sim_env *env, enum os_disk_kind kind)
{
	const struct os_sim_faults *f = &env->faults;

	switch (kind) {
	case OS_DISK_READ:
		return f->read_error_ppm;
	case OS_DISK_WRITE:
	case OS_DISK_PUNCH:
		return f->write_error_ppm;
	case OS_DISK_SYNC:
		return f->sync_error_ppm;
	case OS_DISK_WRITE_SYNC:
		break;
	}
	return f->write_error_ppm + f->sync_error_ppm;
}

static int sim_submit(struct os_file *base, struct os_disk_op *op,
		      enum os_disk_kind kind, void *buf, size_t len,
		      uint64_t offset)
{
	struct sim_file *file = file_of(base);
	struct sim_env *env = sim_env_of(base->loop->env);
	struct sim_disk_event *e = mem_alloc(sizeof(*e));

	if (!e)
		return -EAGAIN;
	*e = (struct sim_disk_event){
		.op = op, .kind = kind, .buf = buf, .len = len,
		.offset = offset, .inode = sim_inode_get(file->inode),
		.sync_to = file->inode->completed,
		.cuts = file->inode->cuts,
		.err = file->dead ? -EIO : sim_op(env, error_ppm(env, kind)),
	};
	e->event.fire = disk_fire;
	e->event.drop = disk_drop;
	if (!e->err && misaligned(file, buf, len, offset))
		e->err = -EINVAL;
	if (is_write(kind) && e->err != -EINVAL) {
		e->write = write_new(file->inode, offset, buf, len);
		if (!e->write) {
			sim_inode_put(e->inode);
			mem_free(e);
			return -EAGAIN;
		}
	}
	sim_event_add(env, &e->event, sim_loop_of(base->loop),
		      sim_latency(env));
	return 0;
}

static void file_close(struct os_file *base)
{
	struct sim_file *file = file_of(base);

	list_del(&file->link);
	sim_inode_put(file->inode);
	mem_free(file);
}

static int file_size(struct os_file *file, uint64_t *ret_size)
{
	*ret_size = file_of(file)->inode->seen.size;
	return 0;
}

static int file_truncate(struct os_file *base, uint64_t size)
{
	struct sim_inode *inode = file_of(base)->inode;
	struct sim_env *env = sim_env_of(base->loop->env);
	int err = file_of(base)->dead ? -EIO : sim_op(env, 0);
	struct pending_write *w;

	if (err)
		return err;
	if (no_room(env, inode, size) || sim_extent_resize(&inode->seen, size))
		return -ENOSPC;
	w = write_new(inode, size, NULL, 0);
	if (!w)
		return -ENOMEM;
	w->truncate = true;
	complete(inode, w);
	return 0;
}

static const struct os_file_ops sim_file_ops = {
	.close = file_close,
	.size = file_size,
	.truncate = file_truncate,
	.submit = sim_submit,
};

/* The inode of a name, made if wanted.  One reference is the caller's. */
static int open_inode(struct sim_disk *disk, const char *path,
		      unsigned int flags, struct sim_inode **ret_inode)
{
	struct sim_name *name = sim_name_find(&disk->names, path);
	struct sim_inode *inode;
	int err;

	if (name && flags & OS_FILE_EXCL)
		return -EEXIST;
	if (name) {
		*ret_inode = sim_inode_get(name->inode);
		return 0;
	}
	if (!(flags & OS_FILE_CREATE))
		return -ENOENT;
	inode = sim_inode_new();
	if (!inode)
		return -ENOMEM;
	err = sim_name_change(disk, NAME_SET, inode, path, NULL);
	if (err)
		sim_inode_put(inode);
	else
		*ret_inode = inode;
	return err;
}

static bool is_open(const struct sim_disk *disk, const struct sim_inode *inode)
{
	list_for_each(link, &disk->files)
		if (list_entry(link, struct sim_file, link)->inode == inode)
			return true;
	return false;
}

/* Who opens a file after all others have gone relies on what he reads: of a
 * write that had failed there is nothing that would come later. */
static void drop_failed(struct sim_inode *inode)
{
	list_for_each_safe(link, &inode->unsynced) {
		struct pending_write *w = list_entry(link, struct pending_write,
						     link);

		if (!w->failed)
			continue;
		list_del(link);
		mem_free(w);
	}
}

int sim_file_open(struct os_loop *loop, const char *path, unsigned int flags,
		  struct os_file **ret_file)
{
	struct sim_disk *disk = sim_disk_of(loop);
	struct sim_file *file;
	int err = sim_op(sim_env_of(loop->env), 0);

	if (err)
		return err;
	file = mem_zalloc(sizeof(*file));
	if (!file)
		return -ENOMEM;
	err = open_inode(disk, path, flags, &file->inode);
	if (err) {
		mem_free(file);
		return err;
	}
	if (!is_open(disk, file->inode))
		drop_failed(file->inode);
	file->file = (struct os_file){ &sim_file_ops, loop };
	file->direct = flags & OS_FILE_DIRECT;
	list_push(&disk->files, &file->link);
	*ret_file = &file->file;
	return 0;
}
