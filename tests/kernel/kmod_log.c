// SPDX-License-Identifier: GPL-2.0-only
/* Reads what dm-log-writes has recorded. */
#include "kmod_log.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define LOG_MAGIC 0x6a736677736872ull
#define LOG_VERSION 1u
#define MAX_BYTES (16u << 20)

struct log_super {
	uint64_t magic;
	uint64_t version;
	uint64_t nr_entries;
	uint32_t sector_size;
};

static int read_all(int fd, void *to, size_t bytes, uint64_t at)
{
	ssize_t n = pread(fd, to, bytes, (off_t)at);

	if (n < 0)
		return -errno;
	return (size_t)n == bytes ? 0 : -ENODATA;
}

int log_open(struct log *log, const char *path)
{
	struct log_super super;
	int err;

	log->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (log->fd < 0)
		return -errno;
	err = read_all(log->fd, &super, sizeof(super), 0);
	if (err)
		return err;
	if (le64toh(super.magic) != LOG_MAGIC ||
	    le64toh(super.version) != LOG_VERSION)
		return -EBADMSG;
	log->nr_entries = le64toh(super.nr_entries);
	log->sector_size = le32toh(super.sector_size);
	log->at = log->sector_size;
	log->data = malloc(MAX_BYTES);
	return log->data ? 0 : -ENOMEM;
}

int log_next(struct log *log, struct log_entry *e, bool with_data)
{
	uint64_t bytes;
	int err;

	err = read_all(log->fd, e, sizeof(*e), log->at);
	if (err)
		return err;
	e->sector = le64toh(e->sector);
	e->nr_sectors = le64toh(e->nr_sectors);
	e->flags = le64toh(e->flags);
	log->at += log->sector_size;
	if (e->flags & LOG_DISCARD)
		return 0;
	bytes = e->nr_sectors * LOG_SECTOR;
	if (bytes > MAX_BYTES)
		return -EBADMSG;
	if (with_data && bytes)
		err = read_all(log->fd, log->data, (size_t)bytes, log->at);
	log->at += bytes;
	return err;
}

void log_close(struct log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	free(log->data);
}
