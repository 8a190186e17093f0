// SPDX-License-Identifier: Apache-2.0
#include "store/tool_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define DIR_MODE 0700
#define FILE_MODE 0600
#define NAME_SIZE 24		/* an id in text */

/* --- reading them --- */

struct walk {
	const struct timespec *since;
	tool_piece_fn fn;
	void *ctx;
	struct tool_files_sum *sum;
	uint64_t channel;
	uint8_t piece[TOOL_PIECE_MAX];
};

/* 0: not one of ours. */
static uint64_t id_of(const char *name)
{
	char *end;
	uint64_t id = strtoull(name, &end, 10);

	return *end ? 0 : id;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec ||
	       (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static int read_pieces(struct walk *w, int fd, uint64_t id)
{
	ssize_t n;
	int err;

	/* An empty file is one empty piece. */
	do {
		n = read(fd, w->piece, sizeof(w->piece));
		if (n < 0)
			return -errno;
		err = w->fn(w->ctx, w->channel, id, w->piece, (uint32_t)n);
		w->sum->bytes += (uint64_t)n;
	} while (!err && n == sizeof(w->piece));
	return err;
}

static int walk_file(struct walk *w, int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!is_before(&st.st_mtim, w->since)) {
		err = read_pieces(w, fd, id_of(name));
		w->sum->files++;
	}
	close(fd);
	return err;
}

/* Calls fn for each entry that is an id. */
static int each(struct walk *w, int fd,
		int (*fn)(struct walk *w, int dir_fd, const char *name))
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int err = 0;

	if (!dir) {
		err = -errno;
		close(fd);
		return err;
	}
	while (!err && (entry = readdir(dir)))
		if (id_of(entry->d_name))
			err = fn(w, fd, entry->d_name);
	closedir(dir);
	return err;
}

static int walk_channel(struct walk *w, int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	w->channel = id_of(name);
	return each(w, fd, walk_file);
}

int tool_files_walk(const char *dir, const struct timespec *since,
		    tool_piece_fn fn, void *ctx, struct tool_files_sum *sum)
{
	struct walk *w;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	w = mem_zalloc(sizeof(*w));
	if (!w) {
		close(fd);
		return -ENOMEM;
	}
	w->since = since;
	w->fn = fn;
	w->ctx = ctx;
	w->sum = sum;
	err = each(w, fd, walk_channel);
	mem_free(w);
	return err;
}

/* --- writing them --- */

struct tool_files {
	char *dir;
	int dir_fd;		/* -1: no file has come yet */
	int fd;			/* of the file under way; -1 */
	uint64_t channel, id;
};

int tool_files_new(const char *dir, struct tool_files **ret_files)
{
	struct tool_files *f = mem_zalloc(sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->dir_fd = f->fd = -1;
	f->dir = mem_strdup(dir);
	if (!f->dir) {
		mem_free(f);
		return -ENOMEM;
	}
	*ret_files = f;
	return 0;
}

static int close_file(struct tool_files *f)
{
	int err = 0;

	if (f->fd < 0)
		return 0;
	if (fsync(f->fd))
		err = -errno;
	if (close(f->fd) && !err)
		err = -errno;
	f->fd = -1;
	return err;
}

static int open_dir(struct tool_files *f)
{
	if (f->dir_fd >= 0)
		return 0;
	if (mkdir(f->dir, DIR_MODE) && errno != EEXIST)
		return -errno;
	f->dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return f->dir_fd < 0 ? -errno : 0;
}

static int open_file(struct tool_files *f, uint64_t channel, uint64_t id)
{
	char path[2 * NAME_SIZE];
	int err = open_dir(f);

	if (err)
		return err;
	snprintf(path, sizeof(path), "%" PRIu64, channel);
	if (mkdirat(f->dir_fd, path, DIR_MODE) && errno != EEXIST)
		return -errno;
	snprintf(path, sizeof(path), "%" PRIu64 "/%" PRIu64, channel, id);
	f->fd = openat(f->dir_fd, path,
		       O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
	f->channel = channel;
	f->id = id;
	return f->fd < 0 ? -errno : 0;
}

int tool_files_add(void *ctx, uint64_t channel, uint64_t id, const void *data,
		   uint32_t size)
{
	struct tool_files *f = ctx;
	int err = 0;

	if (f->fd < 0 || f->channel != channel || f->id != id) {
		err = close_file(f);
		if (!err)
			err = open_file(f, channel, id);
	}
	if (!err && write(f->fd, data, size) != (ssize_t)size)
		err = -EIO;
	return err;
}

int tool_files_close(struct tool_files *f)
{
	int err = close_file(f);

	/* The folders' entries as well. */
	if (f->dir_fd >= 0 && syncfs(f->dir_fd) && !err)
		err = -errno;
	if (f->dir_fd >= 0)
		close(f->dir_fd);
	mem_free(f->dir);
	mem_free(f);
	return err;
}
