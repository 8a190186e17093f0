// SPDX-License-Identifier: Apache-2.0
#include "store/tool_live.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/unix_socket.h"
#include "store/backup_socket.h"
#include "store/format.h"
#include "store/store.h"

#define TIMEOUT_S 60
#define COPY_BYTES (1u << 20)

struct tool_live {
	int fd;
	uint32_t shards;
	uint64_t *ends;
	char *copy;
	uint64_t said_ms;
};

/* What chatd does not overwrite while all is held. */
static const char *const copied[] = { "super", "log", "index.0", "index.1" };
#define COPIED (sizeof(copied) / sizeof(copied[0]))

static int call(const char *store, int *ret_fd)
{
	char path[STORE_PATH_MAX];
	struct timeval wait = { .tv_sec = TIMEOUT_S };
	int fd, err;

	if (snprintf(path, sizeof(path), "%s/" BACKUP_SOCKET_NAME, store) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	err = unix_connect(path, 0, &fd);
	if (err)
		return err;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait))) {
		err = -errno;
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* Their next line, without its end. */
static int hear(int fd, char line[BACKUP_LINE_MAX])
{
	for (size_t n = 0; n < BACKUP_LINE_MAX; n++) {
		ssize_t got = read(fd, line + n, 1);

		if (got < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (!got)
			return -ECONNRESET;
		if (line[n] == '\n') {
			line[n] = 0;
			return 0;
		}
	}
	return -EPROTO;
}

static int say(int fd, const char *word)
{
	char line[BACKUP_LINE_MAX];
	size_t len = strlen(word);
	int err;

	if (send(fd, word, len, MSG_NOSIGNAL) != (ssize_t)len)
		return -ECONNRESET;
	err = hear(fd, line);
	return !err && strcmp(line, "ok") ? -ESTALE : err;
}

static int hear_ends(struct tool_live *live)
{
	char line[BACKUP_LINE_MAX], *at = line + 4;
	int err = hear(live->fd, line);

	if (!err && strncmp(line, "held", 4))
		err = -EPROTO;
	for (uint32_t i = 0; i < live->shards && !err; i++) {
		live->ends[i] = strtoull(at, &at, 10);
		if (!live->ends[i])
			err = -EPROTO;
	}
	return err;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void tool_live_still(struct tool_live *live)
{
	static const char word[] = "still\n";
	uint64_t now = now_ms();

	if (now - live->said_ms < BACKUP_STILL_MS)
		return;
	live->said_ms = now;
	/* If nobody listens any more, the end of it finds that out. */
	(void)send(live->fd, word, sizeof(word) - 1,
		   MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The store writes past the page cache: read past it, too. */
static int copy_bytes(struct tool_live *live, int from, int to)
{
	char *buf = mem_aligned(FORMAT_SECTOR, COPY_BYTES);
	ssize_t n = 0;
	int err = buf ? 0 : -ENOMEM;

	while (!err && (n = read(from, buf, COPY_BYTES)) > 0) {
		if (write(to, buf, (size_t)n) != n)
			err = -EIO;
		tool_live_still(live);
	}
	if (!err && n < 0)
		err = -errno;
	mem_free(buf);
	return err;
}

static int copy_file(struct tool_live *live, const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_DIRECT | O_CLOEXEC), out, err;

	if (in < 0)
		return -errno;
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	err = out < 0 ? -errno : copy_bytes(live, in, out);
	if (out >= 0 && close(out) && !err)
		err = -errno;
	close(in);
	return err;
}

static int path_in(const char *store, uint32_t shard, const char *name,
		   char *ret_path)
{
	size_t n = strlen(store_shard_dir(store, shard, ret_path));

	return snprintf(ret_path + n, STORE_PATH_MAX - n, "/%s", name) <
	       (int)(STORE_PATH_MAX - n) ? 0 : -ENAMETOOLONG;
}

static int copy_shard(struct tool_live *live, const char *store,
		      uint32_t shard)
{
	char from[STORE_PATH_MAX], to[STORE_PATH_MAX], *real;
	int err = 0;

	if (mkdir(store_shard_dir(live->copy, shard, to), 0700))
		return -errno;
	for (size_t i = 0; i < COPIED && !err; i++) {
		err = path_in(store, shard, copied[i], from);
		if (!err)
			err = path_in(live->copy, shard, copied[i], to);
		if (!err)
			err = copy_file(live, from, to);
	}
	if (!err)
		err = path_in(store, shard, "data", from);
	if (!err)
		err = path_in(live->copy, shard, "data", to);
	if (err)
		return err;
	real = realpath(from, NULL);
	err = real && !symlink(real, to) ? 0 : -errno;
	free(real);
	return err;
}

static int copy_all(struct tool_live *live, const char *store)
{
	char path[STORE_PATH_MAX];
	int err;

	if (mkdir(live->copy, 0700))
		return -errno;
	snprintf(path, sizeof(path), "%s/shards.%u", live->copy, live->shards);
	err = mkdir(path, 0700) ? -errno : 0;
	for (uint32_t i = 0; i < live->shards && !err; i++)
		err = copy_shard(live, store, i);
	return err;
}

static void remove_copy(const struct tool_live *live)
{
	char path[STORE_PATH_MAX];

	for (uint32_t shard = 0; shard < live->shards; shard++) {
		for (size_t i = 0; i < COPIED; i++)
			if (!path_in(live->copy, shard, copied[i], path))
				remove(path);
		if (!path_in(live->copy, shard, "data", path))
			remove(path);
		remove(store_shard_dir(live->copy, shard, path));
	}
	snprintf(path, sizeof(path), "%s/shards.%u", live->copy, live->shards);
	remove(path);
	remove(live->copy);
}

static void live_free(struct tool_live *live)
{
	if (!live)
		return;
	if (live->fd >= 0)
		close(live->fd);
	mem_free(live->copy);
	mem_free(live->ends);
	mem_free(live);
}

int tool_live_open(const char *store, uint32_t shards, const char *copy,
		   struct tool_live **ret_live)
{
	struct tool_live *live = mem_zalloc(sizeof(*live));
	int err;

	if (!live)
		return -ENOMEM;
	live->fd = -1;
	live->said_ms = now_ms();
	live->shards = shards;
	live->ends = mem_zalloc(shards * sizeof(*live->ends));
	live->copy = mem_strdup(copy);
	err = live->ends && live->copy ? call(store, &live->fd) : -ENOMEM;
	if (!err)
		err = hear_ends(live);
	if (!err) {
		err = copy_all(live, store);
		if (!err)
			err = say(live->fd, "copied\n");
		if (err && err != -EEXIST)
			remove_copy(live);
	}
	if (err)
		live_free(live);
	else
		*ret_live = live;
	return err;
}

const uint64_t *tool_live_ends(const struct tool_live *live)
{
	return live->ends;
}

int tool_live_close(struct tool_live *live)
{
	int err = say(live->fd, "done\n");

	remove_copy(live);
	live_free(live);
	return err;
}
