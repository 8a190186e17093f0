// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmod_replay: plays what dm-log-writes has recorded.
 *
 *	flushes LOG			numbers of the entries that end with a
 *					flush or are FUA
 *	apply LOG DEVICE FIRST LAST	entries [FIRST, LAST) to DEVICE
 *	check LOG DISK_SECTORS SSD_SECTORS NR_SSDS
 *					a power cut at each of them, and one
 *					write later: kmod_cuts.h
 */
#include "kmod_cuts.h"
#include "kmod_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USAGE "kmod_replay flushes LOG | apply LOG DEVICE FIRST LAST | " \
	"check LOG DISK_SECTORS SSD_SECTORS NR_SSDS"

static int write_all(int fd, const void *from, size_t bytes, uint64_t at)
{
	ssize_t n = pwrite(fd, from, bytes, (off_t)at);

	if (n < 0)
		return -errno;
	return (size_t)n == bytes ? 0 : -ENOSPC;
}

/* A discard reads as zeroes, as it does from the drives of the cases. */
static int apply_entry(int fd, const struct log *log, const struct log_entry *e)
{
	static const uint8_t zero[LOG_SECTOR];
	int err = 0;

	if (!(e->flags & LOG_DISCARD))
		return write_all(fd, log->data, (size_t)e->nr_sectors * LOG_SECTOR,
				 e->sector * LOG_SECTOR);
	for (uint64_t i = 0; !err && i < e->nr_sectors; i++)
		err = write_all(fd, zero, LOG_SECTOR, (e->sector + i) * LOG_SECTOR);
	return err;
}

static int flushes(struct log *log)
{
	struct log_entry e;
	int err = 0;

	for (uint64_t i = 0; !err && i < log->nr_entries; i++) {
		err = log_next(log, &e, false);
		if (!err && log_is_barrier(&e))
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

static int check(struct log *log, uint64_t disk, uint64_t ssd, uint64_t nr)
{
	struct cuts *cuts = cuts_new(disk, ssd, (uint32_t)nr);
	struct log_entry e;
	int err = cuts ? 0 : -ENOMEM;

	for (uint64_t i = 0; !err && i < log->nr_entries; i++) {
		err = log_next(log, &e, true);
		if (!err)
			err = cuts_entry(cuts, i, &e, log->data);
	}
	if (cuts && !err)
		err = cuts_verdict(cuts);
	cuts_free(cuts);
	return err;
}

static uint64_t number(const char *word)
{
	return strtoull(word, NULL, 0);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[1] : "";
	struct log log = { .fd = -1 };
	int err;

	if (!(argc == 3 && !strcmp(verb, "flushes")) &&
	    !(argc == 6 && (!strcmp(verb, "apply") || !strcmp(verb, "check")))) {
		fprintf(stderr, "usage: %s\n", USAGE);
		return 2;
	}
	err = log_open(&log, argv[2]);
	if (!err && argc == 3)
		err = flushes(&log);
	else if (!err && !strcmp(verb, "apply"))
		err = apply(&log, argv[3], number(argv[4]), number(argv[5]));
	else if (!err)
		err = check(&log, number(argv[3]), number(argv[4]),
			    number(argv[5]));
	if (err)
		fprintf(stderr, "kmod_replay: %s\n", strerror(-err));
	log_close(&log);
	return err ? 1 : 0;
}
