// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "os/sim_disk.h"

/* The disk of a test is small: lists. */

struct sim_name *sim_name_find(struct list *names, const char *path)
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
	struct sim_name *name = sim_name_find(names, path);

	if (!name)
		return;
	list_del(&name->link);
	sim_inode_put(name->inode);
	mem_free(name);
}

int sim_name_set(struct list *names, const char *path,
		    struct sim_inode *inode)
{
	struct sim_name *name = mem_alloc(sizeof(*name) + strlen(path) + 1);

	if (!name)
		return -ENOMEM;
	sim_inode_get(inode);
	drop_name(names, path);
	name->inode = inode;
	strcpy(name->path, path);
	list_push(names, &name->link);
	return 0;
}

void sim_name_op_apply(struct list *names, const struct name_op *op)
{
	if (op->change != NAME_SET && op->change != NAME_RENAME)
		drop_name(names, op->path);
	else
		check(!sim_name_set(names, op->path, op->inode));
	if (op->from)
		drop_name(names, op->from);
}

static void free_name_op(struct name_op *op)
{
	list_del(&op->link);
	sim_inode_put(op->inode);
	mem_free(op->path);
	mem_free(op->from);
	mem_free(op);
}

/* Does it now, and remembers that it is not durable. */
int sim_name_change(struct sim_disk *disk, enum name_change change,
		       struct sim_inode *inode, const char *path,
		       const char *from)
{
	struct name_op *op = mem_zalloc(sizeof(*op));

	if (!op)
		return -ENOMEM;
	op->change = change;
	op->path = mem_strdup(path);
	op->from = from ? mem_strdup(from) : NULL;
	op->inode = sim_inode_get(inode);
	list_push(&disk->unsynced_names, &op->link);
	if (!op->path || (from && !op->from)) {
		free_name_op(op);
		return -ENOMEM;
	}
	sim_name_op_apply(&disk->names, op);
	return 0;
}

void sim_names_drop(struct list *names)
{
	while (!list_empty(names))
		drop_name(names, list_entry(names->next, struct sim_name,
					    link)->path);
}

void sim_name_ops_drop(struct sim_disk *disk)
{
	while (!list_empty(&disk->unsynced_names))
		free_name_op(list_entry(disk->unsynced_names.next,
					struct name_op, link));
}

static bool is_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	while (len && dir[len - 1] == '/')
		len--;
	return !strncmp(path, dir, len) && path[len] == '/' &&
	       !strchr(path + len + 1, '/');
}

/* Directories are always there; only their names come and go. */
int sim_dir_make(struct os_loop *loop, const char *path)
{
	(void)path;
	return sim_op(sim_env_of(loop->env), 0);
}

int sim_dir_sync(struct os_loop *loop, const char *path)
{
	struct sim_disk *disk = sim_disk_of(loop);
	int err = sim_op(sim_env_of(loop->env),
			 sim_env_of(loop->env)->faults.sync_error_ppm);

	if (err)
		return err;
	list_for_each_safe(link, &disk->unsynced_names) {
		struct name_op *op = list_entry(link, struct name_op, link);

		if (!is_in(op->path, path))
			continue;
		sim_name_op_apply(&disk->kept_names, op);
		free_name_op(op);
	}
	return 0;
}

int sim_rename(struct os_loop *loop, const char *from, const char *to)
{
	struct sim_disk *disk = sim_disk_of(loop);
	struct sim_name *name = sim_name_find(&disk->names, from);
	int err = sim_op(sim_env_of(loop->env), 0);

	if (err)
		return err;
	if (!name)
		return -ENOENT;
	return sim_name_change(disk, NAME_RENAME, name->inode, to, from);
}

int sim_remove(struct os_loop *loop, const char *path)
{
	struct sim_disk *disk = sim_disk_of(loop);
	struct sim_name *name = sim_name_find(&disk->names, path);
	int err = sim_op(sim_env_of(loop->env), 0);

	if (err)
		return err;
	if (!name)
		return -ENOENT;
	return sim_name_change(disk, NAME_REMOVE, name->inode, path, NULL);
}

int sim_dir_list(struct os_loop *loop, const char *path,
		 int (*fn)(void *ctx, const char *name), void *ctx)
{
	struct sim_disk *disk = sim_disk_of(loop);
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
