/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to os/: a disk that keeps no more than it must.
 *
 * A file has two contents: `seen`, what a read returns, and `kept`, what a
 * power cut surely leaves.  A write changes `seen` when it completes and lies
 * in `unsynced` until a sync that was started after it completed.  A cut then
 * chooses for each sector one of the versions it has had since, or tears it.
 * Names likewise: operations on a directory wait in `unsynced_names` for its
 * sync, and a cut undoes each of them or does not.
 */
#ifndef OS_SIM_DISK_H
#define OS_SIM_DISK_H

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
	uint64_t cuts;		/* of power: then nothing is unsynced */
	unsigned int refs;	/* names, name operations, open files */
};

struct pending_write {
	struct list link;
	uint64_t number;	/* 0: in flight */
	uint64_t offset;	/* of a truncation: the size */
	size_t len;
	bool truncate;
	bool failed;
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

/* sim_extent.c: contents.  -ENOSPC when memory is out. */
int sim_extent_write(struct extent *e, uint64_t offset, const char *data,
		     size_t len);
int sim_extent_resize(struct extent *e, uint64_t size);
/* Bytes read, fewer at the end. */
size_t sim_extent_read(const struct extent *e, uint64_t offset, char *buf,
		       size_t len);

struct sim_inode *sim_inode_new(void);
struct sim_inode *sim_inode_get(struct sim_inode *inode);
void sim_inode_put(struct sim_inode *inode);
void sim_inode_drop_writes(struct sim_inode *inode);

/* sim_names.c: names in one of the disk's two lists. */
struct sim_name *sim_name_find(struct list *names, const char *path);
int sim_name_set(struct list *names, const char *path,
		 struct sim_inode *inode);
void sim_names_drop(struct list *names);
/* Does it now, and remembers that it is not durable.  -ENOMEM. */
int sim_name_change(struct sim_disk *disk, enum name_change change,
		    struct sim_inode *inode, const char *path,
		    const char *from);
void sim_name_op_apply(struct list *names, const struct name_op *op);
void sim_name_ops_drop(struct sim_disk *disk);

static inline struct sim_disk *sim_disk_of(struct os_loop *loop)
{
	return sim_env_of(loop->env)->disk;
}

#endif
