// SPDX-License-Identifier: Apache-2.0
#include "monitor/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/mem.h"
#include "monitor/clock.h"

#define READ_SIZE 4096

struct probe {
	atomic_int refs;	/* the caller's and the thread's */
	/*
	 * 1 while the thread runs, then 0 or -errno.  Stored with release
	 * after median_ns, loaded with acquire by probe_result().
	 */
	atomic_int result;
	uint64_t median_ns;
	char path[256];
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

static void *run(void *ctx)
{
	struct probe *probe = ctx;
	int fd = open(probe->path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	int err = fd < 0 ? -errno : read_all(fd, &probe->median_ns);

	if (fd >= 0)
		close(fd);
	atomic_store_explicit(&probe->result, err, memory_order_release);
	probe_put(probe);
	return NULL;
}

int probe_start(const char *path, struct probe **ret_probe)
{
	struct probe *probe = mem_zalloc(sizeof(*probe));
	pthread_attr_t attributes;
	pthread_t thread;
	int err;

	if (!probe)
		return -ENOMEM;
	atomic_init(&probe->refs, 2);
	atomic_init(&probe->result, 1);
	snprintf(probe->path, sizeof(probe->path), "%s", path);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attributes, run, probe);
	pthread_attr_destroy(&attributes);
	if (err) {
		mem_free(probe);
		return -err;
	}
	*ret_probe = probe;
	return 0;
}

int probe_result(const struct probe *probe, uint64_t *ret_median_ns)
{
	int result = atomic_load_explicit(&probe->result,
					  memory_order_acquire);

	if (result > 0)
		return -EAGAIN;
	if (!result)
		*ret_median_ns = probe->median_ns;
	return result;
}

void probe_put(struct probe *probe)
{
	if (probe && atomic_fetch_sub_explicit(&probe->refs, 1,
					       memory_order_acq_rel) == 1)
		mem_free(probe);
}
