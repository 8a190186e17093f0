// SPDX-License-Identifier: Apache-2.0
/*
 * blocks: writes stamped pages to a block device and verifies them.
 *
 *	blocks write|unsteady|verify|unsteady-read|cached-verify|untouched
 *		DEVICE SEED [FIRST_PAGE [PAGES]]
 *	blocks same DEVICE OTHER [FIRST_PAGE [PAGES]]
 *
 * Every 8 bytes of a page of 4 KiB hold hash(seed, offset), so that data of
 * another place or another time never verifies.  I/O is direct, in chunks of
 * CHUNK_BYTES, but for cached-verify.  verify names the first wrong byte and
 * counts the wrong pages; the exit status is 1 for wrong data, 2 for errors.
 *
 * unsteady writes memory that a thread changes all the time: what is written is
 * anybody's guess, but should be the same wherever there is a copy of it.
 * unsteady-read reads into such memory, and does not look at it.
 *
 * untouched verifies pages in one read, says "read", uses the memory for other
 * data until its input ends, and then fails if anybody else has written there.
 *
 * same compares two devices, as far as DEVICE goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/fs.h>

#define USAGE \
	"blocks write|unsteady|verify|unsteady-read|cached-verify|untouched " \
	"DEVICE SEED [FIRST_PAGE [PAGES]]\n" \
	"       blocks same DEVICE OTHER [FIRST_PAGE [PAGES]]"
#define PAGE_BYTES 4096u
#define CHUNK_BYTES (64 * PAGE_BYTES)
#define WORDS_PER_PAGE (PAGE_BYTES / sizeof(uint64_t))

struct job {
	bool write;
	bool unsteady;
	bool direct;
	bool untouched;
	const char *path;
	const char *other;	/* what to compare with, else NULL */
	int other_fd;
	uint64_t seed;
	uint64_t first_page;
	uint64_t pages;
};

