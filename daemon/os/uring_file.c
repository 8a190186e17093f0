// SPDX-License-Identifier: Apache-2.0
#include "os/uring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

struct uring_file {
	struct os_file file;
	int fd;
};

/* How an op's private words are used. */
enum {
	OP_EXPECTED,	/* WRITE_SYNC: bytes to write */
	OP_WRITTEN,	/* WRITE_SYNC: result of the write */
};

static int fd_of(struct os_file *file)
{
	return container_of(file, struct uring_file, file)->fd;
}

static int open_flags(unsigned int flags)
{
	return (flags & OS_FILE_RDONLY ? O_RDONLY : O_RDWR) | O_CLOEXEC |
	       (flags & OS_FILE_CREATE ? O_CREAT : 0) |
	       (flags & OS_FILE_EXCL ? O_EXCL : 0) |
	       (flags & OS_FILE_DIRECT ? O_DIRECT : 0);
}

int uring_file_open(struct os_loop *loop, const char *path, unsigned int flags,
		    struct os_file **ret_file)
{
	struct uring_file *file = mem_alloc(sizeof(*file));

	if (!file)
		return -ENOMEM;
	file->file = (struct os_file){ &uring_file_ops, loop };
	file->fd = open(path, open_flags(flags), 0600);
	if (file->fd < 0) {
		int err = -errno;

		mem_free(file);
		return err;
	}
	*ret_file = &file->file;
	return 0;
}

static void file_close(struct os_file *file)
{
	close(fd_of(file));
	mem_free(container_of(file, struct uring_file, file));
}

static int file_size(struct os_file *file, uint64_t *ret_size)
{
	struct stat st;

	if (fstat(fd_of(file), &st))
		return -errno;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

static int file_truncate(struct os_file *file, uint64_t size)
{
	return ftruncate(fd_of(file), (off_t)size) ? -errno : 0;
}

/* The write; returns the entry of the sync that is linked to it. */
static struct io_uring_sqe *prep_write_of(struct uring_loop *loop,
					  struct io_uring_sqe *sqe, int fd,
					  struct os_disk_op *op, void *buf,
					  size_t len, uint64_t offset)
{
	op->private[OP_EXPECTED] = len;
	io_uring_prep_write(sqe, fd, buf, (unsigned int)len, offset);
	/* A write that fails or is short breaks the link: no sync. */
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	uring_tag(sqe, URING_WRITE, op);
	loop->in_flight++;
	sqe = io_uring_get_sqe(&loop->ring);
	check(sqe);
	return sqe;
}

static int file_submit(struct os_file *file, struct os_disk_op *op,
		       enum os_disk_kind kind, void *buf, size_t len,
		       uint64_t offset)
{
	struct uring_loop *loop = container_of(file->loop, struct uring_loop,
					       loop);
	struct io_uring_sqe *sqe;
	int fd = fd_of(file);

	sqe = uring_sqe(loop, kind == OS_DISK_WRITE_SYNC ? 2 : 1);
	if (!sqe)
		return -EAGAIN;
	op->private[OP_EXPECTED] = 0;
	op->private[OP_WRITTEN] = 0;
	if (kind == OS_DISK_WRITE_SYNC)
		sqe = prep_write_of(loop, sqe, fd, op, buf, len, offset);
	if (kind == OS_DISK_READ)
		io_uring_prep_read(sqe, fd, buf, (unsigned int)len, offset);
	else if (kind == OS_DISK_WRITE)
		io_uring_prep_write(sqe, fd, buf, (unsigned int)len, offset);
	else
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
	uring_tag(sqe, URING_DISK, op);
	loop->in_flight++;
	return 0;
}

void uring_write_done(struct uring_loop *loop, void *ptr, int result)
{
	struct os_disk_op *op = ptr;

	loop->in_flight--;
	op->private[OP_WRITTEN] = (uint64_t)(int64_t)result;
}

/* The result of a WRITE_SYNC whose sync gave `synced`. */
static int write_sync_result(const struct os_disk_op *op, int synced)
{
	int64_t written = (int64_t)op->private[OP_WRITTEN];

	if (written < 0)
		return (int)written;
	if ((uint64_t)written < op->private[OP_EXPECTED])
		return -EIO;
	return synced < 0 ? synced : (int)written;
}

void uring_disk_done(struct uring_loop *loop, void *ptr, int result)
{
	struct os_disk_op *op = ptr;

	loop->in_flight--;
	loop->callbacks++;
	if (op->private[OP_EXPECTED])
		result = write_sync_result(op, result);
	op->done(op, result);
}

const struct os_file_ops uring_file_ops = {
	.close = file_close,
	.size = file_size,
	.truncate = file_truncate,
	.submit = file_submit,
};

int uring_dir_make(struct os_loop *loop, const char *path)
{
	(void)loop;
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

int uring_dir_sync(struct os_loop *loop, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err;

	(void)loop;
	if (fd < 0)
		return -errno;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

int uring_rename(struct os_loop *loop, const char *from, const char *to)
{
	(void)loop;
	return rename(from, to) ? -errno : 0;
}

int uring_remove(struct os_loop *loop, const char *path)
{
	(void)loop;
	return remove(path) ? -errno : 0;
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

int uring_dir_list(struct os_loop *loop, const char *path,
		   int (*fn)(void *ctx, const char *name), void *ctx)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int ret = 0;

	(void)loop;
	if (!dir)
		return -errno;
	while (!ret && (errno = 0, entry = readdir(dir)))
		if (!is_dots(entry->d_name))
			ret = fn(ctx, entry->d_name);
	if (!ret && errno)
		ret = -errno;
	closedir(dir);
	return ret;
}
