/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What dm-log-writes has recorded.
 *
 * The log (Documentation/admin-guide/device-mapper/log-writes.rst): a sector
 * with the superblock, then for each entry a sector that describes it and,
 * unless it is a discard or a mark, its data.  All little endian, sectors of
 * the size that the superblock states; positions count sectors of 512 bytes.
 */
#ifndef KMOD_LOG_H
#define KMOD_LOG_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_FLUSH	(1u << 0)
#define LOG_FUA		(1u << 1)
#define LOG_DISCARD	(1u << 2)
#define LOG_SECTOR	512u

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
	uint8_t *data;			/* of the last entry read with it */
};

/* 0 or negative errno, as the next one. */
int log_open(struct log *log, const char *path);
/* The next entry; its data only if wanted, and not of a discard. */
int log_next(struct log *log, struct log_entry *e, bool with_data);
void log_close(struct log *log);

/* Is all durable that was complete before the end of this entry? */
static inline bool log_is_barrier(const struct log_entry *e)
{
	return e->flags & (LOG_FLUSH | LOG_FUA);
}

#endif
