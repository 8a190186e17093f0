// SPDX-License-Identifier: Apache-2.0
/* The device itself: overwriting written space, batch by batch, synced. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_bench.h"

#define RAW_BYTES (1024u << 20)
#define RAW_BUFFER (2u << 20)
#define SECTOR 4096u

struct raw {
	int fd;
	uint8_t *buf;
	uint64_t at;
};

/* Written once: a file that is there is as old as the stores beside it, and so
 * in no cache below us in which these are not. */
static void raw_fill(const struct raw *raw, const char *path)
{
	struct stat st;

	if (!fstat(raw->fd, &st) && st.st_size == RAW_BYTES)
		return;
	for (uint64_t at = 0; at < RAW_BYTES; at += RAW_BUFFER)
		if (pwrite(raw->fd, raw->buf, RAW_BUFFER, (off_t)at) < 0)
			bench_die(path, errno);
	fdatasync(raw->fd);
}

static void *raw_open(const char *dir)
{
	struct raw *raw = calloc(1, sizeof(*raw));
	char path[4096];

	snprintf(path, sizeof(path), "%s/raw", dir);
	raw->fd = open(path, O_RDWR | O_CREAT | O_DIRECT, 0600);
	raw->buf = aligned_alloc(SECTOR, RAW_BUFFER);
	if (raw->fd < 0 || !raw->buf)
		bench_die(path, errno);
	memset(raw->buf, 1, RAW_BUFFER);
	raw_fill(raw, path);
	return raw;
}

static void raw_close(void *store)
{
	struct raw *raw = store;

	close(raw->fd);
	free(raw->buf);
	free(raw);
}

static uint64_t raw_append(void *store, const struct bench_row *rows,
			   uint32_t count)
{
	size_t len = (count * (size_t)BENCH_ROW + SECTOR - 1) & ~(SECTOR - 1ul);
	uint64_t from = bench_now_ns();
	struct raw *raw = store;

	for (uint32_t i = 0; i < count; i++)
		memcpy(raw->buf + i * BENCH_ROW, rows[i].data, BENCH_ROW);
	if (raw->at + len > RAW_BYTES)
		raw->at = 0;
	if (pwrite(raw->fd, raw->buf, len, (off_t)raw->at) != (ssize_t)len ||
	    fdatasync(raw->fd))
		bench_die("raw write", errno);
	raw->at += len;
	return bench_now_ns() - from;
}

/* One random read of a sector: what a page costs at the very least. */
static uint32_t raw_read(void *store, uint64_t channel, uint64_t *ret_ns)
{
	uint64_t place = channel * 0x9e3779b97f4a7c15u % (RAW_BYTES / SECTOR);
	uint64_t from = bench_now_ns();
	struct raw *raw = store;

	if (pread(raw->fd, raw->buf, SECTOR, (off_t)(place * SECTOR)) < 0)
		bench_die("raw read", errno);
	*ret_ns = bench_now_ns() - from;
	return 1;
}

const struct bench_engine bench_raw = {
	.name = "raw",
	.open = raw_open,
	.close = raw_close,
	.append = raw_append,
	.latest = raw_read,
};
