// SPDX-License-Identifier: Apache-2.0
/*
 * A disk that keeps no more than it must.
 *
 * A file has two contents: `seen`, what a read returns, and `kept`, what a
 * power cut surely leaves.  A write changes `seen` when it completes and lies
 * in `unsynced` until a sync that was started after it completed.  A cut then
 * chooses for each sector one of the versions it has had since, or tears it.
 * Names likewise: operations on a directory wait in `unsynced_names` for its
 * sync, and a cut undoes each of them or does not.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "os/sim_impl.h"

#define SECTOR 512u

struct extent {
	char *data;
	uint64_t size;
	uint64_t cap;
};

struct sim_inode {
	struct extent seen, kept;
	struct list unsynced;	/* struct pending_write, as they completed */
	uint64_t completed;	/* number of the last that did */
	unsigned int refs;	/* names, name operations, open files */
};

struct pending_write {
	struct list link;
	uint64_t number;	/* 0: in flight */
	uint64_t offset;	/* of a truncation: the size */
	size_t len;
	bool truncate;
	char data[];
};

struct sim_name {
	struct list link;
	struct sim_inode *inode;
	char path[];
};

enum name_change { NAME_SET, NAME_RENAME, NAME_REMOVE };

struct name_op {
	struct list link;
	enum name_change change;
	struct sim_inode *inode;
	char *path;
	char *from;		/* NAME_RENAME */
};

struct sim_disk {
	struct list names;		/* struct sim_name */
	struct list kept_names;
	struct list unsynced_names;	/* struct name_op, oldest first */
	struct list files;		/* open: struct sim_file */
};

struct sim_file {
	struct os_file file;
	struct list link;
	struct sim_inode *inode;
	bool direct;
	bool dead;
};

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
	int err;
};

static int extent_grow(struct extent *e, uint64_t size)
{
	uint64_t cap = e->cap ? e->cap : 4096;
	char *data;

	if (size > e->cap) {
		while (cap < size)
			cap *= 2;
		data = mem_realloc(e->data, cap);
		if (!data)
			return -ENOSPC;
		e->data = data;
		e->cap = cap;
	}
	if (size > e->size) {
		memset(e->data + e->size, 0, size - e->size);
		e->size = size;
	}
	return 0;
}

static int extent_write(struct extent *e, uint64_t offset, const char *data,
			size_t len)
{
	int err = extent_grow(e, offset + len);

	if (!err && len)
		memcpy(e->data + offset, data, len);
	return err;
}

static int extent_resize(struct extent *e, uint64_t size)
{
	if (size >= e->size)
		return extent_grow(e, size);
	e->size = size;
	return 0;
}

static size_t extent_read(const struct extent *e, uint64_t offset, char *buf,
			  size_t len)
{
	if (offset >= e->size)
		return 0;
	if (len > e->size - offset)
		len = e->size - offset;
	memcpy(buf, e->data + offset, len);
	return len;
}

static void drop_writes(struct sim_inode *inode)
{
	struct list *link;

	while ((link = list_pop(&inode->unsynced)))
		mem_free(list_entry(link, struct pending_write, link));
}

static struct sim_inode *inode_get(struct sim_inode *inode)
{
	inode->refs++;
	return inode;
}

static void inode_put(struct sim_inode *inode)
{
	if (--inode->refs)
		return;
	drop_writes(inode);
	mem_free(inode->seen.data);
	mem_free(inode->kept.data);
	mem_free(inode);
}

static struct sim_inode *inode_new(void)
{
	struct sim_inode *inode = mem_zalloc(sizeof(*inode));

	if (!inode)
		return NULL;
	inode->refs = 1;
	list_init(&inode->unsynced);
	return inode;
}

/* Names.  A cut disk of a test is small: lists. */

static struct sim_name *find_name(struct list *names, const char *path)
{
	list_for_each(link, names) {
		struct sim_name *name = list_entry(link, struct sim_name, link);

		if (!strcmp(name->path, path))
			return name;
	}
	return NULL;
}

static void drop_name(struct list *names, const char *path)
{
	struct sim_name *name = find_name(names, path);

	if (!name)
		return;
	list_del(&name->link);
	inode_put(name->inode);
	mem_free(name);
}

static int set_name(struct list *names, const char *path,
		    struct sim_inode *inode)
{
	struct sim_name *name = mem_alloc(sizeof(*name) + strlen(path) + 1);

	if (!name)
		return -ENOMEM;
	inode_get(inode);
	drop_name(names, path);
	name->inode = inode;
	strcpy(name->path, path);
	list_push(names, &name->link);
	return 0;
}

