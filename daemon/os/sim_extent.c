// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "os/sim_disk.h"

static int grow(struct extent *e, uint64_t size)
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

int sim_extent_write(struct extent *e, uint64_t offset, const char *data,
			size_t len)
{
	int err = grow(e, offset + len);

	if (!err && len)
		memcpy(e->data + offset, data, len);
	return err;
}

int sim_extent_resize(struct extent *e, uint64_t size)
{
	if (size >= e->size)
		return grow(e, size);
	e->size = size;
	return 0;
}

size_t sim_extent_read(const struct extent *e, uint64_t offset, char *buf,
			  size_t len)
{
	if (offset >= e->size)
		return 0;
	if (len > e->size - offset)
		len = e->size - offset;
	memcpy(buf, e->data + offset, len);
	return len;
}

void sim_inode_drop_writes(struct sim_inode *inode)
{
	struct list *link;

	while ((link = list_pop(&inode->unsynced)))
		mem_free(list_entry(link, struct pending_write, link));
}

struct sim_inode *sim_inode_get(struct sim_inode *inode)
{
	inode->refs++;
	return inode;
}

void sim_inode_put(struct sim_inode *inode)
{
	if (--inode->refs)
		return;
	sim_inode_drop_writes(inode);
	mem_free(inode->seen.data);
	mem_free(inode->kept.data);
	mem_free(inode);
}

struct sim_inode *sim_inode_new(void)
{
	struct sim_inode *inode = mem_zalloc(sizeof(*inode));

	if (!inode)
		return NULL;
	inode->refs = 1;
	list_init(&inode->unsynced);
	return inode;
}
