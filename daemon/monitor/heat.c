// SPDX-License-Identifier: Apache-2.0
#include "monitor/heat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "monitor/heat_file.h"

/* One for each 16 TiB of disk in blocks of 64 KiB. */
#define FILE_MAX (256u << 20)

struct saving {
	struct buf image;
	uint32_t block_size;	/* 0: nothing came yet */
};

static void take_run(uint32_t block_size, const struct heat_run *run, void *ctx)
{
	struct saving *saving = ctx;

	if (!saving->block_size)
		heat_file_begin(&saving->image, block_size);
	saving->block_size = block_size;
	heat_file_add(&saving->image, run);
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return fsync(fd) ? -errno : 0;
}

/* The name is durable too, or the old one. */
static int sync_folder(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd, err;

	snprintf(folder, sizeof(folder), "%.*s",
		 slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

static int replace_file(const char *path, const struct buf *image)
{
	char fresh[PATH_MAX];
	int fd, err;

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >=
	    (int)sizeof(fresh))
		return -ENAMETOOLONG;
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_all(fd, image->data, image->len);
	close(fd);
	if (!err && rename(fresh, path))
		err = -errno;
	if (err)
		unlink(fresh);
	return err ? err : sync_folder(path);
}

int heat_save(struct module *module, uint32_t dev, const char *path)
{
	struct saving saving = { .image = { .limit = FILE_MAX } };
	int err = module_read_heat(module, dev, take_run, &saving);

	/* Nothing was ever read: a file without runs. */
	if (!err && !saving.block_size)
		heat_file_begin(&saving.image, SUPERDISK_HEAT_RUN);
	if (!err)
		err = heat_file_end(&saving.image);
	if (!err)
		err = replace_file(path, &saving.image);
	buf_fini(&saving.image);
	return err;
}

static int read_file(const char *path, struct buf *image)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (st.st_size > FILE_MAX)
		err = -EFBIG;
	while (!err && n) {
		err = buf_reserve(image, 65536);
		n = err ? 0 : read(fd, image->data + image->len, 65536);
		if (n > 0)
			image->len += (size_t)n;
		else if (n < 0 && errno != EINTR)
			err = -errno;
	}
	close(fd);
	return err;
}

static int send_run(struct module *module, uint32_t dev, uint32_t block_size,
		    uint32_t file_size, const struct heat_run *run)
{
	uint8_t heat[SUPERDISK_HEAT_RUN];
	struct heat_run piece;
	uint32_t done = 0;
	int err = 0;

	while (!err && heat_run_convert(run, file_size, block_size, &done,
					heat, &piece))
		err = module_write_heat(module, dev, block_size, &piece);
	return err;
}

int heat_load(struct module *module, uint32_t dev, uint32_t block_size,
	      const char *path)
{
	struct buf image = { .limit = FILE_MAX + 65536 };
	struct heat_run run;
	uint32_t file_size;
	size_t at = 0;
	int err = read_file(path, &image);

	if (!err)
		err = heat_file_check(image.data, image.len, &file_size);
	while (!err && heat_file_next(image.data, image.len, &at, &run))
		err = send_run(module, dev, block_size, file_size, &run);
	buf_fini(&image);
	return err;
}
