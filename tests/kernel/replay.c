// SPDX-License-Identifier: Apache-2.0
/*
 * replay: plays what dm-log-writes has recorded.
 *
 *	replay flushes LOG			numbers of the entries that end
 *						with a flush or are FUA
 *	replay apply LOG DEVICE FIRST LAST	entries [FIRST, LAST) to DEVICE
 *
 * The log (Documentation/admin-guide/device-mapper/log-writes.rst): a sector
 * with the superblock, then for each entry a sector that describes it and,
 * unless it is a discard or a mark, its data.  All little endian, sectors of
 * the size that the superblock states; positions count sectors of 512 bytes.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USAGE "replay flushes LOG | apply LOG DEVICE FIRST LAST"
#define LOG_MAGIC 0x6a736677736872ull
#define LOG_VERSION 1u
#define FLAG_FLUSH (1u << 0)
#define FLAG_FUA (1u << 1)
#define FLAG_DISCARD (1u << 2)
#define SECTOR 512u
#define MAX_BYTES (16u << 20)

struct log_super {
	uint64_t magic;
	uint64_t version;
	uint64_t nr_entries;
	uint32_t sector_size;
};

struct log_entry {
	uint64_t sector;
	uint64_t nr_sectors;
	uint64_t flags;
	uint64_t data_len;
};

struct log {
	int fd;
	uint64_t nr_entries;
	uint64_t at;			/* of the next entry, in bytes */
	uint32_t sector_size;
	uint8_t *data;			/* MAX_BYTES */
};

static int read_all(int fd, void *to, size_t bytes, uint64_t at)
{
	ssize_t n = pread(fd, to, bytes, (off_t)at);

	if (n < 0)
		return -errno;
	return (size_t)n == bytes ? 0 : -ENODATA;
}

static int write_all(int fd, const void *from, size_t bytes, uint64_t at)
{
	ssize_t n = pwrite(fd, from, bytes, (off_t)at);

	if (n < 0)
		return -errno;
	return (size_t)n == bytes ? 0 : -ENOSPC;
}

static int log_open(struct log *log, const char *path)
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

/* The next entry; its data only if wanted. */
static int log_next(struct log *log, struct log_entry *e, bool with_data)
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
	if (e->flags & FLAG_DISCARD)
		return 0;
	bytes = e->nr_sectors * SECTOR;
	if (bytes > MAX_BYTES)
		return -EBADMSG;
	if (with_data && bytes)
		err = read_all(log->fd, log->data, (size_t)bytes, log->at);
	log->at += bytes;
	return err;
}

/* A discard reads as zeroes, as it does from the drives of the cases. */
static int apply_entry(int fd, const struct log *log, const struct log_entry *e)
{
	static const uint8_t zero[SECTOR];
	int err = 0;

	if (!(e->flags & FLAG_DISCARD))
		return write_all(fd, log->data, (size_t)e->nr_sectors * SECTOR,
				 e->sector * SECTOR);
	for (uint64_t i = 0; !err && i < e->nr_sectors; i++)
		err = write_all(fd, zero, SECTOR, (e->sector + i) * SECTOR);
	return err;
}

static int flushes(struct log *log)
{
	struct log_entry e;
	int err = 0;

	for (uint64_t i = 0; !err && i < log->nr_entries; i++) {
		err = log_next(log, &e, false);
		if (!err && e.flags & (FLAG_FLUSH | FLAG_FUA))
			printf("%" PRIu64 "\n", i);
	}
	return err;
}

static int apply(struct log *log, const char *path, uint64_t first,
		 uint64_t last)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;
	struct log_entry e;

	if (fd < 0)
		return -errno;
	for (uint64_t i = 0; !err && i < last && i < log->nr_entries; i++) {
		err = log_next(log, &e, i >= first);
		if (!err && i >= first)
			err = apply_entry(fd, log, &e);
	}
	if (!err && fsync(fd))
		err = -errno;
	close(fd);
	return err;
}

int main(int argc, char **argv)
{
	struct log log = { .fd = -1 };
	int err;

	if (!(argc == 3 && !strcmp(argv[1], "flushes")) &&
	    !(argc == 6 && !strcmp(argv[1], "apply"))) {
		fprintf(stderr, "usage: %s\n", USAGE);
		return 2;
	}
	err = log_open(&log, argv[2]);
	if (!err)
		err = argc == 3 ? flushes(&log) :
				  apply(&log, argv[3], strtoull(argv[4], NULL, 0),
					strtoull(argv[5], NULL, 0));
	if (err)
		fprintf(stderr, "replay: %s\n", strerror(-err));
	free(log.data);
	return err ? 1 : 0;
}