/* The finalizer of splitmix64: a change of any bit changes half of them. */
static uint64_t stamp(uint64_t seed, uint64_t offset)
{
	uint64_t z = seed * 0x9e3779b97f4a7c15u + offset;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void stamp_pages(uint64_t *words, uint64_t seed, uint64_t offset,
			size_t bytes)
{
	for (size_t i = 0; i < bytes / sizeof(*words); i++)
		words[i] = stamp(seed, offset + i * sizeof(*words));
}

/* Compares one page; says where the first difference of the run lies. */
static bool page_differs(const uint64_t *words, uint64_t seed, uint64_t offset,
			 bool report)
{
	for (size_t i = 0; i < WORDS_PER_PAGE; i++) {
		uint64_t at = offset + i * sizeof(*words);

		if (words[i] == stamp(seed, at))
			continue;
		if (report)
			printf("byte %" PRIu64 ": %016" PRIx64 ", want %016"
			       PRIx64 "\n", at, words[i], stamp(seed, at));
		return true;
	}
	return false;
}

static int transfer(int fd, bool write, char *buffer, size_t bytes,
		    uint64_t offset)
{
	while (bytes) {
		ssize_t n = write ? pwrite(fd, buffer, bytes, (off_t)offset)
				  : pread(fd, buffer, bytes, (off_t)offset);

		if (n <= 0)
			return n ? -errno : -ENODATA;
		buffer += n;
		offset += (uint64_t)n;
		bytes -= (size_t)n;
	}
	return 0;
}

static int64_t wrong_pages(const void *buffer, uint64_t seed, uint64_t offset,
			   size_t bytes)
{
	int64_t wrong = 0;

	for (size_t at = 0; at < bytes; at += PAGE_BYTES)
		wrong += page_differs((const uint64_t *)((const char *)buffer +
							 at),
				      seed, offset + at, !wrong);
	return wrong;
}

/* Reads the other device too: the number of pages that differ. */
static int64_t pages_unlike(const struct job *job, const char *buffer,
			    uint64_t offset, size_t bytes)
{
	char *other = (char *)buffer + CHUNK_BYTES;
	int64_t wrong = 0;
	int err = transfer(job->other_fd, false, other, bytes, offset);

	if (err)
		return err;
	for (size_t at = 0; at < bytes; at += PAGE_BYTES) {
		if (!memcmp(buffer + at, other + at, PAGE_BYTES))
			continue;
		if (!wrong++)
			printf("page %" PRIu64 " differs\n",
			       (offset + at) / PAGE_BYTES);
	}
	return wrong;
}

/* Returns the number of wrong pages, or a negative errno. */
static int64_t keep(int fd, const struct job *job, void *buffer)
{
	uint64_t offset = job->first_page * PAGE_BYTES;
	size_t bytes = job->pages * PAGE_BYTES;
	int64_t wrong;
	int err;

	if (bytes > CHUNK_BYTES)
		return -EFBIG;
	err = transfer(fd, false, buffer, bytes, offset);
	if (err)
		return err;
	wrong = wrong_pages(buffer, job->seed, offset, bytes);
	stamp_pages(buffer, job->seed + 1, offset, bytes);
	puts("read");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return wrong + wrong_pages(buffer, job->seed + 1, offset, bytes);
}

static int64_t chunk(int fd, const struct job *job, void *buffer,
		     uint64_t offset, size_t bytes)
{
	int err;

	if (job->write)
		stamp_pages(buffer, job->seed, offset, bytes);
	err = transfer(fd, job->write, buffer, bytes, offset);
	if (err || job->write || job->unsteady)
		return err;
	if (job->other)
		return pages_unlike(job, buffer, offset, bytes);
	return wrong_pages(buffer, job->seed, offset, bytes);
}

/* Returns the number of wrong pages, or a negative errno. */
static int64_t run(int fd, const struct job *job, void *buffer)
{
	uint64_t end = (job->first_page + job->pages) * PAGE_BYTES;
	uint64_t offset = job->first_page * PAGE_BYTES;
	int64_t wrong = 0;

	while (offset < end) {
		size_t bytes = end - offset < CHUNK_BYTES ? end - offset
							  : CHUNK_BYTES;
		int64_t n = chunk(fd, job, buffer, offset, bytes);

		if (n < 0) {
			printf("at byte %" PRIu64 ": %s\n", offset,
			       strerror((int)-n));
			return n;
		}
		wrong += n;
		offset += bytes;
	}
	return wrong;
}

static atomic_bool over;

static void *change(void *buffer)
{
	_Atomic uint64_t *words = buffer;

	while (!atomic_load(&over))
		for (size_t i = 0; i < CHUNK_BYTES / sizeof(*words); i++)
			atomic_store_explicit(&words[i], words[i] + 1,
					      memory_order_relaxed);
	return NULL;
}

/* run() while somebody else changes its memory. */
static int64_t run_unsteady(int fd, const struct job *job, void *buffer)
{
	pthread_t changer;
	int64_t wrong;
	int err;

	err = pthread_create(&changer, NULL, change, buffer);
	if (err)
		return -err;
	wrong = run(fd, job, buffer);
	atomic_store(&over, true);
	pthread_join(changer, NULL);
	return wrong;
}

static int64_t do_job(int fd, const struct job *job, void *buffer)
{
	if (job->unsteady)
		return run_unsteady(fd, job, buffer);
	return job->untouched ? keep(fd, job, buffer) : run(fd, job, buffer);
}

static int parse(int argc, char **argv, struct job *ret_job)
{
	if (argc < 4 || argc > 6)
		return -EINVAL;
	ret_job->write = !strcmp(argv[1], "unsteady") ||
			 !strcmp(argv[1], "write");
	ret_job->unsteady = !strncmp(argv[1], "unsteady", strlen("unsteady"));
	ret_job->direct = strcmp(argv[1], "cached-verify");
	ret_job->untouched = !strcmp(argv[1], "untouched");
	ret_job->path = argv[2];
	ret_job->other = strcmp(argv[1], "same") ? NULL : argv[3];
	if (!ret_job->write && !ret_job->untouched && !ret_job->other &&
	    strcmp(argv[1], "unsteady-read") && !strstr(argv[1], "verify"))
		return -EINVAL;
	ret_job->seed = strtoull(argv[3], NULL, 0);
	ret_job->first_page = argc > 4 ? strtoull(argv[4], NULL, 0) : 0;
	ret_job->pages = argc > 5 ? strtoull(argv[5], NULL, 0) : 0;
	return 0;
}

static int open_device(struct job *job)
{
	int fd = open(job->path, (job->write ? O_WRONLY : O_RDONLY) |
				 (job->direct ? O_DIRECT : 0) | O_CLOEXEC);
	uint64_t size;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, BLKGETSIZE64, &size))
		size = (uint64_t)lseek(fd, 0, SEEK_END);
	if (!job->pages)
		job->pages = size / PAGE_BYTES - job->first_page;
	return fd;
}

int main(int argc, char **argv)
{
	struct job job;
	int64_t wrong;
	void *buffer;
	int fd;

	if (parse(argc, argv, &job)) {
		fprintf(stderr, "usage: %s\n", USAGE);
		return 2;
	}
	fd = open_device(&job);
	if (fd < 0) {
		printf("%s: %s\n", job.path, strerror(-fd));
		return 2;
	}
	if (job.other) {
		job.other_fd = open(job.other, O_RDONLY | O_DIRECT | O_CLOEXEC);
		if (job.other_fd < 0) {
			perror(job.other);
			return 2;
		}
	}
	if (posix_memalign(&buffer, PAGE_BYTES, 2 * CHUNK_BYTES))
		return 2;
	wrong = do_job(fd, &job, buffer);
	free(buffer);
	if (job.write && wrong == 0 && fsync(fd)) {
		printf("fsync: %s\n", strerror(errno));
		wrong = -errno;
	}
	close(fd);
	if (wrong > 0)
		printf("%" PRId64 " pages of %" PRIu64 " are wrong\n", wrong,
		       job.pages);
	return wrong > 0 ? 1 : wrong < 0 ? 2 : 0;
}
