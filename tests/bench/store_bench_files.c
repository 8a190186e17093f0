// SPDX-License-Identifier: Apache-2.0
/* Folders of stores, and what the kernel counts of this process. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_bench.h"

typedef void (*file_fn)(const char *path, const struct stat *st, void *ctx);

static void each_file(const char *dir, file_fn fn, void *ctx)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		char path[4096];
		struct stat st;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (lstat(path, &st))
			continue;
		if (S_ISDIR(st.st_mode))
			each_file(path, fn, ctx);
		fn(path, &st, ctx);
	}
	if (d)
		closedir(d);
}

static void add_size(const char *path, const struct stat *st, void *ctx)
{
	(void)path;
	*(uint64_t *)ctx += (uint64_t)st->st_blocks * 512;
}

static void drop_cached(const char *path, const struct stat *st, void *ctx)
{
	int fd = open(path, O_RDONLY);

	(void)st;
	(void)ctx;
	if (fd < 0)
		return;
	fdatasync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
}

static void remove_file(const char *path, const struct stat *st, void *ctx)
{
	(void)st;
	(void)ctx;
	remove(path);
}

void bench_dir_fresh(const char *dir)
{
	each_file(dir, remove_file, NULL);
	remove(dir);
	if (mkdir(dir, 0700))
		bench_die(dir, errno);
}

uint64_t bench_dir_bytes(const char *dir)
{
	uint64_t bytes = 0;

	each_file(dir, add_size, &bytes);
	return bytes;
}

void bench_dir_uncache(const char *dir)
{
	each_file(dir, drop_cached, NULL);
}

void bench_dir_remove(const char *dir)
{
	each_file(dir, remove_file, NULL);
	remove(dir);
}

struct largest {
	char path[4096];
	uint64_t blocks;
};

static void note_largest(const char *path, const struct stat *st, void *ctx)
{
	struct largest *l = ctx;

	if (!S_ISREG(st->st_mode) || (uint64_t)st->st_blocks <= l->blocks)
		return;
	l->blocks = (uint64_t)st->st_blocks;
	snprintf(l->path, sizeof(l->path), "%s", path);
}

int bench_largest_open(const char *dir)
{
	struct largest largest = { .blocks = 0 };
	int fd;

	each_file(dir, note_largest, &largest);
	fd = open(largest.path, O_RDONLY | O_DIRECT);
	if (fd < 0)
		bench_die(largest.path, errno);
	return fd;
}

/* The number behind `name` in a file of /proc. */
static uint64_t proc_field(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	uint64_t value = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = strtoull(line + strlen(name), NULL, 10);
	if (file)
		fclose(file);
	return value;
}

uint64_t bench_written(void)
{
	return proc_field("/proc/self/io", "write_bytes:");
}

uint64_t bench_memory(void)
{
	return proc_field("/proc/self/status", "RssAnon:") * 1024;
}
