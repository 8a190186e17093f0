// SPDX-License-Identifier: Apache-2.0
#include "os/uring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

struct uring_file {
	struct os_file file;
	int fd;
	int slot;		/* what the ring calls it; -1: nothing */
};

static int fd_of(struct os_file *file)
{
	return container_of(file, struct uring_file, file)->fd;
}

static struct uring_loop *loop_of(struct os_file *file)
{
	return container_of(file->loop, struct uring_loop, loop);
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
	file->slot = uring_fixed_file(loop_of(&file->file), file->fd);
	*ret_file = &file->file;
	return 0;
}

static void file_close(struct os_file *file)
{
	struct uring_file *uring = container_of(file, struct uring_file, file);

	uring_fixed_file_gone(loop_of(file), uring->slot);
	close(uring->fd);
	mem_free(uring);
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

static void prep_write(struct io_uring_sqe *sqe, int fd, int fixed,
		       const void *buf, unsigned int len, uint64_t offset)
{
	if (fixed < 0)
		io_uring_prep_write(sqe, fd, buf, len, offset);
	else
		io_uring_prep_write_fixed(sqe, fd, buf, len, offset, fixed);
}

static void prep_read(struct io_uring_sqe *sqe, int fd, int fixed, void *buf,
		      unsigned int len, uint64_t offset)
{
	if (fixed < 0)
		io_uring_prep_read(sqe, fd, buf, len, offset);
	else
		io_uring_prep_read_fixed(sqe, fd, buf, len, offset, fixed);
}

static void prep(struct io_uring_sqe *sqe, enum os_disk_kind kind, int fd,
		 int fixed, void *buf, size_t len, uint64_t offset)
{
	if (kind == OS_DISK_SYNC)
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
	else if (kind == OS_DISK_PUNCH)
		io_uring_prep_fallocate(sqe, fd, PUNCH, (off_t)offset,
					(off_t)len);
	else if (kind == OS_DISK_READ)
		prep_read(sqe, fd, fixed, buf, (unsigned int)len, offset);
	else
		prep_write(sqe, fd, fixed, buf, (unsigned int)len, offset);
}

/* Queues what a kind says; NULL: the ring is full. */
static struct io_uring_sqe *queue(struct os_file *base, enum os_disk_kind kind,
				  void *buf, size_t len, uint64_t offset)
{
	struct uring_file *file = container_of(base, struct uring_file, file);
	struct uring_loop *loop = loop_of(base);
	struct io_uring_sqe *sqe = uring_sqe(loop);

	if (!sqe)
		return NULL;
	prep(sqe, kind, file->slot < 0 ? file->fd : file->slot,
	     uring_fixed_buf(loop, buf, len), buf, len, offset);
	io_uring_sqe_set_flags(sqe, file->slot < 0 ? 0 : IOSQE_FIXED_FILE);
	return sqe;
}

/*
 * WRITE_SYNC is a write and, when the kernel has said that all of it is
 * written, an fdatasync.
 *
 * Two linked entries save a way through the kernel, but are not one request:
 * where memory for the second one is out, the kernel starts the first one as a
 * chain that ends there, and takes the second one later, on its own.  Such a
 * sync may be over before the write is, and succeeds.  RWF_DSYNC makes the
 * kernel flush from a worker that is bound to the processor where the write
 * ended: where that one is busy it waits for a time slice, each time, which
 * leaves a fifth of the commits; on an idle machine it is a tenth quicker.
 */
static int file_submit(struct os_file *base, struct os_disk_op *op,
		       enum os_disk_kind kind, void *buf, size_t len,
		       uint64_t offset)
{
	struct io_uring_sqe *sqe = queue(base, kind, buf, len, offset);
	bool is_durable = kind == OS_DISK_WRITE_SYNC;

	if (!sqe)
		return -EAGAIN;
	op->file = base;
	op->expected = is_durable ? len : 0;
	uring_tag(sqe, is_durable ? URING_DISK_PART : URING_DISK, op);
	loop_of(base)->in_flight++;
	return 0;
}

/* The write is over: now the sync, and at once.  A short one fails, and so does
 * one whose sync finds no room. */
void uring_disk_part_done(struct uring_loop *loop, void *ptr, int result)
{
	struct os_disk_op *op = ptr;
	struct io_uring_sqe *sqe = NULL;

	if (result >= 0 && (size_t)result == op->expected)
		sqe = queue(op->file, OS_DISK_SYNC, NULL, 0, 0);
	if (!sqe) {
		uring_disk_done(loop, op, result < 0 ? result : -EIO);
		return;
	}
	uring_tag(sqe, URING_DISK, op);
	uring_submit(loop);
}

void uring_disk_done(struct uring_loop *loop, void *ptr, int result)
{
	struct os_disk_op *op = ptr;

	loop->in_flight--;
	loop->callbacks++;
	op->done(op, result ? result : (int)op->expected);
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