static void apply_name_op(struct list *names, const struct name_op *op)
{
	if (op->change != NAME_SET && op->change != NAME_RENAME)
		drop_name(names, op->path);
	else
		check(!set_name(names, op->path, op->inode));
	if (op->from)
		drop_name(names, op->from);
}

static void free_name_op(struct name_op *op)
{
	list_del(&op->link);
	inode_put(op->inode);
	mem_free(op->path);
	mem_free(op->from);
	mem_free(op);
}

/* Does it now, and remembers that it is not durable. */
static int change_name(struct sim_disk *disk, enum name_change change,
		       struct sim_inode *inode, const char *path,
		       const char *from)
{
	struct name_op *op = mem_zalloc(sizeof(*op));

	if (!op)
		return -ENOMEM;
	op->change = change;
	op->path = mem_strdup(path);
	op->from = from ? mem_strdup(from) : NULL;
	op->inode = inode_get(inode);
	list_push(&disk->unsynced_names, &op->link);
	if (!op->path || (from && !op->from)) {
		free_name_op(op);
		return -ENOMEM;
	}
	apply_name_op(&disk->names, op);
	return 0;
}

static bool is_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	while (len && dir[len - 1] == '/')
		len--;
	return !strncmp(path, dir, len) && path[len] == '/' &&
	       !strchr(path + len + 1, '/');
}

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

static void drop_names(struct list *names)
{
	while (!list_empty(names))
		drop_name(names, list_entry(names->next, struct sim_name,
					    link)->path);
}

static void drop_name_ops(struct sim_disk *disk)
{
	while (!list_empty(&disk->unsynced_names))
		free_name_op(list_entry(disk->unsynced_names.next,
					struct name_op, link));
}

void sim_disk_free(struct sim_disk *disk)
{
	drop_name_ops(disk);
	drop_names(&disk->names);
	drop_names(&disk->kept_names);
	check(list_empty(&disk->files));
	mem_free(disk);
}

static struct sim_disk *disk_of(struct os_loop *loop)
{
	return sim_env_of(loop->env)->disk;
}

static struct sim_file *file_of(struct os_file *file)
{
	return container_of(file, struct sim_file, file);
}

/* Operations. */

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
	size_t n = extent_read(&e->inode->seen, e->offset, e->buf, e->len);

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
	if (extent_write(&inode->seen, e->offset, e->write->data, n))
		return -ENOSPC;
	return (int)n;
}

static int keep(struct sim_inode *inode, const struct pending_write *w)
{
	if (!w->truncate)
		return extent_write(&inode->kept, w->offset, w->data, w->len);
	return extent_resize(&inode->kept, w->offset);
}

/* Everything up to that number is durable. */
static int do_sync(struct sim_inode *inode, uint64_t upto,
		   const struct pending_write *own)
{
	list_for_each_safe(link, &inode->unsynced) {
		struct pending_write *w = list_entry(link, struct pending_write,
						     link);

		if (!w->number || (w->number > upto && w != own))
			continue;
		if (keep(inode, w))
			return -EIO;
		list_del(link);
		mem_free(w);
	}
	return 0;
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
		return do_sync(inode, e->sync_to, NULL);
	n = do_write(env, e);
	if (e->kind == OS_DISK_WRITE || n < 0)
		return n;
	if ((size_t)n < e->len)
		return -EIO;
	err = do_sync(inode, e->sync_to, e->write);
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

	if (result < 0 && e->write && !e->write->number)
		complete(e->inode, e->write);
	inode_put(e->inode);
	mem_free(e);
	op->done(op, result);
}

static void disk_drop(struct sim_event *event)
{
	struct sim_disk_event *e = container_of(event, struct sim_disk_event,
						event);

	inode_put(e->inode);
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
	if (len)
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
	return kind == OS_DISK_WRITE || kind == OS_DISK_WRITE_SYNC;
}

