// SPDX-License-Identifier: Apache-2.0
#include "monitor/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "monitor/clock.h"

#define READ_SIZE 4096

struct probe {
	char path[256];
	uint64_t median_ns;
};

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x == *y ? 0 : *x < *y ? -1 : 1;
}

static int timed_read(int fd, void *page, uint64_t pages, uint64_t *ret_ns)
{
	uint64_t at, start;

	if (getrandom(&at, sizeof(at), 0) != sizeof(at))
		return -EIO;
	start = clock_monotonic_ns();
	if (pread(fd, page, READ_SIZE, (off_t)(at % pages * READ_SIZE)) !=
	    READ_SIZE)
		return errno ? -errno : -EIO;
	*ret_ns = clock_monotonic_ns() - start;
	return 0;
}

static int read_all(int fd, uint64_t *ret_median_ns)
{
	uint64_t bytes, each[PROBE_READS];
	void *page = NULL;
	int err = 0;

	if (ioctl(fd, BLKGETSIZE64, &bytes))
		return -errno;
	if (bytes < READ_SIZE)
		return -ENXIO;
	page = aligned_alloc(READ_SIZE, READ_SIZE);
	if (!page)
		return -ENOMEM;
	for (int i = 0; !err && i < PROBE_READS; i++)
		err = timed_read(fd, page, bytes / READ_SIZE, &each[i]);
	free(page);
	if (err)
		return err;
	qsort(each, PROBE_READS, sizeof(each[0]), compare);
	*ret_median_ns = each[PROBE_READS / 2];
	return 0;
}

static int run(void *arg)
{
	struct probe *probe = arg;
	int fd = open(probe->path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	int err = fd < 0 ? -errno : read_all(fd, &probe->median_ns);

	if (fd >= 0)
		close(fd);
	return err;
}

int probe_start(const char *path, struct errand **ret_probe)
{
	struct probe probe = { 0 };

	snprintf(probe.path, sizeof(probe.path), "%s", path);
	return errand_start(run, &probe, sizeof(probe), ret_probe);
}

uint64_t probe_median_ns(const struct errand *probe)
{
	const struct probe *done = errand_arg(probe);

	return done->median_ns;
}
