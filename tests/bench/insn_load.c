// SPDX-License-Identifier: Apache-2.0
/*
 * insn_load DEVICE read|write|dsync DEPTH COUNT
 *
 * COUNT requests of 4 KiB to the pages of the 16 MiB after 64 MiB, in no order, to
 * none a second time before the 4097th, DEPTH of them under way, between two marks
 * for insn_plugin.c: system calls and nothing else, so that what is counted is the
 * kernel's.  dsync: O_DSYNC.  Prints requests per second, and the median and the
 * mean of how long they took, in microseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "insn_mark.h"

#define PAGE		4096u
#define FIRST_PAGE	16384u
#define PAGES		4096u
#define MAX_DEPTH	64

struct load {
	int fd;
	aio_context_t ring;
	struct iocb iocb[MAX_DEPTH];
	int64_t asked_ns[MAX_DEPTH];
	int64_t *took_ns;		/* by each answer, in their order */
	char *pages;
	uint32_t page;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* A linear congruence of full period. */
static int64_t next_offset(struct load *l)
{
	l->page = (l->page * 1229 + 3) % PAGES;
	return (int64_t)(FIRST_PAGE + l->page) * PAGE;
}

static int submit(struct load *l, struct iocb *iocb)
{
	iocb->aio_offset = next_offset(l);
	l->asked_ns[iocb->aio_data] = now_ns();
	return syscall(SYS_io_submit, l->ring, 1, &iocb) == 1 ? 0 : -errno;
}

/* Asks anew as often as it is answered, until there are `count` answers. */
static int run(struct load *l, uint32_t depth, uint32_t count)
{
	struct io_event events[MAX_DEPTH];
	uint32_t asked, answered = 0;
	int64_t now;
	int err = 0;
	long n;

	for (asked = 0; !err && asked < depth; asked++)
		err = submit(l, &l->iocb[asked]);
	while (!err && answered < count) {
		n = syscall(SYS_io_getevents, l->ring, 1, depth, events, NULL);
		now = now_ns();
		if (n < 1)
			err = -EIO;
		for (long i = 0; !err && i < n; i++) {
			l->took_ns[answered++] =
				now - l->asked_ns[events[i].data];
			if (events[i].res != PAGE)
				err = -EIO;
			else if (asked++ < count)
				err = submit(l, &l->iocb[events[i].data]);
		}
	}
	return err;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void report(struct load *l, uint32_t count, int64_t all_ns)
{
	double sum = 0;

	qsort(l->took_ns, count, sizeof(*l->took_ns), compare);
	for (uint32_t i = 0; i < count; i++)
		sum += (double)l->took_ns[i];
	printf("%.1f %.3f %.3f\n", count * 1e9 / (double)all_ns,
	       (double)l->took_ns[count / 2] / 1e3, sum / count / 1e3);
}

static int set_up(struct load *l, const char *path, const char *what,
		  uint32_t depth, uint32_t count)
{
	l->fd = open(path, O_DIRECT | O_RDWR |
			   (strcmp(what, "dsync") ? 0 : O_DSYNC));
	l->pages = aligned_alloc(PAGE, MAX_DEPTH * PAGE);
	l->took_ns = calloc(count, sizeof(*l->took_ns));
	if (l->fd < 0 || syscall(SYS_io_setup, MAX_DEPTH, &l->ring))
		return -errno;
	if (!l->pages || !l->took_ns)
		return -ENOMEM;
	/* Touched before it is measured. */
	memset(l->pages, 0x5d, MAX_DEPTH * PAGE);
	memset(l->took_ns, 1, count * sizeof(*l->took_ns));
	for (uint32_t i = 0; i < depth; i++) {
		l->iocb[i] = (struct iocb) {
			.aio_data = i,
			.aio_lio_opcode = strcmp(what, "read") ?
					  IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
			.aio_fildes = l->fd,
			.aio_buf = (uintptr_t)(l->pages + i * PAGE),
			.aio_nbytes = PAGE,
		};
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t depth = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
	uint32_t count = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
	struct load l = {};
	int64_t start;
	int err;

	if (!depth || depth > MAX_DEPTH || count < depth) {
		fprintf(stderr, "usage: insn_load DEVICE read|write|dsync DEPTH COUNT\n");
		return 2;
	}
	err = set_up(&l, argv[1], argv[2], depth, count);
	if (!err) {
		start = now_ns();
		INSN_MARK(INSN_MARK_BEGIN);
		err = run(&l, depth, count);
		INSN_MARK(INSN_MARK_END);
		report(&l, count, now_ns() - start);
	}
	if (err)
		fprintf(stderr, "insn_load: %s: %s\n", argv[1], strerror(-err));
	return err ? 1 : 0;
}