static uint32_t error_ppm(const struct sim_env *env, enum os_disk_kind kind)
{
	const struct os_sim_faults *f = &env->faults;

	switch (kind) {
	case OS_DISK_READ:
		return f->read_error_ppm;
	case OS_DISK_WRITE:
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
		.offset = offset, .inode = inode_get(file->inode),
		.sync_to = file->inode->completed,
		.err = file->dead ? -EIO : sim_op(env, error_ppm(env, kind)),
	};
	e->event.fire = disk_fire;
	e->event.drop = disk_drop;
	if (!e->err && misaligned(file, buf, len, offset))
		e->err = -EINVAL;
	if (is_write(kind) && e->err != -EINVAL) {
		e->write = write_new(file->inode, offset, buf, len);
		if (!e->write) {
			inode_put(e->inode);
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
	inode_put(file->inode);
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
	if (no_room(env, inode, size) || extent_resize(&inode->seen, size))
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
	struct sim_name *name = find_name(&disk->names, path);
	struct sim_inode *inode;
	int err;

	if (name && flags & OS_FILE_EXCL)
		return -EEXIST;
	if (name) {
		*ret_inode = inode_get(name->inode);
		return 0;
	}
	if (!(flags & OS_FILE_CREATE))
		return -ENOENT;
	inode = inode_new();
	if (!inode)
		return -ENOMEM;
	err = change_name(disk, NAME_SET, inode, path, NULL);
	if (err)
		inode_put(inode);
	else
		*ret_inode = inode;
	return err;
}

int sim_file_open(struct os_loop *loop, const char *path, unsigned int flags,
		  struct os_file **ret_file)
{
	struct sim_disk *disk = disk_of(loop);
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
	file->file = (struct os_file){ &sim_file_ops, loop };
	file->direct = flags & OS_FILE_DIRECT;
	list_push(&disk->files, &file->link);
	*ret_file = &file->file;
	return 0;
}

/* Directories are always there; only their names come and go. */
int sim_dir_make(struct os_loop *loop, const char *path)
{
	(void)path;
	return sim_op(sim_env_of(loop->env), 0);
}

int sim_dir_sync(struct os_loop *loop, const char *path)
{
	struct sim_disk *disk = disk_of(loop);
	int err = sim_op(sim_env_of(loop->env),
			 sim_env_of(loop->env)->faults.sync_error_ppm);

	if (err)
		return err;
	list_for_each_safe(link, &disk->unsynced_names) {
		struct name_op *op = list_entry(link, struct name_op, link);

		if (!is_in(op->path, path))
			continue;
		apply_name_op(&disk->kept_names, op);
		free_name_op(op);
	}
	return 0;
}

int sim_rename(struct os_loop *loop, const char *from, const char *to)
{
	struct sim_disk *disk = disk_of(loop);
	struct sim_name *name = find_name(&disk->names, from);
	int err = sim_op(sim_env_of(loop->env), 0);

	if (err)
		return err;
	if (!name)
		return -ENOENT;
	return change_name(disk, NAME_RENAME, name->inode, to, from);
}

int sim_remove(struct os_loop *loop, const char *path)
{
	struct sim_disk *disk = disk_of(loop);
	struct sim_name *name = find_name(&disk->names, path);
	int err = sim_op(sim_env_of(loop->env), 0);

	if (err)
		return err;
	if (!name)
		return -ENOENT;
	return change_name(disk, NAME_REMOVE, name->inode, path, NULL);
}

int sim_dir_list(struct os_loop *loop, const char *path,
		 int (*fn)(void *ctx, const char *name), void *ctx)
{
	struct sim_disk *disk = disk_of(loop);
	int ret = sim_op(sim_env_of(loop->env), 0);

	list_for_each_safe(link, &disk->names) {
		struct sim_name *name = list_entry(link, struct sim_name, link);

		if (ret)
			break;
		if (is_in(name->path, path))
			ret = fn(ctx, strrchr(name->path, '/') + 1);
	}
	return ret;
}

/* The power cut. */

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
	check(!extent_write(kept, from, w->data + (from - w->offset),
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
		check(!extent_resize(&inode->kept, w->offset));
		last = link;
	}
	while (last && inode->unsynced.next != last)
		mem_free(list_entry(list_pop(&inode->unsynced),
				    struct pending_write, link));
}

static void cut_inode(struct sim_env *env, struct sim_inode *inode)
{
	uint64_t end = 0;

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
	drop_writes(inode);
out:
	inode->seen.size = 0;
	check(!extent_write(&inode->seen, 0, inode->kept.data,
			    inode->kept.size));
}

static void cut_names(struct sim_env *env, struct sim_disk *disk)
{
	list_for_each(link, &disk->unsynced_names)
		if (rng_below(&env->rng, 2))
			apply_name_op(&disk->kept_names,
				      list_entry(link, struct name_op, link));
	drop_name_ops(disk);
	drop_names(&disk->names);
	list_for_each(pos, &disk->kept_names) {
		struct sim_name *name = list_entry(pos, struct sim_name, link);

		check(!set_name(&disk->names, name->path, name->inode));
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
